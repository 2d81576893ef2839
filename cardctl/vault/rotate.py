"""Rotate: a new sealing pair, every slot's keyset and every data key sealed anew."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.schema.cards import DataKey, data_keys
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.vault.failures import SlotTampered
from cardctl.vault.keyset import Vault
from cardctl.vault.sealing import open_data_key, seal_data_key
from cardctl.vault.slots import hold_slots, is_authentic, reseal, save_resealed

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did."""

    sealing_version: int
    slots: int
    data_keys: int


def rotate(session: Session, *, run: Run, vault: Vault) -> Rotation:
    """Make a new sealing pair and reseal everything to it, for all slots without their secrets.

    A slot that is not signed at the current version would be handed the new keys, so it stops
    the rotation. Raises `NeedsFullKey`, `RotatedMeanwhile`, `SlotTampered` and `KeyTampered`.
    """
    rows = hold_slots(session, vault)
    for row in rows:
        if not is_authentic(row, vault.keyset, store_id=vault.store_id):
            raise SlotTampered(slot=row.code)
    keyset = vault.full_keyset().with_new_pair()
    for row in rows:
        reseal(row, keyset, store_id=vault.store_id)
    save_resealed(session, rows)
    rotated = replace(vault, keyset=keyset)
    count = _rewrap(session, rotated)
    rotation = Rotation(sealing_version=keyset.version, slots=len(rows), data_keys=count)
    run.record(
        session,
        "vault.rotate",
        {
            "sealing_version": rotation.sealing_version,
            "slots": rotation.slots,
            "data_keys": rotation.data_keys,
        },
    )
    return rotation


def _rewrap(session: Session, vault: Vault) -> int:
    """Seal every data key to the newest pair, a page at a time; returns how many there were."""
    count = 0
    for page in _pages(session):
        rows = [
            (
                vault.sealing_version,
                seal_data_key(
                    vault, open_data_key(vault, row), key_id=row.id, batch_id=row.batch_id
                ),
                row.id,
            )
            for row in page
        ]
        count += update_many(
            session, data_keys, key=("id",), changed=("sealing_version", "sealed"), rows=rows
        )
    return count


def _pages(session: Session) -> Iterator[list[DataKey]]:
    """All data keys in the order of their ids, a page at a time, held against `batch undo`."""
    last = 0
    while True:
        page_of = (
            select(data_keys).where(data_keys.c.id > last).order_by(data_keys.c.id).limit(_PAGE)
        )
        found = session.connection().execute(
            lock_rows(session, page_of, table=data_keys, skip_locked=False)
        )
        page = [DataKey(**row) for row in found.mappings()]
        if not page:
            return
        yield page
        last = page[-1].id
