"""Put deliveries into the outbox: an order asked for twice is delivered once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.schema.cards import cards
from cardctl.schema.deliveries import card_deliveries, deliveries
from cardctl.schema.orders import orders as order_table
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.vocabulary import CardStatus, DeliveryStatus, DeliveryVia, OrderStatus

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

_STILL = (DeliveryStatus.PENDING, DeliveryStatus.WAITING, DeliveryStatus.DEAD)

HANDED = (CardStatus.ISSUED, CardStatus.REDEEMED)
"""What a delivery hands over of an order's cards; what was voided or replaced is left out."""

_COLUMNS = (
    *("bucket", "id", "order_id", "order_line_id", "via", "status", "idempotency_key", "reprint"),
    *("attempts", "due_at", "created_at", "run_id"),
)


class LineToDeliver(NamedTuple):
    """A line of an order without cards: it is topped up or shipped."""

    bucket: int
    order_id: int
    line_id: int
    via: DeliveryVia


@dataclass(frozen=True, slots=True)
class OrderCards:
    """The cards of an order that a delivery may hand over, by whether a delivery has done so."""

    undelivered: tuple[tuple[int, int], ...] = ()
    delivered: tuple[tuple[int, int], ...] = ()


def enqueue(
    session: Session,
    *,
    run: Run,
    orders: Sequence[OrderKey],
    via: DeliveryVia,
    reprint: bool = False,
    reason: str = "",
) -> int:
    """Put orders (bucket, id) with cards that were not delivered yet into the outbox.

    Says how many deliveries were added. An order is passed over that may not be delivered, that
    has nothing new to deliver, or that has a delivery of its cards which is not over, whatever its
    way. A `reprint` delivers once more what was delivered before, and says why. Up to some
    thousand orders at a time; they are locked.
    """
    states = hold_orders(session, orders)
    known = _card_deliveries_of(session, list(states))
    held = cards_of(session, list(states))
    rows = []
    for key, status in states.items():
        before = known.get(key, [])
        given = held.get(key, OrderCards())
        wanted = given.delivered if reprint else given.undelivered
        if status not in DELIVERABLE or not wanted or any(one.status in OPEN for one in before):
            continue
        count = 1 + max((one.reprint for one in before), default=0) if reprint else 0
        rows.append((key, _idempotency_key(key, via, len(before)), count))
    if not rows:
        return 0
    _insert(
        session,
        run,
        (
            (bucket, order_id, None, via, DeliveryStatus.PENDING, idempotency_key, count)
            for (bucket, order_id), idempotency_key, count in rows
        ),
        len(rows),
    )
    told: dict[str, object] = {"via": via.value, "deliveries": len(rows)}
    told |= {"reason": reason} if reprint else {}
    digest = _digest(idempotency_key for _, idempotency_key, _ in rows)
    verb = "delivery.reprint" if reprint else "delivery.enqueue"
    run.record(session, verb, told | {"keys_sha256": digest})
    return len(rows)


def enqueue_lines(session: Session, *, run: Run, lines: Sequence[LineToDeliver]) -> None:
    """Put lines that are topped up or shipped into the outbox, in the transaction that issues them.

    A top-up is pending, a shipment waits for its note. The caller holds the orders, and calls once
    for a line; the issue is what the audit log keeps.
    """
    _insert(
        session,
        run,
        (
            (
                *(line.bucket, line.order_id, line.line_id, line.via, _first_status(line.via)),
                *(_idempotency_key((line.bucket, line.line_id), line.via, 0), 0),
            )
            for line in lines
        ),
        len(lines),
    )


def cancel_deliveries(session: Session, *, orders: Sequence[OrderKey]) -> int:
    """Take the deliveries of orders, which the caller holds, back out of the outbox: how many.

    What is being sent at this moment is left alone: it may have arrived.
    """
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "status"),
        key=("bucket", "order_id"),
        rows=sorted(set(orders)),
    )
    return update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=(),
        rows=[(bucket, delivery_id) for bucket, delivery_id, status in rows if status in _STILL],
        constants={"status": DeliveryStatus.CANCELLED.value},
    )


