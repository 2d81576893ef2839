"""The table of posting rules, and the lines an event makes by it. Pure.

==========  ===============================  ==================================
event       debit                            credit
==========  ===============================  ==================================
import      stock (cost)                     payable to the supplier (cost)
undo        payable to the supplier (cost)   stock (cost)
issue       receivable of the account        revenue (what was paid)
            cost of goods (cost)             stock (cost)
refund,     revenue (what it fell by)        receivable of the account
chargeback  stock (cost, cards put back)     cost of goods, replacement cost
replace     replacement cost (cost)          stock (cost)
void        stock loss (cost)                stock (cost)
correct     stock (rise, cards on hand)      payable to the supplier (rise)
            stock loss (rise, void cards)    payable to the supplier (rise)
            cost of goods (rise, sold cards) payable to the supplier (rise)
            replacement cost (rise)          payable to the supplier (rise)
            payable to the old supplier      payable to the new one (old cost)
==========  ===============================  ==================================

The revenue of an order line is, at any time, what was paid for it less what was paid back, as far
as it is issued. So a refund of what was not issued posts nothing, and what is issued later earns
less.

A card that was given for another one of its order bears its cost in `replacement-cost`, the one it
was given for in `cost-of-goods` as before, though it is void.

A rise is the new cost less the old one; where the cost falls, the sides change. What a correction
does to sold cards is an entry of each order, in the order's bucket; the rest is one entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cardctl.vocabulary import LedgerAccount


class Event(StrEnum):
    """What can happen in the books."""

    IMPORT = "import"
    UNDO = "undo"
    ISSUE = "issue"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    REPLACE = "replace"
    VOID = "void"
    CORRECT = "correct"


class Line(NamedTuple):
    """One side of an entry: fen, debit positive."""

    account: LedgerAccount
    amount_fen: int
    party: str = ""
    product_id: int | None = None


class Sale(NamedTuple):
    """What an issue recognises of one order line: revenue, and the known cost of its cards."""

    product_id: int
    revenue_fen: int
    cost_fen: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The known cost of sold cards of a product that are stock again, and where it stood."""

    product_id: int
    bearer: LedgerAccount
    cost_fen: int


def import_lines(*, supplier: str, product_id: int, cost_fen: int) -> list[Line]:
    """Stock came in and is owed for."""
    return _known(
        Line(LedgerAccount.STOCK, cost_fen, product_id=product_id),
        Line(LedgerAccount.PAYABLE, -cost_fen, party=supplier),
    )


def undo_lines(*, supplier: str, product_id: int, cost_fen: int) -> list[Line]:
    """The reversal of an import, or of the part of it that is still on hand."""
    return import_lines(supplier=supplier, product_id=product_id, cost_fen=-cost_fen)


def issue_lines(*, account: str, sales: list[Sale]) -> list[Line]:
    """Revenue is earned and stock is consumed when cards are bound to an order."""
    revenue = sum([sale.revenue_fen for sale in sales])
    lines = [Line(LedgerAccount.RECEIVABLE, revenue, party=account)]
    for sale in sales:
        product = sale.product_id
        lines += (
            Line(LedgerAccount.REVENUE, -sale.revenue_fen, product_id=product),
            Line(LedgerAccount.COST_OF_GOODS, sale.cost_fen, product_id=product),
            Line(LedgerAccount.STOCK, -sale.cost_fen, product_id=product),
        )
    return _known(*lines)


def refund_lines(
    *, account: str, falls: Sequence[tuple[int, int]], returned: Sequence[Returned] = ()
) -> list[Line]:
    """Money went back: by how much the revenue of each (product id, fen) fell.

    What is `returned` with it is stock again.
    """
    lines = [Line(LedgerAccount.RECEIVABLE, -sum(fen for _, fen in falls), party=account)]
    lines += (Line(LedgerAccount.REVENUE, fen, product_id=product) for product, fen in falls)
    for one in returned:
        lines += (
            Line(LedgerAccount.STOCK, one.cost_fen, product_id=one.product_id),
            Line(one.bearer, -one.cost_fen, product_id=one.product_id),
        )
    return _known(*lines)


def replace_lines(*, product_id: int, cost_fen: int) -> list[Line]:
    """A card was given for a bad one, without a sale."""
    return _known(
        Line(LedgerAccount.REPLACEMENT, cost_fen, product_id=product_id),
        Line(LedgerAccount.STOCK, -cost_fen, product_id=product_id),
    )


def void_lines(*, costs: dict[int, int]) -> list[Line]:
    """Cards on hand were written off (报损): cost in fen by product id."""
    lines: list[Line] = []
    for product, cost_fen in sorted(costs.items()):
        lines += (
            Line(LedgerAccount.STOCK_LOSS, cost_fen, product_id=product),
            Line(LedgerAccount.STOCK, -cost_fen, product_id=product),
        )
    return _known(*lines)


def correct_lines(
    *, supplier: str, product_id: int, rises: Mapping[LedgerAccount, int]
) -> list[Line]:
    """The cost of cards was corrected: by how much it rose, by the account that bears it."""
    lines = [Line(account, rise, product_id=product_id) for account, rise in rises.items()]
    return _known(*lines, Line(LedgerAccount.PAYABLE, -sum(rises.values()), party=supplier))


def move_lines(*, supplier: str, supplier_was: str, cost_fen: int) -> list[Line]:
    """Cards turned out to be another supplier's: so much is owed to that one, not to the first."""
    return _known(
        Line(LedgerAccount.PAYABLE, cost_fen, party=supplier_was),
        Line(LedgerAccount.PAYABLE, -cost_fen, party=supplier),
    )


def recognised_fen(paid_fen: int, *, issued: int, qty: int) -> int:
    """The revenue of a line of which so many of its quantity are issued.

    Cumulative and floored, so that parts issued one after another sum to what was paid exactly.
    """
    return paid_fen * issued // qty


def _known(*lines: Line) -> list[Line]:
    return [line for line in lines if line.amount_fen]
