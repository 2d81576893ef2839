"""Recall a batch: what is unsold is quarantined, and who got the rest is listed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.queries import lock_batch
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels
from cardctl.schema.orders import orders
from cardctl.stock.claim import in_claim_order
from cardctl.storage.dialects import lock_rows
from cardctl.vocabulary import BatchStatus, CardStatus, Quarantine


@dataclass(frozen=True, slots=True)
class RecalledOrder:
    """An order that got cards of the batch, and how many."""

    order: str
    status: str
    cards: int


@dataclass(frozen=True, slots=True)
class Recalled:
    """How many cards were quarantined now, and the orders that hold others."""

    batch: str
    status: BatchStatus
    product: str
    supplier: str
    quarantined: int
    orders: list[RecalledOrder]


def recall_batch(session: Session, *, run: Run, code: str, reason: str) -> Recalled:
    """Quarantine every card of a batch that is available; raises `NotFound`.

    A batch that was undone stays undone: only the orders are listed then, unless cards came back.
    """
    batch = lock_batch(session, code)
    quarantined = _quarantine(session, batch.id, run.at)
    status = BatchStatus(batch.status)
    is_news = quarantined > 0 or status == BatchStatus.IMPORTED
    if status == BatchStatus.IMPORTED:
        status = BatchStatus.RECALLED
        session.execute(update(batches).where(batches.c.id == batch.id).values(status=status.value))
    found = _orders(session, batch.id)
    if is_news:
        facts = {"quarantined": quarantined, "orders": len(found), "reason": reason}
        run.record(session, "batch.recall", {"batch": code, **facts})
    return Recalled(code, status, batch.product, batch.supplier, quarantined, found)


def _quarantine(session: Session, batch_id: int, at: int) -> int:
    card = cards.c
    unsold = (card.batch_id == batch_id) & (card.status == CardStatus.AVAILABLE.value)
    query = in_claim_order(select(card.id).where(unsold))
    locked = lock_rows(session, query, table=cards, skip_locked=False)
    for _ in session.execute(locked.execution_options(yield_per=5000)):
        pass
    result: Any = session.execute(
        update(cards)
        .where(unsold)
        .values(
            status=CardStatus.QUARANTINED.value,
            quarantined_for=Quarantine.RECALL.value,
            status_at=at,
        )
    )
    return int(result.rowcount)


def _orders(session: Session, batch_id: int) -> list[RecalledOrder]:
    card, order = cards.c, orders.c
    query = (
        select(channels.c.code, order.number, order.status, func.count())
        .select_from(cards)
        .join(orders, (order.bucket == card.order_bucket) & (order.id == card.order_id))
        .join(channels, channels.c.id == order.channel_id)
        .where(card.batch_id == batch_id)
        .group_by(channels.c.code, order.number, order.status)
        .order_by(channels.c.code, order.number)
    )
    return [
        RecalledOrder(f"{channel}:{number}", status, count)
        for channel, number, status, count in session.execute(query)
    ]
