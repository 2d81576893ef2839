"""Tables in xlsx workbooks. Runs in the child only."""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers import expat

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from cardctl.workbooks.archive import inspect_archive, member_name
from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.failures import (
    FileDamaged,
    FormatUnknown,
    SheetAmbiguous,
    SheetMissing,
    SheetUnknown,
)
from cardctl.workbooks.parsed import Parsed

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_EXACT_UP_TO = 1e21
"""Above it repr of a whole number is what a spreadsheet would show, below it digits are."""


def parse_workbook(held: list[bytes], sheet: str | None, *, encrypted: bool) -> Parsed:
    """The table in the one sheet that holds cells, or in the one that is named.

    `held` gives the bytes away: they are dropped before the sheet is laid out. Raises what
    `inspect_archive` does, `SheetMissing`, `SheetUnknown`, `SheetAmbiguous`, `FormatUnknown`.
    """
    stream = io.BytesIO(held.pop())
    try:
        with zipfile.ZipFile(stream) as archive:
            facts = _facts_by_sheet(archive)
    except (zipfile.BadZipFile, NotImplementedError):
        raise FileDamaged(part="zip") from None
    except (expat.ExpatError, KeyError, ValueError):
        raise FileDamaged(part=_WORKBOOK) from None
    stream.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
        name = _chosen(workbook, facts, sheet)
        laid_out = workbook.get_sheet_by_name(name)
    except CalamineError:
        raise FileDamaged(part=_WORKBOOK) from None
    workbook.close()
    return Parsed(
        format="xlsx",
        rows=_rows(laid_out, facts[name]),
        sheet=name,
        hidden_rows=facts[name].hidden_rows,
        merged=tuple(facts[name].merged),
        encrypted=encrypted,
    )


def _facts_by_sheet(archive: zipfile.ZipFile) -> dict[str, SheetFacts]:
    """The facts of each sheet by the name that people see."""
    by_part = inspect_archive(archive)
    names = {member_name(member): member for member in archive.infolist()}
    if _WORKBOOK not in names:
        found = "zip" if "[content_types].xml" not in names else "docx, pptx or ods"
        raise FormatUnknown(found=found)
    targets = {
        attributes["Id"]: attributes["Target"]
        for attributes in _elements(archive.read(names[_RELATIONS]), "Relationship")
    }
    facts = {}
    for attributes in _elements(archive.read(names[_WORKBOOK]), "sheet"):
        relation = next(value for name, value in attributes.items() if name.endswith(":id"))
        part = posixpath.normpath(posixpath.join("/xl", targets[relation])).lstrip("/").lower()
        facts[attributes["name"]] = by_part.get(part, SheetFacts())
    return facts


def _elements(xml: bytes, local_name: str) -> Iterator[dict[str, str]]:
    """The attributes of the elements of a name, whatever their prefix."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == local_name:
            found.append(attributes)

    parser.StartElementHandler = start
    parser.Parse(xml, True)  # noqa: FBT003 -- expat takes it by position
    return iter(found)


def _chosen(workbook: CalamineWorkbook, facts: dict[str, SheetFacts], sheet: str | None) -> str:
    tables = [
        about.name
        for about in workbook.sheets_metadata
        if about.typ == SheetTypeEnum.WorkSheet and facts[about.name].cells
    ]
    if sheet is not None:
        if sheet not in facts:
            raise SheetUnknown(sheet=sheet, sheets=", ".join(facts))
        return sheet
    if not tables:
        raise SheetMissing
    hidden = {
        about.name
        for about in workbook.sheets_metadata
        if about.visible != SheetVisibleEnum.Visible
    }
    shown = [name for name in tables if name not in hidden] or tables
    if len(shown) > 1:
        raise SheetAmbiguous(sheets=", ".join(shown))
    return shown[0]


def _rows(sheet: CalamineSheet, facts: SheetFacts) -> Iterator[tuple[int, list[Cell]]]:
    """Rows from column A on, whatever column the parser begins with."""
    before: list[Any] = [""] * (sheet.start[1] if sheet.start else 0)
    marked = facts.marked
    marked_rows = {row for row, _ in marked}
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [cell if type(cell) is str else _not_text(cell) for cell in row]
        if before:
            cells = before + cells
        if number in marked_rows:
            for column, cell in enumerate(cells):
                if (number, column) in marked:
                    text = cell if isinstance(cell, str) else cell.text
                    cells[column] = NotText(marked[number, column], text)
        if any(cells):
            yield number, cells


def _not_text(value: object) -> NotText:
    if isinstance(value, bool):
        return NotText("boolean", "TRUE" if value else "FALSE")
    if isinstance(value, float | int):
        whole = float(value).is_integer() and abs(value) < _EXACT_UP_TO
        return NotText("number", str(int(value)) if whole else repr(value))
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return NotText("date", value.date().isoformat() if midnight else value.isoformat(" "))
    if isinstance(value, date):
        return NotText("date", value.isoformat())
    assert isinstance(value, time | timedelta)
    return NotText("date", str(value))
