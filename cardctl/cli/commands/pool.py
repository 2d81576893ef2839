"""Pools: parts of the stock kept for a channel."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun

noun = Noun("pool")

POOL = (Column("code", "code"), Column("channel", "channel"), Column("created_at", "created"))
CHANGED = (Column("status", "status"), *POOL)


class Clearable(StrEnum):
    """What --clear empties."""

    CHANNEL = "channel"


_EMPTY: dict[StrEnum, tuple[str, object]] = {Clearable.CHANNEL: ("channel", None)}

Code = Annotated[str, typer.Argument(help="Short name of the pool.", metavar="CODE")]
KeptFor = Annotated[
    str | None,
    typer.Option(help="The channel it is kept for; it draws on it last.", metavar="CODE"),
]


@noun.verb(
    "add", writes=True, columns=CHANGED, examples=("cardctl pool add festival --channel TB",)
)
def add(context: Context, pool: Code, channel: KeptFor = None) -> None:
    """Add a pool; adding the same again changes nothing."""
    from cardctl.catalog.pools import PoolEntry, add_pool

    with context.change() as (session, run):
        added = add_pool(session, run=run, pool=PoolEntry(code=pool, channel=channel))
    context.show({"status": added.outcome, **asdict(added.entry)}, CHANGED)


@noun.verb("list", examples=("cardctl pool list",))
def list_(context: Context) -> None:
    """List the pools."""
    from cardctl.catalog.pools import list_pools

    with context.reading() as session:
        found = list_pools(session)
    context.show(found, POOL)


@noun.verb("show", examples=("cardctl pool show main",))
def show(context: Context, pool: Code) -> None:
    """Show a pool."""
    from cardctl.catalog.pools import show_pool

    with context.reading() as session:
        found = show_pool(session, code=pool)
    context.show(found, POOL)


@noun.verb(
    "edit", writes=True, columns=CHANGED, examples=("cardctl pool edit festival --clear channel",)
)
def edit(
    context: Context,
    pool: Code,
    channel: KeptFor = None,
    clear: Annotated[
        list[Clearable] | None, typer.Option(help="Empty a field; may be repeated.")
    ] = None,
) -> None:
    """Keep a pool for another channel, or for none."""
    from cardctl.catalog.pools import edit_pool

    changes = changes_of("cardctl pool edit", {"channel": channel}, clear=clear, empty=_EMPTY)
    with context.change() as (session, run):
        edited = edit_pool(session, run=run, code=pool, changes=changes)
    context.show({"status": edited.outcome, **asdict(edited.entry)}, CHANGED)
