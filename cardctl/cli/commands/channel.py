"""Channels: where orders come from."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli import webhooks
from cardctl.cli.commands import channel_map
from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import rate
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import ChannelKind, WebhookShape

noun = Noun("channel")
noun.take(channel_map.noun)
webhook = noun.group("webhook", "Where a channel's orders are delivered to.")

CHANNEL = (
    Column("code", "code"),
    Column("name", "name"),
    Column("kind", "kind"),
    Column("fee_rate_bp", "fee rate"),
    Column("accounts", "accounts"),
    Column("pools", "pools"),
    Column("created_at", "created"),
)
CHANGED = (Column("status", "status"), *CHANNEL)


class Clearable(StrEnum):
    """What --clear empties."""

    FEE_RATE = "fee-rate"
    ACCOUNT = "account"
    POOL = "pool"


_EMPTY: dict[StrEnum, tuple[str, object]] = {
    Clearable.FEE_RATE: ("fee_rate_bp", 0),
    Clearable.ACCOUNT: ("accounts", ()),
    Clearable.POOL: ("pools", ()),
}

Code = Annotated[str, typer.Argument(help="Short name of the channel.", metavar="CODE")]
FeeRate = Annotated[int | None, rate("What is kept of every payment.")]
AccountList = Annotated[
    list[str] | None,
    typer.Option(
        "--account", help="Where its money arrives; the first is the default.", metavar="CODE"
    ),
]
PoolList = Annotated[
    list[str] | None,
    typer.Option(
        "--pool", help="What it draws on; the first is tried first, else main.", metavar="CODE"
    ),
]


@noun.verb(
    "add",
    writes=True,
    columns=CHANGED,
    examples=("cardctl channel add TB --name 淘宝店 --kind taobao --account WX",),
)
def add(
    context: Context,
    channel: Code,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    kind: Annotated[ChannelKind, typer.Option(help="What it is.")] = ChannelKind.OTHER,
    account: AccountList = None,
    fee_rate: FeeRate = None,
    pool: PoolList = None,
) -> None:
    """Add a channel; adding the same again changes nothing."""
    from cardctl.catalog.channels import ChannelEntry, add_channel

    entry = ChannelEntry(
        code=channel,
        name=name,
        kind=kind,
        fee_rate_bp=fee_rate or 0,
        accounts=tuple(account or ()),
        pools=tuple(pool or ()),
    )
    with context.change() as (session, run):
        added = add_channel(session, run=run, channel=entry)
    context.show({"status": added.outcome, **asdict(added.entry)}, CHANGED)


@noun.verb("list", examples=("cardctl channel list",))
def list_(context: Context) -> None:
    """List the channels."""
    from cardctl.catalog.channels import list_channels

    with context.reading() as session:
        found = list_channels(session)
    context.show(found, CHANNEL)


@noun.verb("show", examples=("cardctl channel show TB",))
def show(context: Context, channel: Code) -> None:
    """Show a channel."""
    from cardctl.catalog.channels import show_channel

    with context.reading() as session:
        found = show_channel(session, code=channel)
    context.show(found, CHANNEL)


@noun.verb(
    "edit",
    writes=True,
    columns=CHANGED,
    examples=("cardctl channel edit TB --pool main --fee-rate 0.6%",),
)
def edit(
    context: Context,
    channel: Code,
    name: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    kind: Annotated[ChannelKind | None, typer.Option(help="What it is.")] = None,
    account: AccountList = None,
    fee_rate: FeeRate = None,
    pool: PoolList = None,
    clear: Annotated[
        list[Clearable] | None, typer.Option(help="Empty a field; may be repeated.")
    ] = None,
) -> None:
    """Change a channel.

    Accounts and pools that are given replace all there were.
    """
    from cardctl.catalog.channels import edit_channel

    given = {
        "name": name,
        "kind": kind,
        "fee_rate_bp": fee_rate,
        "accounts": account,
        "pools": pool,
    }
    changes = changes_of("cardctl channel edit", given, clear=clear, empty=_EMPTY)
    with context.change() as (session, run):
        edited = edit_channel(session, run=run, code=channel, changes=changes)
    context.show({"status": edited.outcome, **asdict(edited.entry)}, CHANGED)


@webhook.verb(
    "set",
    writes=True,
    columns=webhooks.CHANGED,
    examples=(
        "cardctl channel webhook set TB --url https://example.com --secret-source env:HOOK_KEY",
        "cardctl channel webhook set TB --shape wecom --url-source env:BOT_URL",
    ),
)
def set_webhook(
    context: Context,
    channel: Code,
    url: webhooks.Url = None,
    url_source: webhooks.UrlSource = None,
    secret_source: webhooks.SecretSource = None,
    shape: Annotated[
        WebhookShape, typer.Option(help="Our signed JSON, or a bot's message without secrets.")
    ] = WebhookShape.JSON,
) -> None:
    """Say where a channel's orders are delivered to.

    The JSON is signed with the key. A chat group's bot gets messages without secrets.
    """
    given = webhooks.read_webhook(
        context, url=url, url_source=url_source, secret_source=secret_source, shape=shape
    )
    webhooks.put(context, "channel", channel, given)


@webhook.verb("show", columns=webhooks.SHOWN, examples=("cardctl channel webhook show TB",))
def show_webhook(context: Context, channel: Code) -> None:
    """Show where a channel's orders go, as far as it is no secret."""
    webhooks.show(context, "channel", channel)


@webhook.verb(
    "remove",
    writes=True,
    columns=webhooks.CHANGED,
    examples=("cardctl channel webhook remove TB",),
)
def remove_webhook(context: Context, channel: Code) -> None:
    """Send nothing to a channel's webhook any more."""
    webhooks.remove(context, "channel", channel)
