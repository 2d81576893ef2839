"""Look at batches."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import Session

from cardctl.errors import NotFound
from cardctl.money import known_cost
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import pools, products, suppliers
from cardctl.storage.dialects import lock_rows


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """A batch as it was imported: counts, the sum of the known costs in fen, epoch ms."""

    batch: str
    status: str
    product: str
    supplier: str
    pool: str
    file: str
    sha256: str
    rows: int
    imported: int
    rejected: int
    duplicates: int
    cost_missing: int
    cost_fen: int | None
    imported_at: int
    sheet: str
    already_sold: bool


@dataclass(frozen=True, slots=True)
class CardCount:
    """How many cards of a batch have a status now."""

    status: str
    cards: int


@dataclass(frozen=True, slots=True)
class BatchName:
    """A batch that is locked: what changing it needs."""

    id: int
    status: str
    product: str
    product_id: int
    seats: int
    supplier: str
    supplier_id: int
    already_sold: bool


def list_batches(session: Session) -> list[BatchFacts]:
    """All batches, the latest first."""
    query = _facts_query().order_by(batches.c.imported_at.desc(), batches.c.id.desc())
    return [_facts(row) for row in session.execute(query)]


def show_batch(session: Session, *, code: str) -> tuple[BatchFacts, list[CardCount]]:
    """A batch, and where its cards are now; raises `NotFound`."""
    row = session.execute(_facts_query().where(batches.c.code == code)).first()
    if row is None:
        raise NotFound(noun="batch", name=code)
    counts = session.execute(
        select(cards.c.status, func.count())
        .where(cards.c.batch_id == row.id)
        .group_by(cards.c.status)
        .order_by(cards.c.status)
    )
    return _facts(row), [CardCount(status, count) for status, count in counts]


def lock_batch(session: Session, code: str) -> BatchName:
    """A batch that nobody else changes until the transaction ends; raises `NotFound`."""
    locked = lock_rows(
        session,
        select(batches).where(batches.c.code == code),
        table=batches,
        skip_locked=False,
    )
    # Not a join: its supplier may be another one by the time that the lock is had.
    row = session.execute(locked).first()
    if row is None:
        raise NotFound(noun="batch", name=code)
    product = session.execute(
        select(products.c.sku, products.c.seats).where(products.c.id == row.product_id)
    ).one()
    supplier = select(suppliers.c.code).where(suppliers.c.id == row.supplier_id)
    return BatchName(
        id=row.id,
        status=row.status,
        product=product.sku,
        product_id=row.product_id,
        seats=product.seats,
        supplier=session.execute(supplier).scalar_one(),
        supplier_id=row.supplier_id,
        already_sold=row.already_sold,
    )


def _facts_query() -> Select[Any]:
    return (
        select(
            batches,
            products.c.sku,
            suppliers.c.code.label("supplier"),
            pools.c.code.label("pool"),
        )
        .join(products, products.c.id == batches.c.product_id)
        .join(suppliers, suppliers.c.id == batches.c.supplier_id)
        .join(pools, pools.c.id == batches.c.pool_id)
    )


def cost_of(row: Any) -> int | None:
    """The known cost of a batch's cards; None when none of them has a cost that is known."""
    if row.already_sold:
        # What was sold before it came cost nothing here, and nothing is known of what it did.
        return None
    return known_cost(row.cost_fen, of=row.imported_count, missing=row.cost_missing_count)


def _facts(row: Any) -> BatchFacts:
    return BatchFacts(
        batch=row.code,
        status=row.status,
        product=row.sku,
        supplier=row.supplier,
        pool=row.pool,
        file=row.file_name,
        sha256=row.file_sha256,
        rows=row.row_count,
        imported=row.imported_count,
        rejected=row.rejected_count,
        duplicates=row.duplicate_count,
        cost_missing=row.cost_missing_count,
        cost_fen=cost_of(row),
        imported_at=row.imported_at,
        sheet=row.sheet,
        already_sold=row.already_sold,
    )
