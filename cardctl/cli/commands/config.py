"""config: where settings come from, and changing them."""

import os
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.config_file import remember
from cardctl.settings import KEYS, Setting, find_home, hide_password, user_file

noun = Noun("config")

_UTC = ZoneInfo("UTC")

SETTINGS = (Column("key", "setting"), Column("value", "value"))
ORIGINS = (*SETTINGS, Column("origin", "origin"), Column("place", "place"))
SET = (*SETTINGS, Column("file", "file"))
PATHS = (Column("home", "home"), Column("file", "file"))


@noun.verb("show", examples=("cardctl config show", "cardctl config show --origin --json"))
def show(
    context: Context,
    origin: Annotated[bool, typer.Option(help="Say where each value comes from.")] = False,
) -> None:
    """Show the settings in force."""
    settings = [_safe(context.settings.values[key]) for key in KEYS]
    context.show(settings, ORIGINS if origin else SETTINGS, zone=_UTC)


@noun.verb(
    "set",
    writes=True,
    examples=(
        "cardctl config set language zh",
        "cardctl config set smtp_host smtp.example.com",
        "cardctl --profile test config set store sqlite:////srv/test/cardctl.db",
    ),
    columns=SET,
)
def set_value(
    context: Context,
    key: Annotated[str, typer.Argument(help="One of those that cardctl config show lists.")],
    value: Annotated[str, typer.Argument(help="The new value.")],
) -> None:
    """Change a setting in the user's configuration file."""
    from cardctl.storage.store import parse_store_url

    if key == "store":
        parse_store_url(value)
    # Not context.settings: the profile may be a new one, and a bad file must not stop its mending.
    path = user_file(find_home(os.environ))
    profile = context.invocation.flags.get("profile")
    remember(path, key, value, profile=profile, dry_run=context.dry_run)
    shown = {"key": key, "value": hide_password(value), "file": str(path)}
    context.show(shown, SET, zone=_UTC)


@noun.verb("path", examples=("cardctl config path",))
def path(context: Context) -> None:
    """Show the home folder and the configuration file."""
    home = context.settings.home
    context.show({"home": str(home), "file": str(user_file(home))}, PATHS, zone=_UTC)


def _safe(setting: Setting) -> dict[str, str | None]:
    """A setting as it may be shown: a store URL without its password."""
    return {
        "key": setting.key,
        "value": hide_password(setting.value) if setting.value else None,
        "origin": setting.origin,
        "place": setting.place or None,
    }
