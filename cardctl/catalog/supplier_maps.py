"""What a supplier calls our products: a name of theirs leads to one SKU of ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import Draft
from cardctl.catalog.entries import check_code, check_name
from cardctl.catalog.suppliers import id_of_supplier, lock_supplier
from cardctl.errors import BadValue, NotFound
from cardctl.schema.catalog import SupplierMap, products, supplier_maps, suppliers
from cardctl.storage.dialects import insert_many, update_many
from cardctl.storage.failures import TransactionRaced
from cardctl.vocabulary import Outcome
from cardctl.workbooks.headers import fold


@dataclass(frozen=True, slots=True)
class MapEntry:
    """A supplier's name for a product, as it was first written, and our SKU."""

    supplier: str
    their_name: str
    sku: str | None
    """None: the name leads nowhere."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A name as it is mapped now, and what it led to before, if that was something else."""

    entry: MapEntry
    outcome: Outcome
    was: str | None = None


def map_name(session: Session, *, run: Run, supplier: str, their_name: str, sku: str) -> Mapped:
    """Let a supplier's name mean a product, also when it meant another one until now.

    Names that differ in width, spaces or case only are one. Raises `NotFound` and `BadValue`.
    """
    # Locked: of two who map one name the later changes what the earlier wrote.
    owner = lock_supplier(session, supplier)
    name, folded = write_name(their_name), fold_name(their_name)
    product = session.execute(select(products.c.id).where(products.c.sku == sku)).first()
    if product is None:
        raise NotFound(noun="product", name=sku)
    before = _find(session, owner, folded)
    if before is None:
        row = SupplierMap(
            supplier_id=owner, folded_name=folded, their_name=name, product_id=product.id
        )
        session.add(row)
        session.flush()  # the same name once more in this transaction has to meet it
        entry = MapEntry(supplier, name, sku)
        _record(session, run, "add", entry)
        return Mapped(entry, Outcome.NEW)
    entry = MapEntry(supplier, before.their_name, sku)
    if before.sku == sku:
        return Mapped(entry, Outcome.UNCHANGED)
    session.execute(update(supplier_maps).where(_key(owner, folded)).values(product_id=product.id))
    _record(session, run, "edit", entry, was=before.sku)
    return Mapped(entry, Outcome.UPDATED, before.sku)


def unmap_name(session: Session, *, run: Run, supplier: str, their_name: str) -> Mapped:
    """Let a supplier's name mean nothing any more; raises `NotFound` for the supplier."""
    owner, folded = lock_supplier(session, supplier), fold_name(their_name)
    before = _find(session, owner, folded)
    if before is None:
        return Mapped(MapEntry(supplier, their_name, None), Outcome.UNCHANGED)
    session.execute(delete(supplier_maps).where(_key(owner, folded)))
    entry = MapEntry(supplier, before.their_name, None)
    _record(session, run, "remove", entry, was=before.sku)
    return Mapped(entry, Outcome.UPDATED, before.sku)


def list_maps(session: Session, *, supplier: str) -> list[MapEntry]:
    """A supplier's names by SKU; raises `NotFound`."""
    owner = id_of_supplier(session, supplier)
    found = session.execute(_query().where(supplier_maps.c.supplier_id == owner))
    entries = [MapEntry(supplier, row.their_name, row.sku) for row in found]
    return sorted(entries, key=lambda entry: (entry.sku or "", entry.their_name))


def list_all_maps(session: Session) -> list[MapEntry]:
    """The names of all suppliers."""
    query = _query().add_columns(suppliers.c.code)
    found = session.execute(query.join(suppliers, suppliers.c.id == supplier_maps.c.supplier_id))
    entries = [MapEntry(row.code, row.their_name, row.sku) for row in found]
    return sorted(entries, key=lambda entry: (entry.supplier, entry.sku or "", entry.their_name))


def check_map(entry: MapEntry) -> MapEntry:
    """The entry with its names checked and trimmed. Raises `BadValue`."""
    fold_name(entry.their_name)
    return replace(
        entry,
        supplier=check_code(entry.supplier),
        their_name=write_name(entry.their_name),
        sku=None if entry.sku is None else check_code(entry.sku),
    )


def write_maps(session: Session, *, run: Run, drafts: Sequence[Draft[MapEntry]]) -> None:
    """Let many names mean their products, or nothing; suppliers and products are stored.

    The suppliers are locked. Raises `TransactionRaced` when another process maps a name meanwhile.
    """
    going = [draft for draft in drafts if draft.outcome is not Outcome.UNCHANGED]
    owners = _ids(session, suppliers, "code")
    skus = _ids(session, products, "sku")
    added, moved, removed = [], [], []
    for draft in going:
        wanted = draft.wanted
        key = (owners[wanted.supplier], fold_name(wanted.their_name))
        if wanted.sku is None:
            removed.append(key)
        elif draft.stored is None:
            added.append((*key, wanted.their_name, skus[wanted.sku]))
        else:
            moved.append((wanted.their_name, skus[wanted.sku], *key))
    try:
        insert_many(
            session,
            supplier_maps,
            ["supplier_id", "folded_name", "their_name", "product_id"],
            added,
        )
    except IntegrityError:
        raise TransactionRaced from None
    if moved:
        update_many(
            session,
            supplier_maps,
            key=["supplier_id", "folded_name"],
            changed=["their_name", "product_id"],
            rows=moved,
        )
    for owner, folded in removed:
        session.execute(delete(supplier_maps).where(_key(owner, folded)))
    for draft in going:
        change = "add" if draft.stored is None else "edit" if draft.wanted.sku else "remove"
        was = draft.stored.sku if draft.stored else None
        _record(session, run, change, draft.wanted, was=was)


def fold_name(their_name: str) -> str:
    """A name without the differences that mean nothing; raises `BadValue` where nothing is left."""
    folded = fold(their_name)
    if not folded:
        raise BadValue(value=their_name[:40], expected="a name: one line of up to 200 characters")
    return folded


def mapped_products(session: Session, *, supplier_id: int) -> dict[str, int]:
    """The ids of our products by a supplier's folded names for them."""
    column = supplier_maps.c
    query = select(column.folded_name, column.product_id).where(column.supplier_id == supplier_id)
    return {row.folded_name: row.product_id for row in session.execute(query)}


def write_name(their_name: str) -> str:
    """A name on one line, with its blanks made plain: a cell breaks it, or sets it wide."""
    return check_name(" ".join(their_name.split()))


def _ids(session: Session, table: Table, column: str) -> dict[str, int]:
    query = select(table.c[column].label("code"), table.c.id)
    return {row.code: row.id for row in session.execute(query)}


def _query() -> Select[Any]:
    return select(supplier_maps.c.their_name, products.c.sku).join(
        products, products.c.id == supplier_maps.c.product_id
    )


def _find(session: Session, owner: int, folded: str) -> Any:
    return session.execute(_query().where(_key(owner, folded))).first()


def _key(owner: int, folded: str) -> ColumnElement[bool]:
    return (supplier_maps.c.supplier_id == owner) & (supplier_maps.c.folded_name == folded)


def _record(
    session: Session, run: Run, change: str, entry: MapEntry, *, was: str | None = None
) -> None:
    facts = {"supplier": entry.supplier, "their_name": entry.their_name}
    run.record(session, f"supplier.map.{change}", {**facts, "sku": entry.sku, "was": was})
