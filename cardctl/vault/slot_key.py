"""The secret of a slot: 32 bytes that people keep as text, or derive from a passphrase."""

import json
import os
import unicodedata
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from cardctl.identifiers import CROCKFORD
from cardctl.vault.envelope import SEED_LENGTH, public_half
from cardctl.vault.failures import MalformedKey
from cardctl.vault.secret import Secret

_SECRET_LENGTH = 32
_PREFIX = "CARDCTL-KEY-1-"
_DIGITS = 56
"""Of base 32: 32 bytes of secret and 3 of checksum fit exactly."""
_GROUP = 4
_LOOKALIKES = str.maketrans("OIL", "011", "- \t\r\n")
_FOLDED_PREFIX = _PREFIX.translate(_LOOKALIKES)
_CRC_BITS = 24
_CRC_POLYNOMIAL = 0x1864CFB
_CRC_START = 0xB704CE

_SALT_LENGTH = 16
_MEMORY_KIB_MOST = 1 << 20
_ITERATIONS_MOST = 64
_LANES_MOST = 64


@dataclass(frozen=True, slots=True)
class SlotKey:
    """The secret of a slot as it is: from a key file, the keyring, or a recovery code."""

    secret: bytes = field(repr=False)

    def text(self) -> Secret:
        """One line for a key file: ``CARDCTL-KEY-1-…``."""
        return Secret(_PREFIX + self._digits())

    def recovery_code(self) -> Secret:
        """The same in groups of four, to be written down."""
        digits = self._digits()
        groups = [digits[start : start + _GROUP] for start in range(0, _DIGITS, _GROUP)]
        return Secret(_PREFIX + "-".join(groups))

    def _digits(self) -> str:
        checked = int.from_bytes(self.secret) << _CRC_BITS | _checksum(self.secret)
        return "".join(CROCKFORD[checked >> 5 * place & 31] for place in reversed(range(_DIGITS)))


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What a person remembers; each slot stretches it with a salt and a cost of its own."""

    text: Secret


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a passphrase becomes the secret of one slot: argon2id with this salt and cost."""

    salt: bytes
    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    def to_json(self) -> str:
        """As it stands in the slot's row; nothing in it is secret."""
        return json.dumps(
            {
                "kdf": "argon2id",
                "salt": self.salt.hex(),
                "memory_kib": self.memory_kib,
                "iterations": self.iterations,
                "lanes": self.lanes,
            }
        )

    def slot_key(self, passphrase: Passphrase) -> SlotKey:
        """Stretch a passphrase; takes a quarter of a second."""
        text = unicodedata.normalize("NFC", passphrase.text.reveal())
        stretch = Argon2id(
            salt=self.salt,
            length=_SECRET_LENGTH,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return SlotKey(stretch.derive(text.encode()))


@dataclass(frozen=True, slots=True)
class SlotPair:
    """What follows from a slot's secret: its sealing pair, and the key of its trust mac."""

    seed: bytes = field(repr=False)
    trust_key: bytes = field(repr=False)
    public: bytes


def new_slot_key() -> SlotKey:
    """A new random secret."""
    return SlotKey(os.urandom(_SECRET_LENGTH))


def new_derivation() -> Derivation:
    """A new salt, and the cost of today."""
    return Derivation(salt=os.urandom(_SALT_LENGTH))


def parse_slot_key(text: str, *, origin: str) -> SlotKey:
    """Read the text of a key or a recovery code; raises `MalformedKey`, which names the origin.

    Case, spaces and hyphens do not matter, O, I and L are read as 0 and 1, and what every code
    begins with may be left out. Any single wrong character is found.
    """
    secret = _secret_of(_bare_digits(text))
    if secret is None:
        raise MalformedKey(origin=origin)
    return SlotKey(secret)


def looks_like_slot_key(text: str) -> bool:
    """Whether something typed is meant as a key or recovery code rather than a passphrase.

    Without what every code begins with only its checksum tells: a passphrase of 56 such letters
    passes by chance once in sixteen million.
    """
    folded = text.upper().translate(_LOOKALIKES)
    return folded.startswith(_FOLDED_PREFIX) or _secret_of(_bare_digits(text)) is not None


def _bare_digits(text: str) -> str:
    return text.upper().translate(_LOOKALIKES).removeprefix(_FOLDED_PREFIX)


def _secret_of(digits: str) -> bytes | None:
    """The secret that some digits stand for; None where their number or checksum is wrong."""
    if len(digits) != _DIGITS or not set(digits) <= set(CROCKFORD):
        return None
    checked = 0
    for digit in digits:
        checked = checked << 5 | CROCKFORD.index(digit)
    secret = (checked >> _CRC_BITS).to_bytes(_SECRET_LENGTH)
    return secret if _checksum(secret) == checked & (1 << _CRC_BITS) - 1 else None


def parse_derivation(text: str) -> Derivation | None:
    """Read a slot's derivation; None for one that cardctl would not have written.

    The bounds keep a changed row from taking all memory.
    """
    try:
        found = json.loads(text)
        derivation = Derivation(
            salt=bytes.fromhex(found["salt"]),
            memory_kib=int(found["memory_kib"]),
            iterations=int(found["iterations"]),
            lanes=int(found["lanes"]),
        )
    except (ValueError, TypeError, LookupError):
        return None
    sane = (
        len(derivation.salt) == _SALT_LENGTH
        and 1 <= derivation.lanes <= _LANES_MOST
        and 8 * derivation.lanes <= derivation.memory_kib <= _MEMORY_KIB_MOST
        and 1 <= derivation.iterations <= _ITERATIONS_MOST
    )
    return derivation if sane else None


def pair_of(key: SlotKey) -> SlotPair:
    """Derive what a slot's secret stands for."""
    seed = _expand(key.secret, b"cardctl slot pair 1", SEED_LENGTH)
    trust_key = _expand(key.secret, b"cardctl slot trust 1", _SECRET_LENGTH)
    return SlotPair(seed=seed, trust_key=trust_key, public=public_half(seed))


def _expand(secret: bytes, info: bytes, length: int) -> bytes:
    # The secret is uniformly random already: HKDF's extraction would add nothing.
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=info).derive(secret)


def _checksum(secret: bytes) -> int:
    """CRC-24: it finds every burst of errors up to 24 bits, so every single wrong digit."""
    remainder = (int.from_bytes(secret) ^ _CRC_START) << _CRC_BITS
    for shift in reversed(range(8 * _SECRET_LENGTH)):
        if remainder >> (shift + _CRC_BITS) & 1:
            remainder ^= _CRC_POLYNOMIAL << shift
    return remainder
