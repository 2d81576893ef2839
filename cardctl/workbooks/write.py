"""Write tables: xlsx and csv, every value as text unless it is a number.

The xlsx is written here, straight into its zip: openpyxl first lays every sheet down in a temporary
file, and what is written may be a revealed card. A text stays text whatever it begins with; in a
csv one that a spreadsheet program would run, ``=cmd|…``, gets an apostrophe before it.
Files are made anew with mode 0600 and never written over.
"""

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from xml.sax.saxutils import escape, quoteattr

from cardctl.workbooks.cells import column_letters
from cardctl.workbooks.failures import OutputExists, OutputUnwritable

CELL_MAX = 32_767
"""Excel's own limit of characters in a cell."""

Value = str | int | None
"""None is an empty cell; money goes in as text, so that no float touches it."""

# Full-width signs, too: a spreadsheet program in Chinese takes them as it takes the others.
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?%?", re.ASCII)

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# The same bytes for the same table: a zip records a time for every member.
_EPOCH = (1980, 1, 1, 0, 0, 0)

_ROOT_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
    f' Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
# Style 0 is general, 1 is text (so that what a person types stays text), 2 is a bold heading.
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"'
    ' applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"'
    ' applyFont="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_TEXT, _HEADING = 1, 2
_COLUMN_WIDTH = 22
_NOTE_MAX = 255
_TITLE_MAX = 32
"""Excel's own limits of what it shows beside a cell."""
_LAST = 1_048_576

# What XML cannot hold, and what would be read as an escape, is written as Excel writes it.
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)"
)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file of our own, 0600; taken away again when writing it fails.

    Raises `OutputExists` and `OutputUnwritable`.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise OutputExists(file=str(path)) from None
    except OSError as error:
        raise OutputUnwritable(file=str(path), reason=error.strerror) from None
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise OutputUnwritable(file=str(path), reason=error.strerror) from None
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Where to write a file that may be there already: beside it, until it is whole."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    yield fresh
    fresh.replace(path)


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A sheet to be written.

    With `text_columns` what a person adds below stays text. `notes` are shown beside the cells of
    a column when one of them is chosen, in the order of the columns; an empty one shows nothing.
    """

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[Value]]
    text_columns: bool = False
    notes: Sequence[str] = ()


def write_workbook(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Value]],
    *,
    sheet: str = "Sheet1",
    text_columns: bool = False,
    notes: Sequence[str] = (),
) -> None:
    """Write an xlsx of one sheet; see `SheetPage`."""
    write_sheets(path, [SheetPage(sheet, header, rows, text_columns, notes)])


def write_sheets(path: Path, pages: Sequence[SheetPage]) -> None:
    """Write an xlsx of some sheets, in their order."""
    with new_file(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        numbers = range(1, len(pages) + 1)
        _put(archive, "[Content_Types].xml", _content_types(numbers))
        _put(archive, "_rels/.rels", _ROOT_RELATIONS)
        _put(archive, "xl/workbook.xml", _workbook([page.name for page in pages]))
        _put(archive, "xl/_rels/workbook.xml.rels", _workbook_relations(numbers))
        _put(archive, "xl/styles.xml", _STYLES)
        for number, page in zip(numbers, pages, strict=True):
            with archive.open(_member(_part_of(number)), "w", force_zip64=True) as part:
                for text in _sheet(page):
                    part.write(text.encode())


class GrowingWorkbook:
    """An xlsx that takes one row after another; it can be written to what cannot be sought in.

    What does not fit a sheet goes on in another one, under the same header.
    """

    def __init__(self, stream: Any, header: Sequence[str], *, sheet: str) -> None:
        """Write to a stream that has `write` and `flush`; it is not closed here."""
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
        self._page = SheetPage(sheet, header, ())
        self._names: list[str] = []
        self._part: Any = None
        self._row = _LAST

    def add(self, row: Sequence[Value]) -> None:
        """One more row; a text longer than `CELL_MAX` would be cut off."""
        if self._row == _LAST:
            self._end_sheet()
            self._begin_sheet()
        self._row += 1
        self._put(_row(self._row, row, _TEXT))

    def finish(self) -> None:
        """End it; a workbook without rows has its header."""
        if self._part is None:
            self._begin_sheet()
        self._end_sheet()
        numbers = range(1, len(self._names) + 1)
        _put(self._archive, "[Content_Types].xml", _content_types(numbers))
        _put(self._archive, "_rels/.rels", _ROOT_RELATIONS)
        _put(self._archive, "xl/workbook.xml", _workbook(self._names))
        _put(self._archive, "xl/_rels/workbook.xml.rels", _workbook_relations(numbers))
        _put(self._archive, "xl/styles.xml", _STYLES)
        self._archive.close()

    def close(self) -> None:
        """Let go of it, whole or not; what its stream does not take any more is left."""
        for part in (self._part, self._archive):
            if part is not None:
                with suppress(OSError, ValueError):
                    part.close()

    def _begin_sheet(self) -> None:
        number = len(self._names) + 1
        name = self._page.name
        self._names.append(name if number == 1 else f"{name} {number}")
        self._part = self._archive.open(_member(_part_of(number)), "w")
        self._put(_sheet_begin(self._page))
        self._row = 1

    def _end_sheet(self) -> None:
        if self._part is not None:
            self._put(_sheet_end(self._page))
            self._part.close()

    def _put(self, text: str) -> None:
        self._part.write(text.encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
    """Write a csv in UTF-8 with a BOM, by which spreadsheet programs know the encoding."""
    with new_file(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        write_csv_rows(text, [header], end="\r\n")
        write_csv_rows(text, rows, end="\r\n")
        text.flush()
        text.detach()


def write_csv_rows(stream: TextIO, rows: Iterable[Sequence[Value]], *, end: str) -> None:
    """Write lines of a csv, each with that end, in which no cell is a formula."""
    writer = csv.writer(stream, lineterminator=end)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _csv_cell(value: Value) -> str | int:
    """A value as it stands in a csv; only a number begins as a formula does, with its sign."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return "" if value is None else value


