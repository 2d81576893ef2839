"""Tell the passwords of mailed workbooks, and keep for good who asked and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.queries import find_orders
from cardctl.vault.delivery_password import delivery_password
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret


@dataclass(frozen=True, slots=True)
class OrderPassword:
    """What opens the workbook that was mailed of an order."""

    order: str
    password: Secret


def passwords_of(
    session: Session,
    *,
    run: Run,
    vault: Vault,
    names: Sequence[tuple[str, str]],
    reason: str,
) -> list[OrderPassword]:
    """The passwords of orders, by (channel, number); nothing may be shown before the commit.

    Raises `NotFound` and `NeedsFullKey`.
    """
    found = find_orders(session, names=names)
    told = [OrderPassword(name, delivery_password(vault, order=name)) for name, _ in found]
    run.record(
        session, "delivery.password", {"orders": [one.order for one in told], "reason": reason}
    )
    return told
