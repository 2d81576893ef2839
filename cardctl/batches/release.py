"""Release a batch: its recall is over, and what it quarantined is for sale again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.queries import lock_batch
from cardctl.schema.cards import batches, cards
from cardctl.stock.claim import lock_cards
from cardctl.vocabulary import BatchStatus, CardStatus, Outcome, Quarantine


@dataclass(frozen=True, slots=True)
class Released:
    """How many cards are for sale again, expired meanwhile, or stay frozen by themselves."""

    batch: str
    outcome: Outcome
    status: BatchStatus
    product: str
    supplier: str
    available: int
    expired: int
    frozen: int


def release_batch(session: Session, *, run: Run, code: str, reason: str) -> Released:
    """Take a recall back; raises `NotFound`.

    What the recall quarantined becomes available, or expired where its time is over meanwhile. A
    card that was frozen by itself stays frozen. A batch that is not recalled is unchanged.
    """
    batch = lock_batch(session, code)
    recalled = (cards.c.batch_id == batch.id) & (cards.c.quarantined_for == Quarantine.RECALL.value)
    count = lock_cards(session, recalled)
    over = cards.c.expires_at < run.at
    expired = _count(session, recalled & over)
    session.execute(
        update(cards)
        .where(recalled)
        .values(
            status=case((over, CardStatus.EXPIRED.value), else_=CardStatus.AVAILABLE.value),
            quarantined_for=None,
            status_at=run.at,
        )
    )
    status = BatchStatus(batch.status)
    is_news = count > 0 or status == BatchStatus.RECALLED
    if status == BatchStatus.RECALLED:
        status = BatchStatus.IMPORTED
        session.execute(update(batches).where(batches.c.id == batch.id).values(status=status.value))
    frozen = (cards.c.batch_id == batch.id) & (cards.c.quarantined_for == Quarantine.FREEZE.value)
    released = Released(
        batch=code,
        outcome=Outcome.UPDATED if is_news else Outcome.UNCHANGED,
        status=status,
        product=batch.product,
        supplier=batch.supplier,
        available=count - expired,
        expired=expired,
        frozen=_count(session, frozen),
    )
    if is_news:
        facts = {"available": released.available, "expired": expired, "reason": reason}
        run.record(session, "batch.release", {"batch": code, **facts})
    return released


def _count(session: Session, which: Any) -> int:
    query = select(func.count()).select_from(cards).where(which)
    return int(session.execute(query).scalar_one())
