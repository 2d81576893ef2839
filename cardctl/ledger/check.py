"""Prove the books against what they describe; a check that could not look is a difference."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal_column, select, union_all
from sqlmodel import Session

from cardctl.ledger.postings import Event
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import products, suppliers
from cardctl.schema.ledger import journal_entries, journal_lines
from cardctl.schema.orders import order_lines
from cardctl.vocabulary import ON_HAND, CardStatus, LedgerAccount

_OWING = (Event.IMPORT, Event.UNDO, Event.CORRECT)
"""The events that say what cards cost, and so what is owed for them."""

_KEPT_MOST = 1_000
"""Differences told a check; a broken store need not fill the screen."""


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

    Entries sum to zero and have lines; stock = Σ cost of cards on hand, by product; cost of goods =
    Σ cost of issued cards, by product; payable for cards = Σ cost of all cards, by supplier;
    revenue = what the issued lines recognise, by product.
    """
    differences = [
        *_unbalanced(session),
        *_empty(session),
        *_by_product(session, "stock", LedgerAccount.STOCK, cards.c.status.in_(ON_HAND)),
        *_by_product(
            session,
            "cost-of-goods",
            LedgerAccount.COST_OF_GOODS,
            cards.c.status.in_((CardStatus.ISSUED, CardStatus.REDEEMED)),
        ),
        *_payable(session),
        *_revenue(session),
    ]
    on_hand = cards.c.status.in_(ON_HAND)
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
    session: Session, check: str, account: LedgerAccount, counted: ColumnElement[bool]
) -> Iterator[Difference]:
    """The books of an account against the known cost of some cards, by product."""
    books = (
        select(
            journal_lines.c.product_id,
            journal_lines.c.amount_fen.label("books_fen"),
            _zero("actual_fen"),
        )
    ).where(journal_lines.c.account == account)
    actual = select(cards.c.product_id, _zero("books_fen"), cards.c.cost_fen).where(
        counted, cards.c.cost_fen.is_not(None)
    )
    yield from _compare_products(session, check, books, actual)


def _revenue(session: Session) -> Iterator[Difference]:
    line = order_lines.c
    books = select(
        journal_lines.c.product_id,
        (-journal_lines.c.amount_fen).label("books_fen"),
        _zero("actual_fen"),
    ).where(journal_lines.c.account == LedgerAccount.REVENUE)
    # Integer division floors in both databases: amounts and quantities are not negative.
    recognised = line.paid_fen * line.issued_qty // line.qty
    actual = select(line.product_id, _zero("books_fen"), recognised).where(line.issued_qty > 0)
    yield from _compare_products(session, "revenue", books, actual)


def _compare_products(
    session: Session,
    check: str,
    books: Select[tuple[int, int, int]],
    actual: Select[tuple[int, int, int]],
) -> Iterator[Difference]:
    # UNION ALL with GROUP BY: a full join of a million rows does not end on SQLite.
    both = union_all(books, actual).subquery()
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


def _zero(name: str) -> ColumnElement[int]:
    return literal_column("0", BigInteger).label(name)


def _number(session: Session, query: Select[int]) -> int:
    return int(session.execute(query).scalar() or 0)
