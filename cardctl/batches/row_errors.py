"""What can be wrong with a row; details hold masks, never a secret."""

from dataclasses import dataclass

from cardctl.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not taken: its number in the sheet, its column's name in the file, and why."""

    row: int
    column: str
    problem: InputRefused


class NumberNotText(InputRefused):
    """A key that Excel holds as a number has lost digits already, or may have."""

    code = "number-not-text"
    message = "{masked} is stored as a number: Excel keeps 15 digits and drops leading zeros"
    hint = "format the column as text and enter the keys again"


class CellMissing(InputRefused):
    """A cell is empty that must not be."""

    code = "missing"
    message = "the cell is empty"


class PatternMissed(InputRefused):
    """A key of another product, or a broken one."""

    code = "bad-format"
    message = "{masked} does not match the pattern of the product"


class InvisibleCharacter(InputRefused):
    """What nobody can see in a key, no buyer can type."""

    code = "invisible-character"
    message = "{masked} holds a character that cannot be seen: {character}"


class BadDate(InputRefused):
    """An expiry that does not read as a day."""

    code = "bad-date"
    message = "{masked} is neither a day, such as 2027-12-31, nor 永久"


class Expired(InputRefused):
    """A key that is no longer good."""

    code = "expired"
    message = "it expired on {day}"


class BadMoney(InputRefused):
    """A cost or a face value that does not read as an amount."""

    code = "bad-money"
    message = "{masked} is not an amount in yuan, such as 12.50"


class FormulaCell(InputRefused):
    """A cell that is computed: what it shows may be stale."""

    code = "formula"
    message = "the cell is a formula"
    hint = "paste its value as text"


class ErrorCell(InputRefused):
    """A cell that holds #N/A or the like."""

    code = "error-cell"
    message = "the cell holds an error of the spreadsheet program"


class TextTooLong(InputRefused):
    """No key is that long."""

    code = "too-long"
    message = "the text has {length} characters, more than {most}"


class ExtraCell(InputRefused):
    """A text file's row has more cells than its header: a key was cut at a comma."""

    code = "extra-cell"
    message = "the row has more cells than the header"
    hint = "quote a key that holds the separator"


class DuplicateInFile(InputRefused):
    """The same key stands further up."""

    code = "duplicate-in-file"
    message = "{masked} stands in row {first_row} already"


class DuplicateInStore(InputRefused):
    """The key is a card already."""

    code = "duplicate-in-store"
    message = "{masked} is in the store already, in batch {batch}"
