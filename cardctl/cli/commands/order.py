"""Orders: record them, look at them, reveal their cards, cancel them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import OptionalReason, Since, yuan
from cardctl.cli.order_results import (
    CANCELLED,
    IMPORTED,
    ISSUE,
    ORDER,
    PLACED,
    REVEALED,
    SHOWN,
    import_row,
    import_status,
    rejected_rows,
    revealed_order,
)
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.errors import BadValue, ExitStatus, InputRefused, UsageRefused
from cardctl.identifiers import OrderName, parse_order_name
from cardctl.vocabulary import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.orders.intake import OrderImport
    from cardctl.orders.outcomes import IssueResult
    from cardctl.orders.reveal import RevealedCard

noun = Noun("order")

_STDIN = "-"
_LONGEST_LINE = 4096


def _order_or_stdin(text: str) -> OrderName | str:
    return _STDIN if text == _STDIN else parse_order_name(text)


Order = Annotated[
    OrderName,
    typer.Argument(
        help="The order, as CHANNEL:NUMBER.", parser=parse_order_name, metavar="CHANNEL:NUMBER"
    ),
]


class BadLine(InputRefused):
    """A line of stdin is no name of an order."""

    code = "bad-line"
    message = "line {line}: {value!r} is not {expected}"
    hint = "cardctl order list"


class NamesOrAll(UsageRefused):
    """Issuing was told neither which orders nor all of them, or both."""

    code = "names-or-all"
    message = "name the orders to issue, or say --all (which may have a --limit)"
    hint = "cardctl order list --status paid"


@noun.verb(
    "add",
    writes=True,
    columns=PLACED,
    examples=(
        "cardctl order add --channel TB --number 1001 --sku VIP --paid 28.00",
        "cardctl order add --channel TB --number 1002 --sku VIP --qty 2 --paid 56 --unpaid",
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
    ip: Annotated[str | None, typer.Option(help="The buyer's address.")] = None,
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
    note: Annotated[str | None, typer.Option(help="A remark.", metavar="TEXT")] = None,
) -> None:
    """Record an order; recording the same again changes nothing."""
    from cardctl.orders.place import add_order
    from cardctl.orders.records import LineRecord, OrderRecord

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
    )
    with context.change() as (session, run):
        placed = add_order(session, run=run, channel=channel, record=record)
    context.show(placed, PLACED)


@noun.verb(
    "import",
    writes=True,
    columns=IMPORTED,
    examples=(
        "cardctl order import orders.xlsx --channel TB",
        "cardctl order import - --channel API --strict < orders.jsonl",
    ),
)
def import_(
    context: Context,
    file: Annotated[str, typer.Argument(help="A table of orders; - reads stdin.", metavar="FILE")],
    channel: Annotated[str, typer.Option(help="Where they come from.", metavar="CODE")],
    order_format: Annotated[
        str, typer.Option(help="The format of the file; auto looks at its header.", metavar="NAME")
    ] = "auto",
    strict: Annotated[
        bool, typer.Option("--strict", help="Take the whole file or nothing of it.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Write all rows that were not taken to this file.", metavar="PATH"),
    ] = None,
) -> None:
    """Record the orders of a file.

    What cannot be taken is told, row by row.
    """
    from cardctl.orders.intake import import_orders
    from cardctl.workbooks.source import Source

    rejects_file = rejects_output(context, rejects)
    with context.progress("Recording orders") as progress:
        result = import_orders(
            context.store,
            run=context.run,
            channel=channel,
            source=Source.of(file),
            order_format=order_format,
            strict=strict,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    told = rejected_rows(result.rejects)
    write_rejects(context, rejects_file, told)
    _warn(context, result)
    context.show(import_row(result, told), IMPORTED, status=import_status(result))


@noun.verb(
    "issue",
    writes=True,
    columns=ISSUE,
    examples=(
        "cardctl order issue TB:1001",
        "cardctl order issue --all",
        "cardctl order issue - --partial < names.txt",
    ),
)
def issue(
    context: Context,
    names: Annotated[
        list[Any] | None,
        typer.Argument(
            help="The orders; - reads them from stdin.",
            parser=_order_or_stdin,
            metavar="CHANNEL:NUMBER|-",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every order that waits, the longest wait first.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(help="With --all: so many orders at most.", min=1, metavar="N")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Give what there is when it is not enough.")
    ] = False,
) -> None:
    """Give orders their cards, each exactly once.

    An order gets all of its cards or none.
    """
    from cardctl.orders.issue import Wish, issue_orders

    if bool(names) == everything or (limit and names):
        raise NamesOrAll
    named = _names(names or [])
    with context.progress("Issuing") as progress:
        result = issue_orders(
            context.store,
            run=context.run,
            wish=Wish(limit=limit, partial=partial, dry_run=context.dry_run),
            names=None if everything else named,
            advance=progress.advance,
        )
    single = len(named) == 1
    context.show(result, ISSUE, status=_issue_status(result, single=single))


@noun.verb(
    "list",
    columns=ORDER,
    examples=("cardctl order list --status short --channel TB",),
)
def list_(
    context: Context,
    status: Annotated[OrderStatus | None, typer.Option(help="Only in this status.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Only from this channel.", metavar="CODE")
    ] = None,
    buyer: Annotated[str | None, typer.Option(help="Only of this buyer.")] = None,
    phone: Annotated[str | None, typer.Option(help="Only with this phone number.")] = None,
    since: Since = None,
) -> None:
    """List orders, those recorded first at the top."""
    from cardctl.orders.queries import OrderFilter, list_orders

    wanted = OrderFilter(
        status=status,
        channel=channel,
        buyer=buyer,
        phone=phone,
        since=context.instant("--since", since),
    )
    with context.reading() as session:
        found = list(list_orders(session, wanted=wanted))
    context.show(found, ORDER)


@noun.verb(
    "show",
    columns=SHOWN,
    examples=(
        "cardctl order show TB:1001",
        "cardctl order show TB:1001 --reveal --reason 'the buyer asked again'",
    ),
)
def show(
    context: Context,
    order: Order,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the cards in clear; needs a full key.")
    ] = False,
    reason: OptionalReason = None,
) -> None:
    """Show an order with its lines, cards, entries and events."""
    from cardctl.orders.queries import show_order
    from cardctl.orders.reveal import reveal_order

    channel, number = order
    opened: list[RevealedCard] = []
    if reveal:
        vault = context.vault
        with context.change() as (session, run):
            opened = reveal_order(
                session, run=run, vault=vault, channel=channel, number=number, reason=reason or ""
            )
    with context.reading() as session:
        found = show_order(session, channel=channel, number=number)
    if reveal:
        context.show(revealed_order(found, opened), REVEALED)
    else:
        context.show(found, SHOWN)


@noun.verb("cancel", writes=True, columns=CANCELLED, examples=("cardctl order cancel TB:1002",))
def cancel(context: Context, order: Order) -> None:
    """Cancel an order that has no cards."""
    from cardctl.orders.cancel import cancel_order

    channel, number = order
    with context.change() as (session, run):
        cancelled = cancel_order(session, run=run, channel=channel, number=number)
    context.show(cancelled, CANCELLED)


def _names(given: "Sequence[OrderName | str]") -> "list[OrderName]":
    """The orders named, or those on stdin, a line each; empty lines are passed over."""
    if list(given) == [_STDIN]:
        # A line without an end is read up to what no name is as long as.
        given_lines = iter(lambda: sys.stdin.readline(_LONGEST_LINE), "")
        lines = enumerate((line.strip("\ufeff \t\r\n") for line in given_lines), start=1)
        return [_name_on(number, line) for number, line in lines if line]
    if _STDIN in given:
        raise NamesOrAll
    return cast("list[OrderName]", list(given))


def _name_on(number: int, line: str) -> OrderName:
    try:
        return parse_order_name(line)
    except BadValue as error:
        raise BadLine(line=number, **error.details) from None


def _issue_status(result: "IssueResult", *, single: bool) -> ExitStatus:
    """One order that got nothing is a conflict; some of many need a person."""
    if result.short or result.held or result.blocked or result.frozen or result.refused:
        return ExitStatus.STATE_FORBIDS if single else ExitStatus.NEEDS_PERSON
    return ExitStatus.DONE


def _warn(context: Context, result: "OrderImport") -> None:
    for warning in result.warnings:
        context.warn(warning.message, **warning.details)
    if result.paid_missing:
        context.warn(
            "{count} orders do not say what was paid; they were recorded with 0",
            count=result.paid_missing,
        )
