"""Take cards off the shelf whose time is over, and put back what nobody waits for any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import UsageRefused
from cardctl.money import sum_known
from cardctl.schema.cards import cards
from cardctl.schema.catalog import pools, products
from cardctl.schema.orders import orders
from cardctl.stock.claim import AVAILABLE, ClaimLost, in_claim_order
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
    card = cards.c
    # Shelf by shelf: asked for several at once, SQLite walks over everything that is available.
    which = [
        (card.product_id == product_id) & (card.pool_id == pool_id) & overdue(as_of)
        for product_id, pool_id in _shelves_with_overdue(session, as_of)
    ]
    move = _Move("stock.expire", CardStatus.AVAILABLE, CardStatus.EXPIRED, passing_locked)
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
    move = _Move("stock.release", CardStatus.RESERVED, CardStatus.AVAILABLE)
    return move.carry_out(session, run, [reserved & which])


@dataclass(frozen=True, slots=True)
class _Move:
    """A change of the status of cards, and the verb it is recorded by."""

    verb: str
    was: CardStatus
    to: CardStatus
    passing_locked: bool = False

    def carry_out(
        self, session: Session, run: Run, parts: Sequence[ColumnElement[bool]]
    ) -> list[Moved]:
        """Move some cards, part by part in the order of the claim, and count them."""
        costs: dict[int, list[int | None]] = {}
        for which in parts:
            for row in self._change(session, run, which):
                costs.setdefault(row.product_id, []).append(row.cost_fen)
        if not costs:
            return []
        moved = _by_product(session, costs)
        run.record(session, self.verb, {"cards": {one.product: one.cards for one in moved}})
        return moved

    def _change(self, session: Session, run: Run, which: ColumnElement[bool]) -> Sequence[Any]:
        """Lock cards and change them; raises `ClaimLost` when one is no longer what it was."""
        card = cards.c
        query = in_claim_order(
            select(card.bucket, card.id, card.product_id, card.cost_fen).where(which)
        )
        query = lock_rows(session, query, table=cards, skip_locked=self.passing_locked)
        found = session.execute(query).all()
        changed = update_many(
            session,
            cards,
            key=("bucket", "id"),
            changed=(),
            rows=[(row.bucket, row.id) for row in found],
            guard=f"card.status = '{self.was}'",
            constants={
                "status": self.to.value,
                "status_at": run.at,
                "order_bucket": None,
                "order_id": None,
                "order_line_id": None,
            },
        )
        if changed != len(found):
            raise ClaimLost(missing=len(found) - changed)
        return found


def _by_product(session: Session, costs: Mapping[int, Sequence[int | None]]) -> list[Moved]:
    named = session.execute(
        select(products.c.sku, products.c.id).where(products.c.id.in_(costs)).order_by("sku")
    )
    return [Moved(sku, len(costs[one]), sum_known(costs[one])) for sku, one in named]
