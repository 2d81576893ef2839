"""Cells that somebody merged over several rows of one order."""

from collections.abc import Collection, Iterator, Sequence

from cardctl.errors import InputRefused
from cardctl.workbooks.cells import Cell, MergedCells, Row
from cardctl.workbooks.headers import Header


class MergedRows(InputRefused):
    """Only the first of merged cells holds the value, and each line needs one of its own."""

    code = "merged-cells"
    message = "cells of the column {column} are merged in rows {first} to {last}"
    hint = "split them and fill in every row"


def fill_merged(
    rows: Iterator[Row],
    merged: Sequence[MergedCells],
    header: Header,
    line_fields: Collection[str],
) -> Iterator[Row]:
    """The rows, with what is merged below the header written into each row of it.

    That is what it says to whoever looks at the sheet: the order number stands beside all lines of
    an order. What every line has for itself cannot be merged: raises `MergedRows`.
    """
    fields = {index: field for field, index in header.columns.items()}
    spans = [
        (span, index)
        for span in merged
        if span.first_row > header.row_number and span.last_row > span.first_row
        for index in range(span.first_column, span.last_column + 1)
        if index in fields
    ]
    for span, index in spans:
        if fields[index] in line_fields:
            column = header.names[fields[index]]
            raise MergedRows(column=column, first=span.first_row, last=span.last_row)
    return _filled(rows, spans) if spans else rows


def _filled(rows: Iterator[Row], spans: list[tuple[MergedCells, int]]) -> Iterator[Row]:
    # By row, where each begins: a sheet may have a hundred thousand of them.
    begins: dict[int, list[tuple[MergedCells, int]]] = {}
    for span, index in spans:
        begins.setdefault(span.first_row, []).append((span, index))
    held: dict[int, tuple[int, Cell]] = {}
    for row in rows:
        for index, (last_row, value) in list(held.items()):
            if row.number > last_row:
                del held[index]
            elif index < len(row.cells):
                row.cells[index] = value
        for span, index in begins.get(row.number, ()):
            if index < len(row.cells):
                held[index] = span.last_row, row.cells[index]
        yield row
