"""Correct a batch: what its keys cost, who sent them, until when they are good.

What was posted is not edited: the differences are posted, to the accounts that bear them. A cost
is a key's, and shared out among the seats of a shared card as its import did.

An expiry is the key's, too, whoever has it: its issuer turns it off on that day. So it is
corrected on every card of the batch, those that were sold among them, and the orders that hold
one are listed, since their buyers were told another day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.queries import BatchName, cost_of, lock_batch
from cardctl.errors import NotFound, StateForbids
from cardctl.ledger.bearers import bearer
from cardctl.ledger.journal import OrderRise, post_correction
from cardctl.ledger.postings import move_lines
from cardctl.money import share_out
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import suppliers
from cardctl.stock.claim import lock_cards
from cardctl.stock.holders import Holder, find_holders
from cardctl.storage.failures import StoreBusy
from cardctl.vocabulary import BatchStatus, CardStatus, LedgerAccount, Outcome, Quarantine

_OF_ORDERS = (LedgerAccount.COST_OF_GOODS, LedgerAccount.REPLACEMENT)
"""What of a rise is an entry of each order."""


class KeysSoldBefore(StateForbids):
    """The batch holds keys that were sold before they came here."""

    code = "keys-sold-before"
    message = "the keys of batch {batch} were sold before they came: they have no cost, no expiry"
    hint = "cardctl batch show {batch}"


class FileOfSupplier(StateForbids):
    """The other supplier has a batch from the same file already."""

    code = "file-of-supplier"
    message = "supplier {supplier} has the keys of this file already, in batch {other}"
    hint = "cardctl batch show {other}"


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to hold of a batch; None leaves it as it is.

    `supplier` is a code, `cost_fen` the cost of a key, `expires_at` its last instant (epoch ms).
    """

    supplier: str | None = None
    cost_fen: int | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What holds of a batch now, and what has changed; money in fen.

    `repriced` and `redated` are cards with another cost or expiry; of these `available` were
    expired and are for sale again, and `orders` hold some with another expiry. The amounts are by
    how much the four accounts rose.
    """

    batch: str
    outcome: Outcome
    status: BatchStatus
    product: str
    supplier: str
    supplier_was: str
    cost_fen: int | None
    cost_missing: int
    repriced: int
    stock_fen: int
    cost_of_goods_fen: int
    stock_loss_fen: int
    replacement_cost_fen: int
    redated: int
    available: int
    orders: list[Holder]


@dataclass(slots=True)
class _Repricing:
    """What another cost changes: cards, those whose cost was not known, and what rises where."""

    cards: int = 0
    newly_known: int = 0
    rises: dict[LedgerAccount, int] = field(default_factory=dict)
    orders: list[OrderRise] = field(default_factory=list)


@dataclass(slots=True)
class _Redating:
    """What another expiry changes."""

    cards: int = 0
    available: int = 0
    orders: list[Holder] = field(default_factory=list)


def correct_batch(
    session: Session, *, run: Run, code: str, correction: Correction, reason: str
) -> Corrected:
    """Make a batch what it should have been, and post the difference; what holds is unchanged.

    A cost that was not known is posted whole. Raises `NotFound` (batch, supplier),
    `KeysSoldBefore` and `FileOfSupplier`.
    """
    batch = lock_batch(session, code)
    if correction.cost_fen is not None or correction.expires_at is not None:
        if batch.already_sold:
            raise KeysSoldBefore(batch=code)
        lock_cards(session, cards.c.batch_id == batch.id)
    supplier, moved_fen = batch.supplier, 0
    if correction.supplier not in (None, supplier):
        supplier = str(correction.supplier)
        _give_to(session, batch, supplier)
        moved_fen = _known_cost(session, batch)
    repricing, redating = _Repricing(), _Redating()
    if correction.cost_fen is not None:
        repricing = _reprice(session, batch, correction.cost_fen)
    if correction.expires_at is not None:
        redating = _redate(session, batch, correction.expires_at, run.at)
    post_correction(
        session,
        run=run,
        supplier=supplier,
        product_id=batch.product_id,
        rises=repricing.rises,
        moved=move_lines(supplier=supplier, supplier_was=batch.supplier, cost_fen=moved_fen),
        orders=repricing.orders,
    )
    corrected = _told(session, batch, supplier, repricing, redating)
    if corrected.outcome is Outcome.UPDATED:
        run.record(session, "batch.correct", _facts(corrected, correction, reason))
    return corrected


def _give_to(session: Session, batch: BatchName, supplier: str) -> None:
    """Make another supplier that of the batch."""
    found = session.execute(select(suppliers.c.id).where(suppliers.c.code == supplier))
    supplier_id = found.scalar_one_or_none()
    if supplier_id is None:
        raise NotFound(noun="supplier", name=supplier)
    other = _same_file(session, batch, supplier_id)
    if other is not None:
        raise FileOfSupplier(supplier=supplier, other=other)
    try:
        session.execute(
            update(batches).where(batches.c.id == batch.id).values(supplier_id=supplier_id)
        )
    except IntegrityError as error:
        # The same file is being imported as that supplier's: who comes second sees it.
        raise StoreBusy from error


def _same_file(session: Session, batch: BatchName, supplier_id: int) -> str | None:
    """The standing batch that this one's file made for a supplier, if there is one."""
    if batch.status == BatchStatus.UNDONE:
        return None
    one, other = batches.c, batches.alias("other").c
    query = select(other.code).where(
        one.id == batch.id,
        other.file_sha256 == one.file_sha256,
        other.sheet == one.sheet,
        other.product_id == one.product_id,
        other.supplier_id == supplier_id,
        other.status != BatchStatus.UNDONE.value,
    )
    return session.execute(query).scalars().first()


