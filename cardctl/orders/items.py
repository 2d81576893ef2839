"""Read an item report: what the orders of a list are made of, by order number."""

from zoneinfo import ZoneInfo

from cardctl.errors import UsageRefused
from cardctl.orders.reading import CellRefused, ItemFormat, ItemLine, ResavedByExcel
from cardctl.orders.records import LineRecord
from cardctl.orders.survey import FileResaved
from cardctl.orders.tables import Items, OrderTable, item_formats, open_items
from cardctl.workbooks.source import Source


class ItemsNotTaken(UsageRefused):
    """An item report beside a list that says all of its orders by itself."""

    code = "items-not-taken"
    message = "an order list of the format {order_format} goes with no item report"
    hint = "leave --items out"


def item_format_of(table: OrderTable) -> ItemFormat:
    """The item report that goes with a list; raises `ItemsNotTaken`."""
    known = item_formats().get(table.format.code)
    if known is None:
        raise ItemsNotTaken(order_format=table.format.code)
    return known


def read_items(source: Source, known: ItemFormat, zone: ZoneInfo) -> Items:
    """The lines of each order; a sub order that stands twice counts once.

    A line that cannot be read keeps its problem, for the order to be refused. Raises `FileResaved`
    and what `open_items` does.
    """
    found: dict[str, dict[str, ItemLine]] = {}
    with open_items(source, known, zone) as rows:
        for row in rows:
            number = ""
            try:
                number = row.order_number()
                item = known.read(row)
            except CellRefused as refused:
                problem = refused.reject.problem
                if isinstance(problem, ResavedByExcel):
                    file = source.name
                    raise FileResaved(file=file, row=row.number, **problem.details) from None
                nothing = LineRecord(sku="")
                item = ItemLine(
                    row=row.number, sub_order=f"row {row.number}", line=nothing, problem=problem
                )
            found.setdefault(number, {}).setdefault(item.sub_order, item)
    return {number: tuple(lines.values()) for number, lines in found.items()}
