"""Report on a plan: a row a recipient, masked, or with its cards in clear for who says why."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table, func, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.disputes import disputed_orders
from cardctl.deliveries.outbox import HANDED, OPEN
from cardctl.distribution.progress import PlanRow, state_of, with_orders
from cardctl.errors import VaultError
from cardctl.orders.given import CardRow, GivenCard, Reveal, masked_card, read_cards, reveal_cards
from cardctl.orders.queries import OrderKey
from cardctl.orders.waiting import named_orders
from cardctl.schema.cards import cards
from cardctl.schema.catalog import products
from cardctl.schema.deliveries import deliveries
from cardctl.schema.distribution import plan_recipients
from cardctl.schema.orders import order_events, orders
from cardctl.storage.dialects import select_many
from cardctl.storage.store import Store
from cardctl.vocabulary import (
    DeliveryStatus,
    OrderEventKind,
    OrderStatus,
    PassedOver,
    RecipientState,
)

CHUNK = 2_000
"""Recipients that are read, and whose cards are in clear, at a time."""

_STOPPED = (OrderEventKind.HELD, OrderEventKind.BLOCKED)
_WITH_CARDS = (OrderStatus.ISSUED, OrderStatus.DELIVERED, OrderStatus.PARTLY_REFUNDED)
"""The states in which an order has all of its cards."""


class ReportRow(NamedTuple):
    """A recipient and what became of them; times in epoch ms."""

    recipient: str
    name: str | None
    email: str | None
    phone: str | None
    sku: str
    qty: int
    order: str | None
    state: str
    masked: tuple[str, ...]
    """Their cards; one that was replaced is theirs no more."""
    assigned_at: int | None
    delivered_at: int | None
    """When the last of these had arrived."""
    failure: str | None
    """Why they were not given or sent their cards, as far as something is known."""
    note: str | None
    cards: Sequence[GivenCard]
    """In clear only if that was asked for."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A recipient as stored, and the order that was made of it."""

    row: Any
    key: OrderKey | None
    name: str


