"""Check the vault: slots against each other and the audit log, data keys, every sealed value.

What was recorded of slots and rotations is believed here; `audit verify` proves it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from cardctl.identifiers import card_code
from cardctl.schema.audit import audit_records
from cardctl.schema.cards import DataKey, batches, cards, data_keys
from cardctl.schema.catalog import products, supplier_passwords, suppliers
from cardctl.schema.vault import Slot
from cardctl.vault.failures import (
    FilePasswordTampered,
    KeyTampered,
    NoSlot,
    OtherSlotsKey,
    Tampered,
)
from cardctl.vault.file_password import open_file_password
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.keyset import Vault
from cardctl.vault.sealing import CardOpener, open_data_key
from cardctl.vault.slots import is_authentic, load_slots

_PAGE = 5_000
_LISTED_MOST = 1_000
"""Findings told a check; a broken store need not fill the screen."""

_FIELDS = ("number", "secret", "fields")


class FindingKind(StrEnum):
    """What is wrong."""

    SLOT_CHANGED = "slot-changed"
    """The row of a slot is not what a full slot signed."""
    SLOT_OUTDATED = "slot-outdated"
    """A slot holds another version of the keyset than the one that is open."""
    SLOT_UNRECORDED = "slot-unrecorded"
    """The audit log never saw the slot added, or saw it removed."""
    SLOT_GONE = "slot-gone"
    """The audit log saw the slot added and not removed."""
    KEYSET_OUTDATED = "keyset-outdated"
    """The audit log saw another rotation last than the one that made this keyset."""
    DATA_KEY_UNKNOWN = "data-key-unknown"
    """A data key is sealed to a pair that was never made."""
    DATA_KEY_CHANGED = "data-key-changed"
    """A data key does not open, or is not the one that was committed to."""
    CARD_CHANGED = "card-changed"
    """A value of a card does not open in its place."""
    FINGERPRINT_CHANGED = "fingerprint-changed"
    """A card's fingerprint is not that of its number, or of its code where it has no number."""
    SUPPLIER_CHANGED = "supplier-changed"
    """The file password of a supplier does not open in its place."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `subject` is the code of a slot, batch or card."""

    kind: FindingKind
    subject: str
    field: str = ""
    """Which value of a card."""


@dataclass(frozen=True, slots=True)
class VaultCheck:
    """What `vault verify` found; None for what was not looked at."""

    slot: str
    """The slot whose key looked."""
    scope: str
    sealing_version: int
    slots: int
    data_keys: int | None
    cards: int | None
    findings: list[Finding]


def verify_vault(
    session: Session, *, vault: Vault, advance: Callable[[int], None] = lambda _: None
) -> VaultCheck:
    """Check everything that the key in use can open; `advance` hears of cards as they are done.

    A key that only imports cannot look into data keys and cards.
    """
    rows = load_slots(session)
    counts = {"data_keys": 0, "cards": 0}
    found = chain(
        _check_slots(rows, vault),
        _check_record(session, rows, vault),
        _check_data_keys(session, vault, counts),
        _check_file_passwords(session, vault),
        _check_cards(session, vault, counts, advance) if vault.can_open else [],
    )
    findings: list[Finding] = []
    for finding in found:
        if len(findings) < _LISTED_MOST:
            findings.append(finding)
    return VaultCheck(
        slot=vault.slot,
        scope=vault.scope,
        sealing_version=vault.sealing_version,
        slots=len(rows),
        data_keys=counts["data_keys"],
        cards=counts["cards"] if vault.can_open else None,
        findings=findings,
    )


def verify_slot(session: Session, *, vault: Vault, code: str) -> VaultCheck:
    """Check that the key in use opens the slot of that name, and that slot alone.

    Raises `NoSlot` and `OtherSlotsKey`.
    """
    rows = [row for row in load_slots(session) if row.code == code]
    if not rows:
        raise NoSlot(noun="vault slot", name=code)
    if vault.slot != code:
        raise OtherSlotsKey(slot=vault.slot, name=code)
    return VaultCheck(
        slot=vault.slot,
        scope=vault.scope,
        sealing_version=vault.sealing_version,
        slots=1,
        data_keys=None,
        cards=None,
        findings=list(_check_slots(rows, vault)),
    )


def _check_slots(rows: list[Slot], vault: Vault) -> Iterator[Finding]:
    for row in rows:
        if row.keyset_version != vault.sealing_version:
            yield Finding(FindingKind.SLOT_OUTDATED, row.code)
        elif not is_authentic(row, vault.keyset, store_id=vault.store_id):
            yield Finding(FindingKind.SLOT_CHANGED, row.code)


def _check_record(session: Session, rows: list[Slot], vault: Vault) -> Iterator[Finding]:
    """Compare slots and keyset with what the audit log says was done to them."""
    recorded, version = _recorded(session)
    standing = {row.code for row in rows}
    for code in sorted(standing - recorded):
        yield Finding(FindingKind.SLOT_UNRECORDED, code)
    for code in sorted(recorded - standing):
        yield Finding(FindingKind.SLOT_GONE, code)
    if version != vault.sealing_version:
        yield Finding(FindingKind.KEYSET_OUTDATED, vault.slot)


