"""init: make a new store with its keys, and remember where they are."""

import os
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cardctl import clock
from cardctl.cli.context import Context
from cardctl.cli.language import spoken
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun

noun = Noun("init")

STORE = (
    Column("store", "store"),
    Column("status", "status"),
    Column("store_id", "store id"),
    Column("key_source", "key source"),
    Column("recovery", "recovery code"),
    Column("timezone", "time zone"),
    Column("language", "language"),
)


@noun.verb(
    "init",
    writes=True,
    examples=(
        "cardctl init --lang zh --recovery-out recovery.txt",
        "cardctl init --key-source keyring --timezone Asia/Shanghai",
    ),
    columns=STORE,
)
def init(
    context: Context,
    recovery_out: Annotated[
        Path | None, typer.Option(help="Write a recovery code to this file.", metavar="PATH")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Where days begin and end; Asia/Shanghai.", metavar="ZONE"),
    ] = None,
) -> None:
    """Make a new store, its vault and its keys.

    Where there is one already nothing changes.
    """
    from cardctl.upkeep.init_store import Wishes, init_store, remember_choices
    from cardctl.vault.unlock import first_key_source

    source = first_key_source(context.settings, os.environ)
    made = init_store(
        context.settings.store,
        wishes=Wishes(
            source=source,
            recovery_path=recovery_out,
            wants_code=not (context.no_input or context.invocation.switch("quiet")),
            timezone=timezone,
            language=spoken(),
        ),
        environment=os.environ,
        ask_new=lambda: context.ask_new_secret("New passphrase"),
        actor=context.actor,
        at=clock.now_ms(),
        dry_run=context.dry_run,
    )
    if made.code is not None and not context.dry_run:
        context.warn("this recovery code is shown only once: {code}", code=made.code.reveal())
    if not context.dry_run:
        # After the code was shown: a configuration that cannot be written must not lose it.
        remember_choices(context.settings, os.environ, made=made, source=source)
    context.show(made, STORE, zone=ZoneInfo(made.timezone))
