"""Note what was shipped."""

from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.failures import describe
from cardctl.cli.output import Column
from cardctl.cli.rejects import SHOWN_MOST
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus, UsageRefused
from cardctl.identifiers import OrderName, parse_order_name

if TYPE_CHECKING:
    from cardctl.deliveries.ship import ShipResult

noun = Noun("delivery")

REJECT = (Column("row", "row"), Column("code", "code"), Column("message", "message"))
SHIPPED = (
    Column("shipped", "lines shipped"),
    Column("unchanged", "noted before"),
    Column("rejected", "rejected"),
    Column("rejects", "rejects", of=REJECT),
)


class NoteOrFile(UsageRefused):
    """A shipping note is given neither by options nor in a file, or both."""

    code = "note-or-file"
    message = "name an order with --carrier and --tracking, or a table of notes with --from"
    hint = "cardctl delivery ship TB:1001 --carrier SF --tracking SF1234567890"


@noun.verb(
    "ship",
    writes=True,
    columns=SHIPPED,
    examples=(
        "cardctl delivery ship TB:1001 --carrier SF --tracking SF1234567890",
        "cardctl delivery ship --from shipped.xlsx --channel TB",
    ),
)
def ship(
    context: Context,
    order: Annotated[
        OrderName | None,
        typer.Argument(
            help="The order, as CHANNEL:NUMBER.", parser=parse_order_name, metavar="CHANNEL:NUMBER"
        ),
    ] = None,
    carrier: Annotated[str | None, typer.Option(help="Who carries it.")] = None,
    tracking: Annotated[str | None, typer.Option(help="The number of the waybill.")] = None,
    sku: Annotated[
        str | None, typer.Option(help="Only this product of the order.", metavar="SKU")
    ] = None,
    notes_file: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A table of notes: order, carrier, tracking, and sku if need be.",
            metavar="FILE|-",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(help="With --from: where orders without a channel are from.", metavar="CODE"),
    ] = None,
) -> None:
    """Note what was shipped of an order.

    The order is delivered when all of it is. The same note again changes nothing.
    """
    from cardctl.deliveries.ship import ship_rows
    from cardctl.deliveries.shipping_table import NoteRow, read_notes, short_text
    from cardctl.workbooks.source import Source

    if notes_file is not None and not (order or carrier or tracking or sku):
        rows = read_notes(Source.of(notes_file), channel=channel)
    elif notes_file is None and order and carrier and tracking and not channel:
        by, number = short_text(carrier, "a carrier"), short_text(tracking, "a waybill's number")
        rows = [NoteRow(0, order, sku, by, number)]
    else:
        raise NoteOrFile
    result = ship_rows(context.store, run=context.run, rows=rows, dry_run=context.dry_run)
    if order is not None and result.rejected:
        raise result.rejected[0].problem
    _show(context, result)


def _show(context: Context, result: "ShipResult") -> None:
    rejects = []
    for one in result.rejected[:SHOWN_MOST]:
        message, _ = describe(one.problem)
        rejects.append({"row": one.row, "code": one.problem.code, "message": message})
    told = {
        "shipped": result.shipped,
        "unchanged": result.unchanged,
        "rejected": len(result.rejected),
        "rejects": rejects,
    }
    status = ExitStatus.NEEDS_PERSON if rejects else ExitStatus.DONE
    context.show(told, SHIPPED, status=status)
