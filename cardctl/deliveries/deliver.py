"""Deliver: put orders into the outbox, and send what is due there, as one audited run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import func, select, text, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import Channel, read_needs
from cardctl.deliveries.disputes import disputed_orders
from cardctl.deliveries.lease import Due, disputed_deliveries, due_query
from cardctl.deliveries.outbox import (
    DELIVERABLE,
    Enqueued,
    OrderKey,
    enqueue,
    has_undelivered_cards,
    hold_orders,
    redirect,
)
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.send import CHUNK, send_due
from cardctl.schema.catalog import channels
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import UNDELIVERED, DeliveryStatus, DeliveryVia, PassedOver

# A literal, as in the partial index: SQLite's planner does not look into a parameter.
_UNDELIVERED = text(f"orders.status IN ({', '.join(repr(str(status)) for status in UNDELIVERED)})")


_NOTHING_ELSE = (
    *(None, PassedOver.NO_CARDS, PassedOver.NOT_DELIVERED),
    *(PassedOver.TO_SHIP, PassedOver.TOPUP_GIVEN_UP),
)
"""Of an order in dispute: what else would be said does not keep it from leaving."""


_WAITS_FOR = (
    (DeliveryVia.WEBHOOK, PassedOver.TOLD),
    (DeliveryVia.TOPUP, PassedOver.TO_CONFIRM),
    (DeliveryVia.SHIPMENT, PassedOver.TO_SHIP),
)
"""What a delivery waits for, by its way."""

_TOPUP_GIVEN_UP = (DeliveryVia.TOPUP, DeliveryStatus.DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to deliver: orders by name, or without any whatever waits, of one channel or of all.

    Named orders are delivered the way that is asked for now, whatever way they were to go, and at
    once. `reprint` delivers once more what was delivered before; its `reason` is audited.
    """

    named: Sequence[tuple[str, OrderKey]] | None = None
    channel_id: int | None = None
    reprint: bool = False
    reason: str = ""
    dry_run: bool = False


def deliver(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    channel: Channel,
    wish: Wish,
    advance: Callable[[int], None] = lambda _: None,
) -> SendResult:
    """Put what was wished for into the outbox and send it. Raises what `send_due` does."""
    if wish.dry_run:
        return _preview(store, run=run, via=channel.via, wish=wish)
    with run.steps(store):
        result = SendResult()
        return send_due(
            store,
            run=run,
            vault=vault,
            channel=channel,
            orders=_enqueue(store, run=run, channel=channel, wish=wish, result=result),
            of_channel=wish.channel_id,
            result=result,
            advance=advance,
        )


def _enqueue(
    store: Store, *, run: Run, channel: Channel, wish: Wish, result: SendResult
) -> list[OrderKey] | None:
    """Put what was wished for into the outbox; the named orders of which something can be sent.

    Nothing is put there by a way that cannot begin.
    """
    via = channel.via
    if wish.named is None:
        with store.reading() as session:
            _tell_disputed(session, result, Due(via, now_ms(), wish.channel_id))
        for found in _undelivered(store, wish.channel_id, via):
            with run.transaction(store, final=False) as session:
                done = _put_out_waiting(session, run=run, found=found, via=via)
                if len(done.left_out) < len(found):
                    channel.begin()
            _tell_left_out(result, found, done, via)
        return None
    left_out = set()
    for part in _chunks(wish.named):
        with run.transaction(store, final=False) as session:
            passed = _put_out(session, run=run, named=part, via=via, wish=wish)
            if len(passed) < len(part):
                channel.begin()
        for name, reason in passed:
            result.pass_over(name, via, reason)
        left_out |= {name for name, _ in passed}
    return [key for name, key in wish.named if name not in left_out]


def _put_out(
    session: Session,
    *,
    run: Run,
    named: Sequence[tuple[str, OrderKey]],
    via: DeliveryVia,
    wish: Wish,
) -> list[tuple[str, str]]:
    """Put named orders into the outbox; those that nothing is sent of, each with the reason."""
    keys = [key for _, key in named]
    lacks = read_needs(session, via)
    states = hold_orders(session, keys)
    disputed = disputed_orders(session, keys)
    lacking = {key: why for key, order in states.items() if (why := lacks(order)) is not None}
    able = [key for key in keys if key not in lacking and key not in disputed]
    if via != DeliveryVia.TOPUP:
        # What cannot go this way is left to the way that it was to go.
        redirect(session, run=run, orders=able, via=via)
        enqueue(session, run=run, orders=able, via=via, reprint=wish.reprint, reason=wish.reason)
    reasons = _reasons(session, keys, via=via, reprint=wish.reprint)
    for key, why in lacking.items():
        if reasons.get(key) in (PassedOver.NO_CARDS, PassedOver.TOPUP_GIVEN_UP):
            reasons[key] = why.value
    for key in disputed:
        if reasons.get(key) in _NOTHING_ELSE:
            reasons[key] = PassedOver.CONFLICT.value
    return [(name, reasons[key]) for name, key in named if key in reasons]


