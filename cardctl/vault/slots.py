"""Slots: the ways to open the vault, each with the keyset of its scope sealed to its own pair.

A slot's row is believed only as far as it proves itself: `trust` is a mac under the slot's own
secret over the key that signs keysets, and that key signs what is sealed together with the slot,
its scope and its public half. So an exchanged keyset, row or scope is found on unlocking, and a
full slot reseals for the others without their secrets, but never for a row that is not signed.
"""

import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from sqlalchemy import delete, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import AlreadyExists
from cardctl.identifiers import CROCKFORD, new_id
from cardctl.schema.vault import Slot, slots
from cardctl.storage.dialects import lock_rows
from cardctl.vault.envelope import bind, open_with, seal_to
from cardctl.vault.failures import (
    LastFullSlot,
    NoSlot,
    RotatedMeanwhile,
    SlotTampered,
    WrongKey,
)
from cardctl.vault.keyset import Keyset, Vault, is_signed, parse_keyset
from cardctl.vault.slot_key import (
    Passphrase,
    SlotKey,
    SlotPair,
    new_derivation,
    pair_of,
    parse_derivation,
)
from cardctl.vocabulary import SlotKind, SlotScope


@dataclass(frozen=True, slots=True)
class SlotView:
    """What is shown of a slot; nothing in it is secret."""

    slot: str
    kind: str
    scope: str
    label: str
    keyset_version: int
    created_at: int


def unlock(session: Session, *, store_id: str, key: SlotKey | Passphrase) -> Vault:
    """Open the vault with the slot that the key belongs to.

    Raises `WrongKey`, and `SlotTampered` for a slot or keyset that was exchanged.
    """
    rows = load_slots(session)
    for row in rows:
        slot_key = _slot_key_for(row, key)
        if slot_key is None:
            continue
        pair = pair_of(slot_key)
        if hmac.compare_digest(pair.public, row.public_key):
            return _open(row, pair, store_id=store_id)
    raise WrongKey


def list_slots(session: Session) -> list[SlotView]:
    """All slots, the oldest first; needs no key."""
    return [_view(row) for row in load_slots(session)]


def load_slots(session: Session) -> list[Slot]:
    """The rows of all slots, the oldest first."""
    found = session.connection().execute(select(slots).order_by(slots.c.id))
    return [Slot(**row) for row in found.mappings()]


def make_slot(
    keyset: Keyset,
    *,
    store_id: str,
    key: SlotKey | Passphrase,
    kind: SlotKind,
    scope: SlotScope,
    label: str,
    at: int,
) -> Slot:
    """The row of a new slot, holding the part of a full keyset that its scope allows."""
    derivation = ""
    if isinstance(key, Passphrase):
        fresh = new_derivation()
        derivation, key = fresh.to_json(), fresh.slot_key(key)
    pair = pair_of(key)
    # Random, because a name must not come back after its slot was removed.
    row = Slot(
        id=new_id(),
        code="S-" + "".join(secrets.choice(CROCKFORD) for _ in range(6)),
        label=label,
        kind=kind,
        scope=scope,
        public_key=pair.public,
        derivation=derivation,
        trust=b"",
        signing_key=keyset.signing_public,
        keyset_version=0,
        sealed_keyset=b"",
        signature=b"",
        created_at=at,
    )
    row.trust = _trust(pair, row, store_id=store_id)
    reseal(row, keyset, store_id=store_id)
    return row


def add_slot(
    session: Session,
    *,
    run: Run,
    vault: Vault,
    key: SlotKey | Passphrase,
    kind: SlotKind,
    scope: SlotScope,
    label: str,
) -> SlotView:
    """Add a way to open the vault.

    Raises `NeedsFullKey`, `RotatedMeanwhile`, and `AlreadyExists` for a key that has a slot.
    """
    others = hold_slots(session, vault)
    row = make_slot(
        vault.full_keyset(),
        store_id=vault.store_id,
        key=key,
        kind=kind,
        scope=scope,
        label=label,
        at=run.at,
    )
    for other in others:
        if other.public_key == row.public_key:
            raise AlreadyExists(noun="vault slot", name=other.code, differs="label")
    session.add(row)
    # Core reads the table later in this transaction.
    session.flush()
    run.record(
        session,
        "vault.slot.add",
        {"slot": row.code, "kind": kind, "scope": scope, "label": label},
    )
    return _view(row)


