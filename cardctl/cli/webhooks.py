"""What the webhooks of channels and of suppliers have in common on the command line."""

from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.passwords import read_secret
from cardctl.errors import UsageRefused
from cardctl.vocabulary import WebhookShape

if TYPE_CHECKING:
    from cardctl.vault.webhook_key import Webhook

SHOWN = (
    Column("name", "whose"),
    Column("url", "address"),
    Column("shape", "shape"),
    Column("set_at", "webhook since"),
)
CHANGED = (Column("status", "status"), *SHOWN, Column("key_id", "key id"))

Url = Annotated[
    str | None,
    typer.Option(help="Where it is: https://…; that of a bot comes from --url-source."),
]
UrlSource = Annotated[
    str | None,
    typer.Option(
        help="Where the address comes from, e.g. env:NAME, if it is a secret.", metavar="SPEC"
    ),
]
SecretSource = Annotated[
    str | None,
    typer.Option(help="Where the signing key comes from, e.g. file:PATH.", metavar="SPEC"),
]


class BotAddressInClear(UsageRefused):
    """The address of a bot on the command line, where every process of the machine can read it."""

    code = "bot-address-in-clear"
    message = "the address of a chat group's bot is its key and does not belong on a command line"
    hint = "give --url-source env:NAME or file:PATH instead of --url"


class OneAddress(UsageRefused):
    """No address was given, or two."""

    code = "one-address"
    message = "give the address once: with --url, or with --url-source where it is a secret"
    hint = "{command} --help"


def read_webhook(
    context: Context,
    *,
    url: str | None,
    url_source: str | None,
    secret_source: str | None,
    shape: WebhookShape = WebhookShape.JSON,
) -> "Webhook":
    """What the options say; raises `BotAddressInClear`, `OneAddress` and what `read_secret` does.

    A key that is needed and has no source is asked for.
    """
    from cardctl.vault.secret import Secret
    from cardctl.vault.webhook_key import Webhook

    if (url is None) == (url_source is None):
        raise OneAddress(command=context.invocation.command)
    if url is not None and shape != WebhookShape.JSON:
        raise BotAddressInClear
    address = Secret(url) if url else read_secret(url_source or "", option="--url-source")
    key = None
    if secret_source is not None:
        key = read_secret(secret_source, option="--secret-source")
    elif shape == WebhookShape.JSON and not context.no_input:
        key = Secret(context.ask_new_secret("Key that signs the messages"))
    return Webhook(url=address, shape=shape, key=key)


def put(context: Context, noun: str, code: str, webhook: "Webhook") -> None:
    """Set the webhook of a channel or a supplier."""
    from cardctl.catalog.webhooks import set_webhook

    with context.change() as (session, run):
        entry = set_webhook(
            session, run=run, vault=context.vault, noun=noun, code=code, webhook=webhook
        )
    context.show(entry, CHANGED)


def show(context: Context, noun: str, code: str) -> None:
    """Show a webhook, but no secret of it."""
    from cardctl.catalog.webhooks import show_webhook

    with context.reading() as session:
        entry = show_webhook(session, noun=noun, code=code)
    context.show(entry, SHOWN)


def remove(context: Context, noun: str, code: str) -> None:
    """Remove a webhook."""
    from cardctl.catalog.webhooks import remove_webhook

    with context.change() as (session, run):
        entry = remove_webhook(session, run=run, noun=noun, code=code)
    context.show(entry, CHANGED)
