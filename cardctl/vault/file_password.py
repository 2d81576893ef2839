"""Seal the password of a supplier's files, so that every key that may import can open it.

Its key is derived from the fingerprint key, which every scope that imports holds. That is the
least key that will do: the machine that imports opens the files with the password anyway, and runs
unattended; whoever holds that key can open the next file, but none of the cards that came of the
earlier ones. The fingerprint key never changes, so a rotation leaves what is sealed here alone.

A record is ``version (1) | nonce (12) | ciphertext | tag (16)``. Its associated data bind the store
and the supplier: a password that was copied to another supplier's row does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cardctl.vault.envelope import bind
from cardctl.vault.failures import FilePasswordTampered
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret

_RECORD_VERSION = b"\x01"
_NONCE_LENGTH = 12
_KEY_LENGTH = 32
_NONCE_END = 1 + _NONCE_LENGTH


def seal_file_password(vault: Vault, password: Secret, *, supplier_id: int) -> bytes:
    """The record of a supplier's file password."""
    nonce = os.urandom(_NONCE_LENGTH)
    octets, bound = password.reveal().encode(), _bound(vault, supplier_id)
    return _RECORD_VERSION + nonce + _cipher(vault).encrypt(nonce, octets, bound)


def open_file_password(vault: Vault, sealed: bytes, *, supplier_id: int, supplier: str) -> Secret:
    """The password that was sealed; raises `FilePasswordTampered`, which names the supplier."""
    nonce, ciphertext = sealed[1:_NONCE_END], sealed[_NONCE_END:]
    try:
        if sealed[:1] == _RECORD_VERSION:
            bound = _bound(vault, supplier_id)
            return Secret(_cipher(vault).decrypt(nonce, ciphertext, bound).decode())
    except (InvalidTag, ValueError):
        pass
    raise FilePasswordTampered(supplier=supplier)


def _cipher(vault: Vault) -> AESGCM:
    info = bind("cardctl file password key 1", vault.store_id)
    derivation = HKDF(algorithm=SHA256(), length=_KEY_LENGTH, salt=None, info=info)
    return AESGCM(derivation.derive(vault.fingerprint_key))


def _bound(vault: Vault, supplier_id: int) -> bytes:
    return bind("cardctl file password 1", vault.store_id, supplier_id)
