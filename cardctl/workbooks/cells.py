"""What a table consists of: rows of cells that are text, or say what else they are."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

NotTextKind = Literal["number", "date", "boolean", "error", "formula", "ambiguous", "malformed"]


class NotText(NamedTuple):
    """A cell that is no text; `text` is how a person would write its value.

    A whole number has no ``.0``, a date is ISO 8601, a formula gives its last computed value.
    ``ambiguous`` is a whole line of pasted text that can be read in several ways; ``malformed``
    says as what the line or the value does not read.
    """

    kind: NotTextKind
    text: str


Cell = str | NotText
"""An empty cell is the empty text."""


class Row(NamedTuple):
    """A row that is not empty; its number is the one the sheet shows, from 1."""

    number: int
    cells: list[Cell]


class MergedCells(NamedTuple):
    """A merged range: rows as the sheet shows them, columns from 0, both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


class SkippedLine(NamedTuple):
    """A line of pasted text that holds no key; `masked` never shows a whole word of it."""

    number: int
    masked: str


@dataclass(slots=True)
class SkippedLines:
    """How many lines hold no key, and the first of them; complete once all rows are taken."""

    LISTED_MAX: ClassVar[int] = 1000

    count: int = 0
    lines: list[SkippedLine] = field(default_factory=list)

    def add(self, number: int, masked: str) -> None:
        """Note one more line."""
        self.count += 1
        if len(self.lines) < self.LISTED_MAX:
            self.lines.append(SkippedLine(number, masked))


@dataclass(frozen=True, slots=True)
class TableWarning:
    """Something about a table that a person should know; `message` is a template."""

    message: ClassVar[str]
    details: dict[str, object] = field(default_factory=dict)


class HiddenRows(TableWarning):
    """Rows that whoever looks at the sheet does not see; they are read like the others."""

    message = "{count} rows of the sheet {sheet} are hidden; they were read like the others"


class MemberUnread(TableWarning):
    """A file in a zip that is no table: a picture, a note, a further zip."""

    message = "{member}, inside {file}, is no table and was not read"


def text_of(cell: Cell) -> str:
    """What a cell says, whatever kind it is of."""
    return cell if isinstance(cell, str) else cell.text


def column_letters(index: int) -> str:
    """The letters a sheet shows for a column, from 0: ``AA`` for 26."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def column_index(letters: str) -> int:
    """The position of a column, from 0, by the letters a sheet shows."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