def _known_cost(session: Session, batch: BatchName) -> int:
    total = func.coalesce(func.sum(cards.c.cost_fen), 0)
    return int(session.execute(select(total).where(cards.c.batch_id == batch.id)).scalar_one())


def _reprice(session: Session, batch: BatchName, cost_fen: int) -> _Repricing:
    """Give every key another cost, and say what that changes."""
    card, new = cards.c, _share_of_seat(cost_fen, batch.seats)
    changed = (card.batch_id == batch.id) & (card.cost_fen.is_(None) | (card.cost_fen != new))
    rise = func.sum(new - func.coalesce(card.cost_fen, 0))
    account = bearer().label("account")
    borne = select(
        *(card.order_bucket, card.order_id, account),
        *(func.count(), func.count(card.cost_fen), rise),
    ).where(changed)
    repricing = _Repricing()
    for bucket, order_id, name, count, known, fen in session.execute(
        borne.group_by(card.order_bucket, card.order_id, account)
    ):
        repricing.cards += count
        repricing.newly_known += count - known
        bearing = LedgerAccount(name)
        repricing.rises[bearing] = repricing.rises.get(bearing, 0) + int(fen)
        if bearing in _OF_ORDERS:
            repricing.orders.append(OrderRise(bucket, order_id, bearing, int(fen)))
    session.execute(update(cards).where(changed).values(cost_fen=new))
    session.execute(
        update(batches)
        .where(batches.c.id == batch.id)
        .values(
            cost_fen=batches.c.cost_fen + sum(repricing.rises.values()),
            cost_missing_count=batches.c.cost_missing_count - repricing.newly_known,
        )
    )
    return repricing


def _share_of_seat(cost_fen: int, seats: int) -> ColumnElement[int]:
    """What of a key's cost falls on a seat: shared out to the fen, the first ones bear the rest."""
    shares = share_out(cost_fen, [1] * seats)
    return case((cards.c.seat <= shares.count(shares[0]), shares[0]), else_=shares[-1])


def _redate(session: Session, batch: BatchName, expires_at: int, at: int) -> _Redating:
    """Give every card another expiry; what was expired and is good again comes back."""
    in_batch = cards.c.batch_id == batch.id
    changed = in_batch & (cards.c.expires_at != expires_at)
    redating = _Redating(orders=find_holders(session, changed))
    redating.cards = _updated(session, changed, {"expires_at": expires_at})
    if redating.cards and expires_at >= at:
        expired = in_batch & (cards.c.status == CardStatus.EXPIRED.value)
        if batch.status == BatchStatus.RECALLED:
            status, cause = CardStatus.QUARANTINED, Quarantine.RECALL
            _updated(session, expired, _status(status, at) | {"quarantined_for": cause.value})
        else:
            redating.available = _updated(session, expired, _status(CardStatus.AVAILABLE, at))
    return redating


def _status(status: CardStatus, at: int) -> dict[str, object]:
    return {"status": status.value, "status_at": at}


def _updated(session: Session, which: ColumnElement[bool], values: Mapping[str, object]) -> int:
    result: Any = session.execute(update(cards).where(which).values(**values))
    return int(result.rowcount)


def _told(
    session: Session,
    batch: BatchName,
    supplier: str,
    repricing: _Repricing,
    redating: _Redating,
) -> Corrected:
    now = session.execute(select(batches).where(batches.c.id == batch.id)).one()
    changed = supplier != batch.supplier or repricing.cards or redating.cards
    rises = repricing.rises
    return Corrected(
        batch=now.code,
        outcome=Outcome.UPDATED if changed else Outcome.UNCHANGED,
        status=BatchStatus(batch.status),
        product=batch.product,
        supplier=supplier,
        supplier_was=batch.supplier,
        cost_fen=cost_of(now),
        cost_missing=now.cost_missing_count,
        repriced=repricing.cards,
        stock_fen=rises.get(LedgerAccount.STOCK, 0),
        cost_of_goods_fen=rises.get(LedgerAccount.COST_OF_GOODS, 0),
        stock_loss_fen=rises.get(LedgerAccount.STOCK_LOSS, 0),
        replacement_cost_fen=rises.get(LedgerAccount.REPLACEMENT, 0),
        redated=redating.cards,
        available=redating.available,
        orders=redating.orders,
    )


def _facts(corrected: Corrected, correction: Correction, reason: str) -> dict[str, object]:
    """What the audit log keeps: what was asked, and what came of it."""
    asked = {
        "cost_of_key_fen": correction.cost_fen,
        "expires_at": correction.expires_at,
        "reason": reason,
    }
    names = ("batch", "supplier", "supplier_was", "repriced", "redated", "available")
    amounts = ("stock_fen", "cost_of_goods_fen", "stock_loss_fen", "replacement_cost_fen")
    found = {name: getattr(corrected, name) for name in (*names, *amounts)}
    return {**found, "orders": len(corrected.orders), **asked}
