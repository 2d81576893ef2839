"""Seal to a public key, open with its private half: HPKE (RFC 9180), hybrid post-quantum.

A private half is kept as its 96-byte seed (ML-KEM-768, then X25519), a public half as the 1,216
bytes of the two public keys.
"""

import os
from functools import lru_cache

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_MLKEM_SEED = 64
_MLKEM_PUBLIC = 1184
SEED_LENGTH = 96


def new_seed() -> bytes:
    """The private half of a new pair."""
    return os.urandom(SEED_LENGTH)


def public_half(seed: bytes) -> bytes:
    """The public half of a pair."""
    first, second = _private_halves(seed)
    return first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()


def seal_to(public: bytes, plaintext: bytes, *, info: bytes) -> bytes:
    """Seal to a public half; `info` must be the same when it is opened."""
    return _SUITE.encrypt(plaintext, _public_key(public), info=info)


def open_with(seed: bytes, sealed: bytes, *, info: bytes) -> bytes:
    """Open with a private half; raises cryptography's `InvalidTag` for anything changed."""
    return _SUITE.decrypt(sealed, _private_key(seed), info=info)


def bind(purpose: str, *parts: str | bytes | int) -> bytes:
    """What a signature, a mac or `info` covers: each part with its length, so none can shift."""
    octets = [purpose.encode()]
    for part in parts:
        if isinstance(part, int):
            octets.append(part.to_bytes(8))
        else:
            octets.append(part.encode() if isinstance(part, str) else part)
    return b"".join(len(piece).to_bytes(4) + piece for piece in octets)


# Making a key ready costs as much as using it, and a rotation uses two of them ten thousand times.
@lru_cache(maxsize=4)
def _public_key(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
        x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
    )


@lru_cache(maxsize=4)
def _private_key(seed: bytes) -> hpke.MLKEM768X25519PrivateKey:
    return hpke.MLKEM768X25519PrivateKey(*_private_halves(seed))


def _private_halves(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:_MLKEM_SEED]),
        x25519.X25519PrivateKey.from_private_bytes(seed[_MLKEM_SEED:]),
    )
