"""Count the stock: by product and pool, from the cards themselves."""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlmodel import Session

from cardctl.catalog.pools import show_pool
from cardctl.catalog.products import show_product
from cardctl.schema.cards import cards
from cardctl.schema.catalog import pools, products
from cardctl.stock.freeze import read_frozen
from cardctl.vocabulary import ON_HAND, CardStatus


@dataclass(frozen=True, slots=True)
class Level:
    """How many cards of a product lie in a pool, by status."""

    product: str
    pool: str
    available: int
    reserved: int
    issued: int
    redeemed: int
    quarantined: int
    void: int
    expired: int
    already_sold: int
    frozen: bool
    """Whether nothing of the product is issued for now."""
    cost_fen: int | None
    """The known cost of the cards on hand; None when there are some and none has a known cost."""
    cost_missing: int
    """Cards on hand whose cost is not known."""


def stock_levels(
    session: Session, *, at: int, sku: str | None = None, pool: str | None = None
) -> list[Level]:
    """The levels at an instant (epoch ms) of all products and pools that have cards, or of some.

    A card whose time is over counts as expired, whether it has been marked so yet or not. Raises
    `NotFound` for an unknown product or pool.
    """
    card = cards.c
    over = (card.status == CardStatus.AVAILABLE) & (card.expires_at < at)
    status_now = case((over, CardStatus.EXPIRED.value), else_=card.status)
    counts = [func.sum(case((status_now == status, 1), else_=0)) for status in CardStatus]
    on_hand = card.status.in_(ON_HAND)
    query = (
        select(
            products.c.sku,
            pools.c.code,
            products.c.id,
            *counts,
            func.sum(case((on_hand, card.cost_fen), else_=None)),
            func.sum(case((on_hand & card.cost_fen.is_(None), 1), else_=0)),
        )
        .join(products, products.c.id == card.product_id)
        .join(pools, pools.c.id == card.pool_id)
        .group_by(products.c.sku, pools.c.code, products.c.id)
        .order_by(products.c.sku, pools.c.code)
    )
    if sku is not None:
        query = query.where(products.c.sku == show_product(session, sku=sku).sku)
    if pool is not None:
        query = query.where(pools.c.code == show_pool(session, code=pool).code)
    frozen = read_frozen(session, holding=False)
    return [
        _level(sku, pool, frozen.holds(product_id), *figures)
        for sku, pool, product_id, *figures in session.execute(query)
    ]


def _level(sku: str, pool: str, frozen: bool, *figures: int | None) -> Level:  # noqa: FBT001 -- a fact of it
    *counts, cost_fen, cost_missing = figures
    numbers = [int(count or 0) for count in counts]
    missing = int(cost_missing or 0)
    known = None if cost_fen is None and missing else int(cost_fen or 0)
    by_status = dict(zip((status.value for status in CardStatus), numbers, strict=True))
    return Level(
        product=sku, pool=pool, frozen=frozen, cost_fen=known, cost_missing=missing, **by_status
    )
