"""Where each product stands, pool by pool: what could be sold, what soon cannot, what was sold."""

from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, case, cast, func, select
from sqlmodel import Session

from cardctl.clock import DAY_MS
from cardctl.schema.cards import cards
from cardctl.schema.catalog import MAIN_POOL_ID, channel_pools, channels, pools, products
from cardctl.schema.orders import order_events, order_lines, orders
from cardctl.stock.claim import AVAILABLE
from cardctl.vocabulary import ISSUABLE, CardStatus, OrderEventKind

PACE_DAYS = 14
"""The pace of a pool is what was issued from it within so many days."""

_PACE_MS = PACE_DAYS * DAY_MS


@dataclass(frozen=True, slots=True)
class Position:
    """A product in a pool.

    `available` could be sold today; `expiring` end soon, some of them within what the product must
    still be good for at its sale; `sold` were issued within `PACE_DAYS`.
    """

    product: str
    pool: str
    drawn_on: bool
    """Whether orders draw on the pool."""
    safety_stock: int
    """The product's, in all pools together."""
    available: int = 0
    expiring: int = 0
    expires_first: int | None = None
    """When the first of the expiring ends (epoch ms)."""
    sold: int = 0


def read_positions(session: Session, *, at: int, expiring_days: int) -> list[Position]:
    """Every product in every pool that has cards of it or sold some, by product and pool.

    A product with a safety stock stands at least in one pool that orders draw on.
    """
    skus = {
        row.id: (row.sku, row.safety_stock)
        for row in session.execute(select(products.c.id, products.c.sku, products.c.safety_stock))
    }
    codes = {row.id: row.code for row in session.execute(select(pools.c.id, pools.c.code))}
    drawn_on = _drawn_on(session)
    at_least_in = min(drawn_on)
    found = {
        (product_id, pool_id): Position(sku, codes[pool_id], pool_id in drawn_on, safety_stock)
        for product_id, (sku, safety_stock) in skus.items()
        for pool_id in codes
        if safety_stock and pool_id == at_least_in
    }
    for product_id, pool_id, available, expiring, first in _on_hand(session, at, expiring_days):
        sku, safety_stock = skus[product_id]
        found[product_id, pool_id] = Position(
            product=sku,
            pool=codes[pool_id],
            drawn_on=pool_id in drawn_on,
            safety_stock=safety_stock,
            available=int(available),
            expiring=int(expiring),
            expires_first=first,
        )
    for product_id, pool_id, sold in _sold(session, at - _PACE_MS):
        sku, safety_stock = skus[product_id]
        empty = Position(sku, codes[pool_id], pool_id in drawn_on, safety_stock)
        found[product_id, pool_id] = replace(found.get((product_id, pool_id), empty), sold=sold)
    return sorted(found.values(), key=lambda one: (one.product, one.pool))


def read_waiting(session: Session) -> dict[str, int]:
    """How many cards the orders wait for that are paid, by product."""
    order, line = orders.c, order_lines.c
    query = (
        select(products.c.sku, func.sum(line.qty - line.issued_qty))
        .select_from(orders)
        .join(order_lines, (line.bucket == order.bucket) & (line.order_id == order.id))
        .join(products, products.c.id == line.product_id)
        .where(order.status.in_(ISSUABLE), line.issued_qty < line.qty)
        .group_by(products.c.sku)
    )
    return {sku: int(count) for sku, count in session.execute(query)}


def _drawn_on(session: Session) -> set[int]:
    """The pools that orders draw on: those of the channels, and `main` for a channel without."""
    chosen = select(channels.c.id, channel_pools.c.pool_id).outerjoin(
        channel_pools, channel_pools.c.channel_id == channels.c.id
    )
    found = {row.pool_id or MAIN_POOL_ID for row in session.execute(chosen)}
    return found or {MAIN_POOL_ID}


def _on_hand(session: Session, at: int, expiring_days: int) -> list[tuple[int, ...]]:
    """(product, pool, available, expiring, first of these): an index of what is available."""
    card = cards.c
    # A small integer times a day would be reckoned in 32 bits.
    least = at + cast(products.c.min_validity_days, BigInteger) * DAY_MS
    soon = case((least > at + expiring_days * DAY_MS, least), else_=at + expiring_days * DAY_MS)
    expiring = (card.expires_at >= at) & (card.expires_at < soon)
    query = (
        select(
            card.product_id,
            card.pool_id,
            func.sum(case((card.expires_at >= least, 1), else_=0)),
            func.sum(case((expiring, 1), else_=0)),
            func.min(case((expiring, card.expires_at), else_=None)),
        )
        .join(products, products.c.id == card.product_id)
        .where(AVAILABLE)
        .group_by(card.product_id, card.pool_id)
    )
    return [tuple(row) for row in session.execute(query)]


def _sold(session: Session, since: int) -> list[tuple[int, ...]]:
    """(product, pool, cards issued since): one pass over the cards that are with buyers."""
    card, event = cards.c, order_events.c
    # When a redeemed card was issued its order knows; it was redeemed later than that.
    issued = (
        select(1)
        .where(
            event.bucket == card.order_bucket,
            event.order_id == card.order_id,
            event.kind == OrderEventKind.ISSUED.value,
            event.at >= since,
        )
        .exists()
    )
    with_buyer = (card.status == CardStatus.ISSUED) | (
        (card.status == CardStatus.REDEEMED) & issued
    )
    query = (
        select(card.product_id, card.pool_id, func.count())
        .where(with_buyer, card.status_at >= since)
        .group_by(card.product_id, card.pool_id)
    )
    return [tuple(row) for row in session.execute(query)]
