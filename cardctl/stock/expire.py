"""Take cards off the shelf whose time is over, and put back what nobody waits for any more."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.schema.cards import cards
from cardctl.schema.catalog import products
from cardctl.schema.orders import orders
from cardctl.vocabulary import CardStatus, OrderStatus


@dataclass(frozen=True, slots=True)
class Moved:
    """How many cards of a product changed their status, and their known cost in fen."""

    product: str
    cards: int
    cost_fen: int | None


def expire_cards(session: Session, *, run: Run, as_of: int) -> list[Moved]:
    """Mark available cards expired whose last good instant lies before `as_of` (epoch ms).

    They stay stock at their cost until they are written off.
    """
    card = cards.c
    over = (card.status == CardStatus.AVAILABLE) & (card.expires_at < as_of)
    return _move(session, run=run, verb="stock.expire", which=over, to=CardStatus.EXPIRED)


def release_cards(session: Session, *, run: Run) -> list[Moved]:
    """Put reserved cards back whose order was cancelled or is not there."""
    card, order = cards.c, orders.c
    waiting = (
        select(1)
        .where(
            order.bucket == card.order_bucket,
            order.id == card.order_id,
            order.status != OrderStatus.CANCELLED,
        )
        .exists()
    )
    stale = (card.status == CardStatus.RESERVED) & ~waiting
    return _move(session, run=run, verb="stock.release", which=stale, to=CardStatus.AVAILABLE)


def _move(
    session: Session, *, run: Run, verb: str, which: ColumnElement[bool], to: CardStatus
) -> list[Moved]:
    """Change the status of some cards in one statement, and count what it changed."""
    changed = (
        update(cards)
        .where(which)
        .values(
            status=to.value, status_at=run.at, order_bucket=None, order_id=None, order_line_id=None
        )
        .returning(cards.c.product_id, cards.c.cost_fen)
    )
    figures: dict[int, tuple[int, int | None]] = {}
    for product_id, cost_fen in session.execute(changed):
        number, known = figures.get(product_id, (0, None))
        total = known if cost_fen is None else (known or 0) + cost_fen
        figures[product_id] = number + 1, total
    if not figures:
        return []
    named = session.execute(
        select(products.c.sku, products.c.id).where(products.c.id.in_(figures)).order_by("sku")
    )
    moved = [Moved(sku, *figures[product_id]) for sku, product_id in named]
    run.record(session, verb, {"cards": {one.product: one.cards for one in moved}})
    return moved
