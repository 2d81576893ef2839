"""Sign messages with a key that two sides share: HMAC-SHA256, as the receivers document it.

Ours is over ``timestamp.body``: the bytes of the body, so that nobody has to agree on how JSON is
written, and the time, so that a message that was overheard is worth nothing minutes later.
"""

import base64
import hmac

from cardctl.vault.secret import Secret

_VERSION = "v1="
_KEY_ID_LENGTH = 8


def sign_message(key: Secret, *, timestamp: str, body: bytes) -> str:
    """The signature of a message, ``v1=`` and 64 hex digits."""
    octets = timestamp.encode() + b"." + body
    return _VERSION + hmac.digest(key.reveal().encode(), octets, "sha256").hex()


def is_signed_by(key: Secret, signature: str, *, timestamp: str, body: bytes) -> bool:
    """Whether a signature is right; how long it takes tells nothing."""
    wanted = sign_message(key, timestamp=timestamp, body=body)
    return hmac.compare_digest(wanted.encode(), signature.strip().encode())


def key_id(key: Secret) -> str:
    """Eight hex digits that tell a receiver which of its keys was used, and nothing of the key."""
    return hmac.digest(key.reveal().encode(), b"cardctl key id", "sha256").hex()[:_KEY_ID_LENGTH]


def sign_for_dingtalk(key: Secret, *, timestamp: str) -> str:
    """What DingTalk's robots expect beside `timestamp` (epoch ms) in the address."""
    octets = f"{timestamp}\n{key.reveal()}".encode()
    return base64.b64encode(hmac.digest(key.reveal().encode(), octets, "sha256")).decode()


def sign_for_feishu(key: Secret, *, timestamp: str) -> str:
    """What Feishu's robots expect beside `timestamp` (epoch s) in the body.

    There the time and the key together are the key of the HMAC, and nothing is its message.
    """
    octets = f"{timestamp}\n{key.reveal()}".encode()
    return base64.b64encode(hmac.digest(octets, b"", "sha256")).decode()
