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
    supplier: str


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
    batch = batches.c
    query = (
        select(batch.id, batch.status, products.c.sku, batch.product_id, suppliers.c.code)
        .join(products, products.c.id == batch.product_id)
        .join(suppliers, suppliers.c.id == batch.supplier_id)
        .where(batch.code == code)
    )
    row = session.execute(lock_rows(session, query, table=batches, skip_locked=False)).first()
    if row is None:
        raise NotFound(noun="batch", name=code)
    return BatchName(*row)


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
        cost_fen=known_cost(row.cost_fen, of=row.imported_count, missing=row.cost_missing_count),
        imported_at=row.imported_at,
    )
