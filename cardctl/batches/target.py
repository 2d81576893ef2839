"""Where the cards of a file go, and whether the file has been there."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from cardctl.batches.results import ImportResult
from cardctl.errors import NotFound
from cardctl.schema.cards import batches
from cardctl.schema.catalog import Product, Supplier, pools, products, suppliers
from cardctl.vocabulary import BatchStatus, ImportStatus
from cardctl.workbooks.source import Source


@dataclass(frozen=True, slots=True)
class Target:
    """A product, a supplier and a pool, as they stood when the file was opened."""

    product: Product
    supplier: Supplier
    pool_id: int
    pool: str


def find_target(session: Session, *, sku: str, supplier: str, pool: str) -> Target:
    """Look the three up by their codes; raises `NotFound`."""
    product = session.execute(select(products).where(products.c.sku == sku)).mappings().first()
    if product is None:
        raise NotFound(noun="product", name=sku)
    found = session.execute(select(suppliers).where(suppliers.c.code == supplier)).mappings()
    from_whom = found.first()
    if from_whom is None:
        raise NotFound(noun="supplier", name=supplier)
    pool_id = session.execute(select(pools.c.id).where(pools.c.code == pool)).scalar_one_or_none()
    if pool_id is None:
        raise NotFound(noun="pool", name=pool)
    return Target(Product(**product), Supplier(**from_whom), pool_id, pool)


def find_standing(session: Session, target: Target, source: Source) -> ImportResult | None:
    """The batch that this very file made for this product and supplier, unless it was undone."""
    batch = batches.c
    found = session.execute(
        select(batch.code, batch.row_count, pools.c.code.label("pool"))
        .join(pools, pools.c.id == batch.pool_id)
        .where(
            batch.file_sha256 == source.sha256,
            batch.product_id == target.product.id,
            batch.supplier_id == target.supplier.id,
            batch.status != BatchStatus.UNDONE.value,
        )
    ).first()
    if found is None:
        return None
    return ImportResult(
        batch=found.code,
        status=ImportStatus.UNCHANGED,
        product=target.product.sku,
        supplier=target.supplier.code,
        pool=found.pool,
        file=source.name,
        sha256=source.sha256,
        rows=found.row_count,
    )
