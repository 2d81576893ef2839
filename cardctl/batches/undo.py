"""Take an import back: what never left the stock goes, and its fingerprints with it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.failures import CardsHaveLeft
from cardctl.batches.queries import BatchName, lock_batch
from cardctl.ledger.journal import post_batch
from cardctl.ledger.postings import Event
from cardctl.money import known_cost
from cardctl.schema.cards import batches, cards, data_keys
from cardctl.schema.deliveries import card_deliveries
from cardctl.stock.claim import in_claim_order
from cardctl.storage.dialects import lock_rows
from cardctl.storage.failures import StoreBusy
from cardctl.vocabulary import BatchStatus, CardStatus, Outcome

REMOVABLE = (
    CardStatus.AVAILABLE,
    CardStatus.QUARANTINED,
    CardStatus.EXPIRED,
    CardStatus.ALREADY_SOLD,
)
"""The states of a card that never left; one that names an order has.

A void card stays: it was written off, and its loss is in the books.

Nor was any of these ever shown. A card is revealed as one of its order's only, and only when it
was issued. An issued card stays with its order, but for `order refund --restock`, which refuses
what was handed over or revealed (a test tries them all). What a delivery took stays here whatever
its status.
"""


@dataclass(frozen=True, slots=True)
class Undone:
    """How many cards were removed and how many had left.

    `cost_fen` is what the journal reversed; None when none of the costs was known.
    """

    batch: str
    outcome: Outcome
    status: BatchStatus
    product: str
    supplier: str
    removed: int
    left: int
    cost_fen: int | None
    cost_missing: int


@dataclass(frozen=True, slots=True)
class _Removed:
    """What was deleted: how many, their known cost in fen, and a digest of which."""

    cards: int
    cost_fen: int
    cost_missing: int
    digest: str


def undo_batch(session: Session, *, run: Run, code: str, unsold: bool, reason: str) -> Undone:
    """Remove the cards of a batch that never left; the journal reverses their known cost.

    What is reversed is what stands in the books now, also after corrections. The batch counts as
    undone from then on, also when some of its cards have left: the file can be imported again,
    and the keys that left are met as duplicates. Undoing again removes what came back meanwhile.
    Raises `NotFound`, and `CardsHaveLeft` unless `unsold`.
    """
    batch = lock_batch(session, code)
    cards_there = _count(session, batch.id)
    removed = _remove(session, batch.id)
    left = cards_there - removed.cards
    # Known only now: what was being sold when this began is waited for.
    if left and not unsold and batch.status != BatchStatus.UNDONE:
        raise CardsHaveLeft(batch=code, left=left, cards=cards_there)
    is_news = removed.cards > 0 or batch.status != BatchStatus.UNDONE
    undone = Undone(
        batch=code,
        outcome=Outcome.UPDATED if is_news else Outcome.UNCHANGED,
        status=BatchStatus.UNDONE,
        product=batch.product,
        supplier=batch.supplier,
        removed=removed.cards,
        left=left,
        cost_fen=known_cost(removed.cost_fen, of=removed.cards, missing=removed.cost_missing),
        # What was sold before it came has no cost that anybody misses.
        cost_missing=0 if batch.already_sold else removed.cost_missing,
    )
    if is_news:
        _close(session, run, batch, undone)
        kept = {
            "removed": removed.cards,
            "left": left,
            "cost_fen": removed.cost_fen,
            "cards": removed.digest,
        }
        run.record(session, "batch.undo", {"batch": code, "reason": reason, **kept})
    return undone


def _removable(batch_id: int) -> ColumnElement[bool]:
    card, handed = cards.c, card_deliveries.c
    found = select(1).where(handed.bucket == card.bucket, handed.card_id == card.id)
    handed_over = found.correlate(cards).exists()
    return (
        (card.batch_id == batch_id)
        & card.status.in_([status.value for status in REMOVABLE])
        & card.order_id.is_(None)
        & ~handed_over
    )


def _count(session: Session, batch_id: int) -> int:
    query = select(func.count()).select_from(cards).where(cards.c.batch_id == batch_id)
    count: int = session.execute(query).scalar_one()
    return count


def _remove(session: Session, batch_id: int) -> _Removed:
    """Delete what never left. Raises `StoreBusy` when a card came back between look and deed."""
    card, removable = cards.c, _removable(batch_id)
    query = in_claim_order(select(card.bucket, card.id, card.cost_fen).where(removable))
    locked = lock_rows(session, query, table=cards, skip_locked=False)
    count, cost_fen, cost_missing, digest = 0, 0, 0, hashlib.sha256()
    for bucket, card_id, cost in session.execute(locked.execution_options(yield_per=5000)):
        count += 1
        cost_fen += cost or 0
        cost_missing += cost is None
        digest.update(bucket.to_bytes(2) + card_id.to_bytes(8))
    if count:
        deleted: Any = session.execute(delete(cards).where(removable))
        if deleted.rowcount != count:
            raise StoreBusy
    return _Removed(count, cost_fen, cost_missing, digest.hexdigest())


def _close(session: Session, run: Run, batch: BatchName, undone: Undone) -> None:
    session.execute(
        update(batches).where(batches.c.id == batch.id).values(status=BatchStatus.UNDONE.value)
    )
    if not undone.left:
        # Nothing is left that it could open.
        session.execute(delete(data_keys).where(data_keys.c.batch_id == batch.id))
    post_batch(
        session,
        run=run,
        event=Event.UNDO,
        batch_id=batch.id,
        supplier_code=batch.supplier,
        product_id=batch.product_id,
        cost_fen=undone.cost_fen or 0,
    )
