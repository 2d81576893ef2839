"""Seal what a shop shares with others, so that every key that may import can open it.

File passwords of suppliers and the keys of webhooks are such: the key that seals them is derived
from the fingerprint key, which every scope that imports holds. That is the least key that will do
for what runs unattended; whoever holds it opens none of the cards. The fingerprint key never
changes, so a rotation leaves what is sealed here alone.

A record is ``version (1) | nonce (12) | ciphertext | tag (16)``. Its associated data bind the store
and the owner: what was copied to another row does not open.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cardctl.vault.envelope import bind
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret

_RECORD_VERSION = b"\x01"
_NONCE_LENGTH = 12
_KEY_LENGTH = 32
_NONCE_END = 1 + _NONCE_LENGTH


def seal_shared(vault: Vault, secret: Secret, *, purpose: str, owner: Sequence[str | int]) -> bytes:
    """The record of a secret; `owner` says whose it is and must be the same when it is opened."""
    nonce = os.urandom(_NONCE_LENGTH)
    octets, bound = secret.reveal().encode(), _bound(vault, purpose, owner)
    return _RECORD_VERSION + nonce + _cipher(vault, purpose).encrypt(nonce, octets, bound)


def open_shared(
    vault: Vault, sealed: bytes, *, purpose: str, owner: Sequence[str | int]
) -> Secret | None:
    """The secret that was sealed; None for what was changed or is another owner's."""
    nonce, ciphertext = sealed[1:_NONCE_END], sealed[_NONCE_END:]
    if sealed[:1] != _RECORD_VERSION:
        return None
    try:
        bound = _bound(vault, purpose, owner)
        return Secret(_cipher(vault, purpose).decrypt(nonce, ciphertext, bound).decode())
    except (InvalidTag, ValueError):
        return None


def _cipher(vault: Vault, purpose: str) -> AESGCM:
    info = bind(f"cardctl {purpose} key 1", vault.store_id)
    derivation = HKDF(algorithm=SHA256(), length=_KEY_LENGTH, salt=None, info=info)
    return AESGCM(derivation.derive(vault.fingerprint_key))


def _bound(vault: Vault, purpose: str, owner: Sequence[str | int]) -> bytes:
    return bind(f"cardctl {purpose} 1", vault.store_id, *owner)
