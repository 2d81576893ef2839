"""The vault: its slots, checking it, rotating its keys."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus
from cardctl.vocabulary import SlotKind, SlotScope

noun = Noun("vault")
slot = noun.group("slot", "The ways to open the vault.")

SLOT = (
    Column("slot", "slot"),
    Column("kind", "kind"),
    Column("scope", "scope"),
    Column("label", "label"),
    Column("keyset_version", "keyset version"),
    Column("created_at", "created"),
)
STATUS = (
    Column("sealing_version", "keyset version"),
    Column("key_source", "key source"),
    Column("slots", "slots", of=SLOT),
)
FINDING = (Column("kind", "kind"), Column("subject", "subject"), Column("field", "field"))
CHECK = (
    Column("slot", "slot"),
    Column("scope", "scope"),
    Column("sealing_version", "keyset version"),
    Column("slots", "slots"),
    Column("data_keys", "data keys"),
    Column("cards", "cards"),
    Column("findings", "findings", of=FINDING),
)
ROTATION = (
    Column("sealing_version", "keyset version"),
    Column("slots", "slots"),
    Column("data_keys", "data keys"),
)


class NewKind(StrEnum):
    """Where the key of a new slot may be kept."""

    KEYRING = SlotKind.KEYRING
    KEYFILE = SlotKind.KEYFILE
    PASSPHRASE = SlotKind.PASSPHRASE
    RECOVERY = SlotKind.RECOVERY


@noun.verb("status", examples=("cardctl vault status",))
def status(context: Context) -> None:
    """Show slots, versions and where the key comes from.

    Needs no key.
    """
    from cardctl.vault.status import vault_status

    with context.reading() as session:
        found = vault_status(
            session,
            settings=context.settings,
            environment=os.environ,
            may_ask=not context.no_input,
        )
    context.show(found, STATUS)


@noun.verb(
    "verify",
    examples=(
        "cardctl vault verify",
        "cardctl --key-source passphrase vault verify --slot S-7KQ2MX",
    ),
)
def verify(
    context: Context,
    only: Annotated[
        str | None,
        typer.Option("--slot", help="Only that the key in use opens this slot.", metavar="SLOT"),
    ] = None,
) -> None:
    """Check slots, data keys and every sealed card."""
    from cardctl.vault.verify import verify_slot, verify_vault

    vault = context.vault
    with context.reading() as session, context.progress("Opening cards") as bar:
        if only:
            found = verify_slot(session, vault=vault, code=only)
        else:
            found = verify_vault(session, vault=vault, advance=bar.advance)
    if found.findings:
        context.show(found, CHECK, status=ExitStatus.VAULT)
    elif only or vault.can_open:
        context.show(found, CHECK)
    else:
        context.warn("a key with the scope import cannot look into cards")
        context.show(found, CHECK, status=ExitStatus.NEEDS_PERSON)


@noun.verb("rotate", writes=True, examples=("cardctl vault rotate",), columns=ROTATION)
def rotate(context: Context) -> None:
    """Make new sealing keys.

    Every slot still opens, and every card reads.
    """
    from cardctl.vault.rotate import rotate as rotate_keys

    with context.change() as (session, run):
        rotation = rotate_keys(session, run=run, vault=context.vault)
    context.show(rotation, ROTATION)


@slot.verb("list", examples=("cardctl vault slot list",))
def list_slots(context: Context) -> None:
    """List the ways to open the vault; needs no key."""
    from cardctl.vault.slots import list_slots as list_all

    with context.reading() as session:
        found = list_all(session)
    context.show(found, SLOT)


@slot.verb(
    "add",
    writes=True,
    examples=(
        "cardctl vault slot add keyfile --scope import --out import.key --label warehouse",
        "cardctl vault slot add recovery --out recovery.txt",
    ),
    columns=SLOT,
)
def add(
    context: Context,
    kind: Annotated[NewKind, typer.Argument(help="Where its key is kept.")],
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        SlotScope, typer.Option(help="full opens cards; import imports and issues, and opens none.")
    ] = SlotScope.FULL,
    out: Annotated[
        Path | None, typer.Option(help="The file for the new key.", metavar="PATH")
    ] = None,
) -> None:
    """Add a way to open the vault."""
    from cardctl.vault.keeping import kept_key
    from cardctl.vault.slots import add_slot

    vault, slot_kind = context.vault, SlotKind(kind)
    keeping = kept_key(
        context.store,
        kind=slot_kind,
        path=out,
        ask_new=lambda: context.ask_new_secret("New passphrase"),
        may_show=not context.no_input,
        dry_run=context.dry_run,
    )
    with keeping as new, context.change() as (session, run):
        added = add_slot(
            session, run=run, vault=vault, key=new.key, kind=slot_kind, scope=scope, label=label
        )
    if new.code is not None and not context.dry_run:
        context.warn("this recovery code is shown only once: {code}", code=new.code.reveal())
    context.show(added, SLOT, extra={"key_file": str(out) if out else None})


@slot.verb(
    "remove",
    destroys=True,
    examples=("cardctl vault slot remove S-7KQ2MX --yes",),
    columns=SLOT,
)
def remove(
    context: Context,
    code: Annotated[str, typer.Argument(help="The slot.", metavar="SLOT")],
) -> None:
    """Take a way to open the vault away."""
    from cardctl.vault.slots import remove_slot

    context.confirm("Remove the slot {slot}? Its key opens this store no more.", slot=code)
    with context.change() as (session, run):
        removed = remove_slot(session, run=run, vault=context.vault, code=code)
    context.note("If its key may be in wrong hands, go on with: cardctl vault rotate")
    context.show(removed, SLOT)
