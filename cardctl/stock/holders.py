"""Who has cards: the orders that hold some, and how to reach their buyers."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session

from cardctl.schema.cards import cards
from cardctl.schema.catalog import channels
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import CardStatus

_COLUMNS = ("bucket", "id", "channel_id", "number", "status", "buyer", "phone", "email")


@dataclass(frozen=True, slots=True)
class Holder:
    """An order, how many of the cards in question it holds, and who its buyer is."""

    order: str
    status: str
    cards: int
    buyer: str | None
    phone: str | None
    email: str | None


def find_holders(session: Session, which: ColumnElement[bool]) -> list[Holder]:
    """The orders that hold cards of a kind, by name; what was replaced they hold no more."""
    card = cards.c
    query = (
        select(card.order_bucket, card.order_id, func.count())
        .where(which, card.order_id.is_not(None), card.status != CardStatus.VOID.value)
        .group_by(card.order_bucket, card.order_id)
    )
    return name_holders(
        session, {(bucket, order): count for bucket, order, count in session.execute(query)}
    )


def name_holders(session: Session, counts: Mapping[tuple[int, int], int]) -> list[Holder]:
    """The orders with these (bucket, id), by name; the counts are how many cards each holds."""
    rows = select_many(session, orders, columns=_COLUMNS, key=("bucket", "id"), rows=sorted(counts))
    known = session.execute(select(channels.c.id, channels.c.code))
    codes = {row.id: row.code for row in known}
    found = [
        Holder(f"{codes[channel]}:{number}", status, counts[bucket, order_id], *reach)
        for bucket, order_id, channel, number, status, *reach in rows
    ]
    return sorted(found, key=lambda holder: holder.order)
