"""Look at deliveries, and find the orders they are of. Needs no key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from cardctl.deliveries.outbox import OrderKey
from cardctl.errors import NotFound
from cardctl.identifiers import card_code, order_bucket
from cardctl.schema.catalog import channels
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_lines, orders
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import DeliveryStatus

_PAGE = 2_000
"""Rows that are read at a time."""


def find_channel(session: Session, code: str) -> int:
    """The id of a channel of orders. Raises `NotFound`."""
    found = session.execute(
        select(channels.c.id).where(channels.c.code == code)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="channel", name=code)
    return int(found)


def find_orders(
    session: Session, *, names: Iterable[tuple[str, str]]
) -> list[tuple[str, OrderKey]]:
    """Orders by (channel code, number): name and place of each, once, in the order given.

    Raises `NotFound` for the first channel or order that is not there.
    """
    wanted = dict.fromkeys(names)
    found = known_orders(session, names=wanted)
    for channel, number in wanted:
        if (channel, number) not in found:
            find_channel(session, channel)
            raise NotFound(noun="order", name=f"{channel}:{number}")
    return [(f"{channel}:{number}", found[channel, number]) for channel, number in wanted]


def known_orders(
    session: Session, *, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], OrderKey]:
    """Those orders by (channel code, number) that are there."""
    codes = {row.code: row.id for row in session.execute(select(channels.c.id, channels.c.code))}
    wanted = {
        (order_bucket(channel, number), codes[channel], number): (channel, number)
        for channel, number in names
        if channel in codes
    }
    columns = ("bucket", "channel_id", "number", "id")
    rows = select_many(session, orders, columns=columns, key=columns[:3], rows=wanted)
    return {wanted[row[:3]]: (row[0], row[3]) for row in rows}


def names_of_orders(session: Session, *, keys: Iterable[OrderKey]) -> dict[OrderKey, str]:
    """How some orders (bucket, id) are named outside."""
    codes = {row.id: row.code for row in session.execute(select(channels.c.id, channels.c.code))}
    columns = ("bucket", "id", "channel_id", "number")
    rows = select_many(session, orders, columns=columns, key=columns[:2], rows=set(keys))
    return {(row[0], row[1]): f"{codes[row[2]]}:{row[3]}" for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to list; None is no condition, and no orders are all of them."""

    status: str | None = None
    via: str | None = None
    channel: str | None = None
    orders: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDelivery:
    """A delivery in a line; times in epoch ms."""

    delivery: str
    order: str
    line: int | None
    """The line that is topped up or shipped; None: the cards of the order."""
    via: str
    status: str
    attempts: int
    due_at: int | None
    """When it is tried next; while it is being sent, when its lease ends; else None."""
    last_error: str | None
    delivered_at: int | None
    reprint: int
    carrier: str | None
    reference: str | None
    idempotency_key: str
    created_at: int


def list_deliveries(session: Session, *, wanted: DeliveryFilter) -> list[ShownDelivery]:
    """Deliveries in the order they were recorded. Raises `NotFound` for a channel or an order."""
    query = _select_deliveries()
    if wanted.channel is not None:
        query = query.where(orders.c.channel_id == find_channel(session, wanted.channel))
    for name in ("status", "via"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(deliveries.c[name] == value)
    if not wanted.orders:
        return [_shown(row) for row in session.execute(query.execution_options(yield_per=_PAGE))]
    found: list[ShownDelivery] = []
    for _, (bucket, order_id) in find_orders(session, names=wanted.orders):
        of_order = (deliveries.c.bucket == bucket) & (deliveries.c.order_id == order_id)
        found += [_shown(row) for row in session.execute(query.where(of_order))]
    return found


def deliveries_of_order(session: Session, *, key: OrderKey) -> list[ShownDelivery]:
    """All deliveries of an order, the first one first."""
    of_order = (deliveries.c.bucket == key[0]) & (deliveries.c.order_id == key[1])
    return [_shown(row) for row in session.execute(_select_deliveries().where(of_order))]


def _select_deliveries() -> Select[Any]:
    delivery, line = deliveries.c, order_lines.c
    return (
        select(deliveries, orders.c.number, channels.c.code.label("channel"), line.position)
        .join(orders, (orders.c.bucket == delivery.bucket) & (orders.c.id == delivery.order_id))
        .join(channels, channels.c.id == orders.c.channel_id)
        .outerjoin(
            order_lines,
            (line.bucket == delivery.bucket) & (line.id == delivery.order_line_id),
        )
        .order_by(delivery.created_at, delivery.bucket, delivery.id)
    )


def _shown(row: Any) -> ShownDelivery:
    still = row.status in (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
    return ShownDelivery(
        delivery=card_code(row.bucket, row.id),
        order=f"{row.channel}:{row.number}",
        line=None if row.position is None else row.position + 1,
        via=row.via,
        status=row.status,
        attempts=row.attempts,
        due_at=row.due_at if still else None,
        last_error=row.last_error,
        delivered_at=row.delivered_at,
        reprint=row.reprint,
        carrier=row.carrier,
        reference=row.reference,
        idempotency_key=row.idempotency_key,
        created_at=row.created_at,
    )
