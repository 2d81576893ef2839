"""Look through a file of orders before anything of it is taken.

What makes a whole file doubtful is found here: ids that Excel has rounded, two shops in one list, a
trailer that counts something else than what is there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cardctl.errors import BadValue, InputRefused
from cardctl.money import format_yuan, parse_yuan
from cardctl.orders.grouping import last_rows_of_scattered
from cardctl.orders.reading import CellRefused, FieldRow, ResavedByExcel
from cardctl.orders.tables import OrderTable
from cardctl.vocabulary import ChannelKind
from cardctl.workbooks.cells import Row, text_of

_EXCEL_DATE = re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}")
_COUNT = re.compile(r"(\d+)\s*(?:笔|条|单|个订单|行)")
_SUM = re.compile(r"(-?[\d,]+\.\d{2})\s*元")


class FileResaved(InputRefused):
    """Excel has opened and saved the list of a platform: ids and times are not what they were."""

    code = "excel-resaved"
    message = "{file} was re-saved by Excel, which changes ids and times: row {row} has {value}"
    hint = "export the file again and import it without opening it"


class SeveralShops(InputRefused):
    """Orders of two shops in one list; a channel is one."""

    code = "several-shops"
    message = "{file} has orders of several shops: {shops}"
    hint = "export each shop by itself, and import it into its own channel"


class ControlTotal(InputRefused):
    """The file says how much is in it, and that is not what is in it."""

    code = "control-total"
    message = "{file}, row {row}: the file says {said}, but it holds {held}"
    hint = "it was cut off or edited: export it again"


class WrongChannel(InputRefused):
    """The list of one platform for a channel of another one."""

    code = "wrong-channel"
    message = (
        "{file} is an order list of the format {order_format}; the channel {channel} is {kind}"
    )
    hint = "name the right channel; --order-format generic reads it as a table of your own"


@dataclass(slots=True)
class _Seen:
    """What the rows of a file come to."""

    rows: int = 0
    orders: set[int] = field(default_factory=set)
    paid_fen: int = 0
    shops: set[str] = field(default_factory=set)


def survey(table: OrderTable, *, file: str) -> dict[str, int]:
    """Take all rows; the orders whose rows do not stand together, each with its last row.

    Raises `FileResaved`, `SeveralShops`, `ControlTotal`.
    """
    seen = _Seen()
    scattered = last_rows_of_scattered(_numbers(table, seen, file), seen.orders)
    if len(seen.shops) > 1:
        raise SeveralShops(file=file, shops=", ".join(sorted(seen.shops)))
    for trailer in table.trailers:
        _check_trailer(table, trailer, seen, file)
    return scattered


def check_channel(table: OrderTable, *, file: str, channel: str, kind: ChannelKind) -> None:
    """See that a platform's list is not for a channel of another platform.

    Raises `WrongChannel`.
    """
    platforms = (ChannelKind.TAOBAO, ChannelKind.PDD, ChannelKind.DOUYIN)
    told = table.format.platform
    if told is not None and kind in platforms and kind != told:
        raise WrongChannel(file=file, order_format=table.format.code, channel=channel, kind=kind)


def _numbers(table: OrderTable, seen: _Seen, file: str) -> Iterator[tuple[int, str]]:
    """Row and order number of every row that has one."""
    strict = table.format.platform is not None
    for row in table.rows:
        seen.rows += 1
        if strict:
            _look(table, row, seen, file)
        try:
            number = row.order_number()
        except CellRefused as refused:
            if strict and isinstance(refused.reject.problem, ResavedByExcel):
                raise FileResaved(
                    file=file, row=row.number, **refused.reject.problem.details
                ) from None
            continue
        yield row.number, number


def _look(table: OrderTable, row: FieldRow, seen: _Seen, file: str) -> None:
    for name in table.format.times:
        text = row.plain(name)
        if _EXCEL_DATE.fullmatch(text):
            raise FileResaved(file=file, row=row.number, value=text)
    shop = row.plain("shop")
    if shop:
        seen.shops.add(shop)
    seen.paid_fen += _yuan(row.plain(table.format.money)) or 0


def _check_trailer(table: OrderTable, trailer: Row, seen: _Seen, file: str) -> None:
    """Compare what a trailer counts and sums up; a word alone says nothing."""
    text = " ".join(text_of(cell) for cell in trailer.cells)
    counted = _COUNT.search(text)
    if counted and int(counted[1]) not in (seen.rows, len(seen.orders)):
        raise ControlTotal(file=file, row=trailer.number, said=counted[1], held=str(seen.rows))
    if table.format.platform is None:
        return
    place = table.header.columns.get(table.format.money, len(trailer.cells))
    cells = [text_of(cell) for cell in trailer.cells[place : place + 1]]
    summed = _SUM.search(text)
    said = _yuan(cells[0] if cells else "") if summed is None else _yuan(summed[1])
    if said is not None and said != seen.paid_fen:
        held = format_yuan(seen.paid_fen)
        raise ControlTotal(file=file, row=trailer.number, said=format_yuan(said), held=held)


def _yuan(text: str) -> int | None:
    try:
        return parse_yuan(text)
    except BadValue:
        return None
