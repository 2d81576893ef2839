"""Put deliveries into the outbox: an order asked for twice is delivered once."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b, sha256
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, func, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.disputes import disputed_orders
from cardctl.identifiers import new_ids
from cardctl.schema.cards import cards
from cardctl.schema.deliveries import card_deliveries, deliveries
from cardctl.schema.orders import orders as order_table
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.vocabulary import CardStatus, DeliveryStatus, DeliveryVia, OrderStatus, PassedOver

OrderKey = tuple[int, int]
"""Bucket and id of an order."""

DELIVERABLE = (
    OrderStatus.PARTLY_ISSUED,
    OrderStatus.ISSUED,
    OrderStatus.DELIVERED,
    OrderStatus.PARTLY_REFUNDED,
)
"""The states in which an order's cards may leave the house."""

OPEN = (DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.WAITING, DeliveryStatus.DEAD)
"""A delivery that is not over: the order is not put into the outbox once more beside it."""

_ELSEWHERE = {
    DeliveryStatus.PENDING: PassedOver.OTHER_WAY,
    DeliveryStatus.SENDING: PassedOver.SENDING,
    DeliveryStatus.WAITING: PassedOver.TOLD,
    DeliveryStatus.DEAD: PassedOver.GIVEN_UP,
}
"""Why an order does not go one way, by the state of its delivery by another."""

_SENDING = DeliveryStatus.SENDING.value
_PENDING, _WAITING = DeliveryStatus.PENDING.value, DeliveryStatus.WAITING.value
_DEAD, _CANCELLED = DeliveryStatus.DEAD.value, DeliveryStatus.CANCELLED.value

HANDED = (CardStatus.ISSUED, CardStatus.REDEEMED)
"""What a delivery hands over of an order's cards."""

_COLUMNS = (
    *("bucket", "order_id", "order_line_id", "via", "status", "idempotency_key", "reprint"),
    *("due_at", "id", "attempts", "created_at", "run_id"),
)


class LineToDeliver(NamedTuple):
    """A line of an order without cards: it is topped up or shipped."""

    bucket: int
    order_id: int
    line_id: int
    via: DeliveryVia


class HeldOrder(NamedTuple):
    """What is known of an order that nobody else changes until the transaction ends."""

    status: str
    waiting_since: int
    channel_id: int
    email: str | None
    topup_account: str | None


Lacks = Callable[[HeldOrder], PassedOver | None]
"""What an order lacks of what a way to the buyer needs."""


class Enqueued(NamedTuple):
    """How many deliveries were added, and the orders that wait for a person or another way."""

    added: int
    left_out: dict[OrderKey, PassedOver]


class _Before(NamedTuple):
    """A delivery of an order's cards."""

    id: int
    via: str
    status: str
    reprint: int
    due_at: int


class OrderCard(NamedTuple):
    """A card of an order."""

    bucket: int
    id: int
    usable: bool
    """Whether a delivery may hand it over; what was voided or replaced is not."""
    taken_by: int | None
    """The delivery (id) of the order that took it last, which may have failed."""
    delivered: bool


