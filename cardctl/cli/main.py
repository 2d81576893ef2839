"""The program: the table of nouns, and the one `except` for what goes wrong."""

import gc
import inspect
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_group

from cardctl import __version__
from cardctl.cli import completion, failures
from cardctl.cli.context import Invocation
from cardctl.cli.language import locale_language, speak
from cardctl.cli.lazy import NounRow, RootGroup
from cardctl.cli.parsing import HelpAsked, TyperUsageError, explain
from cardctl.cli.terminal import prepare_streams, write
from cardctl.cli.verbs import root_parameters, sign
from cardctl.errors import CardctlError, ExitStatus, UsageRefused
from cardctl.settings import Language, current_folder, find_home, load_settings

# Their order is that of the help, and follows the trade from the first day to the books.
NOUNS = (
    NounRow("init", "Make a new store, its vault and its keys."),
    NounRow("demo", "Take the tour on sample data in a throw-away home."),
    NounRow("status", "Show what needs a person today."),
    NounRow("config", "Show and change settings."),
    NounRow("store", "Migrate and check the store."),
    NounRow("vault", "Keys: who can open what, and rotating them."),
    NounRow("setup", "The whole catalogue in one workbook."),
    NounRow("product", "What is sold."),
    NounRow("supplier", "Where batches come from."),
    NounRow("account", "Where money arrives."),
    NounRow("channel", "Where orders come from."),
    NounRow("pool", "Parts of the stock kept for a channel."),
    NounRow("batch", "Import card keys, and take imports back."),
    NounRow("stock", "What is on hand, and what has expired."),
    NounRow("card", "Find, show and void single cards."),
    NounRow("order", "Record orders, give them cards, reveal cards."),
    NounRow("delivery", "Hand cards over, and see what came of it."),
    NounRow("distribute", "Cards for many recipients, from one table."),
    NounRow("ledger", "The books: balances, journal, check."),
    NounRow("audit", "Who did what, and whether the record is whole."),
    NounRow("completion", "Print the completion script of a shell."),
)

_EXAMPLES = (
    "cardctl demo",
    "cardctl init --lang zh",
    "cardctl batch import keys.xlsx --product VIP --supplier SUP --cost 12.50",
    "cardctl order issue --all",
    "cardctl status",
)


class ArgumentNotText(UsageRefused):
    """An argument whose bytes are no text: another encoding, or none."""

    code = "argument-not-text"
    message = "the line holds bytes that are no text in the encoding of this system, {encoding}"
    hint = "set LANG=C.UTF-8; rename a file whose name is in another encoding"


class _VersionAsked(Exception):
    """Somebody wants the version only."""


COLLECT_SELDOM = (50_000, 20, 20)
"""Python's thresholds for its three generations."""


def main() -> None:
    """The console entry point."""
    # A command makes many small things that live as long as it does: to look through all of them
    # for rings as often as Python does takes a quarter of the time of bulk work.
    gc.set_threshold(*COLLECT_SELDOM)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line on the streams of `sys`; returns its exit status."""
    prepare_streams(plain="--no-color" in arguments)
    _choose_language(arguments)
    invocation = Invocation()
    try:
        if shell := os.environ.get(completion.VARIABLE):
            write(sys.stdout, completion.answer(make_root(), arguments, shell))
            return ExitStatus.DONE
        _refuse_bytes(arguments)
        return _run(list(arguments), invocation)
    except HelpAsked as asked:
        write(sys.stderr, asked.message + "\n")
        return ExitStatus.USAGE
    except TyperUsageError as error:
        return _refuse(explain(error), arguments)
    except CardctlError as error:
        if isinstance(error, UsageRefused) and not error.hint:
            _point_to_help(error, invocation.command)
        return _refuse(error, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return ExitStatus.INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the one place: a bug ends in a log file
        return _confess(error, arguments)


def make_root() -> Any:
    """The root group, with a placeholder for each noun."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.callback(cls=RootGroup, help="cardctl: the operations toolkit for card-key merchants.")(
        _root_callback()
    )
    root: Any = get_group(app)
    root.examples = _EXAMPLES
    root.offer(NOUNS)
    return root


def _run(arguments: list[str], invocation: Invocation) -> int:
    root = make_root()
    try:
        with root.make_context("cardctl", arguments, obj=invocation) as ctx:
            status = root.invoke(ctx)
    except typer.Exit as done:
        return done.exit_code
    except _VersionAsked:
        write(sys.stdout, f"cardctl {__version__}\n")
        return ExitStatus.DONE
    return int(status or ExitStatus.DONE)


def _root_callback() -> Any:
    def remember(ctx: typer.Context, **flags: Any) -> None:
        ctx.obj.note_flags(flags)

    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool,
            typer.Option(
                "--version", help="Show the version.", is_eager=True, callback=_say_version
            ),
        ],
    )
    sign(remember, [*root_parameters(hidden=False), version])
    return remember


def _say_version(asked: bool) -> None:  # noqa: FBT001 -- as Typer calls it
    if asked:
        raise _VersionAsked


def _choose_language(arguments: Sequence[str]) -> None:
    """Find the language before the line is parsed: its errors must be in it too.

    What is wrong with the settings is told when they are needed, not here.
    """
    try:
        chosen = load_settings({}, os.environ, current_folder()).language
    except CardctlError:
        chosen = None
    asked = _value_of("--lang", arguments)
    speak(Language(asked) if asked in set(Language) else chosen or locale_language(os.environ))


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Python hands on bytes that are no text as broken characters, which no database takes."""
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise ArgumentNotText(encoding=sys.getfilesystemencoding()) from None


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    """The value of an option on a line that was not parsed yet."""
    for place, argument in enumerate(arguments):
        if argument == option:
            return next(iter(arguments[place + 1 : place + 2]), None)
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--json" in arguments or _value_of("--format", arguments) in ("json", "jsonl")


def _refuse(error: CardctlError, arguments: Sequence[str]) -> int:
    failures.say_error(error, as_json=_wants_json(arguments))
    return error.exit_status


def _point_to_help(error: UsageRefused, command: str) -> None:
    """A usage error that knows no better way out points to the help of its command."""
    error.details["command"] = command
    error.hint = "{command} --help"  # type: ignore[misc]  # of this one error, not of its class


class Bug(CardctlError):
    """Something that no user can be blamed for."""

    message = "something went wrong inside cardctl; where is written in {log}"
    hint = "please report it with that file: it holds no card and no key"


class UnloggedBug(Bug):
    """The same, where not even a log file can be made."""

    message = "something went wrong inside cardctl, and no log file can be made: see above"
    hint = "please report it with what is above: it holds no card and no key"


def _confess(error: Exception, arguments: Sequence[str]) -> int:
    try:
        bug = Bug(log=str(failures.log_bug(error, find_home(os.environ) / "logs")))
    except OSError:
        bug = UnloggedBug()
    if "--verbose" in arguments or isinstance(bug, UnloggedBug):
        write(sys.stderr, failures.trace(error))
    return _refuse(bug, arguments)
