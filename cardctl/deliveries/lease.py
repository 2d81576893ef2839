"""Lease what is due: nobody else sends it until the lease ends, whatever becomes of us.

A lease is committed before anything leaves, with the cards that are about to leave: killed right
after it, nothing is lost, and no such card is ever sold again. Orders are locked before their
deliveries, so that a refund and a lease of the same order do not pass each other by.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select, select, text, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.backoff import ATTEMPTS_MOST
from cardctl.deliveries.disputes import disputed_orders, has_dispute
from cardctl.deliveries.failures import SenderLost
from cardctl.deliveries.outbox import (
    DELIVERABLE,
    HeldOrder,
    OrderCard,
    OrderKey,
    cards_of,
    hold_orders,
)
from cardctl.deliveries.topups import suppliers_to_ask
from cardctl.schema.catalog import channels
from cardctl.schema.deliveries import card_deliveries, deliveries
from cardctl.schema.orders import orders
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

LEASE_MS = 300_000
"""How long a delivery is left to whoever sends it; a killed sender's is due again after that."""

LOST = str(SenderLost())
"""Why a delivery is dead whose senders were killed, time and again."""

# A literal, as in the partial index: SQLite's planner does not look into a parameter.
_LEAVING = text(f"delivery.status IN ('{DeliveryStatus.PENDING}', '{DeliveryStatus.SENDING}')")
_FACTS = (
    *("bucket", "id", "order_id", "order_line_id", "status", "idempotency_key", "reprint"),
    *("attempts", "due_at", "created_at", "via", "asked_at", "supplier_id"),
)
_CARD_COLUMNS = ("bucket", "card_id", "order_bucket", "order_id", "delivery_id", "handed_at")


class Waiting(NamedTuple):
    """A delivery that is not over; times in epoch ms."""

    bucket: int
    id: int
    order_id: int
    order_line_id: int | None
    status: str
    idempotency_key: str
    reprint: int
    attempts: int
    due_at: int
    created_at: int
    via: str
    asked_at: int | None
    supplier_id: int | None

    @property
    def key(self) -> tuple[int, int]:
        """Where it is."""
        return self.bucket, self.id

    @property
    def order(self) -> OrderKey:
        """Where its order is."""
        return self.bucket, self.order_id

    def is_free(self, now: int, *, asked_for: bool) -> bool:
        """Whether it may be sent: it is due, or somebody names its order and nobody sends it."""
        if self.status == DeliveryStatus.PENDING:
            return asked_for or self.due_at <= now
        return self.status == DeliveryStatus.SENDING and self.due_at <= now


class Lease(NamedTuple):
    """A delivery that is ours until the lease ends, and the cards it hands over."""

    delivery: Waiting
    attempt: int
    cards: tuple[OrderCard, ...]


class Leased(NamedTuple):
    """What came of leasing: what is ours, and what was given up as its senders never came back."""

    leases: list[Lease]
    dead: list[Waiting]


class Due(NamedTuple):
    """What is looked for: deliveries by one way, due at a time, of one channel or of all."""

    via: DeliveryVia
    now: int
    channel_id: int | None = None


def renew(session: Session, *, held: Sequence[tuple[OrderKey, int]], now: int) -> None:
    """Begin leases anew, of deliveries by order and id, that take longer than was thought."""
    hold_orders(session, [order for order, _ in held])
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=(),
        rows=[(order[0], delivery_id) for order, delivery_id in held],
        guard=f"delivery.status = '{DeliveryStatus.SENDING}'",
        constants={"due_at": now + LEASE_MS},
    )


