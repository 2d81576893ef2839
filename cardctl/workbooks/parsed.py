"""What a parser in the child hands back."""

from collections.abc import Iterator
from dataclasses import dataclass

from cardctl.workbooks.cells import Cell, MergedCells


@dataclass(frozen=True, slots=True)
class Parsed:
    """A table whose rows are still to be taken: (number, cells), without empty rows."""

    format: str
    rows: Iterator[tuple[int, list[Cell]]]
    sheet: str | None = None
    hidden_rows: int = 0
    merged: tuple[MergedCells, ...] = ()
    encrypted: bool = False
