"""What a worksheet holds that the parser does not see, and how far out its cells lie.

The parser lays a sheet out densely: one cell in the last corner of a 2 kB file would take all
memory. Tags are found by patterns that know prefixes, both quotes and odd spacing; whatever is
written so oddly that they miss it meets the memory limit of the child instead.
"""

import re
from dataclasses import dataclass, field

from cardctl.workbooks.cells import MergedCells, NotTextKind, column_index, column_letters
from cardctl.workbooks.failures import CellOutOfRange, FileDamaged, FileTooLarge

MAX_ROWS = 1_048_576
MAX_COLUMNS = 1024
"""A sheet may have 16,384; a table of keys has a dozen."""
MAX_DENSE_CELLS = 16 * 2**20
MAX_MERGED = 100_000
_SPARSE = 16
"""With fewer than one cell in so many places a large sheet is called sparse, not large."""
_TAG_MAX = 2**21
_REFERENCE_MAX = len("XFD1048576")

_TAGS = re.compile(rb"<(?:[^<>\s/!?:]+:)?((?:c|row|f|mergeCell)(?=[\s/>])[^<]*)")
_CELL = re.compile(rb"\x00c\s(?:[^\x00]*?\s)?r\s*=\s*[\"']([^\"'\x00]*)[\"'](?![^\x00]*/>)")
_FORMULA = re.compile(rb"\x00f(?=[\s/>])")
_FORMULA_CELL = re.compile(rb"\x00c([^\x00]*)\x00f(?=[\s/>])")
_ERROR_CELL = re.compile(rb"\x00c((?=\s)[^\x00]*?\st\s*=\s*[\"']e[\"'][^\x00]*)")
_HIDDEN_ROW = re.compile(rb"\x00row\s[^\x00]*?\bhidden\s*=\s*[\"'](?:1|true)[\"']")
_MERGED = re.compile(
    rb"\x00mergeCell\s[^\x00]*?\bref\s*=\s*[\"']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"
)
_OWN_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_PLAIN_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_RARE = (b"<f", b":f", b":c", b"/>", b"hidden", b"merge", b'"e"', b"'")
"""What a stretch of plain cells does not hold."""
_DIGITS, _LETTERS = b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class SheetFacts:
    """Gathered chunk by chunk; rows as the sheet shows them, columns from 0."""

    cells: int = 0
    last_row: int = 0
    last_column: int = -1
    hidden_rows: int = 0
    marked: dict[tuple[int, int], NotTextKind] = field(default_factory=dict)
    """(row, column) of formulas and errors."""
    merged: list[MergedCells] = field(default_factory=list)
    _tail: bytes = b""
    """A tag that the last chunk cut off."""
    _cell: bytes = b""
    """The tag of the last cell, whose formula may be in the next chunk."""

    def look(self, chunk: bytes) -> None:
        """Take in the next part of the worksheet's XML."""
        text = self._tail + chunk
        whole, mark, rest = text.rpartition(b"<")
        self._tail = mark + rest
        if len(self._tail) > _TAG_MAX:
            raise FileDamaged(part="worksheet")
        if not self._look_quickly(whole):
            self._look_closely(whole)

    def place(self, row: int, column: int) -> None:
        """Take in a cell of a format that is not XML."""
        self.cells += 1
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)

    def _look_quickly(self, text: bytes) -> bool:
        """A stretch of nothing but plain cells, as nearly all are; whether it was one.

        Only the last row is looked at: one far out in the middle meets the memory limit.
        """
        cells = _PLAIN_CELL.findall(text)
        if len(cells) != text.count(b"<c") or any(token in text for token in _RARE):
            return False
        if cells:
            self.cells += len(cells)
            self._widen({letters for letters, _ in cells}, int(cells[-1][1]))
            self._cell = text[text.rindex(b"<c") + 1 :].partition(b"<")[0]
        return True

    def _look_closely(self, text: bytes) -> None:
        tags = _TAGS.findall(text)
        if not tags:
            return
        fresh = b"\x00" + b"\x00".join(tags)
        self._measure(_CELL.findall(fresh))
        self.hidden_rows += len(_HIDDEN_ROW.findall(fresh))
        self._merge(fresh)
        self._mark(b"\x00" + self._cell + fresh)
        self._cell = tags[-1] if tags[-1].startswith(b"c") else b""

    def check(self) -> None:
        """Refuse what the parser could not lay out."""
        dense = self.last_row * (self.last_column + 1)
        out = self.last_row > MAX_ROWS or self.last_column >= MAX_COLUMNS
        if out or (dense > MAX_DENSE_CELLS and dense > _SPARSE * self.cells):
            raise CellOutOfRange(cell=f"{column_letters(self.last_column)}{self.last_row}")
        if dense > MAX_DENSE_CELLS or len(self.merged) > MAX_MERGED:
            raise FileTooLarge

    def _measure(self, references: list[bytes]) -> None:
        """Widen the extent; many references at once, in a constant number of calls."""
        if not references:
            return
        joined = b" ".join(references)
        if joined.translate(None, _DIGITS + _LETTERS + b" ") or (
            max(map(len, references)) > _REFERENCE_MAX
        ):
            raise FileDamaged(part="worksheet")
        rows = joined.translate(None, _LETTERS).split()
        self.cells += len(references)
        self._widen(set(joined.translate(None, _DIGITS).split()), max(map(int, rows), default=0))

    def _widen(self, columns: set[bytes], row: int) -> None:
        widest = max((column_index(letters.decode()) for letters in columns), default=-1)
        self.last_column = max(self.last_column, widest)
        self.last_row = max(self.last_row, row)

    def _merge(self, tags: bytes) -> None:
        for first_letters, first_row, last_letters, last_row in _MERGED.findall(tags):
            self.merged.append(
                MergedCells(
                    int(first_row),
                    column_index(first_letters.decode()),
                    int(last_row),
                    column_index(last_letters.decode()),
                )
            )

    def _mark(self, tags: bytes) -> None:
        self._mark_cells(_ERROR_CELL.findall(tags), "error")
        formulas = len(_FORMULA.findall(tags))
        if formulas:
            cells = _FORMULA_CELL.findall(tags)
            if len(cells) != formulas:
                raise FileDamaged(part="worksheet")
            self._mark_cells(cells, "formula")

    def _mark_cells(self, tags: list[bytes], kind: NotTextKind) -> None:
        for tag in tags:
            reference = _OWN_REFERENCE.search(tag)
            if reference is None:
                raise FileDamaged(part="worksheet")
            self.marked[int(reference[2]), column_index(reference[1].decode())] = kind