def due_query(due: Due, *, after: Waiting | None = None) -> Select[Any]:
    """What is due, the longest wait first; only what stands behind `after`.

    What is of an order in dispute stays in the outbox.
    """
    delivery = deliveries.c
    place = tuple_(delivery.due_at, delivery.bucket, delivery.id)
    query = (
        select(*(delivery[name] for name in _FACTS))
        .where(_LEAVING, delivery.due_at <= due.now, delivery.via == due.via, ~has_dispute())
        .order_by(delivery.due_at, delivery.bucket, delivery.id)
    )
    if due.channel_id is not None:
        of_order = (orders.c.bucket == delivery.bucket) & (orders.c.id == delivery.order_id)
        query = query.join(orders, of_order).where(orders.c.channel_id == due.channel_id)
    if after is not None:
        query = query.where(place > (after.due_at, after.bucket, after.id))
    return query


def due_deliveries(store: Store, due: Due, *, size: int) -> Iterator[list[Waiting]]:
    """What is due, the longest wait first, some at a time; each is met once."""
    last: Waiting | None = None
    while True:
        with store.reading() as session:
            page = [
                Waiting(*row) for row in session.execute(due_query(due, after=last).limit(size))
            ]
        if not page:
            return
        yield page
        last = page[-1]


def disputed_deliveries(session: Session, due: Due) -> list[str]:
    """The names of the orders in dispute of which something would be due."""
    delivery, order = deliveries.c, orders.c
    query = (
        select(channels.c.code, order.number)
        .join(orders, (order.bucket == delivery.bucket) & (order.id == delivery.order_id))
        .join(channels, channels.c.id == order.channel_id)
        .where(_LEAVING, delivery.due_at <= due.now, delivery.via == due.via, has_dispute())
        .order_by(delivery.due_at, delivery.bucket, delivery.id)
    )
    if due.channel_id is not None:
        query = query.where(order.channel_id == due.channel_id)
    rows = session.execute(query.select_from(deliveries))
    return list(dict.fromkeys(f"{code}:{number}" for code, number in rows))


def deliveries_of(
    store: Store, due: Due, *, keys: Iterable[OrderKey], size: int
) -> Iterator[list[Waiting]]:
    """What of some orders may be sent now, in their order, some at a time."""
    remaining = iter(keys)
    while part := list(islice(remaining, size)):
        with store.reading() as session:
            rows = select_many(
                session, deliveries, columns=_FACTS, key=("bucket", "order_id"), rows=part
            )
        place = {key: number for number, key in enumerate(part)}
        found = sorted((Waiting(*row) for row in rows), key=lambda one: (place[one.order], one.id))
        yield [one for one in found if one.via == due.via and one.is_free(due.now, asked_for=True)]


def lease(
    session: Session, *, run: Run, found: Sequence[Waiting], now: int, asked_for: bool
) -> Leased:
    """Lease what is still free of what was found, in that order.

    What was tried to the last time by somebody who never came back is dead; what may not leave any
    more, or has nothing to hand over, is cancelled. What is of an order in dispute is let be.
    """
    held = hold_orders(session, [one.order for one in found])
    disputed = disputed_orders(session, list(held))
    fresh = [
        one
        for one in _as_they_are(session, found, now=now, asked_for=asked_for)
        if one.order not in disputed
    ]
    given = cards_of(session, sorted({one.order for one in fresh}))
    fresh = _as_asked(session, fresh, held, now=now)
    leases, dead, void = [], [], []
    for one in fresh:
        chosen = _cards_for(one, held[one.order], given.get(one.order, ()))
        if one.attempts >= ATTEMPTS_MOST:
            dead.append(one)
        elif chosen is None:
            void.append(one)
        else:
            leases.append(Lease(one, one.attempts + 1, chosen))
    _mark(session, dead, DeliveryStatus.DEAD, last_error=LOST)
    _mark(session, void, DeliveryStatus.CANCELLED, last_error=None)
    _take(session, run=run, leases=leases, now=now)
    if fresh:
        counts = {"dead": len(dead), "cancelled": len(void)}
        run.record(session, "delivery.lease", {"via": fresh[0].via, **counts, **_summary(leases)})
    return Leased(leases, dead)


