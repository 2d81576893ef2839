"""Take cards off the shelf whose time is over, and put back what nobody waits for any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import UsageRefused
from cardctl.money import sum_known
from cardctl.schema.cards import cards
from cardctl.schema.catalog import pools, products
from cardctl.schema.orders import orders
from cardctl.stock.claim import AVAILABLE, in_claim_order
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.vocabulary import CardStatus, OrderStatus


class NotYet(UsageRefused):
    """Cards were to expire before their time."""

    code = "not-yet"
    message = "cards do not expire before their time: --as-of lies in the future"
    hint = "cardctl stock expire"


@dataclass(frozen=True, slots=True)
class Moved:
    """How many cards of a product changed their status, and their known cost in fen."""

    product: str
    cards: int
    cost_fen: int | None


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
    shelves = _shelves_with_overdue(session, as_of)
    if not shelves:
        return []
    card = cards.c
    over = tuple_(card.product_id, card.pool_id).in_(shelves) & overdue(as_of)
    to = CardStatus.EXPIRED
    return _move(session, run, "stock.expire", over, to=to, passing_locked=passing_locked)


def any_overdue(session: Session, *, at: int) -> bool:
    """Whether the time of some available card is over at an instant (epoch ms)."""
    return bool(_shelves_with_overdue(session, at))


def overdue(at: int) -> ColumnElement[bool]:
    """Available, but its last good instant lies before `at` (epoch ms): it is never sold."""
    return and_(AVAILABLE, cards.c.expires_at < at)


def _shelves_with_overdue(session: Session, at: int) -> list[tuple[int, int]]:
    """The products and pools with overdue cards: one look each into the index of the claim."""
    card = cards.c
    here = (card.product_id == products.c.id) & (card.pool_id == pools.c.id)
    found = select(1).where(here, overdue(at)).correlate(products, pools).exists()
    query = select(products.c.id, pools.c.id).select_from(products.join(pools, true()))
    return [(row[0], row[1]) for row in session.execute(query.where(found))]


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
    return _release(session, run, ~waiting)


def release_cards_of(
    session: Session, *, run: Run, order_bucket: int, order_id: int
) -> list[Moved]:
    """Put back what is reserved for an order that waits no more."""
    card = cards.c
    return _release(session, run, (card.order_bucket == order_bucket) & (card.order_id == order_id))


def _release(session: Session, run: Run, which: ColumnElement[bool]) -> list[Moved]:
    reserved = cards.c.status == CardStatus.RESERVED
    return _move(session, run, "stock.release", reserved & which, to=CardStatus.AVAILABLE)


def _move(
    session: Session,
    run: Run,
    verb: str,
    which: ColumnElement[bool],
    *,
    to: CardStatus,
    passing_locked: bool = False,
) -> list[Moved]:
    """Change the status of some cards, locked in the order of the claim, and count them."""
    card = cards.c
    query = in_claim_order(
        select(card.bucket, card.id, card.product_id, card.cost_fen).where(which)
    )
    query = lock_rows(session, query, table=cards, skip_locked=passing_locked)
    found = session.execute(query).all()
    if not found:
        return []
    update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(row.bucket, row.id) for row in found],
        constants={
            "status": to.value,
            "status_at": run.at,
            "order_bucket": None,
            "order_id": None,
            "order_line_id": None,
        },
    )
    moved = _by_product(session, found)
    run.record(session, verb, {"cards": {one.product: one.cards for one in moved}})
    return moved


def _by_product(session: Session, rows: Sequence[Any]) -> list[Moved]:
    costs: dict[int, list[int | None]] = {}
    for row in rows:
        costs.setdefault(row.product_id, []).append(row.cost_fen)
    named = session.execute(
        select(products.c.sku, products.c.id).where(products.c.id.in_(costs)).order_by("sku")
    )
    return [Moved(sku, len(costs[one]), sum_known(costs[one])) for sku, one in named]
