"""Open a file of orders: find out which format it has by its header, and give its rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from cardctl.errors import InputRefused, UsageRefused
from cardctl.members import members
from cardctl.orders import formats, item_reports
from cardctl.orders.merged import fill_merged
from cardctl.orders.reading import FieldRow, ItemFormat, ItemLine, OrderFormat
from cardctl.workbooks.cells import Row, TableWarning, text_of
from cardctl.workbooks.failures import FileEmpty, HeaderAmbiguous, HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, Header, find_header, fold
from cardctl.workbooks.read import Table, open_files
from cardctl.workbooks.source import Source

AUTO = "auto"
GENERIC = "generic"
JSONL = "jsonl"
"""The generic table as JSON lines; which of both a file is, is told by its content."""

_TRAILER = re.compile(r"(#.*)?(合计|总计|共计|小计|汇总|共\s*\d)|#.*(结束|导出)")
_WRAPPERS = "'`\t =\""
_EXACT = ("jsonl",)
"""The formats of files in which a number has all its digits."""

Known = TypeVar("Known", OrderFormat, ItemFormat)
Items = Mapping[str, Sequence[ItemLine]]


class OrderFormatUnknown(UsageRefused):
    """No format of order files has that name."""

    code = "order-format-unknown"
    message = "there is no order format {name}"
    hint = "one of: {known}"


class OrderHeaderMissing(HeaderMissing):
    """No row of the file names the columns of an order."""

    hint = "a table of orders needs at least order and sku (订单号, 商品编码)"


class ExportIncomplete(HeaderMissing):
    """The export of a platform lacks a column without which its orders cannot be trusted."""

    hint = "it looks like a platform's export ({order_format}): export it again with that column"


class ItemReportAsList(HeaderMissing):
    """The item report was given where the list belongs."""

    code = "item-report"
    message = "this is an item report ({order_format}): it says what orders are made of, not more"
    hint = "give the order list as FILE, and this file with --items"


class ListAsItemReport(HeaderMissing):
    """A list was given where the item report belongs."""

    code = "order-list"
    message = "this is an order list ({order_format}), not the item report that goes with one"
    hint = "give the order list as FILE, and the item report (宝贝报表) with --items"


class OrderHeaderAmbiguous(HeaderAmbiguous):
    """Two columns of the file say they are the same thing."""

    hint = "rename or remove one of the columns"


class SeveralOrderTables(InputRefused):
    """Two sheets of a workbook, or two files of a zip, are tables of orders."""

    code = "several-tables"
    message = "{file} holds several tables of orders: {tables}"
    hint = "save each as a file of its own, and import them one by one"


class NotOrders(TableWarning):
    """A sheet of a workbook, or a file of a zip, whose header names no order."""

    message = "{table}, inside {file}, is no table of orders and was not read"


class OtherMoney(TableWarning):
    """The column with what the shop receives is not in the file."""

    message = (
        "{file} has no column {missing}: {taken} is booked as paid, which lacks what the platform"
        " adds and takes; export the file again with that column"
    )


class WithoutItems(TableWarning):
    """An item report would tell what the list does not."""

    message = (
        "{file} is read without its item report (--items FILE): which variants were bought and"
        " which refunds are asked for is not seen"
    )


@dataclass(frozen=True, slots=True)
class OrderTable:
    """An open file of orders; its rows can be taken once.

    `trailers` and `unread` are complete once they were: the rows that sum up the others, and what
    else is in the file.
    """

    format: OrderFormat
    header: Header
    warnings: tuple[TableWarning, ...]
    rows: Iterator[FieldRow]
    lacks_items: bool
    """Whether an item report goes with such a list, and none was given."""
    trailers: list[Row] = field(default_factory=list)
    unread: list[TableWarning] = field(default_factory=list)

    @property
    def paid_column(self) -> str | None:
        """The file's name of the column that says what was paid, if it has one."""
        names = (self.header.names.get(name) for name in (self.format.money, "paid", "line_paid"))
        return next((name for name in names if name), None)


