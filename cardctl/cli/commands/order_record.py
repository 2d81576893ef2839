"""Record orders: one by itself, or those of a file."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import minutes, yuan
from cardctl.cli.order_files import (
    ItemReport,
    OfChannel,
    OrderFormatName,
    OrdersFile,
    RejectsFile,
    Strict,
)
from cardctl.cli.order_results import (
    IMPORTED,
    ORDER_REJECT,
    PLACED,
    import_row,
    import_status,
    rejected_rows,
    warn_of_import,
)
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.errors import UsageRefused
from cardctl.vocabulary import OrderStatus, Outcome

if TYPE_CHECKING:
    from cardctl.orders.records import OrderRecord

noun = Noun("order")


class ReserveOfUnpaid(UsageRefused):
    """What is paid is issued, not reserved."""

    code = "reserve-of-unpaid"
    message = "--reserve keeps cards for an order that is not paid yet"
    hint = "add --unpaid, or leave out --reserve and issue the order"


@noun.verb(
    "add",
    writes=True,
    columns=PLACED,
    examples=(
        "cardctl order add --channel TB --number 1001 --sku VIP --paid 28.00 --paid-at 2026-11-22",
        "cardctl order add --channel TB --number 1002 --sku VIP --qty 2 --paid 56 --unpaid",
        "cardctl order add --channel TB --number 1003 --sku VIP --paid 28 --unpaid --reserve 30m",
    ),
)
def add(
    context: Context,
    channel: Annotated[str, typer.Option(help="Where it comes from.", metavar="CODE")],
    number: Annotated[str, typer.Option(help="Its number there.")],
    sku: Annotated[str, typer.Option(help="The product.", metavar="SKU")],
    paid: Annotated[int, yuan("What was paid for the whole order.")],
    qty: Annotated[int, typer.Option(help="How many.", min=1, max=100_000)] = 1,
    buyer: Annotated[str | None, typer.Option(help="The buyer's name there.")] = None,
    ip: Annotated[str | None, typer.Option(help="The buyer's IP address.")] = None,
    device: Annotated[str | None, typer.Option(help="The buyer's device.")] = None,
    region: Annotated[str | None, typer.Option(help="The buyer's region.")] = None,
    phone: Annotated[str | None, typer.Option(help="The buyer's phone number.")] = None,
    email: Annotated[str | None, typer.Option(help="The buyer's e-mail address.")] = None,
    account: Annotated[
        str | None,
        typer.Option(help="Where the money arrived; else the channel's default.", metavar="CODE"),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="Who brought the buyer.", metavar="CODE")
    ] = None,
    paid_at: Annotated[str | None, typer.Option(help="When it was paid.", metavar="TIME")] = None,
    unpaid: Annotated[
        bool, typer.Option("--unpaid", help="It is not paid yet: nothing is issued.")
    ] = False,
    reserve: Annotated[
        int | None,
        minutes("With --unpaid: keep its cards so long (30m); without cards it is not recorded."),
    ] = None,
    topup_account: Annotated[
        str | None, typer.Option(help="The buyer's account to top up.", metavar="TEXT")
    ] = None,
    note: Annotated[str | None, typer.Option(help="A remark.", metavar="TEXT")] = None,
) -> None:
    """Record an order; recording the same again changes nothing."""
    from cardctl.orders.records import LineRecord, OrderRecord

    if reserve is not None and not unpaid:
        raise ReserveOfUnpaid
    record = OrderRecord(
        number=number,
        lines=(LineRecord(sku=sku, qty=qty),),
        told_status=OrderStatus.UNPAID if unpaid else OrderStatus.PAID,
        paid_fen=paid,
        paid_at=context.instant("--paid-at", paid_at),
        buyer=buyer,
        phone=phone,
        email=email,
        ip=ip,
        device=device,
        region=region,
        account=account,
        agent=agent,
        note=note,
        topup_account=topup_account,
    )
    _add(context, channel, record, reserve)


def _add(context: Context, channel: str, record: "OrderRecord", reserve: int | None) -> None:
    from cardctl.orders.place import add_order
    from cardctl.orders.reserve import reserve_placed

    until = None
    with context.change() as (session, run):
        placed = add_order(session, run=run, channel=channel, record=record)
        if reserve is not None and placed.status == OrderStatus.UNPAID:
            name, again = (channel, placed.number), placed.outcome is Outcome.UNCHANGED
            until = reserve_placed(session, run=run, name=name, minutes=reserve, again=again)
    context.show({**asdict(placed), "reserved_until_at": until}, PLACED)


@noun.verb(
    "import",
    writes=True,
    columns=IMPORTED,
    examples=(
        "cardctl order import orders.xlsx --channel TB",
        "cardctl order import ExportOrderList.csv --channel TB --items ExportItems.csv",
        "cardctl order import - --channel API --strict < orders.jsonl",
    ),
)
def import_(
    context: Context,
    file: OrdersFile,
    channel: OfChannel,
    items: ItemReport = None,
    order_format: OrderFormatName = "auto",
    strict: Strict = False,
    rejects: RejectsFile = None,
) -> None:
    """Record the orders of a file.

    What cannot be taken is told, row by row.
    """
    from cardctl.orders.intake import import_orders
    from cardctl.workbooks.source import Source

    rejects_file = rejects_output(context, rejects, ORDER_REJECT)
    with context.progress("Recording orders") as progress:
        result = import_orders(
            context.store,
            run=context.run,
            channel=channel,
            source=Source.of(file),
            items=Source.of(items) if items is not None else None,
            order_format=order_format,
            strict=strict,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    told = rejected_rows(result.rejects)
    write_rejects(context, rejects_file, told, ORDER_REJECT)
    warn_of_import(context, result)
    context.show(import_row(result, told), IMPORTED, status=import_status(result))