def enqueue(
    session: Session,
    *,
    run: Run,
    orders: Sequence[OrderKey],
    via: DeliveryVia,
    reprint: bool = False,
    reason: str = "",
    lacks: Lacks = lambda _: None,
) -> Enqueued:
    """Put orders (bucket, id) with cards that were not delivered yet into the outbox.

    An order is passed over that may not be delivered, that has nothing new to deliver, or that has
    a delivery of its cards by this way which is not over. One whose cards were all replaced is
    over: the new ones leave by another one. Left out, and told, is an order that has a
    delivery by another way which is not over, also where it was given up: its cards may have
    arrived, and go by two ways only when somebody names the order (see `redirect`). So is one that
    `lacks` what the way needs, and one whose status a conflict is about. A `reprint` delivers once
    more what was delivered before, and says why. Up to some thousand orders at a time; they are
    locked.
    """
    states = hold_orders(session, orders)
    known = _card_deliveries_of(session, list(states))
    held = cards_of(session, list(states))
    disputed = disputed_orders(session, list(states))
    rows = []
    overtaken: list[tuple[int, int]] = []
    left_out: dict[OrderKey, PassedOver] = {}
    for key, order in states.items():
        before, given = known.get(key, []), held.get(key, ())
        wanted = any(card.usable and card.delivered == reprint for card in given)
        opened = [one for one in before if one.status in OPEN]
        over = [one for one in opened if _is_overtaken(one, given, at=run.at)]
        ways = {one.via: DeliveryStatus(one.status) for one in opened if one not in over}
        if order.status not in DELIVERABLE or not wanted or via in ways:
            continue
        elsewhere = next((_ELSEWHERE[status] for status in ways.values()), None)
        lacking = PassedOver.CONFLICT if key in disputed else elsewhere or lacks(order)
        if lacking is not None:
            left_out[key] = lacking
            continue
        count = 1 + max((one.reprint for one in before), default=0) if reprint else 0
        # The longest wait is served first, as in issuing.
        due_at = min(order.waiting_since, run.at)
        place = _idempotency_key(key, via, len(before))
        rows.append((*key, None, via.value, _PENDING, place, count, due_at))
        overtaken += [(key[0], one.id) for one in over]
    if not rows:
        return Enqueued(0, left_out)
    _insert(session, run, rows)
    _set(session, overtaken, status=_CANCELLED, last_error=None)
    told: dict[str, object] = {"via": via.value, "deliveries": len(rows)}
    told |= {"reason": reason} if reprint else {}
    told |= {"cancelled": len(overtaken)} if overtaken else {}
    digest = sha256("\n".join(sorted(row[5] for row in rows)).encode()).hexdigest()
    verb = "delivery.reprint" if reprint else "delivery.enqueue"
    run.record(session, verb, told | {"keys_sha256": digest})
    return Enqueued(len(rows), left_out)


def enqueue_lines(session: Session, *, run: Run, lines: Sequence[LineToDeliver]) -> None:
    """Put lines that are topped up or shipped into the outbox, in the transaction that issues them.

    A top-up is pending, a shipment waits for its note. The caller holds the orders, and calls once
    for a line; the issue is what the audit log keeps.
    """
    rows = [
        (
            *(line.bucket, line.order_id, line.line_id, line.via.value, _first_status(line.via)),
            *(_idempotency_key((line.bucket, line.line_id), line.via, 0), 0, run.at),
        )
        for line in lines
    ]
    _insert(session, run, rows)


def redirect(session: Session, *, run: Run, orders: Sequence[OrderKey], via: DeliveryVia) -> None:
    """Make room for the cards of orders to go by this way now, whatever way they were to go.

    A delivery of theirs by another way is taken back unless it is being sent at this moment, also
    one whose sender was killed, and one that waits for a person, as a chat group was told of it; a
    dead one by this way is tried anew. The orders are locked.
    """
    hold_orders(session, orders)
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "order_line_id", "via", "status", "due_at"),
        key=("bucket", "order_id"),
        rows=sorted(set(orders)),
    )
    stopped = [
        row
        for row in rows
        if row[2] is None
        and (row[4] in (_PENDING, _WAITING, _DEAD) or (row[4] == _SENDING and row[5] <= run.at))
    ]
    other = [(row[0], row[1]) for row in stopped if row[3] != via]
    dead = [(row[0], row[1]) for row in stopped if row[3] == via and row[4] == _DEAD]
    _set(session, other, status=_CANCELLED)
    _set(session, dead, status=_PENDING, attempts=0, due_at=run.at)
    if other or dead:
        counts = {"cancelled": len(other), "retried": len(dead)}
        run.record(session, "delivery.redirect", {"via": via.value, **counts})


def hold_orders(session: Session, orders: Iterable[OrderKey]) -> dict[OrderKey, HeldOrder]:
    """Lock orders in the order of their keys. Whoever changes a delivery holds its order."""
    rows = select_many(
        session,
        order_table,
        columns=("bucket", "id", *HeldOrder._fields),
        key=("bucket", "id"),
        rows=sorted(set(orders)),
        lock_order=("bucket", "id"),
    )
    return {(bucket, order_id): HeldOrder(*facts) for bucket, order_id, *facts in sorted(rows)}


