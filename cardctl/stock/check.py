"""Prove that cards and order lines agree; they live in different buckets without a foreign key."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, func, literal_column, select, union_all
from sqlmodel import Session

from cardctl.identifiers import card_code
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels
from cardctl.schema.orders import order_lines, orders
from cardctl.vocabulary import BatchStatus, CardStatus, OrderStatus

_SOLD = (CardStatus.ISSUED.value, CardStatus.REDEEMED.value)
_FILLED = (OrderStatus.ISSUED.value, OrderStatus.DELIVERED.value)
_KEPT_MOST = 1_000
"""Drifts told a check; a broken store need not fill the screen."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Two counts that should agree and do not."""

    check: str
    subject: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class StockCheck:
    """What `stock check` found."""

    cards: int
    order_lines: int
    drifts: list[Drift]


def check_stock(session: Session) -> StockCheck:
    """Compare cards, order lines, orders and batches with each other.

    Every line holds as many cards as it says; every sold card is held by a line of its product;
    an order's status agrees with its lines; a batch has the cards it brought.
    """
    return StockCheck(
        cards=session.execute(select(func.count()).select_from(cards)).scalar_one(),
        order_lines=session.execute(select(func.count()).select_from(order_lines)).scalar_one(),
        drifts=[
            *_lines_and_cards(session),
            *_foreign_cards(session),
            *_orders_and_lines(session),
            *_batches_and_cards(session),
        ],
    )


def _lines_and_cards(session: Session) -> Iterator[Drift]:
    """Both sides counted by line in one pass; a full join does not end on SQLite."""
    line, card = order_lines.c, cards.c
    zero = literal_column("0", BigInteger)
    said = select(
        line.bucket.label("bucket"),
        line.order_id.label("order_id"),
        line.id.label("line_id"),
        line.issued_qty.label("said"),
        zero.label("held"),
    ).where(line.issued_qty > 0)
    held = select(
        card.order_bucket, card.order_id, card.order_line_id, zero, literal_column("1", BigInteger)
    ).where(card.status.in_(_SOLD))
    both = union_all(said, held).subquery()
    said_sum, held_sum = func.sum(both.c.said), func.sum(both.c.held)
    query = (
        select(both.c.bucket, both.c.order_id, said_sum, held_sum)
        .group_by(both.c.bucket, both.c.order_id, both.c.line_id)
        .having(said_sum != held_sum)
        .limit(_KEPT_MOST)
    )
    for bucket, order_id, expected, found in session.execute(query).all():
        yield Drift("cards-of-line", _name(session, bucket, order_id), int(expected), int(found))


def _foreign_cards(session: Session) -> Iterator[Drift]:
    """Sold cards whose line is of another product."""
    line, card = order_lines.c, cards.c
    query = (
        select(card.bucket, card.id)
        .join(order_lines, (line.bucket == card.order_bucket) & (line.id == card.order_line_id))
        .where(card.status.in_(_SOLD), line.product_id != card.product_id)
        .limit(_KEPT_MOST)
    )
    for bucket, card_id in session.execute(query):
        yield Drift("product-of-card", card_code(bucket, card_id), 1, 0)


def _orders_and_lines(session: Session) -> Iterator[Drift]:
    order, line = orders.c, order_lines.c
    qty, issued = func.sum(line.qty), func.sum(line.issued_qty)
    query = (
        select(channels.c.code, order.number, order.status, qty, issued)
        .join(order_lines, (line.bucket == order.bucket) & (line.order_id == order.id))
        .join(channels, channels.c.id == order.channel_id)
        .group_by(channels.c.code, order.bucket, order.id, order.number, order.status)
        .having(
            (order.status.in_(_FILLED) & (qty != issued))
            | (
                order.status.in_((OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.SHORT))
                & (issued > 0)
            )
            | ((order.status == OrderStatus.PARTLY_ISSUED) & ((issued == 0) | (qty == issued)))
        )
        .limit(_KEPT_MOST)
    )
    for channel, number, status, wanted, found in session.execute(query):
        yield Drift(f"status-{status}", f"{channel}:{number}", int(wanted), int(found))


def _batches_and_cards(session: Session) -> Iterator[Drift]:
    """A card that vanished, or one that came from nowhere."""
    batch, card = batches.c, cards.c
    found = select(card.batch_id, func.count().label("number")).group_by(card.batch_id).subquery()
    number = func.coalesce(found.c.number, 0)
    query = (
        select(batch.code, batch.imported_count, number)
        .outerjoin(found, found.c.batch_id == batch.id)
        .where(batch.status != BatchStatus.UNDONE, number != batch.imported_count)
        .limit(_KEPT_MOST)
    )
    for code, expected, counted in session.execute(query):
        yield Drift("cards-of-batch", code, int(expected), int(counted))


def _name(session: Session, bucket: int, order_id: int) -> str:
    query = (
        select(channels.c.code, orders.c.number)
        .join(channels, channels.c.id == orders.c.channel_id)
        .where(orders.c.bucket == bucket, orders.c.id == order_id)
    )
    row = session.execute(query).first()
    return f"{row.code}:{row.number}" if row else str(order_id)