def _put_out_waiting(
    session: Session, *, run: Run, found: Sequence[tuple[str, OrderKey]], via: DeliveryVia
) -> Enqueued:
    """Put what waits into the outbox, as far as it can go this way."""
    keys = [key for _, key in found]
    return enqueue(session, run=run, orders=keys, via=via, lacks=read_needs(session, via))


def _tell_left_out(
    result: SendResult, found: Sequence[tuple[str, OrderKey]], done: Enqueued, via: DeliveryVia
) -> None:
    for name, key in found:
        if key in done.left_out:
            result.pass_over(name, via, done.left_out[key])


def _tell_disputed(session: Session, result: SendResult, due: Due) -> None:
    """Say what stays in the outbox as its order is in dispute."""
    for name in disputed_deliveries(session, due):
        result.pass_over(name, due.via, PassedOver.CONFLICT)


def _reasons(
    session: Session, keys: Sequence[OrderKey], *, via: DeliveryVia, reprint: bool
) -> dict[OrderKey, str]:
    """Why nothing of some orders can be sent now; those of which something can are left out."""
    now = now_ms()
    known: dict[OrderKey, list[tuple[str, str, int]]] = {}
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "order_id", "via", "status", "due_at"),
        key=("bucket", "order_id"),
        rows=keys,
    )
    for bucket, order_id, way, status, due_at in rows:
        # A lease that has ended holds nobody up.
        ended = status == DeliveryStatus.SENDING and due_at <= now
        state = DeliveryStatus.PENDING.value if ended else status
        known.setdefault((bucket, order_id), []).append((way, state, due_at))
    held = hold_orders(session, keys)
    reasons = {
        key: _reason(order.status, known.get(key, []), via=via, reprint=reprint)
        for key, order in held.items()
    }
    return {key: reason for key, reason in reasons.items() if reason}


def _reason(
    order: str, known: Sequence[tuple[str, str, int]], *, via: DeliveryVia, reprint: bool
) -> str:
    states = {state for _, state, _ in known}
    ways = {(way, state) for way, state, _ in known}
    if (via, DeliveryStatus.PENDING) in ways:
        return ""
    if order not in DELIVERABLE:
        return order
    waiting = {way for way, state, _ in known if state == DeliveryStatus.WAITING}
    if DeliveryStatus.SENDING in states:
        return PassedOver.SENDING.value
    if waiting:
        return next((why for way, why in _WAITS_FOR if way in waiting), PassedOver.SENDING).value
    if reprint:
        return PassedOver.NOT_DELIVERED.value
    delivered = DeliveryStatus.DELIVERED in states
    if _TOPUP_GIVEN_UP in ways and (via == DeliveryVia.TOPUP or not delivered):
        return PassedOver.TOPUP_GIVEN_UP.value
    return (PassedOver.UNCHANGED if delivered else PassedOver.NO_CARDS).value


def _undelivered(
    store: Store, channel_id: int | None, via: DeliveryVia
) -> Iterator[list[tuple[str, OrderKey]]]:
    """Orders with cards to deliver, by name and key, some at a time.

    The longest wait comes first. Those that wait for what is topped up or shipped alone are passed
    over: that has been in the outbox since it was issued.
    """
    order, last = orders.c, None
    place = tuple_(order.waiting_since, order.bucket, order.id)
    query = (
        select(order.bucket, order.id, order.waiting_since, order.number, channels.c.code)
        .join(channels, channels.c.id == order.channel_id)
        .where(_UNDELIVERED, order.delivered_at.is_(None), has_undelivered_cards())
        .order_by(order.waiting_since, order.bucket, order.id)
        .limit(CHUNK)
    )
    if channel_id is not None:
        query = query.where(order.channel_id == channel_id)
    while via != DeliveryVia.TOPUP:
        with store.reading() as session:
            after = query if last is None else query.where(place > last)
            page = session.execute(after).all()
        if not page:
            return
        yield [(f"{row.code}:{row.number}", (row.bucket, row.id)) for row in page]
        last = (page[-1].waiting_since, page[-1].bucket, page[-1].id)


def _preview(store: Store, *, run: Run, via: DeliveryVia, wish: Wish) -> SendResult:
    """What would be sent, by the same steps rolled back; the channel is left alone."""
    result = SendResult()
    for part in _chunks(wish.named or ()):
        with run.transaction(store, dry_run=True) as session:
            passed = _put_out(session, run=run, named=part, via=via, wish=wish)
        for name, reason in passed:
            result.pass_over(name, via, reason)
        result.pending += len(part) - len(passed)
    if wish.named is not None:
        return result
    due = Due(via, now_ms(), wish.channel_id)
    with store.reading() as session:
        counted = select(func.count()).select_from(due_query(due).order_by(None).subquery())
        result.pending = session.execute(counted).scalar_one()
        _tell_disputed(session, result, due)
    for found in _undelivered(store, wish.channel_id, via):
        with run.transaction(store, dry_run=True) as session:
            done = _put_out_waiting(session, run=run, found=found, via=via)
        result.pending += done.added
        _tell_left_out(result, found, done, via)
    return result


def _chunks(named: Iterable[tuple[str, OrderKey]]) -> Iterator[list[tuple[str, OrderKey]]]:
    remaining = iter(named)
    while part := list(islice(remaining, CHUNK)):
        yield part