def _content_types(sheets: Sequence[int]) -> str:
    parts = "".join(
        f'<Override PartName="/{_part_of(number)}" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in sheets
    )
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{parts}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    )


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, 1)
    )
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}">'
        f"<sheets>{sheets}</sheets></workbook>"
    )


def _workbook_relations(sheets: Sequence[int]) -> str:
    parts = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATION}/worksheet"'
        f' Target="worksheets/sheet{number}.xml"/>'
        for number in sheets
    )
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{parts}'
        f'<Relationship Id="rId{len(sheets) + 1}" Type="{_RELATION}/styles" Target="styles.xml"/>'
        "</Relationships>"
    )


def _part_of(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _sheet(page: SheetPage) -> Iterator[str]:
    yield _sheet_begin(page)
    for number, row in enumerate(page.rows, 2):
        yield _row(number, row, _TEXT)
    yield _sheet_end(page)


def _sheet_begin(page: SheetPage) -> str:
    """What stands before its rows, and the header, which is the first of them."""
    style = f' style="{_TEXT}"' if page.text_columns else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><cols><col min="1" max="{max(len(page.header), 1)}"'
        f' width="{_COLUMN_WIDTH}"{style} customWidth="1"/></cols><sheetData>'
        + _row(1, page.header, _HEADING)
    )


def _sheet_end(page: SheetPage) -> str:
    return f"</sheetData>{_notes(page)}</worksheet>"


def _notes(page: SheetPage) -> str:
    """What a column is for, as the message of a validation that lets everything pass."""
    shown = [
        f'<dataValidation allowBlank="1" showInputMessage="1" sqref="{letters}1:{letters}{_LAST}"'
        f" promptTitle={quoteattr(title[:_TITLE_MAX])} prompt={quoteattr(note[:_NOTE_MAX])}/>"
        for letters, title, note in zip(
            map(column_letters, range(len(page.notes))), page.header, page.notes, strict=False
        )
        if note
    ]
    if not shown:
        return ""
    return f'<dataValidations count="{len(shown)}">{"".join(shown)}</dataValidations>'


def _row(number: int, values: Sequence[Value], style: int) -> str:
    cells = "".join(
        _cell(f"{column_letters(index)}{number}", value, style)
        for index, value in enumerate(values)
        if value not in (None, "")
    )
    return f'<row r="{number}">{cells}</row>'


def _cell(reference: str, value: Value, style: int) -> str:
    if isinstance(value, int):
        return f'<c r="{reference}"><v>{value}</v></c>'
    text = escape(_UNWRITABLE.sub(_escaped, str(value)[:CELL_MAX]))
    return (
        f'<c r="{reference}" s="{style}" t="inlineStr">'
        f'<is><t xml:space="preserve">{text}</t></is></c>'
    )


def _escaped(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _put(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(_member(name), text.encode())


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    return member