def _as_they_are(
    session: Session, found: Sequence[Waiting], *, now: int, asked_for: bool
) -> list[Waiting]:
    """Those that are still free, read again under the locks of their orders."""
    rows = select_many(
        session,
        deliveries,
        columns=_FACTS,
        key=("bucket", "id"),
        rows=[one.key for one in found],
    )
    fresh = {row[:2]: Waiting(*row) for row in rows}
    again = (fresh[one.key] for one in found)
    return [one for one in again if one.is_free(now, asked_for=asked_for)]


def _as_asked(
    session: Session, fresh: Sequence[Waiting], held: dict[OrderKey, HeldOrder], *, now: int
) -> list[Waiting]:
    """Deliveries as they are once they were tried: when that was first, and whom it was asked of.

    A request to top up that cannot be made, as nobody can be asked or there is no account, is none
    that was: `open_leases` says why.
    """
    lines = {
        one.key: (one.bucket, one.order_line_id)
        for one in fresh
        if one.order_line_id is not None and held[one.order].topup_account
    }
    suppliers = suppliers_to_ask(session, list(lines.values()))
    asked = []
    for one in fresh:
        supplier = suppliers.get(lines[one.key]) if one.key in lines else None
        first = one.asked_at is None and (supplier is not None or one.via != DeliveryVia.TOPUP)
        asked.append(one._replace(asked_at=now, supplier_id=supplier) if first else one)
    return asked


def _cards_for(
    one: Waiting, order: HeldOrder, cards: Sequence[OrderCard]
) -> tuple[OrderCard, ...] | None:
    """The cards that a delivery hands over; None when nothing may leave, or nothing is left.

    A delivery that took cards before takes no others: the other side may have got them, and would
    not look at what comes again under the same key. What the order got since leaves by another one.
    """
    if order.status not in DELIVERABLE:
        return None
    if one.order_line_id is not None:
        return ()
    chosen = [card for card in cards if card.usable and card.delivered == bool(one.reprint)]
    if any(card.taken_by == one.id for card in cards):
        chosen = [card for card in chosen if card.taken_by == one.id]
    return tuple(chosen) or None


def _mark(
    session: Session, found: Sequence[Waiting], status: DeliveryStatus, *, last_error: str | None
) -> None:
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=(),
        rows=[one.key for one in found],
        constants={"status": status.value, "last_error": last_error},
    )


def _take(session: Session, *, run: Run, leases: Sequence[Lease], now: int) -> None:
    """Write the leases down, and the cards that are about to leave."""
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=("attempts", "asked_at", "supplier_id"),
        rows=[
            (one.attempt, one.delivery.asked_at, one.delivery.supplier_id, *one.delivery.key)
            for one in leases
        ],
        constants={"status": DeliveryStatus.SENDING.value, "due_at": now + LEASE_MS},
    )
    # A reprint is no first delivery: what was delivered stays with what delivered it.
    first = [one for one in leases if not one.delivery.reprint]
    insert_many(
        session,
        card_deliveries,
        _CARD_COLUMNS,
        [
            (card.bucket, card.id, *one.delivery.order, one.delivery.id, run.at)
            for one in first
            for card in one.cards
            if card.taken_by is None
        ],
    )
    update_many(
        session,
        card_deliveries,
        key=("bucket", "card_id"),
        changed=("delivery_id",),
        rows=[
            (one.delivery.id, card.bucket, card.id)
            for one in first
            for card in one.cards
            if card.taken_by is not None
        ],
    )


def _summary(leases: Sequence[Lease]) -> dict[str, object]:
    """What the audit log keeps: counts, and a digest of the (delivery, card) pairs."""
    pairs = sorted(
        (one.delivery.bucket, one.delivery.id, card.bucket, card.id)
        for one in leases
        for card in one.cards
    )
    digest = sha256()
    for pair in pairs:
        digest.update(":".join(map(str, pair)).encode() + b"\n")
    return {"deliveries": len(leases), "cards": len(pairs), "pairs_sha256": digest.hexdigest()}