def _recorded(session: Session) -> tuple[set[str], int]:
    """The slots that were added and not removed, and the version of the newest rotation."""
    verbs = ("init", "vault.slot.add", "vault.slot.remove", "vault.rotate")
    found = session.connection().execute(
        select(audit_records.c.verb, audit_records.c.payload).where(audit_records.c.verb.in_(verbs))
    )
    added: set[str] = set()
    removed: set[str] = set()
    version = 0
    for verb, payload in found:
        try:
            data = json.loads(payload)["data"]
            if verb == "vault.slot.remove":
                removed.add(data["slot"])
            elif verb == "vault.slot.add":
                added.add(data["slot"])
            else:
                version = max(version, data["sealing_version"])
                if verb == "init":
                    added |= {slot["slot"] for slot in data["slots"]}
        except (ValueError, TypeError, LookupError):
            # `audit verify` names the record; here what it said is simply not known.
            continue
    return added - removed, version


def _check_data_keys(session: Session, vault: Vault, counts: dict[str, int]) -> Iterator[Finding]:
    statement = (
        select(data_keys, batches.c.code)
        .join(batches, batches.c.id == data_keys.c.batch_id)
        .order_by(data_keys.c.id)
    )
    for page in _pages(session, statement):
        for row in page:
            counts["data_keys"] += 1
            fields = row._asdict()
            batch = fields.pop("code")
            if row.sealing_version not in vault.keyset.sealing_public:
                yield Finding(FindingKind.DATA_KEY_UNKNOWN, batch)
            elif vault.can_open and not _opens(vault, DataKey(**fields)):
                yield Finding(FindingKind.DATA_KEY_CHANGED, batch)


def _opens(vault: Vault, row: DataKey) -> bool:
    try:
        open_data_key(vault, row)
    except KeyTampered:
        return False
    return True


def _check_file_passwords(session: Session, vault: Vault) -> Iterator[Finding]:
    query = select(suppliers.c.code, supplier_passwords).join(
        supplier_passwords, supplier_passwords.c.supplier_id == suppliers.c.id
    )
    for row in session.connection().execute(query.order_by(suppliers.c.code)):
        try:
            open_file_password(vault, row.sealed, supplier_id=row.supplier_id, supplier=row.code)
        except FilePasswordTampered:
            yield Finding(FindingKind.SUPPLIER_CHANGED, row.code)


def _check_cards(
    session: Session, vault: Vault, counts: dict[str, int], advance: Callable[[int], None]
) -> Iterator[Finding]:
    opener = CardOpener(session, vault)
    statement = select(
        cards.c.bucket,
        cards.c.id,
        cards.c.batch_id,
        cards.c.product_id,
        cards.c.sealed_number,
        cards.c.sealed_secret,
        cards.c.sealed_fields,
        cards.c.fingerprint,
        products.c.key_space,
        products.c.fold_case,
        products.c.fold_hyphens,
    )
    statement = statement.join(products, products.c.id == cards.c.product_id)
    # Of a key that was sold before it came nothing is kept that could be opened.
    statement = statement.where(cards.c.sealed_secret.is_not(None))
    for page in _pages(session, statement.order_by(cards.c.batch_id)):
        for row in page:
            yield from _check_card(opener, vault.fingerprint_key, row)
        counts["cards"] += len(page)
        advance(len(page))


def _check_card(opener: CardOpener, key: bytes, row: Row[Any]) -> Iterator[Finding]:
    """Every value opens in its place, and the one that names the key is the one fingerprinted."""
    name = card_code(row.bucket, row.id)
    opened: dict[str, bytes] = {}
    values: tuple[bytes | None, ...] = (row.sealed_number, row.sealed_secret, row.sealed_fields)
    for field, sealed in zip(_FIELDS, values, strict=True):
        if sealed is None:
            continue
        try:
            opened[field] = opener.open(
                field,
                batch_id=row.batch_id,
                bucket=row.bucket,
                card_id=row.id,
                product_id=row.product_id,
                sealed=sealed,
            )
        except (Tampered, KeyTampered):
            yield Finding(FindingKind.CARD_CHANGED, name, field)
            return
    naming = opened.get("number", opened["secret"]).decode()
    text = canonical(naming, fold_case=row.fold_case, fold_hyphens=row.fold_hyphens)
    if fingerprint(key, key_space=row.key_space, canonical=text) != row.fingerprint:
        yield Finding(FindingKind.FINGERPRINT_CHANGED, name)


def _pages(session: Session, statement: Any) -> Iterator[Any]:
    """The rows of a statement, some thousand at a time: memory stays bounded."""
    found = session.connection().execute(statement.execution_options(yield_per=_PAGE))
    yield from found.partitions()
