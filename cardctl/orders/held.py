"""Orders that are about to change: found by their names, and locked."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.errors import NotFound
from cardctl.identifiers import order_bucket
from cardctl.orders.queries import OrderKey
from cardctl.schema.catalog import channels
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many

Name = tuple[str, str]
"""Channel code and external number of an order."""


class HeldOrder(NamedTuple):
    """An order that nobody else changes until the transaction ends; money in fen."""

    bucket: int
    id: int
    channel_id: int
    number: str
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
    """Lock the order of that channel and number; raises `NotFound`."""
    name = channel, number
    held, missing = hold_orders(session, [name])
    if missing:
        raise missing[name]
    return held[name]


def hold_orders(
    session: Session, names: Iterable[Name]
) -> tuple[dict[Name, HeldOrder], dict[Name, NotFound]]:
    """Lock some orders in the order of their keys; and what is to be said of those not there.

    Everybody locks an order before its deliveries and cards: whoever comes second sees what the
    first one did.
    """
    rows: Iterable[Any] = session.execute(select(channels.c.code, channels.c.id))
    codes = {row.code: row.id for row in rows}
    wanted: dict[tuple[int, int, str], Name] = {}
    missing: dict[Name, NotFound] = {}
    for channel, number in names:
        if channel in codes:
            wanted[order_bucket(channel, number), codes[channel], number] = channel, number
        else:
            missing[channel, number] = NotFound(noun="channel", name=channel)
    held = select_many(
        session,
        orders,
        columns=HeldOrder._fields,
        key=("bucket", "channel_id", "number"),
        rows=sorted(wanted),
        lock_order=OrderKey._fields,
    )
    found = {(row.bucket, row.channel_id, row.number): row for row in map(HeldOrder._make, held)}
    for key, (channel, number) in wanted.items():
        if key not in found:
            missing[channel, number] = NotFound(noun="order", name=f"{channel}:{number}")
    return {name: found[key] for key, name in wanted.items() if key in found}, missing
