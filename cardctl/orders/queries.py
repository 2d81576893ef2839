"""Look at orders: many of them in a line each, or one with all that hangs on it. Needs no key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, select, tuple_
from sqlmodel import Session

from cardctl.audit.verify import run_name
from cardctl.deliveries.queries import ShownDelivery, deliveries_of_order
from cardctl.errors import NotFound
from cardctl.identifiers import card_code, order_bucket
from cardctl.ledger.journal import Entry, entries
from cardctl.schema.audit import audit_records
from cardctl.schema.cards import cards
from cardctl.schema.catalog import accounts, channels, products
from cardctl.schema.orders import order_events, order_lines, orders, refunds, replacements
from cardctl.storage.dialects import select_many

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order in a line; money in fen, times in epoch ms."""

    order: str
    channel: str
    number: str
    status: str
    paid_fen: int
    paid_at: int | None
    agent: str | None
    qty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders to list; None is no condition. `since` (epoch ms) is when it was recorded."""

    status: str | None = None
    channel: str | None = None
    buyer: str | None = None
    phone: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of an order, numbered from 1."""

    line: int
    sku: str
    name: str
    qty: int
    issued_qty: int
    paid_fen: int
    refunded_fen: int
    bundle: str | None
    """The SKU of the bundle that it is a part of."""


@dataclass(frozen=True, slots=True)
class ShownRefund:
    """Money that went back, and how many cards went back into stock with it."""

    refund_no: str
    kind: str
    amount_fen: int
    restocked: int
    reason: str
    happened_at: int


