"""What every order format reads alike: cells by the field they belong to, cleaned and checked.

Platforms wrap ids so that Excel leaves them alone; Excel ruins them all the same when somebody
opens the file and saves it. What is wrong with a cell is raised with its row and its column, and
collected by whoever takes the rows.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

from cardctl.catalog.entries import check_text
from cardctl.clock import parse_instant
from cardctl.errors import BadValue, CardctlError, InputRefused
from cardctl.money import parse_amount
from cardctl.orders.records import LineRecord, OrderRecord, check_number, check_qty
from cardctl.vocabulary import ChannelKind, OrderStatus
from cardctl.workbooks.cells import Cell, NotText, text_of
from cardctl.workbooks.headers import Header

EXCEL_DIGITS = 15
"""As many digits of a number Excel keeps; the others become zeros."""

_QTY = re.compile(r"[0-9]{1,6}")
_SCIENTIFIC = re.compile(r"\d+(\.\d+)?[eE]\+?\d+")
_WRAPPERS = "'`\t "

Value = TypeVar("Value")


class CellMissing(InputRefused):
    """A cell that must hold something is empty."""

    code = "missing"
    message = "{field} is missing"


class ResavedByExcel(InputRefused):
    """An id that Excel has turned into a number: its last digits are gone."""

    code = "excel-resaved"
    message = "{value} is not the id that was exported: Excel re-saved the file and lost digits"
    hint = "export the file again and import it without opening it"


class FormulaCell(InputRefused):
    """A formula where a value should stand."""

    code = "formula"
    message = "the cell holds a formula"


class ErrorCell(InputRefused):
    """An error value such as #N/A."""

    code = "error-cell"
    message = "the cell holds the error {value}"


class LineBroken(InputRefused):
    """A line of a file of JSON lines that is no object, or not a plain one."""

    code = "line-malformed"
    message = "the line does not read as {expected}"
    hint = "correct the line, and import the file again"


class RowCutOff(InputRefused):
    """A row that ends before the last column: the file was cut off there, or edited."""

    code = "row-cut-off"
    message = "the row has {cells} of {columns} columns: the file was cut off here, or edited"
    hint = "export the file again"


