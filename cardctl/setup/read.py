"""Read a setup workbook: sheets by their names, columns by their headers, cells by their kinds."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cardctl.batches.row_errors import CellMissing, ErrorCell, FormulaCell
from cardctl.errors import BadValue, CardctlError
from cardctl.setup.failures import (
    MergedRows,
    NotClearable,
    NoWorkbook,
    RowTwice,
    SheetTwice,
    TooManyRows,
    UnknownColumn,
    UnknownSheet,
)
from cardctl.setup.nouns import REMARKS, SHEETS
from cardctl.setup.sheet import CLEAR, KEPT, Field, SetupReject, SetupSheet
from cardctl.workbooks.cells import NotText, Row, TableWarning, text_of
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing
from cardctl.workbooks.headers import Header, find_header, fold
from cardctl.workbooks.read import Password, Table, open_sheets
from cardctl.workbooks.source import Source

ROWS_MAX = 50_000
"""Rows of all sheets together."""

_EXCEL_DIGITS = 15
"""Excel keeps so many digits of a number."""


@dataclass(frozen=True, slots=True)
class SetupRow:
    """A row of a sheet: what it says of one entry, by field; an empty cell says nothing.

    A row that is not `sound` is among the rejects: only that it is there counts.
    """

    number: int
    key: Hashable
    values: dict[str, Any]
    sound: bool


@dataclass(slots=True)
class SheetRows:
    """What a sheet says, under the name it has in the file, and its headers by field."""

    sheet: SetupSheet[Any]
    name: str
    headers: dict[str, str]
    rows: list[SetupRow] = field(default_factory=list)

    def reject(self, row: int, field_name: str, problem: CardctlError) -> SetupReject:
        """What is wrong with a cell of this sheet, or with a row where no field is named."""
        return SetupReject(self.name, row, self.headers.get(field_name, field_name), problem)


@dataclass(slots=True)
class SetupFile:
    """A workbook as it was read: its sheets in the order of `SHEETS`, and all that is wrong."""

    file: str
    sheets: list[SheetRows] = field(default_factory=list)
    rejects: list[SetupReject] = field(default_factory=list)
    warnings: list[TableWarning] = field(default_factory=list)


def read_setup(source: Source, *, password: Password | None = None) -> SetupFile:
    """The sheets of a workbook with every value read; what does not read is among the rejects.

    Raises what `open_sheets` raises, `NoWorkbook` and `TooManyRows`.
    """
    found = SetupFile(source.name)
    left = ROWS_MAX
    with open_sheets(source, password=password) as tables:
        for table in tables:
            if table.sheet is None:
                raise NoWorkbook(file=source.name)
            found.warnings += table.warnings
            rows = _bounded(table.rows, left)
            sheet = _sheet_of(table, found)
            if sheet is not None:
                left -= _read_sheet(sheet, table, rows, found)
    order = [sheet.noun for sheet in SHEETS]
    found.sheets.sort(key=lambda read: order.index(read.sheet.noun))
    return found


def _bounded(rows: Iterator[Row], left: int) -> Iterator[Row]:
    for count, row in enumerate(rows):
        if count > left:
            raise TooManyRows(most=ROWS_MAX)
        yield row


def _sheet_of(table: Table, found: SetupFile) -> SetupSheet[Any] | None:
    """The noun of a sheet; None for the merchant's own, and for one that is refused."""
    name = table.sheet or ""
    if fold(name) in map(fold, REMARKS):
        return None
    sheet = next((one for one in SHEETS if fold(name) in map(fold, one.names)), None)
    other = next((read.name for read in found.sheets if read.sheet is sheet), None)
    if sheet is None:
        known = ", ".join(name for one in SHEETS for name in one.names)
        found.rejects.append(SetupReject(name, 0, "", UnknownSheet(sheet=name[:40], known=known)))
    elif other is not None:
        found.rejects.append(SetupReject(name, 0, "", SheetTwice(other=other)))
        return None
    return sheet


