"""What can be wrong with a row; details hold masks, never a secret."""

from dataclasses import dataclass

from cardctl.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not taken: its number in the sheet, its column's name in the file, and why.

    `member` names the file in a zip, the `part`-th of it from 0; `product` is the SKU of the row,
    where that is known.
    """

    row: int
    column: str
    problem: InputRefused
    member: str = ""
    part: int = 0
    product: str | None = None

    def place(self) -> tuple[int, int]:
        """Where it stands in the file."""
        return self.part, self.row


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


class ExampleRow(InputRefused):
    """The row that a template shows how to fill in."""

    code = "example-row"
    message = "this is the example of the template, not a key"
    hint = "delete the row"


class AmbiguousLine(InputRefused):
    """A line of pasted text that can be cut into number and secret in several ways."""

    code = "ambiguous-line"
    message = "the line can be read in several ways"
    hint = "say what stands where: --line '{{number}}/{{secret}}'"


class UnmappedProduct(InputRefused):
    """A name that is neither a SKU nor known to be the supplier's for one."""

    code = "unmapped-product"
    message = "what supplier {supplier} means by {name!r} is not known"
    hint = "cardctl supplier map add {supplier} {quoted} SKU"


class KindWithoutCards(InputRefused):
    """A product that is topped up, shipped or made of others: no keys of it are kept."""

    code = "kind-without-cards"
    message = "{sku} is of kind {kind}: it is not kept as cards"
    hint = "cardctl product list"


class OtherProduct(InputRefused):
    """The row names another product than the command."""

    code = "other-product"
    message = "{name!r} is product {sku}, and --product says {expected}"
    hint = "leave out --product to import every row for its own product"


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


class DuplicateInMember(DuplicateInFile):
    """The same key stands further up, in another file of the zip."""

    message = "{masked} stands in row {first_row} of {member} already"


class DuplicateInStore(InputRefused):
    """The key is a card already."""

    code = "duplicate-in-store"
    message = "{masked} is in the store already, in batch {batch}"


class SoldBefore(DuplicateInStore):
    """The key came in as one that had been sold already: somebody sells it again."""

    message = "{masked} was sold before: it is among the keys of batch {batch}"
    hint = "ask the supplier for another key, and for the money back"
