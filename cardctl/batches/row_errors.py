"""What can be wrong with a row: codes for programs, templates for people."""

from dataclasses import dataclass
from enum import StrEnum


class RowCode(StrEnum):
    """The kinds of errors of a row."""

    NUMBER_NOT_TEXT = "number-not-text"
    MISSING = "missing"
    BAD_FORMAT = "bad-format"
    INVISIBLE_CHARACTER = "invisible-character"
    BAD_DATE = "bad-date"
    EXPIRED = "expired"
    BAD_MONEY = "bad-money"
    FORMULA = "formula"
    ERROR_CELL = "error-cell"
    TOO_LONG = "too-long"
    EXTRA_CELL = "extra-cell"
    DUPLICATE_IN_FILE = "duplicate-in-file"
    DUPLICATE_IN_STORE = "duplicate-in-store"


MESSAGES = {
    RowCode.NUMBER_NOT_TEXT: (
        "{masked} is stored as a number: Excel keeps 15 digits and drops leading zeros;"
        " format the column as text and enter it again"
    ),
    RowCode.MISSING: "the cell is empty",
    RowCode.BAD_FORMAT: "{masked} does not match the pattern of the product",
    RowCode.INVISIBLE_CHARACTER: "{masked} holds a character that cannot be seen: {character}",
    RowCode.BAD_DATE: "{masked} is not a day, such as 2027-12-31, nor 永久",
    RowCode.EXPIRED: "it expired on {expired_on}",
    RowCode.BAD_MONEY: "{masked} is not an amount in yuan, such as 12.50",
    RowCode.FORMULA: "the cell is a formula; paste its value as text",
    RowCode.ERROR_CELL: "the cell holds an error of the spreadsheet",
    RowCode.TOO_LONG: "the text has {length} characters, more than {most}",
    RowCode.EXTRA_CELL: "the row has more cells than the header; quote a key that holds a comma",
    RowCode.DUPLICATE_IN_FILE: "{masked} stands in row {first_row} already",
    RowCode.DUPLICATE_IN_STORE: "{masked} is in the store already, in batch {batch}",
}
"""Templates in English, the msgids of the catalogue; the parameters of an error fill them."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing that is wrong with one row; parameters hold masks, never a secret."""

    row: int
    """As the sheet shows it."""
    column: str
    """As the file names it."""
    code: RowCode
    parameters: dict[str, object]
