"""Orders that differ from what a file says of them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.order_names import ManyOrders, is_one, names_of
from cardctl.cli.order_results import SHOWN, refused_row
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus

if TYPE_CHECKING:
    from sqlmodel import Session

    from cardctl.orders.resolve import Resolved

noun = Noun("order")
conflict = noun.group("conflict", "Orders that differ from what a file says of them.")

_FIELDS = {column.name.removesuffix("_fen"): column.heading for column in SHOWN}
DIFFERENCE = (
    Column("field", "field", headings=_FIELDS),
    Column("told", "the file says"),
    Column("stored", "the store says"),
)
CONFLICT = (
    Column("order", "order"),
    Column("channel", "channel"),
    Column("number", "order number"),
    Column("status", "status"),
    Column("file", "file"),
    Column("found_at", "found"),
    Column("differs", "differences", of=DIFFERENCE, inline=True),
)
RESOLVED = (
    Column("order", "order"),
    Column("status", "status"),
    Column("take", "taken"),
    Column("outcome", "outcome"),
    Column("changed", "changed"),
    Column("code", "code"),
    Column("message", "message"),
    Column("hint", "next command"),
)


class Taken(StrEnum):
    """Whose word counts."""

    FILE = "file"
    STORE = "store"


@conflict.verb("list", columns=CONFLICT, examples=("cardctl order conflict list",))
def list_(context: Context) -> None:
    """List the orders that a file contradicts, and in what."""
    from cardctl.orders.conflict_list import list_conflicts

    with context.reading() as session:
        found = list_conflicts(session, zone=context.zone)
    context.show(found, CONFLICT)


@conflict.verb(
    "resolve",
    writes=True,
    columns=RESOLVED,
    examples=(
        "cardctl order conflict resolve TB:1001 --take store",
        "cardctl order conflict resolve - --take store < names.txt",
    ),
)
def resolve(
    context: Context,
    orders: ManyOrders,
    take: Annotated[Taken, typer.Option(help="Whose word counts.")],
    note: Annotated[str | None, typer.Option(help="Why, for the record.", metavar="TEXT")] = None,
) -> None:
    """Decide whether the file's word counts or the store's.

    The file's word is written into the order. What has left the house is not rewritten: then the
    next command is named. Of many each is decided by itself.
    """
    from cardctl.orders.many import do_each
    from cardctl.orders.resolve import resolve_conflict
    from cardctl.vocabulary import ConflictState

    def decide(session: "Session", channel: str, number: str) -> "Resolved":
        return resolve_conflict(
            session,
            run=context.run,
            channel=channel,
            number=number,
            take=ConflictState(take),
            note=note,
        )

    named = names_of(orders)
    if is_one(orders):
        with context.change() as (session, _run):
            resolved = decide(session, *named[0])
        context.show(_row(resolved), RESOLVED)
        return
    with context.progress("Deciding", len(named)) as progress:
        decided = do_each(
            context.store,
            run=context.run,
            names=named,
            work=decide,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    rows = [_row(one) for one in decided.done]
    rows += [refused_row(one, RESOLVED) for one in decided.refused]
    status = ExitStatus.NEEDS_PERSON if decided.refused else ExitStatus.DONE
    context.show(rows, RESOLVED, status=status)


def _row(resolved: "Resolved") -> dict[str, object]:
    return {column.name: getattr(resolved, column.name, None) for column in RESOLVED}