def cards_of(session: Session, orders: Sequence[OrderKey]) -> dict[OrderKey, list[OrderCard]]:
    """The cards that some orders got; an order without any is left out."""
    found = select_many(
        session,
        cards,
        columns=("bucket", "id", "order_bucket", "order_id", "status"),
        key=("order_bucket", "order_id"),
        rows=orders,
    )
    taken = _taken_cards(session, [row[:2] for row in found])
    parts: dict[OrderKey, list[OrderCard]] = {}
    for bucket, card_id, *order, status in sorted(found):
        taken_by, delivered = taken.get((bucket, card_id), (None, False))
        card = OrderCard(bucket, card_id, status in HANDED, taken_by, delivered)
        parts.setdefault((order[0], order[1]), []).append(card)
    return parts


def has_undelivered_cards() -> ColumnElement[bool]:
    """Of an order in a query: whether it has cards that are to be delivered, by `cards_of`.

    They are counted: because of an EXISTS Postgres might make a table of all the cards there are.
    """
    order, card = order_table.c, cards.c
    taken, delivery = card_deliveries.c, deliveries.c
    arrived = exists().where(
        taken.bucket == card.bucket,
        taken.card_id == card.id,
        delivery.bucket == taken.order_bucket,
        delivery.id == taken.delivery_id,
        delivery.status == DeliveryStatus.DELIVERED,
    )
    query = select(func.count()).where(
        card.order_bucket == order.bucket,
        card.order_id == order.id,
        card.status.in_(HANDED),
        ~arrived,
    )
    return query.correlate(order_table).scalar_subquery() > 0


def _taken_cards(
    session: Session, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, bool]]:
    """Those of some cards that a delivery took: its id, and whether it arrived, as is known."""
    taken = select_many(
        session,
        card_deliveries,
        columns=("bucket", "card_id", "order_bucket", "delivery_id"),
        key=("bucket", "card_id"),
        rows=keys,
    )
    statuses = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "status"),
        key=("bucket", "id"),
        rows={(row[2], row[3]) for row in taken},
    )
    arrived = {row[:2] for row in statuses if row[2] == DeliveryStatus.DELIVERED}
    return {(row[0], row[1]): (row[3], row[2:] in arrived) for row in taken}


def _card_deliveries_of(
    session: Session, orders: Sequence[OrderKey]
) -> dict[OrderKey, list[_Before]]:
    """The deliveries of orders' cards."""
    found: dict[OrderKey, list[_Before]] = {}
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "order_id", "order_line_id", *_Before._fields),
        key=("bucket", "order_id"),
        rows=orders,
    )
    for bucket, order_id, line_id, *facts in rows:
        if line_id is None:
            found.setdefault((bucket, order_id), []).append(_Before(*facts))
    return found


def _is_overtaken(one: _Before, given: Sequence[OrderCard], *, at: int) -> bool:
    """Whether nothing is left of a delivery that nobody is at: its cards were all replaced."""
    its = [card for card in given if (card.delivered if one.reprint else card.taken_by == one.id)]
    is_free = one.status in (_PENDING, _DEAD) or (one.status == _SENDING and one.due_at <= at)
    return is_free and bool(its) and not any(card.usable for card in its)


def _insert(session: Session, run: Run, rows: Sequence[Sequence[object]]) -> None:
    """Rows in the order of `_COLUMNS`, from `bucket` and `order_id` to `due_at`."""
    insert_many(
        session,
        deliveries,
        _COLUMNS,
        [
            (*row, delivery_id, 0, run.at, run.id)
            for row, delivery_id in zip(rows, new_ids(len(rows)), strict=True)
        ],
    )


def _set(session: Session, keys: Sequence[tuple[int, int]], **values: object) -> None:
    update_many(session, deliveries, key=("bucket", "id"), changed=(), rows=keys, constants=values)


def _first_status(via: DeliveryVia) -> str:
    return _WAITING if via == DeliveryVia.SHIPMENT else _PENDING


def topup_request(bucket: int, line_id: int, *, place: int) -> str:
    """The id of a request to top up a line; `place` counts those that were refused before it."""
    return _idempotency_key((bucket, line_id), DeliveryVia.TOPUP, place)


def _idempotency_key(key: tuple[int, int], via: DeliveryVia, place: int) -> str:
    """32 hex digits: the same whoever asks for the order's next delivery, and how often."""
    name = f"{key[0]}:{key[1]}:{via.value}:{place}".encode()
    return blake2b(name, digest_size=16, person=b"cardctl delivery").hexdigest()
