"""Take an import back: what never left the stock goes, and its fingerprints with it."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.failures import CardsHaveLeft
from cardctl.batches.queries import BatchName, lock_batch
from cardctl.ledger.journal import post_batch
from cardctl.ledger.postings import Event
from cardctl.schema.cards import batches, cards, data_keys
from cardctl.stock.claim import in_claim_order
from cardctl.storage.dialects import lock_rows
from cardctl.vocabulary import BatchStatus, CardStatus

REMOVABLE = (CardStatus.AVAILABLE, CardStatus.QUARANTINED, CardStatus.EXPIRED)
"""The states of a card that may never have left; one that names an order has.

A void card stays: it was written off, and its loss is in the books.
"""


@dataclass(frozen=True, slots=True)
class Undone:
    """How many cards were removed and how many had left; the cost reversed, in fen."""

    batch: str
    status: BatchStatus
    product: str
    supplier: str
    removed: int
    left: int
    cost_fen: int


def undo_batch(session: Session, *, run: Run, code: str, unsold: bool, reason: str) -> Undone:
    """Remove the cards of a batch that never left; the journal reverses their known cost.

    The batch counts as undone from then on, also when some of its cards have left: the file can
    be imported again, and the keys that left are met as duplicates. Undoing again removes what
    came back meanwhile. Raises `NotFound`, and `CardsHaveLeft` unless `unsold`.
    """
    batch = lock_batch(session, code)
    cards_there = _count(session, batch.id)
    removed, cost_fen, digest = _remove(session, batch.id)
    left = cards_there - removed
    # Known only now: what was being sold when this began is waited for.
    if left and not unsold and batch.status != BatchStatus.UNDONE:
        raise CardsHaveLeft(batch=code, left=left, cards=cards_there)
    undone = Undone(
        batch=code,
        status=BatchStatus.UNDONE,
        product=batch.product,
        supplier=batch.supplier,
        removed=removed,
        left=left,
        cost_fen=cost_fen,
    )
    if removed or batch.status != BatchStatus.UNDONE:
        _close(session, run, batch, undone)
        kept = {"removed": removed, "left": left, "cost_fen": cost_fen, "cards": digest}
        run.record(session, "batch.undo", {"batch": code, "reason": reason, **kept})
    return undone


def _removable(batch_id: int) -> ColumnElement[bool]:
    card = cards.c
    return (
        (card.batch_id == batch_id)
        & card.status.in_([status.value for status in REMOVABLE])
        & card.order_id.is_(None)
    )


def _count(session: Session, batch_id: int) -> int:
    query = select(func.count()).select_from(cards).where(cards.c.batch_id == batch_id)
    count: int = session.execute(query).scalar_one()
    return count


def _remove(session: Session, batch_id: int) -> tuple[int, int, str]:
    """Delete what never left; returns how many, their known cost, and a digest of which."""
    card, removable = cards.c, _removable(batch_id)
    query = in_claim_order(select(card.bucket, card.id, card.cost_fen).where(removable))
    locked = lock_rows(session, query, table=cards, skip_locked=False)
    count, cost_fen, digest = 0, 0, hashlib.sha256()
    for bucket, card_id, cost in session.execute(locked.execution_options(yield_per=5000)):
        count += 1
        cost_fen += cost or 0
        digest.update(bucket.to_bytes(2) + card_id.to_bytes(8))
    if count:
        session.execute(delete(cards).where(removable))
    return count, cost_fen, digest.hexdigest()


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
        cost_fen=undone.cost_fen,
    )
