"""Claim cards: look at what a pool has, earliest expiry first, and bind what was decided.

Rows are locked in the order of the claim index (expiry, id), product by product and pool by pool
in ascending id, by everybody: two that wait for each other's cards cannot both wait.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, select, text, tuple_
from sqlmodel import Session

from cardctl.errors import ServiceUnavailable
from cardctl.schema.cards import cards
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.vocabulary import CardStatus

AVAILABLE = text("card.status = 'available'")
"""A literal, as in the partial index: SQLite's planner does not look into a parameter."""

PLACE = ("product_id", "pool_id", "expires_at", "id")
"""The order of the claim: everybody locks cards in it, so that nobody waits in a circle."""

_ID_MAX = 2**63 - 1


class ClaimLost(ServiceUnavailable):
    """Cards that were looked at are gone: somebody was faster, nothing was bound."""

    code = "claim-lost"
    message = "another command took {missing} of the cards first; nothing was issued"
    hint = "run the same command again: what was done is not done twice"


class PickedCard(NamedTuple):
    """A card that may be bound: where it is, its place in the queue, and its cost in fen."""

    bucket: int
    id: int
    expires_at: int
    cost_fen: int | None


class Binding(NamedTuple):
    """A card and the order line that gets it."""

    card: PickedCard
    order_bucket: int
    order_id: int
    order_line_id: int


@dataclass(slots=True)
class Shelf:
    """The available cards of a product in a pool, fetched as they are asked for.

    Within one transaction a shelf hands a card out once; what is put back is handed out first.
    """

    product_id: int
    pool_id: int
    good_until: int
    """The least `expires_at` a card may have to be sold now (epoch ms)."""
    waiting: bool
    locking: bool
    _queue: deque[PickedCard] = field(default_factory=deque)
    _last: tuple[int, int] = field(init=False)
    _drained: bool = False

    def __post_init__(self) -> None:
        """Begin just before the first card that is good long enough."""
        self._last = self.good_until - 1, _ID_MAX

    def stock_up(self, session: Session, count: int) -> None:
        """Fetch until so many cards are at hand, or the pool has no more."""
        missing = count - len(self._queue)
        if missing <= 0 or self._drained:
            return
        card = cards.c
        query = (
            select(card.bucket, card.id, card.expires_at, card.cost_fen)
            .where(
                card.product_id == self.product_id,
                card.pool_id == self.pool_id,
                AVAILABLE,
                tuple_(card.expires_at, card.id) > self._last,
            )
            .order_by(card.expires_at, card.id)
            .limit(missing)
        )
        if self.locking:
            query = lock_rows(session, query, table=cards, skip_locked=not self.waiting)
        found = [PickedCard(*row) for row in session.execute(query).all()]
        if found:
            self._last = found[-1].expires_at, found[-1].id
        self._drained = len(found) < missing
        self._queue.extend(found)

    def take(self, count: int) -> list[PickedCard]:
        """Up to so many cards, the earliest expiry first."""
        return [self._queue.popleft() for _ in range(min(count, len(self._queue)))]

    def put_back(self, picked: Sequence[PickedCard]) -> None:
        """Return cards that an order could not use after all, in their order."""
        self._queue.extendleft(reversed(picked))


def in_claim_order(query: Select[Any]) -> Select[Any]:
    """A query for cards in the order in which claims lock them, for whoever else locks cards.

    Who takes them in one order waits for others, but never in a circle.
    """
    return query.order_by(*(cards.c[name] for name in PLACE))


def lock_cards(session: Session, which: ColumnElement[bool]) -> int:
    """Lock all cards of a kind in the order of the claim, and say how many there are."""
    query = lock_rows(
        session, in_claim_order(select(cards.c.id).where(which)), table=cards, skip_locked=False
    )
    return sum(1 for _ in session.execute(query.execution_options(yield_per=5_000)))


def bind_cards(
    session: Session,
    *,
    bindings: Sequence[Binding],
    at: int,
    status: CardStatus = CardStatus.ISSUED,
) -> None:
    """Bind cards to order lines, issued or reserved for them, each only if it is still available.

    All of them or `ClaimLost`.
    """
    bound = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=("order_bucket", "order_id", "order_line_id"),
        rows=[
            (one.order_bucket, one.order_id, one.order_line_id, one.card.bucket, one.card.id)
            for one in bindings
        ],
        guard="card.status = 'available'",
        constants={"status": status.value, "status_at": at},
    )
    if bound != len(bindings):
        raise ClaimLost(missing=len(bindings) - bound)
