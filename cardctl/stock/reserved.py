"""Cards that are kept for an order while it is unpaid (预占): found, given, put back.

Whoever touches them holds their order, so that nobody else does meanwhile; and whoever locks
reserved cards and others locks the reserved ones first.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlmodel import Session

from cardctl.schema.cards import cards
from cardctl.stock.claim import PLACE, Binding, ClaimLost, PickedCard
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import CardStatus

_GUARD = "card.status = 'reserved'"
_COLUMNS = ("bucket", "cost_fen", "status", "order_line_id", "order_bucket", "order_id")
_KEY = ("bucket", "id", "order_bucket", "order_id")


class ReservedCard(NamedTuple):
    """A card that is kept for a line of an order (bucket, id)."""

    card: PickedCard
    order: tuple[int, int]
    line_id: int
    product_id: int


def reserved_cards(
    session: Session, orders: Collection[tuple[int, int]], *, locking: bool
) -> list[ReservedCard]:
    """What is kept for some orders, the earliest expiry first; locked if asked."""
    found = select_many(
        session,
        cards,
        columns=(*PLACE, *_COLUMNS),
        key=("order_bucket", "order_id"),
        rows=sorted(orders),
        lock_order=PLACE if locking else (),
    )
    kept = []
    for product_id, _, expires_at, card_id, bucket, cost_fen, status, line_id, *order in found:
        if status == CardStatus.RESERVED:
            card = PickedCard(bucket, card_id, expires_at, cost_fen)
            kept.append(ReservedCard(card, (order[0], order[1]), line_id, product_id))
    return sorted(kept, key=lambda one: (one.card.expires_at, one.card.id))


def issue_reserved(session: Session, *, bindings: Sequence[Binding], at: int) -> None:
    """Give orders the cards that are kept for them, all of them or `ClaimLost`."""
    _change(
        session,
        [(one.card.bucket, one.card.id, one.order_bucket, one.order_id) for one in bindings],
        {"status": CardStatus.ISSUED.value, "status_at": at},
    )


def put_back(
    session: Session, *, kept: Sequence[tuple[PickedCard, tuple[int, int]]], at: int
) -> None:
    """Put cards that are kept for an order (bucket, id) on the shelf again, all or `ClaimLost`."""
    _change(
        session,
        [(card.bucket, card.id, *order) for card, order in kept],
        {
            "status": CardStatus.AVAILABLE.value,
            "status_at": at,
            **dict.fromkeys(("order_bucket", "order_id", "order_line_id")),
        },
    )


def _change(
    session: Session, rows: Sequence[tuple[int, ...]], constants: dict[str, object]
) -> None:
    if not rows:
        return
    changed = update_many(
        session, cards, key=_KEY, changed=(), rows=rows, guard=_GUARD, constants=constants
    )
    if changed != len(rows):
        raise ClaimLost(missing=len(rows) - changed)