def _read_sheet(sheet: SetupSheet[Any], table: Table, rows: Iterator[Row], found: SetupFile) -> int:
    """Read one sheet into the file; returns how many rows it has below its header."""
    name = table.sheet or ""
    held = list(rows)
    synonyms = {column.name: column.names for column in sheet.fields}
    try:
        header = find_header(iter(held), synonyms, set(sheet.key) - set(sheet.may_lack))
    except (HeaderMissing, HeaderAmbiguous) as problem:
        found.rejects.append(SetupReject(name, 0, "", problem))
        return len(held)
    read = SheetRows(sheet, name, header.names)
    found.sheets.append(read)
    below = [row for row in held if row.number > header.row_number]
    top = next(row for row in held if row.number == header.row_number)
    found.rejects += _unknown_columns(read, header, top)
    found.rejects += [
        read.reject(merged.first_row, "", MergedRows(first=merged.first_row, last=merged.last_row))
        for merged in table.merged
        if merged.last_row > header.row_number
    ]
    first_rows: dict[Hashable, int] = {}
    for row in below:
        found.rejects += _read_row(read, header, row, first_rows)
    return len(below)


def _unknown_columns(read: SheetRows, header: Header, top: Row) -> Iterator[SetupReject]:
    known = ", ".join(column.names[0] for column in read.sheet.fields)
    for index, cell in enumerate(top.cells):
        text = text_of(cell).strip()
        mine = index in header.columns.values() or fold(text) in ("", *map(fold, _OWN_COLUMNS))
        if not mine:
            problem = UnknownColumn(column=text[:40], known=known)
            yield SetupReject(read.name, header.row_number, text[:40], problem)


_OWN_COLUMNS = ("note", "备注")
"""Columns of these names are the merchant's own and are not read."""


def _read_row(
    read: SheetRows, header: Header, row: Row, first_rows: dict[Hashable, int]
) -> list[SetupReject]:
    """Read one row into the sheet, or say all that is wrong with it."""
    rejects = []
    values: dict[str, Any] = {}
    for column in read.sheet.fields:
        index = header.columns.get(column.name)
        cell = "" if index is None or index >= len(row.cells) else row.cells[index]
        try:
            said = _said(column, cell, is_key=column.name in read.sheet.key)
        except CardctlError as problem:
            rejects.append(read.reject(row.number, column.name, problem))
            continue
        if said is not None:
            values[column.name] = said[0]
    if not values and not rejects:
        return []
    values = dict.fromkeys(read.sheet.may_lack, "") | values
    missing = [name for name in read.sheet.key if name not in values]
    refused = {reject.column for reject in rejects}
    rejects += [
        read.reject(row.number, name, CellMissing())
        for name in missing
        if read.headers[name] not in refused
    ]
    if missing:
        return rejects
    parts = [values[name] for name in read.sheet.key]
    try:
        key = read.sheet.identify(*parts)
    except BadValue as problem:
        return [*rejects, read.reject(row.number, read.sheet.key[-1], problem)]
    first = first_rows.setdefault(key, row.number)
    if first != row.number:
        twice = RowTwice(name=" ".join(parts).strip(), first_row=first)
        return [*rejects, read.reject(row.number, "", twice)]
    read.rows.append(SetupRow(row.number, key, values, sound=not rejects))
    return rejects


def _said(column: Field, cell: str | NotText, *, is_key: bool) -> tuple[Any] | None:
    """The value of a cell in a tuple, or None where it says nothing; raises what is wrong."""
    if isinstance(cell, NotText):
        if cell.kind == "formula":
            raise FormulaCell
        if cell.kind == "error":
            raise ErrorCell
        if cell.kind == "number" and sum(map(str.isdigit, cell.text)) >= _EXCEL_DIGITS:
            raise BadValue(value=cell.text, expected="a text: Excel keeps 15 digits of a number")
    text = text_of(cell).strip()
    if not text:
        return None
    if text != CLEAR:
        return (column.kind.read(text),)
    if is_key or column.empty is KEPT:
        raise NotClearable
    return (column.empty,)
