"""The sheets of a workbook, of whichever format: which are meant, and their rows.

Runs in the child only.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.failures import FileDamaged, SheetAmbiguous, SheetMissing, SheetUnknown
from cardctl.workbooks.parsed import Parsed, Request

_EXACT_UP_TO = 1e21
"""Above it repr of a whole number is what a spreadsheet would show, below it digits are."""


def lay_out(
    workbook: CalamineWorkbook,
    facts: Mapping[str, SheetFacts],
    request: Request,
    *,
    book_format: str,
    encrypted: bool,
) -> Iterator[Parsed]:
    """The tables that are asked for, one after another; each is laid out when its turn comes.

    Raises `SheetMissing`, `SheetUnknown`, `SheetAmbiguous` and `FileDamaged`.
    """
    with_cells = [
        about
        for about in workbook.sheets_metadata
        if about.typ == SheetTypeEnum.WorkSheet and facts[about.name].cells
    ]
    names = [about.name for about in with_cells]
    hidden = {about.name for about in with_cells if about.visible != SheetVisibleEnum.Visible}
    shown = [name for name in names if name not in hidden] or names
    match request.want:
        case "sheets":
            chosen = names
        case "files":
            chosen = shown
        case _:
            chosen = [_chosen(shown, facts, request.sheet)]
    if not chosen:
        raise SheetMissing
    for name in chosen:
        try:
            sheet = workbook.get_sheet_by_name(name)
        except CalamineError:
            raise FileDamaged(part=name) from None
        if name == chosen[-1]:
            workbook.close()
        yield Parsed(
            format=book_format,
            rows=_rows(sheet, facts[name]),
            sheet=name,
            alone={name} >= set(names),
            hidden_rows=facts[name].hidden_rows,
            merged=tuple(facts[name].merged),
            encrypted=encrypted,
        )


def _chosen(shown: list[str], facts: Mapping[str, SheetFacts], sheet: str | None) -> str:
    if sheet is not None:
        if sheet not in facts:
            raise SheetUnknown(sheet=sheet, sheets=", ".join(facts))
        return sheet
    if not shown:
        raise SheetMissing
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