def remove_slot(session: Session, *, run: Run, vault: Vault, code: str) -> SlotView:
    """Take a way to open the vault away; rotate afterwards when its key may be in wrong hands.

    Raises `NoSlot`, `LastFullSlot`, `NeedsFullKey`, `RotatedMeanwhile`.
    """
    rows = hold_slots(session, vault)
    row = next((row for row in rows if row.code == code), None)
    if row is None:
        raise NoSlot(noun="vault slot", name=code)
    # A row that nobody signed can be removed, and does not count as a way in.
    others = [other for other in rows if other.code != code and other.scope == SlotScope.FULL]
    if not any(is_authentic(other, vault.keyset, store_id=vault.store_id) for other in others):
        raise LastFullSlot(slot=code)
    session.connection().execute(delete(slots).where(slots.c.id == row.id))
    run.record(session, "vault.slot.remove", {"slot": code})
    return _view(row)


def hold_slots(session: Session, vault: Vault) -> list[Slot]:
    """The rows of all slots, for changing them: one change at a time.

    All are locked before they are read, so that a slot cannot be added beside a rotation. Raises
    `NeedsFullKey` and `RotatedMeanwhile`.
    """
    keyset = vault.full_keyset()
    everyone = select(slots.c.id).order_by(slots.c.id)
    session.connection().execute(lock_rows(session, everyone, table=slots, skip_locked=False))
    rows = load_slots(session)
    mine = next((row for row in rows if row.code == vault.slot), None)
    if mine is None or mine.keyset_version != keyset.version:
        raise RotatedMeanwhile
    return rows


def is_authentic(row: Slot, keyset: Keyset, *, store_id: str) -> bool:
    """Whether a full slot wrote the row, at the current version: a restored old row is not."""
    return row.keyset_version == keyset.version and is_signed(
        _signed(row, store_id=store_id), row.signature, signing_public=keyset.signing_public
    )


def reseal(row: Slot, keyset: Keyset, *, store_id: str) -> None:
    """Put a full keyset's part for the slot's scope into its row, sealed and signed."""
    row.keyset_version = keyset.version
    row.sealed_keyset = seal_to(
        row.public_key,
        keyset.to_bytes(SlotScope(row.scope)),
        info=_keyset_info(row, store_id=store_id),
    )
    row.signature = keyset.sign(_signed(row, store_id=store_id))


def save_resealed(session: Session, rows: list[Slot]) -> None:
    """Write back the keysets of slots after `reseal`."""
    for row in rows:
        session.connection().execute(
            update(slots)
            .where(slots.c.id == row.id)
            .values(
                keyset_version=row.keyset_version,
                sealed_keyset=row.sealed_keyset,
                signature=row.signature,
            )
        )


def _slot_key_for(row: Slot, key: SlotKey | Passphrase) -> SlotKey | None:
    """What the key would be in this slot; None when it cannot be this slot's."""
    if isinstance(key, SlotKey):
        return None if row.derivation else key
    if not row.derivation:
        return None
    derivation = parse_derivation(row.derivation)
    if derivation is None:
        raise SlotTampered(slot=row.code)
    return derivation.slot_key(key)


def _open(row: Slot, pair: SlotPair, *, store_id: str) -> Vault:
    believed = hmac.compare_digest(_trust(pair, row, store_id=store_id), row.trust) and is_signed(
        _signed(row, store_id=store_id), row.signature, signing_public=row.signing_key
    )
    if not believed:
        raise SlotTampered(slot=row.code)
    try:
        kept = open_with(pair.seed, row.sealed_keyset, info=_keyset_info(row, store_id=store_id))
        keyset = parse_keyset(kept)
    except (InvalidTag, ValueError):
        raise SlotTampered(slot=row.code) from None
    return Vault(store_id=store_id, slot=row.code, scope=SlotScope(row.scope), keyset=keyset)


def _trust(pair: SlotPair, row: Slot, *, store_id: str) -> bytes:
    covered = bind("cardctl trust 1", store_id, row.code, row.scope, row.signing_key)
    return hmac.digest(pair.trust_key, covered, "sha256")


def _keyset_info(row: Slot, *, store_id: str) -> bytes:
    return bind(
        "cardctl keyset 1", store_id, row.code, row.scope, row.public_key, row.keyset_version
    )


def _signed(row: Slot, *, store_id: str) -> bytes:
    return bind("cardctl slot 1", _keyset_info(row, store_id=store_id), row.sealed_keyset)


def _view(row: Slot) -> SlotView:
    return SlotView(
        slot=row.code,
        kind=row.kind,
        scope=row.scope,
        label=row.label,
        keyset_version=row.keyset_version,
        created_at=row.created_at,
    )
