"""Take cards off the shelf whose time is over."""

from sqlalchemy import ColumnElement, and_, select, true
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import UsageRefused
from cardctl.schema.cards import cards
from cardctl.schema.catalog import pools, products
from cardctl.stock.claim import AVAILABLE
from cardctl.stock.moves import Moved, StatusMove
from cardctl.vocabulary import CardStatus


class NotYet(UsageRefused):
    """Cards were to expire before their time."""

    code = "not-yet"
    message = "cards do not expire before their time: --as-of lies in the future"
    hint = "cardctl stock expire"


def expire_cards(
    session: Session, *, run: Run, as_of: int, passing_locked: bool = False
) -> list[Moved]:
    """Mark available cards expired whose last good instant lies before `as_of` (epoch ms).

    They stay stock at their cost until they are written off. With `passing_locked` cards that
    another command holds are left to the next time. Raises `NotYet` for an instant to come: what
    is marked expired is never sold again.
    """
    if as_of > run.at:
        raise NotYet
    card = cards.c
    # Shelf by shelf: asked for several at once, SQLite walks over everything that is available.
    which = [
        (card.product_id == product_id) & (card.pool_id == pool_id) & overdue(as_of)
        for product_id, pool_id in _shelves_with_overdue(session, as_of)
    ]
    move = StatusMove("stock.expire", CardStatus.AVAILABLE, CardStatus.EXPIRED, passing_locked)
    return move.carry_out(session, run, which)


def any_overdue(session: Session, *, at: int) -> bool:
    """Whether the time of some available card is over at an instant (epoch ms)."""
    return bool(_shelves_with_overdue(session, at))


def overdue(at: int) -> ColumnElement[bool]:
    """Available, but its last good instant lies before `at` (epoch ms): it is never sold."""
    return and_(AVAILABLE, cards.c.expires_at < at)


def _shelves_with_overdue(session: Session, at: int) -> list[tuple[int, int]]:
    """The products and pools with overdue cards, in the order in which cards are locked.

    It takes one look each into the index of the claim.
    """
    card = cards.c
    here = (card.product_id == products.c.id) & (card.pool_id == pools.c.id)
    found = select(1).where(here, overdue(at)).correlate(products, pools).exists()
    query = select(products.c.id, pools.c.id).select_from(products.join(pools, true()))
    query = query.where(found).order_by(products.c.id, pools.c.id)
    return [(row[0], row[1]) for row in session.execute(query)]