@dataclass(frozen=True, slots=True)
class ShownReplacement:
    """A card, the one that was given for it, and what that cost (fen; None: not known)."""

    card: str
    replacement: str
    cost_fen: int | None
    reason: str
    happened_at: int


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card of an order, masked; `line` is the number of its line."""

    id: str
    line: int
    masked: str
    status: str
    expires_on: int


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """What happened to an order, and the audited run that did it."""

    kind: str
    happened_at: int
    run: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetails:
    """One order with all that hangs on it; money in fen, times in epoch ms."""

    order: str
    channel: str
    number: str
    status: str
    paid_fen: int
    paid_at: int | None
    recorded_at: int
    account: str | None
    agent: str | None
    buyer: str | None
    phone: str | None
    email: str | None
    ip: str | None
    device: str | None
    region: str | None
    note: str | None
    qty: int
    refunded_fen: int
    topup_account: str | None
    reserved_until_at: int | None
    lines: list[ShownLine]
    cards: list[ShownCard]
    deliveries: list[ShownDelivery]
    refunds: list[ShownRefund]
    replacements: list[ShownReplacement]
    journal: list[Entry]
    events: list[ShownEvent]


class OrderKey(NamedTuple):
    """Where an order lives."""

    bucket: int
    id: int


def find_order(session: Session, *, channel: str, number: str) -> OrderKey:
    """Where the order of that channel and number lives. Raises `NotFound`."""
    channel_id = session.execute(
        select(channels.c.id).where(channels.c.code == channel)
    ).scalar_one_or_none()
    if channel_id is None:
        raise NotFound(noun="channel", name=channel)
    bucket = order_bucket(channel, number)
    order_id = session.execute(
        select(orders.c.id).where(
            orders.c.bucket == bucket,
            orders.c.channel_id == channel_id,
            orders.c.number == number,
        )
    ).scalar_one_or_none()
    if order_id is None:
        raise NotFound(noun="order", name=f"{channel}:{number}")
    return OrderKey(bucket, order_id)


def list_orders(session: Session, *, wanted: OrderFilter) -> Iterator[OrderSummary]:
    """Orders in the order they were recorded, page by page. Raises `NotFound` for the channel."""
    query = _select_summaries(session, wanted)
    order = orders.c
    place = tuple_(order.recorded_at, order.bucket, order.id)
    page = session.execute(query).all()
    while page:
        yield from _summaries(session, page)
        last = page[-1]
        after = place > (last.recorded_at, last.bucket, last.id)
        page = session.execute(query.where(after)).all()


def show_order(session: Session, *, channel: str, number: str) -> OrderDetails:
    """One order. Raises `NotFound`."""
    key = find_order(session, channel=channel, number=number)
    row = session.execute(
        select(orders, accounts.c.code.label("account"))
        .outerjoin(accounts, accounts.c.id == orders.c.account_id)
        .where(orders.c.bucket == key.bucket, orders.c.id == key.id)
    ).one()
    lines = _lines(session, key)
    return OrderDetails(
        order=f"{channel}:{number}",
        channel=channel,
        number=number,
        status=row.status,
        paid_fen=row.paid_fen,
        paid_at=row.paid_at,
        recorded_at=row.recorded_at,
        account=row.account,
        agent=row.agent,
        buyer=row.buyer,
        phone=row.phone,
        email=row.email,
        ip=row.ip,
        device=row.device,
        region=row.region,
        note=row.note,
        qty=sum(line.qty for line in lines),
        lines=lines,
        refunded_fen=row.refunded_fen,
        topup_account=row.topup_account,
        reserved_until_at=row.reserved_until,
        cards=[shown_card(card) for card in session.execute(select_cards(key))],
        deliveries=deliveries_of_order(session, key=key),
        refunds=_refunds(session, key),
        replacements=_replacements(session, key),
        journal=list(entries(session, of_order=key)),
        events=_events(session, key),
    )


def select_cards(key: OrderKey) -> Select[Any]:
    """The cards of an order, line by line, with the position of their line."""
    return (
        select(cards, order_lines.c.position)
        .join(
            order_lines,
            (order_lines.c.bucket == cards.c.order_bucket)
            & (order_lines.c.id == cards.c.order_line_id),
        )
        .where(cards.c.order_bucket == key.bucket, cards.c.order_id == key.id)
        .order_by(order_lines.c.position, cards.c.bucket, cards.c.id)
    )


def shown_card(row: Any) -> ShownCard:
    """A row of `select_cards` without anything secret."""
    return ShownCard(
        id=card_code(row.bucket, row.id),
        line=row.position + 1,
        masked=row.masked,
        status=row.status,
        expires_on=row.expires_at,
    )


def _select_summaries(session: Session, wanted: OrderFilter) -> Select[Any]:
    order = orders.c
    query = (
        select(
            *(order.recorded_at, order.bucket, order.id, order.number, order.status),
            *(order.paid_fen, order.paid_at, order.agent, channels.c.code.label("channel")),
        )
        .join(channels, channels.c.id == order.channel_id)
        .order_by(order.recorded_at, order.bucket, order.id)
        .limit(_PAGE)
    )
    if wanted.channel is not None:
        known = select(channels.c.id).where(channels.c.code == wanted.channel)
        if session.execute(known).first() is None:
            raise NotFound(noun="channel", name=wanted.channel)
        query = query.where(channels.c.code == wanted.channel)
    for name in ("status", "buyer", "phone"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(order[name] == value)
    if wanted.since is not None:
        query = query.where(order.recorded_at >= wanted.since)
    return query


def _summaries(session: Session, page: Sequence[Any]) -> Iterator[OrderSummary]:
    """The orders of a page, with how many cards each is for."""
    rows = select_many(
        session,
        order_lines,
        columns=("bucket", "order_id", "qty"),
        key=("bucket", "order_id"),
        rows=[(row.bucket, row.id) for row in page],
    )
    qty: dict[tuple[int, int], int] = {}
    for bucket, order_id, count in rows:
        qty[bucket, order_id] = qty.get((bucket, order_id), 0) + count
    for row in page:
        yield OrderSummary(
            order=f"{row.channel}:{row.number}",
            channel=row.channel,
            number=row.number,
            status=row.status,
            paid_fen=row.paid_fen,
            paid_at=row.paid_at,
            agent=row.agent,
            qty=qty[row.bucket, row.id],
        )


def _lines(session: Session, key: OrderKey) -> list[ShownLine]:
    line, bundle = order_lines.c, products.alias("bundle")
    query = (
        select(
            *(line.position, products.c.sku, products.c.name),
            *(line.qty, line.issued_qty, line.paid_fen, line.refunded_fen, bundle.c.sku),
        )
        .join(products, products.c.id == line.product_id)
        .outerjoin(bundle, bundle.c.id == line.bundle_id)
        .where(line.bucket == key.bucket, line.order_id == key.id)
        .order_by(line.position)
    )
    return [ShownLine(row.position + 1, *row[1:]) for row in session.execute(query)]


def _refunds(session: Session, key: OrderKey) -> list[ShownRefund]:
    one = refunds.c
    query = (
        select(one.refund_no, one.kind, one.amount_fen, one.restocked, one.reason, one.at)
        .where(one.bucket == key.bucket, one.order_id == key.id)
        .order_by(one.at, one.id)
    )
    return [ShownRefund(*row) for row in session.execute(query)]


def _replacements(session: Session, key: OrderKey) -> list[ShownReplacement]:
    one = replacements.c
    query = (
        select(
            *(one.old_card_bucket, one.old_card_id, one.new_card_bucket, one.new_card_id),
            *(one.cost_fen, one.reason, one.at),
        )
        .where(one.bucket == key.bucket, one.order_id == key.id)
        .order_by(one.at, one.id)
    )
    return [
        ShownReplacement(card_code(*row[:2]), card_code(*row[2:4]), *row[4:])
        for row in session.execute(query)
    ]


def _events(session: Session, key: OrderKey) -> list[ShownEvent]:
    event, record = order_events.c, audit_records.c
    query = (
        select(event.kind, event.at, event.run_id, event.detail, record.payload)
        .outerjoin(audit_records, (record.run_id == event.run_id) & (record.seq == 0))
        .where(event.bucket == key.bucket, event.order_id == key.id)
        .order_by(event.at, event.id)
    )
    return [
        ShownEvent(
            row.kind, row.at, run_name(row.run_id, row.payload or ""), json.loads(row.detail)
        )
        for row in session.execute(query)
    ]
