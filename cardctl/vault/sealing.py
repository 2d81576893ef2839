"""Seal and open what is secret in a card, with the data key of its batch.

A record is ``version (1) | data key id (8) | nonce (12) | ciphertext | tag (16)``. Its associated
data bind the store, the batch, the product, the card and the field: what was copied to another
row, or whose row was moved to another product or batch, does not open.
"""

import hmac
import os
import struct
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlmodel import Session

from cardctl.identifiers import card_code, new_id
from cardctl.schema.cards import DataKey, data_keys
from cardctl.vault.envelope import bind, open_with, seal_to
from cardctl.vault.failures import KeyTampered, Tampered
from cardctl.vault.keyset import Vault

_RECORD_VERSION = b"\x01"
_KEY_LENGTH = 32
_NONCE_LENGTH = 12
_NONCES_DRAWN = 1024
_HEADER_LENGTH = 9
_NONCE_END = _HEADER_LENGTH + _NONCE_LENGTH
_FIELDS = {"number": b"\x01", "secret": b"\x02", "fields": b"\x03"}
_BATCHES_KEPT = 256

_pack_place = struct.Struct(">Hqq").pack

_nonces: list[bytes] = []
# A forked child must not seal with the nonces its parent has drawn.
os.register_at_fork(after_in_child=_nonces.clear)


def _new_nonce() -> bytes:
    """12 random bytes; drawn in blocks, because a system call a record would cost as much again."""
    while True:
        try:
            return _nonces.pop()
        except IndexError:
            block = os.urandom(_NONCE_LENGTH * _NONCES_DRAWN)
            _nonces.extend(
                block[start : start + _NONCE_LENGTH]
                for start in range(0, len(block), _NONCE_LENGTH)
            )


class BatchKey:
    """The open data key of a batch."""

    __slots__ = ("_bound", "_cipher", "_header", "batch_id", "id")

    def __init__(self, key: bytes, *, store_id: str, batch_id: int, key_id: int) -> None:
        """See `new_batch_key` and `open_batch_key`."""
        self.id = key_id
        self.batch_id = batch_id
        self._cipher = AESGCM(key)
        self._header = _RECORD_VERSION + key_id.to_bytes(8)
        self._bound = self._header + bytes.fromhex(store_id) + batch_id.to_bytes(8)

    def seal(
        self, field: str, *, bucket: int, card_id: int, product_id: int, plaintext: bytes
    ) -> bytes:
        """The record of one field ("number", "secret" or "fields") of a card."""
        nonce = _new_nonce()
        bound = self._bound + _pack_place(bucket, card_id, product_id) + _FIELDS[field]
        return self._header + nonce + self._cipher.encrypt(nonce, plaintext, bound)

    def open(
        self, field: str, *, bucket: int, card_id: int, product_id: int, sealed: bytes
    ) -> bytes:
        """The exact bytes that were sealed; raises `Tampered`, which names the card."""
        bound = self._bound + _pack_place(bucket, card_id, product_id) + _FIELDS[field]
        nonce, ciphertext = sealed[_HEADER_LENGTH:_NONCE_END], sealed[_NONCE_END:]
        try:
            if sealed[:_HEADER_LENGTH] == self._header:
                return self._cipher.decrypt(nonce, ciphertext, bound)
        except (InvalidTag, ValueError):
            pass
        raise Tampered(card=card_code(bucket, card_id))


class CardOpener:
    """Opens cards of any batch, and keeps the data keys of the batches it met last."""

    def __init__(self, session: Session, vault: Vault) -> None:
        """Reads data keys through the session when they are first needed."""
        self._session = session
        self._vault = vault
        self._keys: dict[int, dict[bytes, BatchKey] | KeyTampered] = {}

    def open(
        self,
        field: str,
        *,
        batch_id: int,
        bucket: int,
        card_id: int,
        product_id: int,
        sealed: bytes,
    ) -> bytes:
        """The exact bytes that were sealed.

        The key is looked for among those of the batch that the card names, so that a card moved
        to another batch does not open. Raises `Tampered`, `KeyTampered` and `NeedsFullKey`.
        """
        if batch_id not in self._keys:
            if len(self._keys) >= _BATCHES_KEPT:
                self._keys.clear()
            self._keys[batch_id] = self._open_keys(batch_id)
        keys = self._keys[batch_id]
        if isinstance(keys, KeyTampered):
            raise keys
        key = keys.get(sealed[:_HEADER_LENGTH])
        if key is None:
            raise Tampered(card=card_code(bucket, card_id))
        return key.open(field, bucket=bucket, card_id=card_id, product_id=product_id, sealed=sealed)

    def _open_keys(self, batch_id: int) -> dict[bytes, BatchKey] | KeyTampered:
        """The batch's keys by the header of their records, or why they do not open."""
        found = self._session.connection().execute(
            select(data_keys).where(data_keys.c.batch_id == batch_id)
        )
        rows = [DataKey(**row) for row in found.mappings()]
        try:
            keys = [open_batch_key(self._vault, row) for row in rows]
        except KeyTampered as error:
            return error
        return {_RECORD_VERSION + key.id.to_bytes(8): key for key in keys}


def new_batch_key(vault: Vault, *, batch_id: int) -> tuple[BatchKey, DataKey]:
    """A data key for a new batch, and the row that keeps it sealed to the current pair."""
    key, key_id = os.urandom(_KEY_LENGTH), new_id()
    row = DataKey(
        id=key_id,
        batch_id=batch_id,
        sealing_version=vault.sealing_version,
        sealed=seal_data_key(vault, key, key_id=key_id, batch_id=batch_id),
        commitment=_commitment(key, vault.store_id, batch_id, key_id),
    )
    return BatchKey(key, store_id=vault.store_id, batch_id=batch_id, key_id=key_id), row


def open_batch_key(vault: Vault, row: DataKey) -> BatchKey:
    """Open the data key of a batch; raises `NeedsFullKey` and `KeyTampered`."""
    key = open_data_key(vault, row)
    return BatchKey(key, store_id=vault.store_id, batch_id=row.batch_id, key_id=row.id)


def seal_data_key(vault: Vault, key: bytes, *, key_id: int, batch_id: int) -> bytes:
    """Seal a data key to the newest sealing pair."""
    version = vault.sealing_version
    info = _info(vault.store_id, batch_id, key_id, version)
    return seal_to(vault.keyset.sealing_public[version], key, info=info)


def open_data_key(vault: Vault, row: DataKey) -> bytes:
    """The data key itself, for rewrapping; raises `NeedsFullKey` and `KeyTampered`."""
    seed = vault.full_keyset().sealing_seeds.get(row.sealing_version)
    info = _info(vault.store_id, row.batch_id, row.id, row.sealing_version)
    try:
        key = open_with(seed, row.sealed, info=info) if seed else b""
    except (InvalidTag, ValueError):
        key = b""
    committed = _commitment(key, vault.store_id, row.batch_id, row.id)
    if len(key) != _KEY_LENGTH or not hmac.compare_digest(committed, row.commitment):
        raise KeyTampered(batch_id=row.batch_id)
    return key


def _info(store_id: str, batch_id: int, key_id: int, version: int) -> bytes:
    return bind("cardctl data key 1", store_id, batch_id, key_id, version)


def _commitment(key: bytes, store_id: str, batch_id: int, key_id: int) -> bytes:
    """Says which key it is without giving it away: AES-GCM alone opens under crafted keys too."""
    return blake2b(
        bind("cardctl commitment 1", store_id, batch_id, key_id), key=key, digest_size=32
    ).digest()