def order_formats() -> dict[str, OrderFormat]:
    """All formats by code; the generic one last, since it asks for least."""
    found: list[OrderFormat] = members(formats, "FORMAT")
    found.sort(key=lambda one: (one.code == GENERIC, one.code))
    return {one.code: one for one in found}


def item_formats() -> dict[str, ItemFormat]:
    """All item reports by the code of the order list that each goes with."""
    found: list[ItemFormat] = members(item_reports, "ITEMS")
    return {one.goes_with: one for one in found}


@contextmanager
def open_orders(
    source: Source, order_format: str, zone: ZoneInfo, *, items: Items | None = None
) -> Iterator[OrderTable]:
    """The orders in a file, in the format named or the first whose header is there.

    `items` is what an item report says of them. Raises `OrderFormatUnknown`, `OrderHeaderMissing`,
    `ExportIncomplete`, `ItemReportAsList`, `OrderHeaderAmbiguous`, at the end of the rows
    `SeveralOrderTables`, and what is wrong with the file.
    """
    known = order_formats()
    named = {**known, JSONL: known[GENERIC]}
    if order_format not in (AUTO, *named):
        raise OrderFormatUnknown(name=order_format, known=", ".join((AUTO, *named)))
    candidates = list(known.values()) if order_format == AUTO else [named[order_format]]
    with open_files(source) as tables:
        reports = item_formats()
        found = _first(tables, candidates, list(reports.values()), source)
        lacks_items = items is None and found.known.code in reports
        trailers: list[Row] = []
        unread: list[TableWarning] = []

        def rows() -> Iterator[FieldRow]:
            yield from _rows(found, zone, trailers, items)
            _see_others(tables, candidates, found.table, source, unread)

        warnings = [*found.warnings, *_other_money(found, source)]
        if lacks_items:
            warnings.append(WithoutItems({"file": source.name}))
        told = (*warnings,)
        yield OrderTable(found.known, found.header, told, rows(), lacks_items, trailers, unread)


@contextmanager
def open_items(source: Source, known: ItemFormat, zone: ZoneInfo) -> Iterator[Iterator[FieldRow]]:
    """The rows of an item report.

    Raises `OrderHeaderMissing`, `ExportIncomplete`, `ListAsItemReport`, `OrderHeaderAmbiguous` and
    what is wrong with the file.
    """
    with open_files(source) as tables:
        found = _first(tables, [known], list(order_formats().values()), source)
        yield _rows(found, zone, [], None)


@dataclass(frozen=True, slots=True)
class _Found(Generic[Known]):
    """The table whose header was found, with its first rows, which are taken already."""

    table: Table
    top: list[Row]
    header: Header
    known: Known
    warnings: tuple[TableWarning, ...]


def _other_money(found: _Found[OrderFormat], source: Source) -> Iterator[TableWarning]:
    """Say that what counts as paid comes from another column than it should."""
    known, names = found.known, found.header.names
    if known.money not in names and "paid" in names:
        missing, *_ = known.synonyms[known.money]
        yield OtherMoney({"file": source.name, "missing": missing, "taken": names["paid"]})


def _first(
    tables: Iterator[Table],
    candidates: Sequence[Known],
    others: Sequence[OrderFormat | ItemFormat],
    source: Source,
) -> _Found[Known]:
    """The first table with a header; raises what the one that comes nearest lacks, or is.

    `others` are exports that may have been taken for one of the candidates.
    """
    missing: HeaderMissing | None = None
    passed: list[TableWarning] = []
    table: Table
    for table in tables:
        top = list(islice(table.rows, HEADER_WITHIN))
        try:
            known, header = _recognise(top, candidates, others)
        except HeaderMissing as error:
            missing = missing or error
            passed += [*table.warnings, _unread(table, source)]
        else:
            return _Found(table, top, header, known, (*passed, *table.warnings))
    raise missing or FileEmpty(file=source.name)


