"""Give orders their cards, or keep them until they are paid."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import minutes
from cardctl.cli.order_names import OrdersOrStdin, names_of
from cardctl.cli.order_results import ISSUE, RESERVE, issue_row, issue_status, reserve_status
from cardctl.cli.verbs import Noun
from cardctl.errors import UsageRefused

noun = Noun("order")


class NamesOrAll(UsageRefused):
    """Issuing was told neither which orders nor all of them, or both."""

    code = "names-or-all"
    message = "name the orders to issue, or say --all (which may have a --limit)"
    hint = "cardctl order list --status paid"


class NamesNeeded(UsageRefused):
    """Nobody said for which orders cards are to be kept."""

    code = "names-needed"
    message = "name the orders to reserve for"
    hint = "cardctl order list --status unpaid"


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
    names: OrdersOrStdin = None,
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
    named = names_of(names or [])
    with context.progress("Issuing") as progress:
        result = issue_orders(
            context.store,
            run=context.run,
            wish=Wish(limit=limit, partial=partial, dry_run=context.dry_run),
            names=None if everything else named,
            advance=progress.advance,
        )
    single = len(named) == 1
    context.show(issue_row(result), ISSUE, status=issue_status(result, single=single))


@noun.verb(
    "reserve",
    writes=True,
    columns=RESERVE,
    examples=("cardctl order reserve TB:1002 --for 30m",),
)
def reserve(
    context: Context,
    duration: Annotated[int, minutes("How long from now, as in 30m, 2h or 1d.", "--for")],
    names: OrdersOrStdin = None,
) -> None:
    """Keep the cards of unpaid orders until they are paid.

    All of an order's cards are kept or none. What is kept already is kept longer, never shorter;
    when the time is over it goes back by itself.
    """
    from cardctl.orders.reserve import reserve_orders

    if not names:
        raise NamesNeeded
    named = names_of(names)
    with context.progress("Reserving") as progress:
        result = reserve_orders(
            context.store,
            run=context.run,
            names=named,
            minutes=duration,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    context.show(result, RESERVE, status=reserve_status(result, single=len(named) == 1))
