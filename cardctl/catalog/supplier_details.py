"""A supplier with what is remembered of its files."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session

from cardctl.catalog.supplier_columns import remembered_columns
from cardctl.catalog.suppliers import SupplierEntry, id_of_supplier, show_supplier
from cardctl.schema.catalog import supplier_maps, supplier_passwords


@dataclass(frozen=True, slots=True)
class SupplierDetails:
    """A supplier; how many names of its are known, its columns by field, whether a password is."""

    entry: SupplierEntry
    maps: int
    columns: dict[str, str]
    file_password: bool


def show_details(session: Session, *, code: str) -> SupplierDetails:
    """One supplier; raises `NotFound`."""
    entry, owner = show_supplier(session, code=code), id_of_supplier(session, code)
    maps = select(func.count()).where(supplier_maps.c.supplier_id == owner)
    passwords = select(func.count()).where(supplier_passwords.c.supplier_id == owner)
    return SupplierDetails(
        entry=entry,
        maps=session.execute(maps).scalar_one(),
        columns=remembered_columns(session, supplier_id=owner),
        file_password=bool(session.execute(passwords).scalar_one()),
    )
