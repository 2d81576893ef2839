"""Write down what came of trying: delivered, tried again later, waiting for an answer, or dead."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.backoff import ATTEMPTS_MOST, delay_ms
from cardctl.deliveries.channel import Answer
from cardctl.deliveries.outbox import OrderKey, cards_of, hold_orders
from cardctl.identifiers import card_code, new_ids
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import DeliveryStatus, OrderEventKind, OrderStatus

_ERROR_LENGTH = 500
_FACTS = (
    *("bucket", "id", "via", "status", "idempotency_key", "reprint", "attempts", "reference"),
    "refused_at",
)


_COMPLETED = {
    OrderStatus.ISSUED.value: OrderStatus.DELIVERED.value,
    OrderStatus.PARTLY_REFUNDED.value: OrderStatus.PARTLY_REFUNDED.value,
}
"""The status of an order when all is delivered, by what it was."""

_UNDECIDED = (DeliveryStatus.SENDING, DeliveryStatus.WAITING, DeliveryStatus.PENDING)
"""PENDING: the try went wrong, and its answer comes another way."""


class _Known(NamedTuple):
    """A delivery as it is stored."""

    bucket: int
    id: int
    via: str
    status: str
    idempotency_key: str
    reprint: int
    attempts: int
    reference: str | None
    refused_at: int | None


class Tried(NamedTuple):
    """A delivery that somebody tried, and the other side's answer."""

    bucket: int
    id: int
    order_id: int
    attempt: int
    """Which try it was: a later one may have begun meanwhile."""
    cards: int
    answer: Answer

    @property
    def key(self) -> tuple[int, int]:
        """Where it is."""
        return self.bucket, self.id


class Settled(NamedTuple):
    """What stands of a delivery after a try; times in epoch ms."""

    status: str
    due_at: int
    last_error: str | None
    reference: str | None
    delivered_at: int | None
    refused_at: int | None
    attempts: int
    bucket: int
    id: int
    order_id: int
    via: str
    reprint: int
    cards: int

    @property
    def key(self) -> tuple[int, int]:
        """Where it is."""
        return self.bucket, self.id

    @property
    def order(self) -> OrderKey:
        """Where its order is."""
        return self.bucket, self.order_id


_CHANGED = Settled._fields[:7]


def settle(session: Session, *, run: Run, now: int, tried: Sequence[Tried]) -> list[Settled]:
    """Keep what came of some tries; orders are delivered when all that they are owed is.

    What arrived counts, also when the lease has ended or it was cancelled meanwhile; any other
    answer counts only from who still holds the lease, or after WAITING from whom the answer comes.
    A signed refusal also counts where it was given up without one. What does not count is not among
    the result.
    """
    held = hold_orders(session, [(one.bucket, one.order_id) for one in tried])
    rows = select_many(
        session,
        deliveries,
        columns=_FACTS,
        key=("bucket", "id"),
        rows=[one.key for one in tried],
    )
    known = {row[:2]: _Known(*row) for row in rows}
    pairs = [(one, known[one.key]) for one in tried]
    settled = [_settled(one, before, now) for one, before in pairs if _counts(one, before)]
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=_CHANGED,
        rows=[one[: len(_CHANGED) + 2] for one in settled],
    )
    arrived = [one for one in settled if one.status == DeliveryStatus.DELIVERED]
    _write_events(session, run, arrived)
    complete_orders(session, held={one.order: held[one.order].status for one in arrived}, at=now)
    if settled:
        run.record(session, "delivery.settle", _summary(settled, tried))
    return settled


def release(session: Session, *, run: Run, tried: Sequence[Tried]) -> None:
    """Give leases back that were not used: their deliveries are due at once, and say why.

    Each has its try back, unless its answer says that it was one.
    """
    hold_orders(session, [(one.bucket, one.order_id) for one in tried])
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "status", "attempts", "created_at"),
        key=("bucket", "id"),
        rows=[one.key for one in tried],
    )
    ours = {one.key: one for one in tried}
    released = update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=("due_at", "last_error", "attempts"),
        rows=[
            (created_at, _told(answer), attempts - (not answer.is_try), bucket, delivery_id)
            for bucket, delivery_id, status, attempts, created_at in rows
            for answer in [ours[bucket, delivery_id].answer]
            if status == DeliveryStatus.SENDING and attempts == ours[bucket, delivery_id].attempt
        ],
        constants={"status": DeliveryStatus.PENDING.value},
    )
    if released:
        run.record(session, "delivery.release", {"deliveries": released})


