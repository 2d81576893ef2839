"""Suppliers (供应商): where batches come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import (
    Changed,
    add_once,
    check_code,
    check_name,
    edit_once,
    insert_once,
)
from cardctl.errors import NotFound
from cardctl.identifiers import new_id
from cardctl.schema.catalog import Supplier, suppliers
from cardctl.storage.dialects import lock_rows
from cardctl.vocabulary import SupplierTier


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierEntry:
    """A supplier; `cost_rate_bp` is the cost as a share of the face value, in basis points."""

    code: str
    name: str
    tier: SupplierTier = SupplierTier.UNKNOWN
    cost_rate_bp: int | None = None
    created_at: int = field(default=0, compare=False)


def add_supplier(session: Session, *, run: Run, supplier: SupplierEntry) -> Changed[SupplierEntry]:
    """Add a supplier, once. Raises `AlreadyExists`, `BadValue`."""
    wanted = check_supplier(supplier)
    return add_once(
        session,
        run=run,
        name=("supplier", wanted.code),
        wanted=wanted,
        find=lambda: _find(session, wanted.code),
        insert=lambda: insert_once(
            session, Supplier(id=new_id(), **_columns(wanted), created_at=run.at)
        ),
    )


def edit_supplier(
    session: Session, *, run: Run, code: str, changes: dict[str, Any]
) -> Changed[SupplierEntry]:
    """Change some fields of a supplier. Raises `NotFound`, `BadValue`."""

    def write(wanted: SupplierEntry, _differs: list[str]) -> None:
        session.execute(update(suppliers).where(suppliers.c.code == code).values(_columns(wanted)))

    return edit_once(
        session,
        run=run,
        name=("supplier", code),
        changes=changes,
        find=lambda: _find(session, code, locking=True),
        check=check_supplier,
        write=write,
    )


def list_suppliers(session: Session) -> list[SupplierEntry]:
    """All suppliers by code."""
    entries = [_entry(row) for row in session.execute(select(suppliers))]
    return sorted(entries, key=lambda entry: entry.code)


def show_supplier(session: Session, *, code: str) -> SupplierEntry:
    """One supplier. Raises `NotFound`."""
    found = _find(session, code)
    if found is None:
        raise NotFound(noun="supplier", name=code)
    return found


def id_of_supplier(session: Session, code: str) -> int:
    """The id of a supplier; raises `NotFound`."""
    return _id(session, select(suppliers.c.id).where(suppliers.c.code == code), code)


def lock_supplier(session: Session, code: str) -> int:
    """The id of a supplier whose names, columns and password nobody else changes meanwhile.

    Raises `NotFound`.
    """
    query = select(suppliers.c.id).where(suppliers.c.code == code)
    return _id(session, lock_rows(session, query, table=suppliers, skip_locked=False), code)


def check_supplier(entry: SupplierEntry) -> SupplierEntry:
    """The entry with its codes and its name checked and trimmed. Raises `BadValue`."""
    return replace(entry, code=check_code(entry.code), name=check_name(entry.name))


def write_suppliers(session: Session, *, run: Run, drafts: Sequence[Draft[SupplierEntry]]) -> None:
    """Add and change many suppliers; see `write_drafts`."""
    write_drafts(
        session,
        run=run,
        noun="supplier",
        table=suppliers,
        key="code",
        drafts=drafts,
        columns=_columns,
    )


def _id(session: Session, query: Select[tuple[int]], code: str) -> int:
    found: int | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="supplier", name=code)
    return found


def _find(session: Session, code: str, *, locking: bool = False) -> SupplierEntry | None:
    query = select(suppliers).where(suppliers.c.code == code)
    if locking:
        query = lock_rows(session, query, table=suppliers, skip_locked=False)
    row = session.execute(query).first()
    return _entry(row) if row else None


def _columns(entry: SupplierEntry) -> dict[str, Any]:
    return {
        "code": entry.code,
        "name": entry.name,
        "tier": str(entry.tier),
        "cost_rate_bp": entry.cost_rate_bp,
    }


def _entry(row: Any) -> SupplierEntry:
    return SupplierEntry(
        code=row.code,
        name=row.name,
        tier=SupplierTier(row.tier),
        cost_rate_bp=row.cost_rate_bp,
        created_at=row.created_at,
    )