class CellRefused(Exception):
    """What is wrong with a cell, and which cell it is; kept as a `RejectedRow`."""

    def __init__(self, reject: "RejectedRow") -> None:
        """Keep the reject."""
        super().__init__()
        self.reject = reject


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not taken: its number in the sheet, its column's name, and why."""

    row: int
    column: str
    problem: CardctlError


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """A sub order as an item report tells it; `problem` is why its row cannot be read."""

    row: int
    sub_order: str
    line: LineRecord
    says_qty: bool = True
    after_sale: OrderStatus = OrderStatus.PAID
    """Paid: nothing is asked back; else held or refunded."""
    problem: CardctlError | None = None

    def of_qty(self, qty: int) -> "ItemLine":
        """The same sub order with a quantity that something else says."""
        return replace(self, line=replace(self.line, qty=qty))

    def without_paid(self) -> "ItemLine":
        """The same sub order without what was paid for it."""
        return replace(self, line=replace(self.line, paid_fen=None))


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A row of a table whose cells are asked for by field; an empty cell is None.

    `exact_numbers`: a number has all the digits it was written with, as in JSON. `blanks`: what
    stands for nothing. `items`: what an item report says, by order number, if there is one.
    """

    number: int
    cells: Sequence[Cell]
    header: Header
    exact_numbers: bool
    zone: ZoneInfo
    blanks: Collection[str] = ()
    items: "Mapping[str, Sequence[ItemLine]] | None" = None

    def identifier(self, field: str) -> str | None:
        """An id without its wrappers: ``="…"``, a leading ', ` or TAB, trailing spaces."""
        cell = self._cell(field)
        if not cell:
            return None
        text = cell if isinstance(cell, str) else cell.text
        if text.startswith('="') and text.rstrip(_WRAPPERS).endswith('"'):
            text = text.rstrip(_WRAPPERS)[2:-1]
        bare = text.strip(_WRAPPERS)
        if _SCIENTIFIC.fullmatch(bare) or (isinstance(cell, NotText) and self._lost_digits(bare)):
            self.refuse(field, ResavedByExcel(value=bare[:40]))
        return self._checked(field, check_text, bare) or None

    def plain(self, field: str) -> str:
        """What a cell says without its wrappers, whatever is wrong with it."""
        index = self.header.columns.get(field)
        if index is None or index >= len(self.cells):
            return ""
        return text_of(self.cells[index]).strip(_WRAPPERS)

    def text(self, field: str) -> str | None:
        """Free text."""
        cell = self._cell(field)
        if not cell:
            return None
        text = cell if isinstance(cell, str) else cell.text
        return self._checked(field, check_text, text) or None

    def order_number(self) -> str:
        """The external order number, which every row must have."""
        return self._checked("order", check_number, self.required("order"))

    def required(self, field: str) -> str:
        """An id that every row must have."""
        found = self.identifier(field)
        if found is None:
            self.refuse(field, CellMissing(field=self._name(field)))
        return found

    def qty(self, field: str) -> int:
        """A quantity; one where nothing is said."""
        text = self.text(field) or "1"
        if not _QTY.fullmatch(text):
            problem = BadValue(value=text[:40], expected="a quantity from 1 to 100000")
            self.refuse(field, problem)
        return self._checked(field, lambda found: check_qty(int(found)), text)

    def told_qty(self, field: str) -> int:
        """A quantity that every row must have."""
        self.required(field)
        return self.qty(field)

    def yuan(self, field: str) -> int | None:
        """An amount that is not negative, in fen."""
        text = self.text(field)
        return None if text is None else self._checked(field, parse_amount, text)

    def variant(self, field: str) -> str | None:
        """The variant: empty where the list says that there is none, None where it does not say."""
        return self.text(field) or ("" if field in self.header.columns else None)

    def told_yuan(self, field: str) -> int:
        """An amount that every row must have, in fen."""
        amount = self.yuan(field)
        if amount is None:
            self.refuse(field, CellMissing(field=self._name(field)))
        return amount

    def instant(self, field: str) -> int | None:
        """Epoch ms of a time in the store's zone."""
        text = self.text(field)
        if text is None:
            return None
        return self._checked(field, lambda found: parse_instant(found, self.zone), text)

    def check_whole(self) -> None:
        """Refuse a row that lacks columns at its end."""
        if len(self.cells) < self.header.width:
            cut = RowCutOff(cells=len(self.cells), columns=self.header.width)
            self.refuse("order", cut)

    def refuse(self, field: str, problem: CardctlError) -> NoReturn:
        """Raise `CellRefused` with this row and the field's column."""
        raise CellRefused(RejectedRow(self.number, self._name(field), problem))

    def _lost_digits(self, number: str) -> bool:
        digits = sum(letter.isdigit() for letter in number)
        return digits >= EXCEL_DIGITS and not self.exact_numbers

    def _cell(self, field: str) -> Cell:
        index = self.header.columns.get(field)
        cell = "" if index is None or index >= len(self.cells) else self.cells[index]
        if isinstance(cell, NotText):
            if cell.kind == "formula":
                self.refuse(field, FormulaCell())
            if cell.kind == "error":
                self.refuse(field, ErrorCell(value=cell.text))
            if cell.kind == "malformed":
                self.refuse(field, LineBroken(expected=cell.text))
        return "" if isinstance(cell, str) and cell.strip(_WRAPPERS) in self.blanks else cell

    def _checked(self, field: str, check: Callable[[str], Value], text: str) -> Value:
        try:
            return check(text)
        except BadValue as problem:
            self.refuse(field, problem)

    def _name(self, field: str) -> str:
        return self.header.names.get(field, field)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFormat:
    """How the tables of a source are read: their header, and a row as an order of one line.

    Only the merchant's own table has no `platform`; what a platform wrote is held to more.
    """

    code: str
    synonyms: Mapping[str, Sequence[str]]
    """The names of each field's column; fields are those of the generic table, and the format's."""
    required: Collection[str]
    """The fields that tell this format from others, and those without which a row would be read as
    something else than it says: other goods, other money, or an order that nobody wants any more.
    """
    read: Callable[[FieldRow], OrderRecord]
    one_of: Sequence[tuple[str, ...]] = ()
    """Fields of which at least one has a column."""
    platform: ChannelKind | None = None
    line: str | None = None
    """The field with the id of a line: a line that stands twice counts once."""
    closes_lines: bool = False
    """Whether lines are closed one by one, so that the others of an order are still wanted."""
    money: str = "paid"
    """The field that counts as paid where it has a column; a trailer may sum that column up."""
    times: Sequence[str] = ()
    """The fields in which Excel leaves its own kind of dates when it saves the file."""
    blanks: Collection[str] = ()
    """What stands for nothing in a cell."""
    line_fields: Collection[str] = ("sku", "qty", "line_paid")
    """What each line says for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFormat:
    """How an item report is read that goes with the order lists of a format."""

    code: str
    goes_with: str
    synonyms: Mapping[str, Sequence[str]]
    required: Collection[str]
    line_fields: Collection[str]
    blanks: Collection[str] = ("-",)
    read: Callable[[FieldRow], ItemLine]
