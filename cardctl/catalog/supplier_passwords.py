"""The password of a supplier's files: kept sealed, used when a file asks for one."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.suppliers import lock_supplier
from cardctl.schema.catalog import SupplierPassword, supplier_passwords
from cardctl.vault.failures import FilePasswordTampered
from cardctl.vault.file_password import open_file_password, seal_file_password
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class PasswordState:
    """What came of keeping or forgetting a password; `set_at` is epoch ms, None: none is kept."""

    supplier: str
    status: Outcome
    set_at: int | None


def set_password(
    session: Session, *, run: Run, vault: Vault, supplier: str, password: Secret
) -> PasswordState:
    """Keep the password of a supplier's files, in place of the one before.

    Raises `NotFound`.
    """
    owner = lock_supplier(session, supplier)
    before = _row(session, owner)
    if before is not None and _is_kept(vault, before, supplier, password):
        return PasswordState(supplier, Outcome.UNCHANGED, before.set_at)
    _remove(session, owner)
    sealed = seal_file_password(vault, password, supplier_id=owner)
    session.add(SupplierPassword(supplier_id=owner, sealed=sealed, set_at=run.at))
    run.record(session, "supplier.password.set", {"supplier": supplier})
    outcome = Outcome.NEW if before is None else Outcome.UPDATED
    return PasswordState(supplier, outcome, run.at)


def remove_password(session: Session, *, run: Run, supplier: str) -> PasswordState:
    """Forget the password of a supplier's files; raises `NotFound`."""
    owner = lock_supplier(session, supplier)
    if _row(session, owner) is None:
        return PasswordState(supplier, Outcome.UNCHANGED, None)
    _remove(session, owner)
    run.record(session, "supplier.password.remove", {"supplier": supplier})
    return PasswordState(supplier, Outcome.UPDATED, None)


def find_password(
    session: Session, *, vault: Vault, supplier_id: int, supplier: str
) -> Secret | None:
    """The password that is kept for a supplier's files; raises `FilePasswordTampered`."""
    row = _row(session, supplier_id)
    if row is None:
        return None
    return open_file_password(vault, row.sealed, supplier_id=supplier_id, supplier=supplier)


def _row(session: Session, supplier_id: int) -> Any:
    query = select(supplier_passwords).where(supplier_passwords.c.supplier_id == supplier_id)
    return session.execute(query).first()


def _remove(session: Session, supplier_id: int) -> None:
    session.execute(
        delete(supplier_passwords).where(supplier_passwords.c.supplier_id == supplier_id)
    )


def _is_kept(vault: Vault, row: Any, supplier: str, password: Secret) -> bool:
    try:
        kept = open_file_password(vault, row.sealed, supplier_id=row.supplier_id, supplier=supplier)
    except FilePasswordTampered:
        # It is replaced, as by whoever reads the hint of that error.
        return False
    return kept == password