def hold_orders(session: Session, orders: Iterable[OrderKey]) -> dict[OrderKey, str]:
    """Lock orders in the order of their keys: their statuses. Every change of a delivery does."""
    rows = select_many(
        session,
        order_table,
        columns=("bucket", "id", "status"),
        key=("bucket", "id"),
        rows=sorted(set(orders)),
        lock_order=("bucket", "id"),
    )
    return {(bucket, order_id): status for bucket, order_id, status in rows}


def cards_of(session: Session, orders: Sequence[OrderKey]) -> dict[OrderKey, OrderCards]:
    """The cards of some orders that may be handed over; an order without any is left out."""
    found = select_many(
        session,
        cards,
        columns=("bucket", "id", "order_bucket", "order_id", "status"),
        key=("order_bucket", "order_id"),
        rows=orders,
    )
    keys = [(row[0], row[1]) for row in found if row[4] in HANDED]
    gone = _delivered_cards(session, keys)
    parts: dict[OrderKey, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
    for bucket, card_id, order_bucket, order_id, status in sorted(found):
        if status in HANDED:
            part = parts.setdefault((order_bucket, order_id), ([], []))
            part[(bucket, card_id) in gone].append((bucket, card_id))
    return {key: OrderCards(tuple(new), tuple(old)) for key, (new, old) in parts.items()}


def _delivered_cards(session: Session, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of some cards that a delivery has handed over and that arrived, as far as is known."""
    taken = select_many(
        session,
        card_deliveries,
        columns=("bucket", "card_id", "order_bucket", "delivery_id"),
        key=("bucket", "card_id"),
        rows=keys,
    )
    done = {
        (bucket, delivery_id)
        for bucket, delivery_id, status in select_many(
            session,
            deliveries,
            columns=("bucket", "id", "status"),
            key=("bucket", "id"),
            rows={(row[2], row[3]) for row in taken},
        )
        if status == DeliveryStatus.DELIVERED
    }
    return {(row[0], row[1]) for row in taken if (row[2], row[3]) in done}


class _Known(NamedTuple):
    """A delivery of an order's cards."""

    status: str
    reprint: int


def _card_deliveries_of(
    session: Session, orders: Sequence[OrderKey]
) -> Mapping[OrderKey, list[_Known]]:
    found: dict[OrderKey, list[_Known]] = {}
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "order_id", "order_line_id", "status", "reprint"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    for bucket, order_id, line_id, status, reprint in rows:
        if line_id is None:
            found.setdefault((bucket, order_id), []).append(_Known(status, reprint))
    return found


def _insert(session: Session, run: Run, rows: Iterable[Sequence[object]], count: int) -> None:
    ids = iter(new_ids(count))
    insert_many(
        session,
        deliveries,
        _COLUMNS,
        (
            (
                *(bucket, next(ids), order_id, line_id, via, status, key, reprint),
                *(0, run.at, run.at, run.id),
            )
            for bucket, order_id, line_id, via, status, key, reprint in rows
        ),
    )


def _first_status(via: DeliveryVia) -> DeliveryStatus:
    waits = via == DeliveryVia.SHIPMENT
    return DeliveryStatus.WAITING if waits else DeliveryStatus.PENDING


def _idempotency_key(key: tuple[int, int], via: DeliveryVia, place: int) -> str:
    """32 hex digits: the same whoever asks for the order's next delivery, and how often."""
    name = f"{key[0]}:{key[1]}:{via.value}:{place}".encode()
    return blake2b(name, digest_size=16, person=b"cardctl delivery").hexdigest()


def _digest(keys: Iterable[str]) -> str:
    return sha256("\n".join(sorted(keys)).encode()).hexdigest()
