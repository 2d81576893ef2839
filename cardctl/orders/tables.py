"""Open a file of orders: find out which format it has by its header, and give its rows."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from zoneinfo import ZoneInfo

from cardctl.errors import UsageRefused
from cardctl.members import members
from cardctl.orders import formats
from cardctl.orders.reading import FieldRow, OrderFormat
from cardctl.workbooks.cells import Row, TableWarning
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, Header, find_header
from cardctl.workbooks.read import open_table
from cardctl.workbooks.source import Source

AUTO = "auto"
GENERIC = "generic"


class OrderFormatUnknown(UsageRefused):
    """No format of order files has that name."""

    code = "order-format-unknown"
    message = "there is no order format {name}"
    hint = "one of: {known}"


class OrderHeaderMissing(HeaderMissing):
    """No row of the file names the columns of an order."""

    hint = "a table of orders needs at least order and sku (订单号, 商品编码)"


class OrderHeaderAmbiguous(HeaderAmbiguous):
    """Two columns of the file say they are the same thing."""

    hint = "rename or remove one of the columns"


@dataclass(frozen=True, slots=True)
class OrderTable:
    """An open file of orders; its rows can be taken once."""

    format: OrderFormat
    header: Header
    warnings: tuple[TableWarning, ...]
    rows: Iterator[FieldRow]

    @property
    def paid_column(self) -> str | None:
        """The file's name of the column that says what was paid, if it has one."""
        return self.header.names.get("paid") or self.header.names.get("line_paid")


def order_formats() -> dict[str, OrderFormat]:
    """All formats by code; the generic one last, since it asks for least."""
    found: list[OrderFormat] = members(formats, "FORMAT")
    found.sort(key=lambda one: (one.code == GENERIC, one.code))
    return {one.code: one for one in found}


@contextmanager
def open_orders(source: Source, order_format: str, zone: ZoneInfo) -> Iterator[OrderTable]:
    """The orders in a file, in the format named or the first whose header is there.

    Raises `OrderFormatUnknown`, `OrderHeaderMissing`, `OrderHeaderAmbiguous`, and what is wrong
    with the file.
    """
    known = order_formats()
    if order_format not in (AUTO, *known):
        raise OrderFormatUnknown(name=order_format, known=", ".join((AUTO, *known)))
    candidates = known.values() if order_format == AUTO else [known[order_format]]
    with open_table(source) as table:
        top = list(islice(table.rows, HEADER_WITHIN))
        chosen, header = _recognise(top, candidates)
        below = (row for row in chain(top, table.rows) if row.number > header.row_number)
        exact = table.format == "jsonl"
        rows = (FieldRow(row.number, row.cells, header, exact, zone) for row in below)
        yield OrderTable(chosen, header, table.warnings, rows)


def _recognise(top: list[Row], candidates: Iterable[OrderFormat]) -> tuple[OrderFormat, Header]:
    """The first format that finds its header; what the last one misses is told."""
    missing: HeaderMissing | None = None
    for candidate in candidates:
        try:
            return candidate, find_header(iter(top), candidate.synonyms, candidate.required)
        except HeaderMissing as error:
            missing = error
        except HeaderAmbiguous as error:
            raise OrderHeaderAmbiguous(**error.details) from None
    assert missing is not None
    raise OrderHeaderMissing(**missing.details) from None
