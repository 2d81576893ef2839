"""Recall a batch: what is unsold is quarantined, and who got the rest is listed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.batches.queries import lock_batch
from cardctl.identifiers import new_id
from cardctl.schema.cards import batches, cards
from cardctl.schema.orders import orders
from cardctl.stock.claim import lock_cards
from cardctl.stock.holders import Holder, find_holders
from cardctl.storage.dialects import select_many
from cardctl.storage.failures import StoreBusy
from cardctl.vocabulary import BatchStatus, CardStatus, OrderEventKind, Outcome, Quarantine

_KEPT = (CardStatus.AVAILABLE.value, CardStatus.RESERVED.value)
"""What is unsold, and not aside already."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """How many cards were quarantined now, and the orders that hold others."""

    batch: str
    outcome: Outcome
    status: BatchStatus
    product: str
    supplier: str
    quarantined: int
    orders: list[Holder]


def recall_batch(session: Session, *, run: Run, code: str, reason: str) -> Recalled:
    """Quarantine every card of a batch that is available or reserved; raises `NotFound`.

    The orders for which cards were reserved wait for others. A card that was frozen by itself
    stays so. A batch that was undone stays undone: only the orders are listed then, unless cards
    came back. Raises `StoreBusy` when cards are reserved meanwhile.
    """
    waiting = _hold_waiting(session, code)
    batch = lock_batch(session, code)
    in_batch = cards.c.batch_id == batch.id
    lock_cards(session, in_batch & cards.c.status.in_(_KEPT))
    _release(session, run, code, _reserved(session, in_batch), waiting)
    quarantined = _quarantine(session, in_batch, run.at)
    status = BatchStatus(batch.status)
    is_news = quarantined > 0 or status == BatchStatus.IMPORTED
    if status == BatchStatus.IMPORTED:
        status = BatchStatus.RECALLED
        session.execute(update(batches).where(batches.c.id == batch.id).values(status=status.value))
    found = find_holders(session, cards.c.batch_id == batch.id)
    if is_news:
        facts = {"quarantined": quarantined, "orders": len(found), "reason": reason}
        run.record(session, "batch.recall", {"batch": code, **facts})
    outcome = Outcome.UPDATED if is_news else Outcome.UNCHANGED
    return Recalled(code, outcome, status, batch.product, batch.supplier, quarantined, found)


def _hold_waiting(session: Session, code: str) -> set[tuple[int, int]]:
    """Lock the orders for which cards of the batch are reserved: before the batch and its cards."""
    batch_id = select(batches.c.id).where(batches.c.code == code).scalar_subquery()
    keys = _reserved(session, cards.c.batch_id == batch_id)
    place = ("bucket", "id")
    select_many(session, orders, columns=place, key=place, rows=sorted(keys), lock_order=place)
    return set(keys)


def _reserved(session: Session, in_batch: ColumnElement[bool]) -> dict[tuple[int, int], int]:
    """How many cards of a batch each order has reserved, by (bucket, id)."""
    card = cards.c
    query = select(card.order_bucket, card.order_id, func.count())
    query = query.where(in_batch, card.status == CardStatus.RESERVED.value)
    rows = session.execute(query.group_by(card.order_bucket, card.order_id))
    return {(bucket, order_id): count for bucket, order_id, count in rows}


def _release(
    session: Session,
    run: Run,
    code: str,
    reserved: dict[tuple[int, int], int],
    waiting: set[tuple[int, int]],
) -> None:
    """Tell the orders that their cards are not kept any more."""
    if not waiting.issuperset(reserved):
        raise StoreBusy
    kind = OrderEventKind.RELEASED
    told = [
        NewEvent(bucket, new_id(), order_id, kind, {"cards": count, "recalled": code})
        for (bucket, order_id), count in reserved.items()
    ]
    write_events(session, run=run, events=told)


def _quarantine(session: Session, in_batch: ColumnElement[bool], at: int) -> int:
    """Take locked cards off the shelf, and from the orders they were kept for."""
    result: Any = session.execute(
        update(cards)
        .where(in_batch & cards.c.status.in_(_KEPT))
        .values(
            status=CardStatus.QUARANTINED.value,
            quarantined_for=Quarantine.RECALL.value,
            status_at=at,
            order_bucket=None,
            order_id=None,
            order_line_id=None,
        )
    )
    return int(result.rowcount)
