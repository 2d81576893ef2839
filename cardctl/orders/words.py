"""The words that platforms have for what became of an order, and what they mean to us.

The same word comes with commas of either width, or without; letters and digits alone count.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from cardctl.errors import InputRefused
from cardctl.orders.reading import CellMissing, FieldRow
from cardctl.vocabulary import OrderStatus

Words = Mapping[str, OrderStatus]
"""What a folded word means; of an after-sale: paid (there is none), held, or refunded."""


class StatusUnknown(InputRefused):
    """A word for an order's status that nobody has told us the meaning of."""

    code = "unknown-status"
    message = "the order status {value!r} is not known"
    hint = "unpaid, paid, closed or refunded (待付款, 已付款, 已关闭, 已退款)"


class PlatformStatusUnknown(StatusUnknown):
    """The same in a list of a platform, in which nobody can correct it."""

    hint = (
        "look at the order there: one that is paid is recorded with cardctl order add; report the"
        " word, so that it can be read"
    )


class AfterSaleUnknown(InputRefused):
    """A word for an after-sale that nobody has told us the meaning of."""

    code = "unknown-after-sale"
    message = "the after-sale status {value!r} is not known"
    hint = (
        "look at the order there: one of which nothing is asked back is recorded with"
        " cardctl order add; report the word, so that it can be read"
    )


def words(meanings: Mapping[OrderStatus, Sequence[str]]) -> Words:
    """The meaning of each word by what is left of it when it is folded."""
    return {_fold(word): status for status, known in meanings.items() for word in known}


def read_status(
    row: FieldRow, known: Words, unknown: type[StatusUnknown] = StatusUnknown
) -> OrderStatus | None:
    """What the cell `status` means; None where nothing is said."""
    text = row.text("status")
    if text is None:
        return None
    status = known.get(_fold(text))
    if status is None:
        row.refuse("status", unknown(value=text[:40]))
    return status


def read_platform_status(row: FieldRow, known: Words, after_sales: Words) -> OrderStatus:
    """What the cells `status` and `after_sale` come to; a platform says a status of every order.

    What is closed stays closed; else a refund that was made, or is asked for, is what counts.
    """
    status = read_status(row, known, PlatformStatusUnknown)
    if status is None:
        row.refuse("status", CellMissing(field=row.header.names.get("status", "status")))
    after_sale = read_after_sale(row, after_sales)
    closed = status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
    return status if closed or after_sale is OrderStatus.PAID else after_sale


def read_after_sale(row: FieldRow, known: Words) -> OrderStatus:
    """What the cell `after_sale` means: paid where nothing is asked back, held, or refunded."""
    text = row.text("after_sale")
    if text is None:
        return OrderStatus.PAID
    status = known.get(_fold(text))
    if status is None:
        row.refuse("after_sale", AfterSaleUnknown(value=text[:40]))
    return status


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())
