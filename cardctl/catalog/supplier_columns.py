"""Which column of a supplier's files is which field, as --map said at an import."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.suppliers import lock_supplier
from cardctl.schema.catalog import supplier_columns
from cardctl.storage.dialects import insert_many
from cardctl.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The columns that were known of a supplier's files, by field, and are no longer."""

    supplier: str
    status: Outcome
    forgotten: dict[str, str]


def remembered_columns(session: Session, *, supplier_id: int) -> dict[str, str]:
    """The names of a supplier's columns by field."""
    column = supplier_columns.c
    query = select(column.field, column.column_name).where(column.supplier_id == supplier_id)
    return {row.field: row.column_name for row in session.execute(query.order_by(column.field))}


def remember_columns(
    session: Session, *, run: Run, supplier: str, columns: Mapping[str, str]
) -> Outcome:
    """Know some columns at the next import, in place of what was known of their fields.

    Raises `NotFound`.
    """
    owner = lock_supplier(session, supplier)
    before = remembered_columns(session, supplier_id=owner)
    changed = {name: column for name, column in columns.items() if before.get(name) != column}
    if not changed:
        return Outcome.UNCHANGED
    _forget(session, owner, list(changed))
    insert_many(
        session,
        supplier_columns,
        ("supplier_id", "field", "column_name"),
        [(owner, name, column) for name, column in sorted(changed.items())],
    )
    run.record(session, "supplier.columns", {"supplier": supplier, "set": changed})
    return Outcome.UPDATED


def forget_columns(session: Session, *, run: Run, supplier: str) -> Forgotten:
    """Know none of a supplier's columns any more; raises `NotFound`."""
    owner = lock_supplier(session, supplier)
    before = remembered_columns(session, supplier_id=owner)
    if not before:
        return Forgotten(supplier, Outcome.UNCHANGED, before)
    _forget(session, owner, list(before))
    run.record(session, "supplier.columns", {"supplier": supplier, "forgotten": before})
    return Forgotten(supplier, Outcome.UPDATED, before)


def _forget(session: Session, owner: int, names: list[str]) -> None:
    column = supplier_columns.c
    session.execute(
        delete(supplier_columns).where(column.supplier_id == owner, column.field.in_(names))
    )
