"""The books: what each account holds, the entries, and whether they are right."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.clock import DAY_MS
from cardctl.errors import ExitStatus

noun = Noun("ledger")

BALANCE = (Column("account", "ledger account"), Column("balance_fen", "balance"))
LINE = (Column("account", "ledger account"), Column("amount_fen", "amount"))
ENTRY = (
    Column("entry", "entry"),
    Column("posted_at", "posted"),
    Column("event", "event"),
    Column("order", "order"),
    Column("lines", "lines", of=LINE),
)
DIFFERENCE = (
    Column("check", "check"),
    Column("subject", "subject"),
    Column("books_fen", "books"),
    Column("actual_fen", "actual"),
    Column("difference_fen", "difference"),
)
CHECK = (
    Column("entries", "entries"),
    Column("stock_fen", "stock in the books"),
    Column("cards_fen", "cost of cards on hand"),
    Column("cost_missing", "cards of unknown cost"),
    Column("differences", "differences", of=DIFFERENCE),
)


@noun.verb("balance", columns=BALANCE, examples=("cardctl ledger balance --as-of 2026-11-30",))
def balance(
    context: Context,
    as_of: Annotated[
        str | None, typer.Option(help="At the end of this day.", metavar="DAY")
    ] = None,
) -> None:
    """Show what each account holds."""
    from cardctl.ledger.journal import balances

    last = context.instant("--as-of", as_of)
    with context.reading() as session:
        found = balances(session, until=None if last is None else last + DAY_MS)
    context.show(found, BALANCE)


@noun.verb(
    "journal", columns=ENTRY, examples=("cardctl ledger journal --from 2026-11-01 --to 2026-11-30",)
)
def journal(
    context: Context,
    from_: Annotated[
        str | None, typer.Option("--from", help="The first day.", metavar="DAY")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="The last day.", metavar="DAY")] = None,
) -> None:
    """Show the entries, oldest first."""
    from cardctl.ledger.journal import entries

    last = context.instant("--to", to)
    with context.reading() as session:
        found = list(
            entries(
                session,
                since=context.instant("--from", from_),
                until=None if last is None else last + DAY_MS,
            )
        )
    context.show(found, ENTRY)


@noun.verb("check", columns=CHECK, examples=("cardctl ledger check",))
def check(context: Context) -> None:
    """Prove the books against cards, batches and orders."""
    from cardctl.ledger.check import check_ledger

    with context.reading() as session:
        found = check_ledger(session)
    status = ExitStatus.NEEDS_PERSON if found.differences else ExitStatus.DONE
    context.show(found, CHECK, status=status)
