"""The keys of a store, and a vault that one slot has unlocked."""

import json
import os
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from cardctl.vault.envelope import new_seed, public_half
from cardctl.vault.failures import NeedsFullKey
from cardctl.vocabulary import SlotScope

_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, repr=False)
class Keyset:
    """The keys of one scope.

    `sealing_seeds` and `signing_seed` are empty unless the scope is full; every scope has the
    public halves, so that none is ever read bare from the database.
    """

    fingerprint_key: bytes
    audit_key: bytes
    signing_public: bytes
    sealing_public: dict[int, bytes]
    signing_seed: bytes = b""
    sealing_seeds: dict[int, bytes] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The number of the newest sealing pair: rotating adds one."""
        return max(self.sealing_public)

    def to_bytes(self, scope: SlotScope) -> bytes:
        """What a slot of that scope may hold, to be sealed."""
        kept: dict[str, object] = {
            "fingerprint": self.fingerprint_key.hex(),
            "audit": self.audit_key.hex(),
        }
        if scope == SlotScope.FULL:
            kept["signing"] = self.signing_seed.hex()
            kept["sealing"] = _hex(self.sealing_seeds)
        else:
            kept["signing_public"] = self.signing_public.hex()
            kept["sealing_public"] = _hex(self.sealing_public)
        return json.dumps(kept).encode()

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature; only the scope full can."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.signing_seed).sign(message)

    def with_new_pair(self) -> "Keyset":
        """The keyset after a rotation: the old pairs still open what was sealed to them."""
        seed, number = new_seed(), self.version + 1
        return replace(
            self,
            sealing_seeds={**self.sealing_seeds, number: seed},
            sealing_public={**self.sealing_public, number: public_half(seed)},
        )


@dataclass(frozen=True, slots=True)
class Vault:
    """An unlocked vault: the keyset of the slot that opened it."""

    store_id: str
    slot: str
    scope: SlotScope
    keyset: Keyset

    @property
    def audit_key(self) -> bytes:
        """What the macs of the audit log are made with."""
        return self.keyset.audit_key

    @property
    def fingerprint_key(self) -> bytes:
        """What fingerprints are made with; it never changes."""
        return self.keyset.fingerprint_key

    @property
    def sealing_version(self) -> int:
        """The number of the pair that new data keys are sealed to."""
        return self.keyset.version

    @property
    def can_open(self) -> bool:
        """Whether it opens cards, or only imports."""
        return bool(self.keyset.sealing_seeds)

    def full_keyset(self) -> Keyset:
        """The keyset, for opening and for changing slots; raises `NeedsFullKey`."""
        if not self.can_open:
            raise NeedsFullKey(slot=self.slot, scope=str(self.scope))
        return self.keyset


def new_keyset() -> Keyset:
    """The full keyset of a new store."""
    signing_seed, sealing_seed = os.urandom(_KEY_LENGTH), new_seed()
    return Keyset(
        fingerprint_key=os.urandom(_KEY_LENGTH),
        audit_key=os.urandom(_KEY_LENGTH),
        signing_public=_signing_public(signing_seed),
        sealing_public={1: public_half(sealing_seed)},
        signing_seed=signing_seed,
        sealing_seeds={1: sealing_seed},
    )


def parse_keyset(octets: bytes) -> Keyset:
    """Read what `Keyset.to_bytes` wrote; raises ValueError for anything else."""
    try:
        kept = json.loads(octets)
        fingerprint_key, audit_key = (
            bytes.fromhex(kept["fingerprint"]),
            bytes.fromhex(kept["audit"]),
        )
        if "signing" not in kept:
            return Keyset(
                fingerprint_key=fingerprint_key,
                audit_key=audit_key,
                signing_public=bytes.fromhex(kept["signing_public"]),
                sealing_public=_unhex(kept["sealing_public"]),
            )
        signing_seed, sealing_seeds = bytes.fromhex(kept["signing"]), _unhex(kept["sealing"])
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError from error
    return Keyset(
        fingerprint_key=fingerprint_key,
        audit_key=audit_key,
        signing_public=_signing_public(signing_seed),
        sealing_public={number: public_half(seed) for number, seed in sealing_seeds.items()},
        signing_seed=signing_seed,
        sealing_seeds=sealing_seeds,
    )


def is_signed(message: bytes, signature: bytes, *, signing_public: bytes) -> bool:
    """Whether a signature is right."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(signing_public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signing_public(seed: bytes) -> bytes:
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _hex(keys: dict[int, bytes]) -> dict[str, str]:
    return {str(number): key.hex() for number, key in keys.items()}


def _unhex(keys: dict[str, str]) -> dict[int, bytes]:
    return {int(number): bytes.fromhex(key) for number, key in keys.items()}
