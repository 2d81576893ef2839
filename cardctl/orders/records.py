"""An order as somebody tells it: a person at the terminal, a file, a script.

Whatever a source looks like, it is read into these records; placing knows nothing else.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cardctl.catalog.entries import check_text
from cardctl.clock import DAY_MS
from cardctl.errors import BadValue, InputRefused
from cardctl.vocabulary import OrderStatus

NUMBER_LENGTH_MAX = 128
QTY_MAX = 100_000

TOLD_TEXTS = (
    "buyer",
    "phone",
    "email",
    "ip",
    "device",
    "region",
    "agent",
    "note",
    "topup_account",
)
"""What a source may say of an order in words; stored as it was said."""


class PaidInFuture(InputRefused):
    """A time of payment that is yet to come."""

    code = "paid-in-future"
    message = "the time of payment is more than a day from now"
    hint = "give the time at which it was paid, or none for now"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """A product of an order and how many of it; its `paid_fen` may be told or not.

    `sku` is ours. In a file it may be the channel's, or empty; the channel's title and the variant
    (月卡, 年卡) then say what it is, until they are looked up. An empty variant says that it has
    none; None says nothing.
    """

    sku: str
    qty: int = 1
    paid_fen: int | None = None
    title: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order by its external number; None is what was not told.

    `paid_fen` is the whole order's; when it is None the lines say theirs, or nobody does.
    """

    number: str
    lines: Sequence[LineRecord]
    told_status: OrderStatus | None = None
    """Unpaid, paid, held (a refund is asked for), cancelled or refunded: no word of our cards."""
    paid_fen: int | None = None
    refunded_fen: int | None = None
    """What was paid back of it so far; less than the whole, else it is told as refunded."""
    paid_at: int | None = None
    buyer: str | None = None
    phone: str | None = None
    email: str | None = None
    ip: str | None = None
    device: str | None = None
    region: str | None = None
    account: str | None = None
    """The code of the money account; the channel's first one when it is not told."""
    agent: str | None = None
    note: str | None = None
    topup_account: str | None = None
    """The buyer's account that is to be topped up (充值号码)."""

    @property
    def status(self) -> OrderStatus:
        """What the source says of it; where that says nothing the order is paid."""
        return self.told_status or OrderStatus.PAID

    @property
    def says_paid(self) -> bool:
        """Whether it says anywhere what was paid."""
        return self.paid_fen is not None or any(line.paid_fen is not None for line in self.lines)

    @property
    def may_be_new(self) -> bool:
        """Whether it is taken when it is not there yet.

        Not when it was closed where it comes from; and where money goes back, or did in part, a
        person has to say what is still wanted.
        """
        return self.status in (OrderStatus.UNPAID, OrderStatus.PAID) and not self.refunded_fen


def check_number(text: str) -> str:
    """An external order number, trimmed: 1 to 128 printable characters without spaces.

    Raises `BadValue`.
    """
    number = text.strip()
    # Of all white space only the blank is printable.
    plain = number.isprintable() and " " not in number
    if not number or not plain or len(number) > NUMBER_LENGTH_MAX:
        raise BadValue(value=text[:40], expected="an order number: up to 128 characters, no spaces")
    return unicodedata.normalize("NFC", number)


def check_qty(qty: int) -> int:
    """A quantity from 1 to 100,000. Raises `BadValue`."""
    if not 1 <= qty <= QTY_MAX:
        raise BadValue(value=str(qty), expected="a quantity from 1 to 100000")
    return qty


def check_paid_at(paid_at: int, *, now: int) -> None:
    """See that a time (epoch ms) has come, as far as clocks and zones agree on that.

    Raises `PaidInFuture`.
    """
    if paid_at > now + DAY_MS:
        raise PaidInFuture


def check_order(record: OrderRecord) -> OrderRecord:
    """The record with its number and its texts trimmed, an empty text for none.

    Raises `BadValue`.
    """
    for line in record.lines:
        check_qty(line.qty)
    texts: dict[str, Any] = {
        name: check_text(text) or None
        for name in TOLD_TEXTS
        if (text := getattr(record, name)) is not None
    }
    return replace(record, number=check_number(record.number), **texts)
