"""Orders that a file tells otherwise than they are stored."""

from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.order_names import Order
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun

noun = Noun("order")
conflict = noun.group("conflict", "Orders that a file tells otherwise than they are stored.")

DIFFERENCE = (
    Column("field", "field"),
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
    Column("differs", "differences", of=DIFFERENCE),
)
RESOLVED = (
    Column("order", "order"),
    Column("status", "status"),
    Column("take", "taken"),
    Column("outcome", "outcome"),
    Column("changed", "changed"),
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
    examples=("cardctl order conflict resolve TB:1001 --take store",),
)
def resolve(
    context: Context,
    order: Order,
    take: Annotated[Taken, typer.Option(help="Whose word counts.")],
    note: Annotated[str | None, typer.Option(help="Why, for the record.", metavar="TEXT")] = None,
) -> None:
    """Decide whether the file's word counts or the store's.

    The file's word is written into the order. What has left the house is not rewritten: then the
    next command is named.
    """
    from cardctl.orders.resolve import resolve_conflict
    from cardctl.vocabulary import ConflictState

    channel, number = order
    with context.change() as (session, run):
        resolved = resolve_conflict(
            session,
            run=run,
            channel=channel,
            number=number,
            take=ConflictState(take),
            note=note,
        )
    context.show(resolved, RESOLVED)
