"""Note what was shipped, and correct a waybill."""

from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.failures import describe
from cardctl.cli.options import OptionalReason
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
    Column("corrected", "lines corrected"),
    Column("unchanged", "noted before"),
    Column("rejected", "rejected"),
    Column("rejects", "rejects", of=REJECT),
)


class NoteOrFile(UsageRefused):
    """A shipping note is given neither by options nor in a file, or both."""

    code = "note-or-file"
    message = "name an order with --carrier and --tracking, or a table of notes with --from"
    hint = "cardctl delivery ship TB:1001 --carrier SF --tracking SF1234567890"


class CorrectionOptions(UsageRefused):
    """A correction is of one order, says what is right, and why."""

    code = "correction-options"
    message = "to correct a waybill name one order, --carrier or --tracking, and --reason"
    hint = "cardctl delivery ship TB:1001 --tracking SF1234567891 --correct --reason TEXT"


@noun.verb(
    "ship",
    writes=True,
    columns=SHIPPED,
    examples=(
        "cardctl delivery ship TB:1001 --carrier SF --tracking SF1234567890",
        "cardctl delivery ship --from shipped.xlsx --channel TB",
        "cardctl delivery ship TB:1001 --tracking SF1234567891 --correct --reason 'mistyped'",
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
    correct: Annotated[
        bool, typer.Option("--correct", help="Rewrite the waybill of what was shipped.")
    ] = False,
    reason: OptionalReason = None,
) -> None:
    """Note what was shipped of an order.

    The order is delivered when all of it is. The same note again changes nothing; a waybill that
    was mistyped is set right with --correct and --reason.
    """
    if correct or reason is not None:
        alone = correct and notes_file is None and channel is None
        _correct(context, order if alone else None, sku, (carrier, tracking), reason)
        return
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


def _correct(
    context: Context,
    order: OrderName | None,
    sku: str | None,
    right: tuple[str | None, str | None],
    reason: str | None,
) -> None:
    """Set right the carrier and the number of a waybill; None leaves one as it is."""
    from cardctl.deliveries.correct import Correction, correct_waybill
    from cardctl.deliveries.ship import ShipResult
    from cardctl.deliveries.shipping_table import short_text

    carrier, tracking = right
    if order is None or not (carrier or tracking) or not (reason or "").strip():
        raise CorrectionOptions
    correction = Correction(
        order,
        carrier=short_text(carrier, "a carrier") if carrier else None,
        tracking=short_text(tracking, "a waybill's number") if tracking else None,
        reason=reason or "",
        sku=sku,
    )
    with context.change() as (session, run):
        corrected = correct_waybill(session, run=run, correction=correction)
    _show(context, ShipResult(unchanged=corrected.unchanged), corrected=corrected.lines)


def _show(context: Context, result: "ShipResult", *, corrected: int = 0) -> None:
    rejects = []
    for one in result.rejected[:SHOWN_MOST]:
        message, _ = describe(one.problem)
        rejects.append({"row": one.row, "code": one.problem.code, "message": message})
    told = {
        "shipped": result.shipped,
        "corrected": corrected,
        "unchanged": result.unchanged,
        "rejected": len(result.rejected),
        "rejects": rejects,
    }
    status = ExitStatus.NEEDS_PERSON if rejects else ExitStatus.DONE
    context.show(told, SHIPPED, status=status)
