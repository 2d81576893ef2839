"""The audit log: who did what, and whether the record is whole."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import Since
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus

noun = Noun("audit")

EVENT = (
    Column("at", "time"),
    Column("run", "run"),
    Column("seq", "number"),
    Column("verb", "verb"),
    Column("actor", "actor"),
    Column("details", "details"),
)
BREAK = (Column("kind", "kind"), Column("run", "run"), Column("seq", "number"))
CHECK = (
    Column("runs", "runs"),
    Column("records", "records"),
    Column("unfinished", "unfinished"),
    Column("breaks", "breaks", of=BREAK),
)


@noun.verb("list", examples=("cardctl audit list --since 2026-11-22 --verb order",))
def list_(
    context: Context,
    since: Since = None,
    actor: Annotated[
        str | None, typer.Option(help="Only what this operator or user did.", metavar="NAME")
    ] = None,
    verb: Annotated[
        str | None,
        typer.Option(help="Only this change, such as product.add, or a noun.", metavar="VERB"),
    ] = None,
) -> None:
    """List what was done, the oldest first."""
    from cardctl.audit.queries import list_events

    moment = context.instant("--since", since)
    with context.reading() as session:
        found = list_events(session, since=moment, actor=actor, verb=verb)
    context.show(found, EVENT)


@noun.verb("verify", examples=("cardctl audit verify",))
def verify(context: Context) -> None:
    """Check that no record was edited or deleted."""
    from cardctl.audit.verify import verify_audit

    key = context.vault.audit_key
    with context.reading() as session:
        found = verify_audit(session, audit_key=key)
    status = ExitStatus.NEEDS_PERSON if found.breaks else ExitStatus.DONE
    context.show(found, CHECK, status=status)