def report_rows(
    store: Store,
    *,
    plan: PlanRow,
    run: Run | None = None,
    reveal: Reveal | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[ReportRow]:
    """The recipients of a plan in the order of its table, read some thousand at a time.

    With `reveal` the cards are opened by `run`, which is committed with its events and its audit
    record before a row is given out. Raises `NeedsFullKey`.
    """
    place = 0
    while True:
        if reveal is None or run is None:
            with store.reading() as session:
                found = _read(session, plan, place)
                rows = _rows(session, found, _masked(session, found))
        else:
            with run.transaction(store, final=False) as session:
                found = _read(session, plan, place)
                rows = _rows(session, found, _revealed(session, run, reveal, found))
        if not found:
            break
        yield from rows
        advance(len(rows))
        place = found[-1].row.place
    if run is not None:
        run.finish(store)


def most_cards(session: Session, *, plan: PlanRow) -> int:
    """How many cards the recipient has who has most."""
    counted = (
        select(func.count().label("cards"))
        .select_from(with_orders(plan))
        .join(cards, (cards.c.order_bucket == orders.c.bucket) & (cards.c.order_id == orders.c.id))
        .where(plan_recipients.c.plan_id == plan.id, cards.c.status.in_(HANDED))
        .group_by(orders.c.bucket, orders.c.id)
        .subquery()
    )
    return session.execute(select(func.max(counted.c.cards))).scalar_one() or 0


def _read(session: Session, plan: PlanRow, place: int) -> list[_Found]:
    recipient, order = plan_recipients.c, orders.c
    query = (
        select(
            plan_recipients,
            products.c.sku,
            order.id.label("order_id"),
            order.status,
            order.delivered_at,
        )
        .select_from(with_orders(plan).join(products, products.c.id == recipient.product_id))
        .where(recipient.plan_id == plan.id, recipient.place > place)
        .order_by(recipient.place)
        .limit(CHUNK)
    )
    return [
        _Found(
            row,
            None if row.order_id is None else OrderKey(row.bucket, row.order_id),
            f"{plan.channel}:{row.order_number}",
        )
        for row in session.execute(query)
    ]


def _keys(found: Sequence[_Found]) -> list[OrderKey]:
    return [one.key for one in found if one.key is not None]


_Cards = Mapping[OrderKey, Sequence[GivenCard] | VaultError | PassedOver]
"""The cards of orders, or why none of an order's are shown."""


def _masked(session: Session, found: Sequence[_Found]) -> _Cards:
    given = _current_cards(session, _keys(found))
    return {key: [masked_card(row) for row in rows] for key, rows in given.items()}


def _current_cards(session: Session, keys: Sequence[OrderKey]) -> dict[OrderKey, list[CardRow]]:
    given = read_cards(session, keys=keys)
    return {key: [row for row in rows if row.status in HANDED] for key, rows in given.items()}


def _revealed(session: Session, run: Run, reveal: Reveal, found: Sequence[_Found]) -> _Cards:
    """Open the cards of those who have theirs; their orders are held: none is sold again.

    Who asks for a whole plan does not know which of its orders are in dispute: theirs stay closed.
    """
    held = named_orders(session, keys=_keys(found), locking=True)
    theirs = [OrderKey(one.bucket, one.id) for one in held if one.status in _WITH_CARDS]
    disputed = disputed_orders(session, theirs)
    names = {one.key: one.name for one in found if one.key is not None}
    given = _current_cards(session, [key for key in theirs if key not in disputed])
    opened = reveal_cards(session, run=run, reveal=reveal, names=names, given=given)
    return {**opened, **{OrderKey(*key): PassedOver.CONFLICT for key in disputed}}


def _rows(session: Session, found: Sequence[_Found], given: _Cards) -> list[ReportRow]:
    keys = _keys(found)
    sent = _by_order(session, deliveries, _Sent._fields, keys)
    told = _by_order(session, order_events, _Told._fields, keys)
    return [
        _row(
            one,
            given.get(one.key, ()) if one.key else (),
            [_Sent(*row) for row in sent.get(one.key, ()) if row[2] is None],
            [_Told(*row) for row in told.get(one.key, ())],
        )
        for one in found
    ]


def _by_order(
    session: Session, table: Table, columns: Sequence[str], keys: Sequence[OrderKey]
) -> dict[OrderKey | None, list[tuple[Any, ...]]]:
    found: dict[OrderKey | None, list[tuple[Any, ...]]] = {}
    rows = select_many(session, table, columns=columns, key=("bucket", "order_id"), rows=keys)
    for row in rows:
        found.setdefault(OrderKey(row[0], row[1]), []).append(row)
    return found


class _Sent(NamedTuple):
    """A delivery of the cards of an order."""

    bucket: int
    order_id: int
    order_line_id: int | None
    status: str
    created_at: int
    last_error: str | None


class _Told(NamedTuple):
    """An event of an order."""

    bucket: int
    order_id: int
    kind: str
    at: int
    detail: str


def _row(
    found: _Found,
    given: Sequence[GivenCard] | VaultError | PassedOver,
    sent: Sequence[_Sent],
    told: Sequence[_Told],
) -> ReportRow:
    stored, statuses = found.row, {one.status for one in sent}
    state = state_of(
        stored.status,
        dropped=stored.cancelled_at is not None,
        delivered=stored.delivered_at is not None,
        dead=DeliveryStatus.DEAD in statuses,
    )
    opened: Sequence[GivenCard] = ()
    failure: str | None = str(given)
    if not isinstance(given, (VaultError, PassedOver)):
        opened, failure = given, _failure(state, sent, told)
    return ReportRow(
        recipient=stored.recipient,
        name=stored.name,
        email=stored.email,
        phone=stored.phone,
        sku=stored.sku,
        qty=stored.qty,
        order=found.name if found.key else None,
        state=state.value,
        masked=tuple(card.masked for card in opened),
        assigned_at=max(
            (one.at for one in told if one.kind == OrderEventKind.ISSUED), default=None
        ),
        delivered_at=stored.delivered_at,
        failure=failure,
        note=stored.note,
        cards=opened,
    )


def _failure(state: RecipientState, sent: Sequence[_Sent], told: Sequence[_Told]) -> str | None:
    """Why a delivery has not arrived, or why the order is held."""
    if state is RecipientState.HELD:
        stops = [one for one in told if one.kind in _STOPPED]
        last = max(stops, key=lambda one: one.at, default=None)
        return None if last is None else json.loads(last.detail).get("reason")
    if state in (RecipientState.ASSIGNED, RecipientState.FAILED):
        failed = [one for one in sent if one.last_error and one.status in OPEN]
        return max(failed, key=lambda one: one.created_at).last_error if failed else None
    return None