def complete_orders(session: Session, *, held: dict[OrderKey, str], at: int) -> None:
    """Move issued orders on to delivered whose cards and other lines are all delivered.

    Those that are partly refunded stay so, and count as delivered. The caller holds the orders and
    knows their status.
    """
    issued = sorted(key for key, status in held.items() if status in _COMPLETED)
    owing = {
        key
        for key, cards in cards_of(session, issued).items()
        if not all(card.delivered for card in cards if card.usable)
    }
    lines = select_many(
        session,
        deliveries,
        columns=("bucket", "order_id", "order_line_id", "status"),
        key=("bucket", "order_id"),
        rows=issued,
    )
    owing |= {
        (bucket, order_id)
        for bucket, order_id, line_id, status in lines
        if line_id is not None and status != DeliveryStatus.DELIVERED
    }
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("status",),
        rows=[(_COMPLETED[held[key]], *key) for key in issued if key not in owing],
        constants={"delivered_at": at},
    )


def delivery_code(bucket: int, delivery_id: int) -> str:
    """How a delivery is named outside: as a card is, by bucket and id together."""
    return card_code(bucket, delivery_id)


def _counts(one: Tried, before: _Known) -> bool:
    if one.answer.status == DeliveryStatus.DELIVERED:
        return before.status != DeliveryStatus.DELIVERED
    # Given up as nobody knew; now the other side says that it did not and will not.
    refused = before.status == DeliveryStatus.DEAD and one.answer.refused_at is not None
    undecided = before.status in _UNDECIDED or (refused and before.refused_at is None)
    return undecided and before.attempts == one.attempt


def _settled(one: Tried, before: _Known, now: int) -> Settled:
    status = one.answer.status
    attempts = before.attempts - (not one.answer.is_try)
    if status == DeliveryStatus.PENDING and attempts >= ATTEMPTS_MOST:
        status = DeliveryStatus.DEAD
    wait = delay_ms(before.idempotency_key, attempts=max(1, attempts))
    return Settled(
        status=status.value,
        due_at=now + (wait if status == DeliveryStatus.PENDING else 0),
        last_error=_told(one.answer),
        reference=one.answer.reference or before.reference,
        delivered_at=now if status == DeliveryStatus.DELIVERED else None,
        refused_at=one.answer.refused_at or before.refused_at,
        attempts=attempts,
        bucket=one.bucket,
        id=one.id,
        order_id=one.order_id,
        via=before.via,
        reprint=before.reprint,
        cards=one.cards,
    )


def _told(answer: Answer) -> str | None:
    return None if answer.error is None else str(answer.error)[:_ERROR_LENGTH]


def _write_events(session: Session, run: Run, arrived: Sequence[Settled]) -> None:
    events = (
        NewEvent(one.bucket, event_id, one.order_id, OrderEventKind.DELIVERED, _detail(one))
        for one, event_id in zip(arrived, new_ids(len(arrived)), strict=True)
    )
    write_events(session, run=run, events=events)


def _detail(one: Settled) -> dict[str, object]:
    told: dict[str, object] = {"via": one.via, "delivery": delivery_code(one.bucket, one.id)}
    told |= {"cards": one.cards} if one.cards else {}
    return told | ({"reprint": one.reprint} if one.reprint else {})


def _summary(settled: Sequence[Settled], tried: Sequence[Tried]) -> dict[str, object]:
    """What the audit log keeps: how many came to what, and what went wrong, such as forgeries."""
    counts = Counter(one.status for one in settled)
    errors = Counter(one.answer.error.code for one in tried if one.answer.error)
    return {"via": settled[0].via, **counts} | ({"errors": errors} if errors else {})