def _see_others(
    tables: Iterator[Table],
    candidates: Sequence[OrderFormat],
    taken: Table,
    source: Source,
    unread: list[TableWarning],
) -> None:
    """See that none of the tables that are left holds orders, too."""
    for table in tables:
        try:
            _recognise(list(islice(table.rows, HEADER_WITHIN)), candidates, ())
        except HeaderMissing:
            unread.append(_unread(table, source))
        else:
            names = f"{_name(taken)}, {_name(table)}"
            raise SeveralOrderTables(file=source.name, tables=names)


def _unread(table: Table, source: Source) -> TableWarning:
    return NotOrders({"table": _name(table), "file": source.name})


def _name(table: Table) -> str:
    return " / ".join(name for name in (table.member, table.sheet) if name)


def _recognise(
    top: list[Row], candidates: Sequence[Known], others: Sequence[OrderFormat | ItemFormat]
) -> tuple[Known, Header]:
    """The first format that finds its header; what the nearest one misses is told."""
    known: list[OrderFormat | ItemFormat] = [*candidates, *others]
    nearest = max(known, key=lambda one: (_nearness(top, one), one.code == GENERIC))
    for candidate in candidates:
        if candidate.code == GENERIC and nearest is not candidate and len(candidates) > 1:
            # A platform's export that lacks a column is no table of the merchant's own.
            break
        try:
            header = find_header(iter(top), candidate.synonyms, candidate.required)
        except HeaderMissing:
            continue
        except HeaderAmbiguous as error:
            raise OrderHeaderAmbiguous(**error.details) from None
        if not _lacking(candidate, header):
            return candidate, header
    if nearest in others and _nearness(top, nearest):
        is_items = isinstance(nearest, ItemFormat)
        raise (ItemReportAsList if is_items else ListAsItemReport)(order_format=nearest.code)
    raise _missing(top, nearest)


def _missing(top: list[Row], nearest: OrderFormat | ItemFormat) -> HeaderMissing:
    """What the header of the nearest format lacks."""
    try:
        header = find_header(iter(top), nearest.synonyms, nearest.required)
    except HeaderMissing as error:
        if nearest.code == GENERIC or not _nearness(top, nearest):
            return OrderHeaderMissing(**error.details)
        told = str(error.details["missing"]).split(", ")
        lacking = [name for name in nearest.required if name in told]
        found = error.details["found"]
    else:
        lacking = _lacking(nearest, header)
        found = ", ".join(header.names.values())
    columns = ", ".join(nearest.synonyms[name][0] for name in lacking)
    return ExportIncomplete(missing=columns, found=found, example="", order_format=nearest.code)


def _lacking(known: OrderFormat | ItemFormat, header: Header) -> list[str]:
    """The first field of each choice of which the header has none."""
    choices = known.one_of if isinstance(known, OrderFormat) else ()
    return [choice[0] for choice in choices if not set(choice) & set(header.columns)]


def _nearness(top: list[Row], known: OrderFormat | ItemFormat) -> int:
    """How many fields of a format a row names at most."""
    meanings = {fold(name): field for field, names in known.synonyms.items() for name in names}
    return max(
        (len({meanings.get(fold(text_of(cell))) for cell in row.cells} - {None}) for row in top),
        default=0,
    )


def _rows(
    found: _Found[Known], zone: ZoneInfo, trailers: list[Row], items: Items | None
) -> Iterator[FieldRow]:
    """The rows below the header but for blank ones, and those that sum up, which are put aside."""
    header, known = found.header, found.known
    below = (row for row in chain(found.top, found.table.rows) if row.number > header.row_number)
    exact = found.table.format in _EXACT
    place = header.columns["order"]
    for row in fill_merged(below, found.table.merged, header, known.line_fields):
        number = text_of(row.cells[place]).strip(_WRAPPERS) if place < len(row.cells) else ""
        if not number or _TRAILER.match(number):
            texts = [text_of(cell).strip(_WRAPPERS) for cell in row.cells]
            first = next(filter(None, texts), None)
            if first is None:
                continue
            # A title may begin with such a word, too: beside an order number it sums up nothing.
            if _TRAILER.match(first) and number in ("", first):
                trailers.append(row)
                continue
        yield FieldRow(row.number, row.cells, header, exact, zone, known.blanks, items)
