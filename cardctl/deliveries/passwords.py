"""Tell the passwords of mailed workbooks, and keep for good who asked and why.

A password is derived for any order, so an order that was never mailed is refused: what is told of
it would open nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.outbox import OrderKey
from cardctl.deliveries.queries import find_orders
from cardctl.errors import StateForbids
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many
from cardctl.vault.delivery_password import delivery_password
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vocabulary import DeliveryVia


class NeverMailed(StateForbids):
    """No workbook of the order was mailed that a password could open."""

    code = "never-mailed"
    message = "order {order} was never mailed: there is no workbook that a password opens"
    hint = "cardctl delivery send {order} --via email"


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

    Raises `NotFound`, `NeverMailed` and `NeedsFullKey`.
    """
    found = find_orders(session, names=names)
    mailed = _mailed(session, [key for _, key in found])
    for name, key in found:
        if key not in mailed:
            raise NeverMailed(order=name)
    told = [OrderPassword(name, delivery_password(vault, order=name)) for name, _ in found]
    run.record(
        session, "delivery.password", {"orders": [one.order for one in told], "reason": reason}
    )
    return told


def _mailed(session: Session, orders: Sequence[OrderKey]) -> set[OrderKey]:
    """Those of some orders that a mail was tried of: who knows whether it arrived."""
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "order_id", "via", "asked_at"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    return {row[:2] for row in rows if row[2] == DeliveryVia.EMAIL and row[3] is not None}
