"""Write the shop as it is into a setup workbook, to be filled in and imported again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from cardctl.setup.nouns import SHEETS
from cardctl.setup.sheet import CLEAR, Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun
from cardctl.workbooks.write import SheetPage, write_sheets


@dataclass(frozen=True, slots=True)
class SheetWritten:
    """A sheet of a workbook that was written, and how many entries of its noun are in it."""

    noun: CatalogueNoun
    sheet: str
    entries: int


def write_setup(session: Session, *, path: Path, chinese: bool) -> list[SheetWritten]:
    """Write a sheet for every noun with what the store holds, every cell text.

    Raises what `write_sheets` raises.
    """
    pages, written = [], []
    for sheet in SHEETS:
        entries = sheet.stored(session)
        name = sheet.names[chinese]
        pages.append(
            SheetPage(
                name,
                [column.names[chinese] for column in sheet.fields],
                _rows(sheet, entries, chinese=chinese),
                text_columns=True,
                notes=[column.note[chinese] for column in sheet.fields],
            )
        )
        written.append(SheetWritten(sheet.noun, name, len(entries)))
    write_sheets(path, pages)
    return written


def _rows(sheet: SetupSheet[Any], entries: list[Any], *, chinese: bool) -> Iterator[list[str]]:
    for entry in entries:
        yield [
            _text(column, getattr(entry, column.name), chinese=chinese) for column in sheet.fields
        ]


def _text(column: Field, value: Any, *, chinese: bool) -> str:
    text = "" if value in (None, ()) else column.kind.write(value, chinese)
    # Read back it would clear the field; an empty cell leaves it as it is.
    return "" if text == CLEAR else text
