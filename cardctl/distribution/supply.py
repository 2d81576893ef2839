"""What a distribution needs of the stock: what there is of it, what that cost, what is short."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Subquery, case, func, select
from sqlmodel import Session

from cardctl.money import known_cost
from cardctl.orders.waiting import read_catalog
from cardctl.schema.cards import cards
from cardctl.schema.catalog import MAIN_POOL_ID
from cardctl.stock.claim import AVAILABLE
from cardctl.stock.freeze import read_frozen


@dataclass(frozen=True, slots=True)
class Supply:
    """A product in the pools of a channel; money in fen."""

    product: str
    wanted: int
    available: int
    """All that could be issued now."""
    short: int
    cost_fen: int | None
    """The known cost of what is wanted; None when none of it is known, or a part is not there."""
    cost_missing: int
    """How many of the cards that are wanted have a cost that is not known, or are not there."""
    frozen: bool
    """Whether nothing of the product is issued for now."""


def read_supply(
    session: Session, *, at: int, channel_id: int, wanted: Mapping[int, int]
) -> list[Supply]:
    """What there is of so many cards by product id, looked at as a claim would, pool by pool."""
    catalog = read_catalog(session, at=at)
    frozen = read_frozen(session, holding=False)
    pools = catalog.pools.get(channel_id, (MAIN_POOL_ID,))
    supplies = []
    for product_id, count in wanted.items():
        found = cost_fen = missing = available = 0
        for pool_id in pools:
            shelf = _shelf(product_id, pool_id, catalog.good_until[product_id])
            part = _first_cards(session, shelf, count - found)
            found, cost_fen, missing = found + part[0], cost_fen + part[1], missing + part[2]
            available += session.execute(select(func.count()).select_from(shelf)).scalar_one()
        short = count - found
        supplies.append(
            Supply(
                product=catalog.skus[product_id],
                wanted=count,
                available=available,
                short=short,
                cost_fen=None if short else known_cost(cost_fen, of=count, missing=missing),
                cost_missing=missing + short,
                frozen=frozen.holds(product_id),
            )
        )
    return sorted(supplies, key=lambda one: one.product)


def _shelf(product_id: int, pool_id: int, good_until: int) -> Subquery:
    """The cards of a product in a pool that may be issued."""
    card = cards.c
    lies_there = (card.product_id == product_id, card.pool_id == pool_id, AVAILABLE)
    query = select(card.cost_fen, card.expires_at, card.id)
    return query.where(*lies_there, card.expires_at >= good_until).subquery()


def _first_cards(session: Session, shelf: Subquery, count: int) -> tuple[int, int, int]:
    """How many of the first cards of a shelf there are, their known cost, how many have none."""
    card = shelf.c
    first = select(card.cost_fen).order_by(card.expires_at, card.id).limit(count).subquery()
    unknown = func.sum(case((first.c.cost_fen.is_(None), 1), else_=0))
    row = session.execute(select(func.count(), func.sum(first.c.cost_fen), unknown)).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0)
