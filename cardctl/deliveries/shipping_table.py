"""Read a table of shipping notes: what was shipped by whom, order by order."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from cardctl.errors import BadValue, CardctlError, InputRefused
from cardctl.identifiers import OrderName, parse_order_name
from cardctl.workbooks.cells import Row
from cardctl.workbooks.failures import HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, find_header
from cardctl.workbooks.read import open_table
from cardctl.workbooks.source import Source

_SYNONYMS = {
    "order": ("order", "订单", "订单号", "order number"),
    "sku": ("sku", "商品编码", "商家编码", "SKU编码"),
    "carrier": ("carrier", "快递公司", "物流公司", "承运商"),
    "tracking": ("tracking", "运单号", "快递单号", "物流单号", "tracking number", "waybill"),
}
_REQUIRED = ("order", "carrier", "tracking")
_LONGEST = 128


class ShippingColumnsMissing(HeaderMissing):
    """No row of the table names the columns of a shipping note."""

    hint = "a table of shipping notes has order, carrier and tracking (订单号, 快递公司, 运单号)"


class NotText(InputRefused):
    """A number of an order or a waybill that a spreadsheet program has kept as a number."""

    code = "number-not-text"
    message = "{column} is a number, of which a spreadsheet program keeps 15 digits"
    hint = "format the column as text, and enter it again"


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A row of the table; without an order what is wrong with it."""

    number: int
    order: OrderName | None = None
    sku: str | None = None
    carrier: str = ""
    tracking: str = ""
    problem: CardctlError | None = None


def read_notes(source: Source, *, channel: str | None) -> list[NoteRow]:
    """The notes of a table. An order without a channel is one of `channel`.

    Raises `ShippingColumnsMissing` and what is wrong with the file.
    """
    with open_table(source) as table:
        top = list(islice(table.rows, HEADER_WITHIN))
        try:
            header = find_header(iter(top), _SYNONYMS, _REQUIRED)
        except HeaderMissing as error:
            raise ShippingColumnsMissing(**error.details) from None
        below = (row for row in chain(top, table.rows) if row.number > header.row_number)
        return list(_notes(below, header.columns, channel))


def _notes(rows: Iterator[Row], columns: dict[str, int], channel: str | None) -> Iterator[NoteRow]:
    for row in rows:
        try:
            texts = {name: _text(row, columns.get(name), name) for name in _SYNONYMS}
            if not any(texts.values()):
                continue
            yield NoteRow(
                row.number,
                _order(texts["order"], channel),
                texts["sku"] or None,
                short_text(texts["carrier"], "a carrier"),
                short_text(texts["tracking"], "a waybill's number"),
            )
        except InputRefused as problem:
            yield NoteRow(row.number, problem=problem)


def short_text(text: str, expected: str) -> str:
    """A name or a number of somebody else's; raises `BadValue`."""
    bare = text.strip()
    if not (0 < len(bare) <= _LONGEST and bare.isprintable()):
        raise BadValue(value=bare[:_LONGEST], expected=expected)
    return bare


def _text(row: Row, place: int | None, name: str) -> str:
    if place is None or place >= len(row.cells):
        return ""
    cell = row.cells[place]
    if isinstance(cell, str):
        return cell.strip()
    raise NotText(column=name)


def _order(text: str, channel: str | None) -> OrderName:
    if channel is not None and not text.startswith(f"{channel}:"):
        text = f"{channel}:{text}"
    return parse_order_name(text)
