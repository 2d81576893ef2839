"""Where the cards of a file go, and whether the file has been there."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from cardctl.batches.by_product import ProductNames, kept_as_cards
from cardctl.batches.results import ImportResult
from cardctl.catalog.supplier_maps import mapped_products
from cardctl.errors import NotFound, StateForbids
from cardctl.schema.cards import batches
from cardctl.schema.catalog import Product, Supplier, pools, products, suppliers
from cardctl.vocabulary import BatchStatus, ImportStatus
from cardctl.workbooks.source import Source


class StandsAsSold(StateForbids):
    """The file is to be stock, and its keys stand as sold before they came: no secret is kept."""

    code = "stands-as-sold"
    message = "the file was imported as batch {batch}, of keys sold before: none of them is stock"
    hint = "cardctl batch undo {batch} --reason TEXT, then import the file again"


class StandsAsStock(StateForbids):
    """The keys of the file are said to be sold before they came, and stand as stock."""

    code = "stands-as-stock"
    message = "the file was imported as batch {batch}, whose keys are for sale"
    hint = "cardctl batch undo {batch} --reason TEXT, then import the file again"


@dataclass(frozen=True, slots=True)
class Target:
    """A supplier and a pool, as they stood when the file was opened."""

    supplier: Supplier
    pool_id: int
    pool: str


Standing = dict[tuple[str, int], ImportResult]
"""The batches that a file has made, by sheet and product id, as results that are unchanged."""


def find_target(session: Session, *, supplier: str, pool: str) -> Target:
    """Look both up by their codes; raises `NotFound`."""
    found = session.execute(select(suppliers).where(suppliers.c.code == supplier)).mappings()
    from_whom = found.first()
    if from_whom is None:
        raise NotFound(noun="supplier", name=supplier)
    pool_id = session.execute(select(pools.c.id).where(pools.c.code == pool)).scalar_one_or_none()
    if pool_id is None:
        raise NotFound(noun="pool", name=pool)
    return Target(Supplier(**from_whom), pool_id, pool)


def find_names(session: Session, supplier: Supplier, *, sku: str | None) -> ProductNames:
    """What the supplier and we call our products; `sku` is what the command says.

    Raises `NotFound` and `KindWithoutCards`.
    """
    found: Any = session.execute(select(products)).mappings()
    by_id = {row["id"]: Product(**row) for row in found}
    skus = {product.sku: product for product in by_id.values()}
    if sku is not None and sku not in skus:
        raise NotFound(noun="product", name=sku)
    mapped = mapped_products(session, supplier_id=supplier.id)
    return ProductNames(
        supplier=supplier.code,
        mapped={name: by_id[product_id] for name, product_id in mapped.items()},
        skus=skus,
        only=kept_as_cards(skus[sku]) if sku is not None else None,
    )


def find_standing(session: Session, target: Target, source: Source) -> Standing:
    """The batches that this very file made for this supplier, unless they were undone."""
    batch = batches.c
    # What a zip holds beside its tables was told when it was read, and is not known here.
    zipped = source.name.lower().endswith(".zip")
    found = session.execute(
        select(
            batch.code,
            batch.sheet,
            batch.product_id,
            batch.row_count,
            batch.rejected_count,
            batch.already_sold,
            products.c.sku,
            pools.c.code.label("pool"),
        )
        .join(pools, pools.c.id == batch.pool_id)
        .join(products, products.c.id == batch.product_id)
        .where(
            batch.file_sha256 == source.sha256,
            batch.supplier_id == target.supplier.id,
            batch.status != BatchStatus.UNDONE.value,
        )
    )
    return {
        (row.sheet, row.product_id): ImportResult(
            batch=row.code,
            status=ImportStatus.UNCHANGED,
            product=row.sku,
            supplier=target.supplier.code,
            pool=row.pool,
            file=source.name,
            sha256=source.sha256,
            sheet=row.sheet,
            rows=row.row_count,
            already_sold=row.already_sold,
            whole=not (row.rejected_count or row.sheet or zipped),
        )
        for row in found
    }


def check_alike(standing: ImportResult, *, already_sold: bool) -> ImportResult:
    """A batch that stands, if it is what is asked for.

    Raises `StandsAsSold` and `StandsAsStock`: its keys would not be where they are thought to be.
    """
    if standing.already_sold != already_sold:
        raise (StandsAsSold if standing.already_sold else StandsAsStock)(batch=standing.batch)
    return standing
