"""What to buy, and from whom: products that run low, filled up to a number of days of cover."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import select
from sqlmodel import Session

from cardctl.clock import DAY_MS
from cardctl.schema.cards import batches
from cardctl.schema.catalog import products, suppliers
from cardctl.stock.alerts import Limits, cards_for, cover_days, is_below_safety
from cardctl.stock.positions import Position, read_positions, read_waiting
from cardctl.vocabulary import BatchStatus

PRICES_KNOWN_DAYS = 90
"""A cost that was paid longer ago says nothing of today's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """So many cards of a product to buy; money in fen, None where no cost is known.

    `available` are those in all pools: what lies in the wrong one is moved, not bought.
    """

    supplier: str | None
    product: str
    qty: int
    unit_cost_fen: int | None
    cost_fen: int | None
    available: int
    waiting: int
    """Cards that paid orders wait for."""
    safety_stock: int
    sold: int
    cover_days: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a supplier last took for a card of a product: fen, rounded up, and when (epoch ms)."""

    product: str
    supplier: str
    unit_cost_fen: int | None
    at: int


def purchase_list(session: Session, *, at: int, limits: Limits) -> list[Purchase]:
    """What to buy at an instant (epoch ms), by supplier and product.

    A product is bought when it is below its safety stock, covers too few days, or when orders
    wait for more than there is.
    """
    positions = read_positions(session, at=at, expiring_days=limits.expiring_days)
    by_product = {
        sku: list(group) for sku, group in groupby(positions, key=lambda one: one.product)
    }
    waiting = read_waiting(session)
    for sku in waiting.keys() - by_product.keys():
        by_product[sku] = [Position(sku, "", drawn_on=False, safety_stock=0)]
    offers = _offers(session)
    found = (
        _purchase(of_product, waiting.get(sku, 0), best_offer(offers.get(sku, ()), at=at), limits)
        for sku, of_product in by_product.items()
    )
    wanted = [one for one in found if one is not None]
    return sorted(wanted, key=lambda one: (one.supplier or "", one.product))


def best_offer(offers: Iterable[Offer], *, at: int) -> Offer | None:
    """The lowest of what each supplier took last, if that is not long ago.

    Without a known cost, the supplier who sent last; None when nobody ever did.
    """
    latest = sorted(offers, key=lambda one: one.at, reverse=True)
    since = at - PRICES_KNOWN_DAYS * DAY_MS
    known: dict[str, Offer] = {}
    for one in latest:
        if one.unit_cost_fen is not None and one.at >= since:
            known.setdefault(one.supplier, one)
    if known:
        # The first of equal ones is the latest.
        return min(known.values(), key=lambda one: one.unit_cost_fen or 0)
    return replace(latest[0], unit_cost_fen=None) if latest else None


def _purchase(
    of_product: Sequence[Position], waiting: int, offer: Offer | None, limits: Limits
) -> Purchase | None:
    """What to buy of a product; None when it does not run low, or has enough elsewhere."""
    safety_stock = of_product[0].safety_stock
    available, sold = sum(one.available for one in of_product), sum(one.sold for one in of_product)
    cover = cover_days(max(available - waiting, 0), sold)
    low = cover is not None and cover < limits.cover_days
    if not (low or waiting > available or is_below_safety(of_product)):
        return None
    qty = cards_for(limits.target_days, sold) + safety_stock + waiting - available
    if qty <= 0:
        return None
    unit_cost_fen = offer.unit_cost_fen if offer else None
    return Purchase(
        supplier=offer.supplier if offer else None,
        product=of_product[0].product,
        qty=qty,
        unit_cost_fen=unit_cost_fen,
        cost_fen=None if unit_cost_fen is None else unit_cost_fen * qty,
        available=available,
        waiting=waiting,
        safety_stock=safety_stock,
        sold=sold,
        cover_days=cover,
    )


def _offers(session: Session) -> dict[str, list[Offer]]:
    """What the standing batches brought, by product; keys sold before were no purchase."""
    batch = batches.c
    query = (
        select(
            products.c.sku,
            suppliers.c.code,
            batch.cost_fen,
            batch.imported_count,
            batch.cost_missing_count,
            batch.imported_at,
        )
        .join(products, products.c.id == batch.product_id)
        .join(suppliers, suppliers.c.id == batch.supplier_id)
        .where(batch.status == BatchStatus.IMPORTED.value, batch.already_sold.is_(False))
        .order_by(batch.imported_at, batch.id)
    )
    found: dict[str, list[Offer]] = {}
    for sku, supplier, cost_fen, count, missing, imported_at in session.execute(query):
        known = count - missing
        unit_cost_fen = -(-cost_fen // known) if known else None
        found.setdefault(sku, []).append(Offer(sku, supplier, unit_cost_fen, imported_at))
    return found
