"""Prove the books against what they describe; a check that could not look is a difference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from cardctl.ledger.bearers import has_left, is_on_hand, replaces_another, was_written_off
from cardctl.ledger.postings import Event
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels, products, suppliers
from cardctl.schema.ledger import journal_entries, journal_lines
from cardctl.schema.orders import order_lines, orders, refunds, replacements
from cardctl.vocabulary import LedgerAccount, OrderStatus

_OWING = (Event.IMPORT, Event.UNDO, Event.CORRECT)
"""The events that say what cards cost, and so what is owed for them."""

_KEPT_MOST = 1_000
"""Differences told a check; a broken store need not fill the screen."""

_Amounts = Select[tuple[int, int, int]]
"""Of products: id, fen in the books, fen in fact; one of the two is 0."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should agree and do not; fen, or rows where a count is meant."""

    check: str
    subject: str
    books_fen: int
    actual_fen: int

    @property
    def difference_fen(self) -> int:
        """How far the books are off."""
        return self.books_fen - self.actual_fen


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What `ledger check` found."""

    entries: int
    stock_fen: int
    cards_fen: int
    cost_missing: int
    differences: list[Difference]


def check_ledger(session: Session) -> LedgerCheck:
    """Compare the journal with cards, batches and order lines.

    Entries sum to zero and have lines; revenue = what the issued lines recognise, and by product
    the cost of cards: stock = of those on hand, stock loss = of those written off, replacement
    cost = of those that were given for others, cost of goods = of the rest that went to orders;
    payable for cards = the cost of all, by supplier; what an order was paid back = the sum of its
    refunds = that of its lines, and a refunded order was paid back whole.
    """
    on_hand = is_on_hand()
    differences = [
        *_unbalanced(session),
        *_empty(session),
        *_by_product(session, "stock", LedgerAccount.STOCK, _cost_of(on_hand)),
        *_by_product(session, "stock-loss", LedgerAccount.STOCK_LOSS, _cost_of(was_written_off())),
        *_by_product(
            session,
            "cost-of-goods",
            LedgerAccount.COST_OF_GOODS,
            _cost_of(has_left()),
            _cost_of_replacements(sign=-1),
        ),
        *_by_product(
            session, "replacement-cost", LedgerAccount.REPLACEMENT, _cost_of_replacements(sign=1)
        ),
        *_payable(session),
        *_revenue(session),
        *_refunds(session),
    ]
    return LedgerCheck(
        entries=_number(session, select(func.count()).select_from(journal_entries)),
        stock_fen=_number(
            session,
            select(func.sum(journal_lines.c.amount_fen)).where(
                journal_lines.c.account == LedgerAccount.STOCK
            ),
        ),
        cards_fen=_number(session, select(func.sum(cards.c.cost_fen)).where(on_hand)),
        cost_missing=_number(
            session, select(func.count()).where(on_hand, cards.c.cost_fen.is_(None))
        ),
        differences=differences,
    )


def _unbalanced(session: Session) -> Iterator[Difference]:
    line = journal_lines.c
    total = func.sum(line.amount_fen)
    query = select(line.entry_id, total).group_by(line.bucket, line.entry_id).having(total != 0)
    for entry_id, fen in session.execute(query.limit(_KEPT_MOST)):
        yield Difference("entry-sum", str(entry_id), int(fen), 0)


def _empty(session: Session) -> Iterator[Difference]:
    entry, line = journal_entries.c, journal_lines.c
    has_line = select(1).where(line.bucket == entry.bucket, line.entry_id == entry.id).exists()
    for (entry_id,) in session.execute(select(entry.id).where(~has_line).limit(_KEPT_MOST)):
        yield Difference("entry-empty", str(entry_id), 0, 1)


def _by_product(
    session: Session, check: str, account: LedgerAccount, *actual: _Amounts
) -> Iterator[Difference]:
    """The books of an account against sums of the cards, by product."""
    books = (
        select(
            journal_lines.c.product_id,
            journal_lines.c.amount_fen.label("books_fen"),
            _zero("actual_fen"),
        )
    ).where(journal_lines.c.account == account)
    yield from _compare_products(session, check, books, *actual)


def _cost_of(which: ColumnElement[bool]) -> _Amounts:
    """The known costs of some cards."""
    return select(cards.c.product_id, _zero("books_fen"), cards.c.cost_fen).where(
        which, cards.c.cost_fen.is_not(None)
    )


def _cost_of_replacements(*, sign: int) -> _Amounts:
    """The known costs of the cards that replaced others of the orders they name."""
    cost = cards.c.cost_fen * sign
    return (
        select(cards.c.product_id, _zero("books_fen"), cost)
        .join(replacements, replaces_another())
        .where(has_left(), cards.c.cost_fen.is_not(None))
    )


def _revenue(session: Session) -> Iterator[Difference]:
    line = order_lines.c
    books = select(
        journal_lines.c.product_id,
        (-journal_lines.c.amount_fen).label("books_fen"),
        _zero("actual_fen"),
    ).where(journal_lines.c.account == LedgerAccount.REVENUE)
    # Integer division floors in both databases: amounts and quantities are not negative.
    recognised = (line.paid_fen - line.refunded_fen) * line.issued_qty // line.qty
    actual = select(line.product_id, _zero("books_fen"), recognised).where(line.issued_qty > 0)
    yield from _compare_products(session, "revenue", books, actual)


def _compare_products(
    session: Session, check: str, books: _Amounts, *actual: _Amounts
) -> Iterator[Difference]:
    # UNION ALL with GROUP BY: a full join of a million rows does not end on SQLite.
    both = union_all(books, *actual).subquery()
    books_fen, actual_fen = func.sum(both.c.books_fen), func.sum(both.c.actual_fen)
    query = (
        select(products.c.sku, both.c.product_id, books_fen, actual_fen)
        .outerjoin(products, products.c.id == both.c.product_id)
        .group_by(products.c.sku, both.c.product_id)
        .having(books_fen != actual_fen)
    )
    for sku, product_id, books_sum, actual_sum in session.execute(query):
        yield Difference(check, sku or str(product_id), int(books_sum), int(actual_sum))


def _payable(session: Session) -> Iterator[Difference]:
    line, entry = journal_lines.c, journal_entries.c
    posted = (
        select(line.party.label("code"), (-line.amount_fen).label("books_fen"), _zero("actual_fen"))
        .join(journal_entries, (entry.bucket == line.bucket) & (entry.id == line.entry_id))
        .where(line.account == LedgerAccount.PAYABLE, entry.event.in_(_OWING))
    )
    owed = (
        select(suppliers.c.code, _zero("books_fen"), cards.c.cost_fen)
        .join(batches, batches.c.id == cards.c.batch_id)
        .join(suppliers, suppliers.c.id == batches.c.supplier_id)
        .where(cards.c.cost_fen.is_not(None))
    )
    both = union_all(posted, owed).subquery()
    books_fen, actual_fen = func.sum(both.c.books_fen), func.sum(both.c.actual_fen)
    query = (
        select(both.c.code, books_fen, actual_fen)
        .group_by(both.c.code)
        .having(books_fen != actual_fen)
    )
    for code, books_sum, actual_sum in session.execute(query):
        yield Difference("payable", code, int(books_sum), int(actual_sum))


def _refunds(session: Session) -> Iterator[Difference]:
    """Orders that say something else was paid back than their refunds, lines or status do."""
    order, line, refund = orders.c, order_lines.c, refunds.c
    said = select(
        order.bucket.label("bucket"),
        order.id.label("order_id"),
        order.refunded_fen.label("books_fen"),
        _zero("actual_fen"),
    ).where(order.refunded_fen > 0)
    of_lines = select(line.bucket, line.order_id, _zero("books_fen"), line.refunded_fen).where(
        line.refunded_fen > 0
    )
    told = select(refund.bucket, refund.order_id, _zero("books_fen"), refund.amount_fen)
    yield from _compare_orders(session, "refunds", said, told)
    yield from _compare_orders(session, "refunds-of-lines", said, of_lines)
    whole, partly = OrderStatus.REFUNDED.value, OrderStatus.PARTLY_REFUNDED.value
    is_whole, all_of_it = order.status == whole, order.refunded_fen == order.paid_fen
    wrong = or_(
        and_(is_whole, ~all_of_it),
        and_(~is_whole, all_of_it, order.paid_fen > 0),
        and_(order.status == partly, order.refunded_fen == 0),
    )
    query = _select_named(order.refunded_fen, order.paid_fen).where(wrong).limit(_KEPT_MOST)
    for channel, number, refunded, paid in session.execute(query):
        yield Difference("refund-status", f"{channel}:{number}", refunded, paid)


def _compare_orders(
    session: Session, check: str, books: Select[Any], actual: Select[Any]
) -> Iterator[Difference]:
    both = union_all(books, actual).subquery()
    books_fen, actual_fen = func.sum(both.c.books_fen), func.sum(both.c.actual_fen)
    wrong = (
        select(both.c.bucket, both.c.order_id, books_fen.label("books"), actual_fen.label("actual"))
        .group_by(both.c.bucket, both.c.order_id)
        .having(books_fen != actual_fen)
        .limit(_KEPT_MOST)
    ).subquery()
    same = (orders.c.bucket == wrong.c.bucket) & (orders.c.id == wrong.c.order_id)
    query = _select_named(wrong.c.books, wrong.c.actual).join(wrong, same)
    for channel, number, books_sum, actual_sum in session.execute(query):
        yield Difference(check, f"{channel}:{number}", int(books_sum), int(actual_sum))


def _select_named(*columns: ColumnElement[Any]) -> Select[Any]:
    """Orders by their names, with some figures."""
    query = select(channels.c.code, orders.c.number, *columns).select_from(orders)
    return query.join(channels, channels.c.id == orders.c.channel_id)


def _zero(name: str) -> ColumnElement[int]:
    return literal_column("0", BigInteger).label(name)


def _number(session: Session, query: Select[int]) -> int:
    return int(session.execute(query).scalar() or 0)
