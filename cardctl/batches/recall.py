"""Recall a batch: what is unsold is quarantined, and who got the rest is listed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.queries import lock_batch
from cardctl.schema.cards import batches, cards
from cardctl.stock.claim import lock_cards
from cardctl.stock.holders import Holder, find_holders
from cardctl.vocabulary import BatchStatus, CardStatus, Outcome, Quarantine


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
    """Quarantine every card of a batch that is available; raises `NotFound`.

    A card that was frozen by itself stays so. A batch that was undone stays undone: only the
    orders are listed then, unless cards came back.
    """
    batch = lock_batch(session, code)
    quarantined = _quarantine(session, batch.id, run.at)
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


def _quarantine(session: Session, batch_id: int, at: int) -> int:
    unsold = (cards.c.batch_id == batch_id) & (cards.c.status == CardStatus.AVAILABLE.value)
    lock_cards(session, unsold)
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
