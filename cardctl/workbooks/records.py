"""What the records of an xls workbook say that the parser does not. Runs in the child only.

A stream is one record after another: kind, size, content. A workbook is a part about the whole and
a part for each sheet; each part is opened and closed by a record of its own.
"""

from collections.abc import Iterator
from struct import Struct

from cardctl.workbooks.cells import MergedCells
from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.failures import FileDamaged

_PART = "Workbook"
_HEAD = Struct("<HH")
_U16, _U32 = Struct("<H"), Struct("<I")
_PLACE = Struct("<HH")
_RANGE = Struct("<HHHH")

_END, _FILEPASS, _SHEET, _MERGED = 0x000A, 0x002F, 0x0085, 0x00E5
_ROW, _ERROR_OR_BOOLEAN, _SEVERAL = 0x0208, 0x0205, 0x00BD
_BEGINS = frozenset({0x0009, 0x0209, 0x0409, 0x0809})
_FORMULAS = frozenset({0x0006, 0x0206, 0x0406})
# Numbers, texts of every age, short numbers.
_CELLS = _FORMULAS | {_ERROR_OR_BOOLEAN, 0x0203, 0x0204, 0x00FD, 0x027E, 0x00D6}
# What protection leaves as it is: the records that open a part or are about being shared.
_PLAIN = _BEGINS | {_FILEPASS, 0x0194, 0x0195, 0x00E1, 0x0196, 0x0138}
_SHEET_OFFSET_BYTES = 4
_ROW_FLAGS_AT, _ROW_HIDDEN = 12, 0x0020
_ERROR_FLAG_AT = 7


def records(stream: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """(kind, start of the content, its size) of each record; raises `FileDamaged`."""
    length = len(stream)
    while at + _HEAD.size <= length:
        kind, size = _HEAD.unpack_from(stream, at)
        at += _HEAD.size + size
        if at > length:
            raise FileDamaged(part=_PART)
        yield kind, at - size, size


def file_pass(stream: bytes | bytearray) -> int | None:
    """Where the record stands that says how the workbook is protected; None when it is not."""
    for kind, start, _ in records(stream):
        if kind == _END:
            break
        if kind == _FILEPASS:
            return start
    return None


def plain_size(kind: int, size: int) -> int:
    """How many bytes of a record's content protection leaves as they are."""
    if kind == _SHEET:
        return min(size, _SHEET_OFFSET_BYTES)
    return size if kind in _PLAIN else 0


def scan_sheets(stream: bytes) -> list[SheetFacts]:
    """The facts of each sheet, in the order of the workbook.

    Raises `FileDamaged`, `CellOutOfRange` and `FileTooLarge`.
    """
    offsets = []
    for kind, start, size in records(stream):
        if kind == _END:
            break
        if kind == _SHEET:
            if size < _SHEET_OFFSET_BYTES:
                raise FileDamaged(part=_PART)
            offsets.append(_U32.unpack_from(stream, start)[0])
    facts = {offset: _scan_sheet(stream, offset) for offset in set(offsets)}
    return [facts[offset] for offset in offsets]


def _scan_sheet(stream: bytes, offset: int) -> SheetFacts:
    facts = SheetFacts()
    depth = 0
    for kind, start, size in records(stream, offset):
        if kind in _BEGINS:
            # A chart in a sheet is a part inside its part.
            depth += 1
        elif kind == _END:
            depth -= 1
            if depth <= 0:
                break
        elif depth == 1:
            _look(facts, kind, stream[start : start + size])
    facts.check()
    return facts


def _look(facts: SheetFacts, kind: int, content: bytes) -> None:
    if kind in _CELLS and len(content) > _PLACE.size:
        row, column = _PLACE.unpack_from(content)
        facts.place(row + 1, column)
        if kind in _FORMULAS:
            facts.marked[row + 1, column] = "formula"
        elif kind == _ERROR_OR_BOOLEAN and content[_ERROR_FLAG_AT : _ERROR_FLAG_AT + 1] == b"\1":
            facts.marked[row + 1, column] = "error"
    elif kind == _SEVERAL and len(content) > _PLACE.size + _U16.size:
        row, _ = _PLACE.unpack_from(content)
        facts.place(row + 1, _U16.unpack_from(content, len(content) - _U16.size)[0])
    elif kind == _ROW and len(content) >= _ROW_FLAGS_AT + _U16.size:
        flags = _U16.unpack_from(content, _ROW_FLAGS_AT)[0]
        facts.hidden_rows += bool(flags & _ROW_HIDDEN)
    elif kind == _MERGED:
        for at in range(_U16.size, len(content) - _RANGE.size + 1, _RANGE.size):
            first_row, last_row, first_column, last_column = _RANGE.unpack_from(content, at)
            facts.merged.append(MergedCells(first_row + 1, first_column, last_row + 1, last_column))
