"""Signed messages: what stands in their headers, and whether an answer is the other side's.

The signature is over ``timestamp.body``; a receiver checks it, refuses what is older than five
minutes, and keeps the idempotency key, so that a message that comes again is taken once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cardctl import clock
from cardctl.vault.secret import Secret
from cardctl.vault.signing import is_signed_by, key_id, sign_message

TIMESTAMP = "Cardctl-Timestamp"
"""Epoch seconds, in digits."""
SIGNATURE = "Cardctl-Signature"
KEY_ID = "Cardctl-Key-Id"
IDEMPOTENCY_KEY = "Idempotency-Key"

WINDOW_MS = 300_000
"""An answer whose time is further off than that is worth nothing."""

_TIMESTAMP_LONGEST = 12


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """Something that claims to be the other side's: the octets that were signed, and when."""

    timestamp: str
    signature: str
    body: bytes

    @property
    def at(self) -> int | None:
        """When it says it was signed (epoch ms), if it does."""
        text = self.timestamp
        if not (text.isascii() and text.isdigit() and len(text) <= _TIMESTAMP_LONGEST):
            return None
        return int(text) * 1000

    def is_of(self, key: Secret) -> bool:
        """Whether the holder of the key signed it."""
        return is_signed_by(key, self.signature, timestamp=self.timestamp, body=self.body)

    def is_fresh(self, now: int) -> bool:
        """Whether it was signed within the window around now (epoch ms)."""
        return self.at is not None and abs(now - self.at) <= WINDOW_MS


def json_body(document: Mapping[str, object]) -> bytes:
    """A document as it is signed and sent: the same octets for the same document."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(key: Secret, body: bytes, *, idempotency_key: str) -> dict[str, str]:
    """The headers of a message that is sent now."""
    timestamp = str(clock.now_ms() // 1000)
    return {
        TIMESTAMP: timestamp,
        KEY_ID: key_id(key),
        SIGNATURE: sign_message(key, timestamp=timestamp, body=body),
        IDEMPOTENCY_KEY: idempotency_key,
    }
