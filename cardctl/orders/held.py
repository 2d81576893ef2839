"""An order that is about to change: found by its name, and locked."""

import json
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.orders.queries import OrderKey, find_order
from cardctl.schema.orders import order_events, orders
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import OrderEventKind, OrderStatus


class HeldOrder(NamedTuple):
    """An order that nobody else changes until the transaction ends; money in fen."""

    bucket: int
    id: int
    channel_id: int
    account_id: int | None
    status: str
    paid_fen: int
    refunded_fen: int
    reserved_until: int | None
    region: str | None
    phone: str | None
    email: str | None
    topup_account: str | None

    @property
    def key(self) -> OrderKey:
        """Where it lives."""
        return OrderKey(self.bucket, self.id)

    @property
    def left_fen(self) -> int:
        """What was paid and not paid back."""
        return self.paid_fen - self.refunded_fen


def hold_order(session: Session, *, channel: str, number: str) -> HeldOrder:
    """Lock the order of that channel and number; raises `NotFound`.

    Everybody locks an order before its deliveries and cards: whoever comes second sees what the
    first one did.
    """
    key = find_order(session, channel=channel, number=number)
    (row,) = select_many(
        session,
        orders,
        columns=HeldOrder._fields,
        key=OrderKey._fields,
        rows=[key],
        lock_order=OrderKey._fields,
    )
    return HeldOrder(*row)


def was_never_paid(session: Session, order: HeldOrder) -> bool:
    """Whether a cancelled order had not been paid when it was cancelled."""
    event = order_events.c
    query = select(event.detail).where(
        event.bucket == order.bucket,
        event.order_id == order.id,
        event.kind == OrderEventKind.CANCELLED.value,
    )
    told = session.execute(query).scalars().first()
    return told is not None and json.loads(told)["was"] == OrderStatus.UNPAID
