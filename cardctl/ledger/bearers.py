"""In which account the cost of a card stands."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlmodel import Session

from cardctl.schema.cards import cards
from cardctl.schema.orders import replacements
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import ON_HAND, CardStatus, LedgerAccount

_SOLD = (CardStatus.ISSUED.value, CardStatus.REDEEMED.value)


def is_on_hand() -> ColumnElement[bool]:
    """Whether a card is stock."""
    return cards.c.status.in_([status.value for status in ON_HAND])


def has_left() -> ColumnElement[bool]:
    """Whether a card went to an order: one that was replaced there is void and names it still."""
    card = cards.c
    replaced = and_(card.status == CardStatus.VOID.value, card.order_id.is_not(None))
    return or_(card.status.in_(_SOLD), replaced)


def was_written_off() -> ColumnElement[bool]:
    """Whether a card is void and never went to an order."""
    return and_(cards.c.status == CardStatus.VOID.value, cards.c.order_id.is_(None))


def replaces_another() -> ColumnElement[bool]:
    """The join of a card with the replacement that brought it to the order it names."""
    card, one = cards.c, replacements.c
    return and_(
        one.bucket == card.order_bucket,
        one.order_id == card.order_id,
        one.new_card_bucket == card.bucket,
        one.new_card_id == card.id,
    )


def given_for_others(session: Session, orders: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """The cards (bucket, id) that were given for others of some orders: their cost is no sale's."""
    rows = select_many(
        session,
        replacements,
        columns=("new_card_bucket", "new_card_id"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    return {(bucket, card_id) for bucket, card_id in rows}


def bearer() -> ColumnElement[str]:
    """The account, a word of `LedgerAccount`, in which the cost of a card stands.

    None for a card that has none: it was sold before it came.
    """
    given_for_another = select(1).where(replaces_another()).correlate(cards).exists()
    return case(
        (is_on_hand(), LedgerAccount.STOCK.value),
        (was_written_off(), LedgerAccount.STOCK_LOSS.value),
        (and_(has_left(), given_for_another), LedgerAccount.REPLACEMENT.value),
        (has_left(), LedgerAccount.COST_OF_GOODS.value),
    )
