"""Group the rows of a table to orders, whatever their order, in bounded memory. Pure.

Rows of one order mostly stand together, and are then an order as soon as the next number begins.
Where they do not, only a first pass over the numbers can tell: an order is complete with its last
row, and only scattered orders are held until then.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cardctl.errors import InputRefused
from cardctl.orders.reading import RejectedRow
from cardctl.orders.records import TOLD_TEXTS, OrderRecord
from cardctl.vocabulary import OrderStatus

_SAID_ONCE = ("told_status", "paid_fen", "refunded_fen", "paid_at", "account", *TOLD_TEXTS)
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)


class LineTwice(InputRefused):
    """A line of an order stands twice in the file, and not the same."""

    code = "line-twice"
    message = "line {line} of order {number} stands twice in the file, and not the same"
    hint = "export the file again; of two exports import one after the other"


class RowsDisagree(InputRefused):
    """The rows of one order say different things of the whole order."""

    code = "rows-disagree"
    message = "the rows of order {number} disagree in: {fields}"


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as it was read: an order of one line, or why it is none."""

    row: int
    number: str
    """The order number; empty when that could not be read."""
    record: OrderRecord | None
    reject: RejectedRow | None = None
    line: str | None = None
    """What tells the line from others, where the format has such an id."""


@dataclass(slots=True)
class RowGroup:
    """The rows of one order."""

    rows: list[ReadRow] = field(default_factory=list)

    @property
    def first_row(self) -> int:
        """Where the order begins in the sheet."""
        return self.rows[0].row


def last_rows_of_scattered(
    numbers: Iterable[tuple[int, str]], seen: set[int] | None = None
) -> dict[str, int]:
    """The orders whose rows do not stand together, each with its last row.

    Takes (row, order number) in the order of the sheet; `seen` is filled with a hash an order.
    """
    seen = set() if seen is None else seen
    scattered: dict[str, int] = {}
    previous = ""
    for row, number in numbers:
        # Hashes, not texts: a million of them are held. Two that collide are held till the end.
        if number in scattered or (number != previous and hash(number) in seen):
            scattered[number] = row
        seen.add(hash(number))
        previous = number
    return scattered


def group_rows(rows: Iterable[ReadRow], scattered: dict[str, int]) -> Iterator[RowGroup]:
    """The orders of a table; a row without a number stands alone."""
    held: dict[str, RowGroup] = {}
    current = RowGroup()
    for row in rows:
        if not row.number:
            # It ends nothing: the first pass did not see it either.
            yield RowGroup([row])
            continue
        if row.number in scattered:
            group = held.setdefault(row.number, RowGroup())
            group.rows.append(row)
            if row.row == scattered[row.number]:
                yield held.pop(row.number)
            continue
        if current.rows and current.rows[0].number != row.number:
            yield current
            current = RowGroup()
        current.rows.append(row)
    if current.rows:
        yield current
    yield from held.values()


def distinct_records(rows: Iterable[ReadRow]) -> list[OrderRecord]:
    """The records of the rows of an order; a line that stands twice counts once.

    Raises `LineTwice` where it says two different things.
    """
    found: dict[object, OrderRecord] = {}
    for row in rows:
        if row.record is None:
            continue
        first = found.setdefault(row.line or row.row, row.record)
        if first != row.record:
            raise LineTwice(number=row.number, line=row.line)
    return list(found.values())


def leave_closed_out(records: Sequence[OrderRecord]) -> list[OrderRecord]:
    """The records of an order whose lines are closed one by one: those that are still wanted.

    Where all are closed, or a refund of one is asked for, that one stands for the order.
    """
    wanted = [one for one in records if one.status not in _CLOSED]
    held = [one for one in wanted if one.status is OrderStatus.HELD]
    return held[:1] or wanted or list(records[:1])


def merge_records(records: Sequence[OrderRecord]) -> OrderRecord:
    """One order of the lines of all; a row may leave out what another says of the whole order.

    Raises `RowsDisagree`.
    """
    if len(records) == 1:
        return records[0]
    said: dict[str, Any] = {}
    differs = []
    for name in _SAID_ONCE:
        values = {value for one in records if (value := getattr(one, name)) is not None}
        if len(values) > 1:
            differs.append(name.removeprefix("told_").removesuffix("_fen"))
        said[name] = next(iter(values), None)
    if differs:
        raise RowsDisagree(number=records[0].number, fields=", ".join(differs))
    return replace(records[0], lines=[line for one in records for line in one.lines], **said)
