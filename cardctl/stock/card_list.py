"""Read a list of cards: a table with a column of their names, or a name a line.

A file that was mixed up may hold keys: what is wrong with it is told by its rows, never repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice

from cardctl.errors import BadValue, InputRefused
from cardctl.identifiers import parse_card_code
from cardctl.stock.named_cards import CardKey
from cardctl.workbooks.cells import Cell, Row
from cardctl.workbooks.failures import HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, find_header
from cardctl.workbooks.read import open_table
from cardctl.workbooks.source import Source

CARD = "card"
_NAMES = ("id", "card", "card id", "卡密编号", "卡密")
_TOLD = 20
"""How many rows an error names."""


class CardColumnMissing(HeaderMissing):
    """The table has no column of cards, and is no list of names."""

    hint = "a table of cards has a column id (卡密编号); a plain list has the name of a card a line"


class RowsRefused(InputRefused):
    """Rows that name no card, or hold what cannot be taken; `rejects` has all of them."""

    code = "rows-refused"
    message = "{count} rows of {file} cannot be taken, nothing was changed; row (why): {rows}"
    hint = "correct the rows, then run the same command again"


class NoCards(InputRefused):
    """A header with nothing below it."""

    code = "no-rows"
    message = "{file} names no card"
    hint = "check that the right file was named"


@dataclass(frozen=True, slots=True)
class CardRow:
    """A row of a table of cards: its number, its card, and the other cells that were asked for."""

    number: int
    card: CardKey
    cells: dict[str, Cell]


class Refusals:
    """The rows of a file that cannot be taken, gathered until all were read."""

    def __init__(self, file: str) -> None:
        """`file` is what the error will call it."""
        self._file = file
        self._rejects: list[dict[str, object]] = []

    def add(self, row: int, problem: InputRefused) -> None:
        """Refuse a row; of the problem only the code is kept, its details may hold a key."""
        self._rejects.append({"row": row, "code": problem.code})

    def raise_any(self) -> None:
        """Raises `RowsRefused` when there were some."""
        if self._rejects:
            told = [f"{one['row']} ({one['code']})" for one in self._rejects[:_TOLD]]
            more = ["…"] if len(self._rejects) > _TOLD else []
            raise RowsRefused(
                count=len(self._rejects),
                file=self._file,
                rows=", ".join(told + more),
                rejects=self._rejects,
            )


def read_card_list(source: Source) -> set[CardKey]:
    """The cards that a file names. Raises `RowsRefused`, `NoCards`, and what is wrong with it."""
    refusals = Refusals(source.name)
    with open_card_table(source, refusals) as rows:
        keys = {row.card for row in rows}
    refusals.raise_any()
    if not keys:
        raise NoCards(file=source.name)
    return keys


@contextmanager
def open_card_table(
    source: Source, refusals: Refusals, further: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Iterator[CardRow]]:
    """The rows of a table of cards; those that name none go to `refusals`.

    `further` are other columns that must be there, with their names. Raises `CardColumnMissing`
    and what is wrong with the file.
    """
    synonyms = {CARD: _NAMES, **(further or {})}
    with open_table(source) as table:
        top = list(islice(table.rows, HEADER_WITHIN))
        columns, after = _columns(top, synonyms)
        below = (row for row in chain(top, table.rows) if row.number > after)
        yield _card_rows(below, columns, refusals)


def _columns(top: list[Row], synonyms: Mapping[str, Sequence[str]]) -> tuple[dict[str, int], int]:
    """Where each field stands, and the number of the row of headings: 0 for a plain list."""
    if set(synonyms) == {CARD} and top and _is_name(top[0].cells[0]):
        return {CARD: 0}, 0
    try:
        header = find_header(iter(top), synonyms, tuple(synonyms))
    except HeaderMissing as error:
        raise CardColumnMissing(**error.details) from None
    return header.columns, header.row_number


def _card_rows(
    rows: Iterator[Row], columns: Mapping[str, int], refusals: Refusals
) -> Iterator[CardRow]:
    for row in rows:
        cells = {
            field: row.cells[place] if place < len(row.cells) else ""
            for field, place in columns.items()
        }
        try:
            card = _card_of(cells.pop(CARD))
        except BadValue as problem:
            refusals.add(row.number, problem)
        else:
            yield CardRow(row.number, card, cells)


def _card_of(cell: Cell) -> CardKey:
    """The card that a cell names; raises `BadValue`, also for what is no text."""
    if not isinstance(cell, str):
        raise BadValue(value=cell.text, expected="the name of a card: 15 letters and digits")
    return parse_card_code(cell)


def _is_name(cell: Cell) -> bool:
    try:
        _card_of(cell)
    except BadValue:
        return False
    return True
