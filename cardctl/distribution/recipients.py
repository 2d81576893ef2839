"""The table of recipients: read whole, with everything that is wrong in it. Touches no database."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from cardctl.deliveries.address import check_address
from cardctl.errors import BadValue, CardctlError, InputRefused, NotFound
from cardctl.orders.reading import CellRefused, FieldRow, RejectedRow
from cardctl.orders.records import check_number
from cardctl.workbooks.cells import Row, TableWarning
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, Header, find_header
from cardctl.workbooks.read import open_table
from cardctl.workbooks.source import Source

_SYNONYMS = {
    "recipient": ("recipient", "收件人", "员工编号", "收件人/员工编号", "工号"),
    "sku": ("sku", "商品编码", "商家编码", "SKU编码"),
    "qty": ("qty", "数量", "quantity"),
    "email": ("email", "邮箱", "电子邮箱", "e-mail"),
    "phone": ("phone", "手机号", "手机", "mobile"),
    "name": ("name", "姓名"),
    "note": ("note", "备注"),
}
_REQUIRED = ("recipient", "sku")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}", re.ASCII)

Value = TypeVar("Value")


class RecipientHeaderMissing(HeaderMissing):
    """No row of the file names the columns of a distribution."""

    hint = "a table of recipients needs at least recipient and sku (收件人, 商品编码)"


class RecipientHeaderAmbiguous(HeaderAmbiguous):
    """Two columns of the file say they are the same thing."""

    hint = "rename or remove one of the columns"


class NobodyNamed(InputRefused):
    """The table ends with its header."""

    code = "nobody-named"
    message = "{file} names no recipient below its header"


class DuplicateRecipient(InputRefused):
    """A recipient stands in the table twice: nobody knows which row counts."""

    code = "duplicate-recipient"
    message = "recipient {recipient} stands in row {first_row} already"


class EmailMissing(InputRefused):
    """The cards are to go by e-mail, and there is no address."""

    code = "email-missing"
    message = "the e-mail address is missing, and --via email needs it"


class Recipient(NamedTuple):
    """Who gets how many of what; `row` is where it stands in the sheet."""

    row: int
    recipient: str
    product_id: int
    qty: int
    name: str | None
    email: str | None
    phone: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class RecipientTable:
    """All that a table says; the recipients count only when there are no problems."""

    recipients: list[Recipient]
    problems: list[RejectedRow]
    """What is wrong, in the order of the sheet."""
    warnings: tuple[TableWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rows are checked against."""

    plan: str
    """The plan's name, which begins the number of every order."""
    product_ids: Mapping[str, int]
    refused: Mapping[str, CardctlError]
    """The products that this plan cannot distribute, by SKU, and why."""
    needs_email: bool


def read_recipients(
    source: Source, *, rules: Rules, zone: ZoneInfo, advance: Callable[[int], None]
) -> RecipientTable:
    """Read and check every row of a table; `advance` hears of rows.

    Raises `RecipientHeaderMissing`, `RecipientHeaderAmbiguous`, `NobodyNamed`, and what is wrong
    with the file.
    """
    checker = _Checker(rules)
    with open_table(source) as table:
        top = list(islice(table.rows, HEADER_WITHIN))
        header = _find_header(top)
        exact = table.format == "jsonl"
        for row in chain(top, table.rows):
            if row.number > header.row_number:
                checker.check(FieldRow(row.number, row.cells, header, exact, zone))
                advance(1)
        if not (checker.recipients or checker.problems):
            raise NobodyNamed(file=source.name)
        return RecipientTable(checker.recipients, checker.problems, table.warnings)


def order_number(plan: str, recipient: str) -> str:
    """The number of a recipient's order: plan names hold no slash, so no two are alike."""
    return f"{plan}/{recipient}"


def _find_header(top: Sequence[Row]) -> Header:
    try:
        return find_header(iter(top), _SYNONYMS, _REQUIRED)
    except HeaderMissing as error:
        raise RecipientHeaderMissing(**error.details) from None
    except HeaderAmbiguous as error:
        raise RecipientHeaderAmbiguous(**error.details) from None


@dataclass(slots=True)
class _Checker:
    """Takes row after row, and keeps what is right and what is wrong."""

    rules: Rules
    recipients: list[Recipient] = field(default_factory=list)
    problems: list[RejectedRow] = field(default_factory=list)
    first_rows: dict[str, int] = field(default_factory=dict)
    """Where each recipient was met first."""

    def check(self, row: FieldRow) -> None:
        """Keep the recipient of a row, or all that is wrong with it."""
        before = len(self.problems)
        recipient = self._read(self._recipient, row)
        product_id = self._read(self._product, row)
        qty = self._read(lambda row: row.qty("qty"), row)
        email = self._read(self._email, row)
        phone = self._read(_phone, row)
        name = self._read(lambda row: row.text("name"), row)
        note = self._read(lambda row: row.text("note"), row)
        if len(self.problems) > before:
            return
        assert recipient is not None
        assert product_id is not None
        assert qty is not None
        self.recipients.append(
            Recipient(row.number, recipient, product_id, qty, name, email, phone, note)
        )

    def _read(self, read: Callable[[FieldRow], Value], row: FieldRow) -> Value | None:
        try:
            return read(row)
        except CellRefused as refused:
            self.problems.append(refused.reject)
            return None

    def _recipient(self, row: FieldRow) -> str:
        prefix = order_number(self.rules.plan, "")
        text = row.required("recipient")
        try:
            recipient = check_number(prefix + text).removeprefix(prefix)
        except BadValue:
            problem = BadValue(
                value=text[:40],
                expected="a recipient: no spaces, and with the plan's name up to 127 characters",
            )
            row.refuse("recipient", problem)
        first = self.first_rows.setdefault(recipient, row.number)
        if first != row.number:
            row.refuse("recipient", DuplicateRecipient(recipient=recipient, first_row=first))
        return recipient

    def _product(self, row: FieldRow) -> int:
        sku = row.required("sku")
        if sku in self.rules.refused:
            row.refuse("sku", self.rules.refused[sku])
        if sku not in self.rules.product_ids:
            row.refuse("sku", NotFound(noun="product", name=sku))
        return self.rules.product_ids[sku]

    def _email(self, row: FieldRow) -> str | None:
        text = row.text("email")
        if text is None:
            if self.rules.needs_email:
                row.refuse("email", EmailMissing())
            return None
        try:
            return check_address(text)
        except BadValue as problem:
            row.refuse("email", problem)


def _phone(row: FieldRow) -> str | None:
    text = row.identifier("phone")
    if text is not None and not _PHONE.fullmatch(text):
        row.refuse("phone", BadValue(value=text[:40], expected="a phone number"))
    return text
