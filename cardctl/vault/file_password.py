"""Seal the password of a supplier's files; a password of another supplier's row does not open."""

from cardctl.vault.failures import FilePasswordTampered
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vault.shared_secret import open_shared, seal_shared

_PURPOSE = "file password"


def seal_file_password(vault: Vault, password: Secret, *, supplier_id: int) -> bytes:
    """The record of a supplier's file password."""
    return seal_shared(vault, password, purpose=_PURPOSE, owner=(supplier_id,))


def open_file_password(vault: Vault, sealed: bytes, *, supplier_id: int, supplier: str) -> Secret:
    """The password that was sealed; raises `FilePasswordTampered`, which names the supplier."""
    password = open_shared(vault, sealed, purpose=_PURPOSE, owner=(supplier_id,))
    if password is None:
        raise FilePasswordTampered(supplier=supplier)
    return password
