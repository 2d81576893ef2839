"""What the child is asked for, and what a parser in it hands back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cardctl.workbooks.cells import Cell, MergedCells, SkippedLines

Want = Literal["table", "keys", "sheets", "files"]
"""One table with a header; keys in every shape they are sent in; every sheet of a workbook; every
sheet that people see, and every file of a zip."""


@dataclass(frozen=True, slots=True)
class Request:
    """How a file is to be read; `columns` are headers that the caller knows beside ours."""

    want: Want = "table"
    password: str | None = None
    sheet: str | None = None
    line: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A table whose rows are still to be taken: (number, cells), without empty rows."""

    format: str
    rows: Iterator[tuple[int, list[Cell]]]
    sheet: str | None = None
    alone: bool = True
    member: str = ""
    hidden_rows: int = 0
    merged: tuple[MergedCells, ...] = ()
    encrypted: bool = False
    skipped: SkippedLines = field(default_factory=SkippedLines)
    unread_members: tuple[str, ...] = ()
