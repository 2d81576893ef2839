"""What needs a person today: orders that wait, stock that runs out or out of date, broken runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, select, text
from sqlmodel import Session

from cardctl.audit.record import END
from cardctl.clock import DAY_MS
from cardctl.schema.audit import audit_records
from cardctl.schema.cards import cards
from cardctl.schema.catalog import products
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_conflicts, orders
from cardctl.stock.freeze import list_freezes
from cardctl.vocabulary import (
    ISSUABLE,
    ON_HAND,
    CardStatus,
    ConflictState,
    DeliveryStatus,
    DeliveryVia,
    OrderStatus,
)

SOON_DAYS = 30
"""A card that expires within so many days is told of."""

_RUNS_SHOWN = 5
_RUNS_LOOKED_AT = 50
_LEAVING = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
_WAITING = DeliveryStatus.WAITING
_STOPPED = (_WAITING, DeliveryStatus.DEAD)
"""Each of them has a partial index, which is taken where the words are literals."""
_UNFINISHED_AFTER_MS = 600_000
"""A run without its end is broken off when it is older than this; else it may be at work."""


class AlertKind(StrEnum):
    """Why a person is needed."""

    SHORT = "orders-short"
    HELD = "orders-held"
    CONFLICT = "orders-in-conflict"
    DEAD = "deliveries-dead"
    TO_SHIP = "lines-to-ship"
    TO_HAND_OVER = "orders-to-hand-over"
    FROZEN = "stock-frozen"
    LOW_STOCK = "low-stock"
    EXPIRED = "expired-on-hand"
    EXPIRING = "expiring-soon"
    COST_MISSING = "cost-missing"
    UNFINISHED = "run-unfinished"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to see to: how much of it, and the command that deals with it."""

    kind: AlertKind
    about: str
    count: int
    command: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A command run that changed something."""

    run: str
    verb: str
    at: int
    operator: str | None
    finished: bool


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """How many orders wait for cards, how many of them are short, and how many are held."""

    waiting: int
    short: int
    held: int


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How many deliveries are in the outbox, wait for an answer or a note, and were given up."""

    pending: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the house."""

    alerts: tuple[Alert, ...]
    orders: OrderCounts
    deliveries: DeliveryCounts
    last_runs: tuple[RunView, ...]


def look_around(session: Session, *, now: int) -> Status:
    """Everything that waits for somebody; needs no key."""
    counts = _order_counts(session)
    waiting = sum(counts.get(status, 0) for status in ISSUABLE)
    short, held = counts.get(OrderStatus.SHORT, 0), counts.get(OrderStatus.HELD, 0)
    sent = _delivery_counts(session)
    pending = sum(count for (_, status), count in sent.items() if status in _LEAVING)
    unanswered = sum(count for (_, status), count in sent.items() if status == _WAITING)
    dead = sum(count for (_, status), count in sent.items() if status == DeliveryStatus.DEAD)
    runs = _last_runs(session)
    return Status(
        alerts=(
            *_order_alerts(short, held, _open_conflicts(session)),
            *_delivery_alerts(dead, sent),
            *_frozen_stock(session),
            *_stock_alerts(session, now),
            *_broken_runs(runs, now),
        ),
        orders=OrderCounts(waiting, short, held),
        deliveries=DeliveryCounts(pending, unanswered, dead),
        last_runs=runs[:_RUNS_SHOWN],
    )


def _order_counts(session: Session) -> dict[str, int]:
    query = select(orders.c.status, func.count()).group_by(orders.c.status)
    return {str(status): int(count) for status, count in session.execute(query)}


def _delivery_counts(session: Session) -> dict[tuple[str, str], int]:
    """How many deliveries there are by way and status, of those that are not over."""
    delivery = deliveries.c
    counts: dict[tuple[str, str], int] = {}
    for states in (_LEAVING, _STOPPED):
        query = (
            select(delivery.via, delivery.status, func.count())
            .where(text(f"status IN ({', '.join(repr(str(state)) for state in states)})"))
            .group_by(delivery.via, delivery.status)
        )
        counts |= {(via, state): int(count) for via, state, count in session.execute(query)}
    return counts


def _delivery_alerts(dead: int, sent: dict[tuple[str, str], int]) -> Iterator[Alert]:
    """What was given up, and what waits for a person: goods, and what a chat group was told of."""
    if dead:
        command = "cardctl delivery list --status dead"
        yield Alert(AlertKind.DEAD, "", dead, command)
    for kind, via in (
        (AlertKind.TO_SHIP, DeliveryVia.SHIPMENT),
        (AlertKind.TO_HAND_OVER, DeliveryVia.WEBHOOK),
    ):
        if count := sent.get((via, _WAITING)):
            yield Alert(kind, "", count, f"cardctl delivery list --via {via} --status waiting")


def _open_conflicts(session: Session) -> int:
    """How many orders are told otherwise by a file, which nobody has decided yet."""
    conflict = order_conflicts.c
    # A literal, as in the partial index.
    is_open = text(f"state = '{ConflictState.OPEN}'")
    query = select(func.count()).select_from(
        select(conflict.bucket, conflict.order_id).distinct().where(is_open).subquery()
    )
    return int(session.execute(query).scalar_one())


def _order_alerts(short: int, held: int, in_conflict: int) -> Iterator[Alert]:
    if short:
        yield Alert(AlertKind.SHORT, "", short, "cardctl order list --status short")
    if held:
        yield Alert(AlertKind.HELD, "", held, "cardctl order list --status held")
    if in_conflict:
        yield Alert(AlertKind.CONFLICT, "", in_conflict, "cardctl order conflict list")


def _frozen_stock(session: Session) -> Iterator[Alert]:
    for sku in list_freezes(session):
        command = f"cardctl stock unfreeze --product {sku}" if sku else "cardctl stock unfreeze"
        yield Alert(AlertKind.FROZEN, sku or "", 1, command)


def _stock_alerts(session: Session, now: int) -> Iterator[Alert]:
    yield from _low_stock(session, now)
    card = cards.c
    available = card.status == CardStatus.AVAILABLE
    soon = card.expires_at.between(now, now + SOON_DAYS * DAY_MS)
    for kind, condition, command in (
        (AlertKind.EXPIRED, available & (card.expires_at < now), "cardctl stock expire"),
        (AlertKind.EXPIRING, available & soon, "cardctl stock levels --product {sku}"),
        (
            AlertKind.COST_MISSING,
            card.status.in_(ON_HAND) & card.cost_fen.is_(None),
            "cardctl batch list",
        ),
    ):
        for sku, count in _cards_by_product(session, condition):
            yield Alert(kind, sku, count, command.format(sku=sku))


def _low_stock(session: Session, now: int) -> Iterator[Alert]:
    """Products with a safety stock and no more saleable cards than that."""
    card, product = cards.c, products.c
    # A small integer times a day would be reckoned in 32 bits.
    least_ms = cast(product.min_validity_days, BigInteger) * DAY_MS
    saleable = (
        (card.product_id == product.id)
        & (card.status == CardStatus.AVAILABLE)
        & (card.expires_at - least_ms >= now)
    )
    count = func.count(card.id)
    query = (
        select(product.sku, count)
        .select_from(products.outerjoin(cards, saleable))
        .where(product.safety_stock > 0)
        .group_by(product.sku, product.safety_stock)
        .having(count <= product.safety_stock)
        .order_by(product.sku)
    )
    for sku, left in session.execute(query):
        yield Alert(AlertKind.LOW_STOCK, sku, left, f"cardctl stock levels --product {sku}")


def _cards_by_product(session: Session, condition: ColumnElement[bool]) -> list[tuple[str, int]]:
    query = (
        select(products.c.sku, func.count())
        .join_from(cards, products, products.c.id == cards.c.product_id)
        .where(condition)
        .group_by(products.c.sku)
        .order_by(products.c.sku)
    )
    return [(str(sku), int(count)) for sku, count in session.execute(query)]


def _last_runs(session: Session) -> tuple[RunView, ...]:
    """The latest runs, the newest first."""
    record = audit_records.c
    begins = session.execute(
        select(record.run_id, record.at, record.payload)
        .where(record.seq == 0)
        .order_by(record.at.desc(), record.run_id.desc())
        .limit(_RUNS_LOOKED_AT)
    ).all()
    ended = session.execute(
        select(record.run_id).where(
            record.run_id.in_([run_id for run_id, _, _ in begins]), record.verb == END
        )
    ).scalars()
    finished = set(ended)
    return tuple(_run_view(at, payload, run_id in finished) for run_id, at, payload in begins)


def _run_view(at: int, payload: str, finished: bool) -> RunView:  # noqa: FBT001 -- a fact of it
    """A run as its first record tells it; `audit verify` says whether that is to be believed."""
    try:
        data: dict[str, Any] = json.loads(payload)["data"]
        return RunView(data["code"], data["verb"], at, data["actor"]["operator"], finished)
    except (ValueError, LookupError, TypeError):
        return RunView("", "", at, None, finished)


def _broken_runs(runs: tuple[RunView, ...], now: int) -> Iterator[Alert]:
    for view in runs:
        if not view.finished and view.at < now - _UNFINISHED_AFTER_MS:
            yield Alert(AlertKind.UNFINISHED, f"{view.verb} {view.run}", 1, "cardctl audit verify")
