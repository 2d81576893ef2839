"""Give orders their cards."""

from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.order_names import OrdersOrStdin, names_of
from cardctl.cli.order_results import ISSUE
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus, UsageRefused

if TYPE_CHECKING:
    from cardctl.orders.outcomes import IssueResult

noun = Noun("order")


class NamesOrAll(UsageRefused):
    """Issuing was told neither which orders nor all of them, or both."""

    code = "names-or-all"
    message = "name the orders to issue, or say --all (which may have a --limit)"
    hint = "cardctl order list --status paid"


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
    context.show(result, ISSUE, status=_issue_status(result, single=single))


def _issue_status(result: "IssueResult", *, single: bool) -> ExitStatus:
    """One order that got nothing is a conflict; some of many need a person."""
    if result.short or result.held or result.blocked or result.frozen or result.refused:
        return ExitStatus.STATE_FORBIDS if single else ExitStatus.NEEDS_PERSON
    return ExitStatus.DONE
