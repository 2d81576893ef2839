"""Prove that cards and order lines agree; they live in different buckets without a foreign key."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, Select, func, literal_column, select, union_all
from sqlmodel import Session

from cardctl.identifiers import card_code
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels, products
from cardctl.schema.deliveries import card_deliveries, deliveries
from cardctl.schema.orders import order_lines, orders, replacements
from cardctl.vocabulary import (
    CARD_KINDS,
    ISSUABLE,
    BatchStatus,
    CardStatus,
    DeliveryStatus,
    OrderStatus,
)

_SOLD = (CardStatus.ISSUED.value, CardStatus.REDEEMED.value)
_FILLED = (
    OrderStatus.ISSUED.value,
    OrderStatus.DELIVERED.value,
    OrderStatus.PARTLY_REFUNDED.value,
)
_EMPTY = (
    OrderStatus.UNPAID.value,
    OrderStatus.PAID.value,
    OrderStatus.SHORT.value,
    OrderStatus.CANCELLED.value,
)
_WAITING = (
    OrderStatus.UNPAID.value,
    OrderStatus.HELD.value,
    OrderStatus.BLOCKED.value,
    *(status.value for status in ISSUABLE),
)
_FOR_SALE = (CardStatus.AVAILABLE.value, CardStatus.RESERVED.value)
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

    Every line of a product that is kept as cards holds as many as it says; every sold card is held
    by a line of its product; an order's status agrees with its lines; a bundle's components are
    issued alike; a replaced card is void, its successor is with the same order, and no other void
    card names one; a card that was handed over is not for sale; a reserved one is kept for an order
    that waits; a delivered order has handed over its cards; a batch has the cards it brought.
    """
    return StockCheck(
        cards=session.execute(select(func.count()).select_from(cards)).scalar_one(),
        order_lines=session.execute(select(func.count()).select_from(order_lines)).scalar_one(),
        drifts=[
            *_lines_and_cards(session),
            *_foreign_cards(session),
            *_orders_and_lines(session),
            *_bundles(session),
            *_replaced(session),
            *_handed_over(session),
            *_reserved(session),
            *_delivered(session),
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
    ).where(line.issued_qty > 0, line.product_id.in_(_kept_as_cards()))
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


def _kept_as_cards() -> Select[tuple[int]]:
    """The products that are kept as cards: topped up and shipped ones are not."""
    return select(products.c.id).where(products.c.kind.in_([kind.value for kind in CARD_KINDS]))


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
            | (order.status.in_(_EMPTY) & (issued > 0))
            | ((order.status == OrderStatus.PARTLY_ISSUED) & ((issued == 0) | (qty == issued)))
        )
        .limit(_KEPT_MOST)
    )
    for channel, number, status, wanted, found in session.execute(query):
        yield Drift(f"status-{status}", f"{channel}:{number}", int(wanted), int(found))


def _bundles(session: Session) -> Iterator[Drift]:
    """Components of a bundle of which more were issued than of the others."""
    line = order_lines.c
    bundles = line.issued_qty * line.bundle_qty // line.qty
    least, most = func.min(bundles), func.max(bundles)
    wrong = (
        select(line.bucket, line.order_id, most.label("most"), least.label("least"))
        .where(line.bundle_place.is_not(None))
        .group_by(line.bucket, line.order_id, line.bundle_place)
        .having(least != most)
    ).subquery()
    query = (
        select(orders.c.bucket, orders.c.id, wrong.c.most, wrong.c.least)
        .join(wrong, (orders.c.bucket == wrong.c.bucket) & (orders.c.id == wrong.c.order_id))
        # What was paid back whole may have given back its cards, but no shipped goods.
        .where(orders.c.status != OrderStatus.REFUNDED)
        .limit(_KEPT_MOST)
    )
    for bucket, order_id, expected, found in session.execute(query).all():
        yield Drift("bundle", _name(session, bucket, order_id), int(expected), int(found))


def _replaced(session: Session) -> Iterator[Drift]:
    card, one = cards.c, replacements.c
    same_order = (one.bucket == card.order_bucket) & (one.order_id == card.order_id)
    is_old = same_order & (one.old_card_bucket == card.bucket) & (one.old_card_id == card.id)
    # A card given for another may be given back with its order, never the other.
    old = (
        select(one.old_card_bucket, one.old_card_id)
        .select_from(replacements)
        .outerjoin(cards, is_old & (card.status == CardStatus.VOID.value))
        .where(card.id.is_(None))
    )
    for bucket, card_id in session.execute(old.limit(_KEPT_MOST)):
        yield Drift("replaced-card", card_code(bucket, card_id), 1, 0)
    unasked = select(card.bucket, card.id).where(
        card.status == CardStatus.VOID.value,
        card.order_id.is_not(None),
        ~select(1).select_from(replacements).where(is_old).correlate(cards).exists(),
    )
    for bucket, card_id in session.execute(unasked.limit(_KEPT_MOST)):
        yield Drift("void-card-of-order", card_code(bucket, card_id), 0, 1)


def _handed_over(session: Session) -> Iterator[Drift]:
    """Cards that left the house and would be sold again."""
    card, handed = cards.c, card_deliveries.c
    query = (
        select(card.bucket, card.id)
        .select_from(card_deliveries)
        .join(cards, (card.bucket == handed.bucket) & (card.id == handed.card_id))
        .where(card.status.in_(_FOR_SALE))
        .limit(_KEPT_MOST)
    )
    for bucket, card_id in session.execute(query):
        yield Drift("handed-card-for-sale", card_code(bucket, card_id), 0, 1)


def _reserved(session: Session) -> Iterator[Drift]:
    """Cards kept for an order that waits for none, or is not there."""
    card, order = cards.c, orders.c
    waits = (
        select(1)
        .where(
            order.bucket == card.order_bucket,
            order.id == card.order_id,
            order.status.in_(_WAITING),
        )
        .correlate(cards)
        .exists()
    )
    query = select(card.bucket, card.id).where(card.status == CardStatus.RESERVED.value, ~waits)
    for bucket, card_id in session.execute(query.limit(_KEPT_MOST)):
        yield Drift("reserved-for-none", card_code(bucket, card_id), 0, 1)


def _delivered(session: Session) -> Iterator[Drift]:
    """Orders that count as delivered, with cards that never left, or lines that wait."""
    order, card, delivery = orders.c, cards.c, deliveries.c
    delivered = (order.status == OrderStatus.DELIVERED) | order.delivered_at.is_not(None)
    handed = (
        select(1)
        .where(card_deliveries.c.bucket == card.bucket, card_deliveries.c.card_id == card.id)
        .correlate(cards)
        .exists()
    )
    kept_back = (
        select(channels.c.code, order.number, func.count())
        .select_from(orders)
        .join(channels, channels.c.id == order.channel_id)
        .join(cards, (card.order_bucket == order.bucket) & (card.order_id == order.id))
        .where(delivered, card.status.in_(_SOLD), ~handed)
    )
    open_lines = (
        select(channels.c.code, order.number, func.count())
        .select_from(orders)
        .join(channels, channels.c.id == order.channel_id)
        .join(deliveries, (delivery.bucket == order.bucket) & (delivery.order_id == order.id))
        .where(
            delivered,
            delivery.order_line_id.is_not(None),
            delivery.status != DeliveryStatus.DELIVERED,
        )
    )
    for query in (kept_back, open_lines):
        grouped = query.group_by(channels.c.code, order.bucket, order.id, order.number)
        for channel, number, found in session.execute(grouped.limit(_KEPT_MOST)):
            yield Drift("status-delivered", f"{channel}:{number}", 0, int(found))


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
