"""A noun and its verbs: a function becomes a command with the options that every verb has."""

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption
from typer.main import get_group

from cardctl.cli import help as help_page
from cardctl.cli.completion import CODES, stored_codes
from cardctl.cli.context import Context, Invocation
from cardctl.cli.lazy import Group
from cardctl.cli.options import ROOT_OPTIONS
from cardctl.cli.output import Column, Format, Output
from cardctl.cli.parsing import BadArgument, parsing, refuse_extra
from cardctl.errors import BadValue

_FRAME_OPTIONS: dict[str, tuple[Any, object]] = {
    "output_format": (
        Annotated[
            Format | None,
            typer.Option(
                "--format", help="How to show the result; a table on a terminal, else plain."
            ),
        ],
        None,
    ),
    "as_json": (Annotated[bool, typer.Option("--json", help="The same as --format json.")], False),
    "fields": (
        Annotated[
            str | None,
            typer.Option("--fields", help="Only these fields, by their JSON names.", metavar="A,B"),
        ],
        None,
    ),
    "out": (
        Annotated[
            Path | None,
            typer.Option(
                "--out",
                help="Write the result to a file: .xlsx, .csv or .json by its ending.",
                metavar="PATH",
            ),
        ],
        None,
    ),
    "yes": (
        Annotated[
            bool,
            typer.Option("--yes", "-y", help="Answer yes to every question; replace --out."),
        ],
        False,
    ),
    "dry_run": (
        Annotated[
            bool,
            typer.Option("--dry-run", help="Check and show everything, but keep nothing."),
        ],
        False,
    ),
}


_SHOWING = frozenset({"output_format", "as_json", "fields", "out"})


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as its noun declared it."""

    name: str
    function: Callable[..., None]
    examples: Sequence[str]
    writes: bool
    columns: Sequence[Column]
    path: str
    """`product.add`: how the audit log names it."""
    frame_names: frozenset[str]
    """The parameters that the frame adds; what the function declares itself is its own."""


@dataclass
class Noun:
    """A noun of the trade; its verbs are functions that take a `Context` first."""

    name: str
    path: str = ""
    summary: str = ""
    verbs: list[Verb] = field(default_factory=list)
    groups: list["Noun"] = field(default_factory=list)

    def verb(
        self,
        name: str,
        *,
        examples: Sequence[str],
        writes: bool = False,
        destroys: bool = False,
        shows: bool = True,
        columns: Sequence[Column] = (),
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Make a function a verb.

        `writes` adds --dry-run; what `destroys` writes too, and its function asks before it acts.
        `columns` are those it shows: with them a mistake in --fields is found before the work is
        done, so what writes names them. What does not show data (`shows`) has no --format and its
        like. A verb called like its noun makes the noun itself the
        command (`cardctl status`).
        """

        def register(function: Callable[..., None]) -> Callable[..., None]:
            parents = (self.path, self.name) if self.path else (self.name,)
            path = ".".join(parents if name == self.name else (*parents, name))
            declared = set(inspect.signature(function).parameters)
            frame = set(_FRAME_OPTIONS) - declared
            if not (writes or destroys):
                frame.discard("dry_run")
            if not shows:
                frame -= _SHOWING
            self.verbs.append(
                Verb(
                    name=name,
                    function=function,
                    examples=examples,
                    writes=writes or destroys,
                    columns=columns,
                    path=path,
                    frame_names=frozenset(frame),
                )
            )
            return function

        return register

    def group(self, name: str, summary: str) -> "Noun":
        """A noun within this one: `vault slot list`."""
        inner = Noun(name, path=f"{self.path}.{self.name}".strip("."), summary=summary)
        self.groups.append(inner)
        return inner

    def take(self, part: "Noun") -> None:
        """Add the verbs and groups of a part of this noun, whose verbs fill several modules."""
        self.verbs += part.verbs
        self.groups += part.groups

    def build(self, summary: str = "") -> Any:
        """The command of Typer's: a group of the verbs, or the verb that is the noun itself."""
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.callback(cls=Group, help=summary or self.summary)(_group_callback())
        for verb in self.verbs:
            app.command(verb.name, cls=VerbCommand)(_callback(verb))
        group: Any = get_group(app)
        group.name = self.name
        group.examples = [verb.examples[0] for verb in self.verbs]
        for verb in self.verbs:
            command = group.commands[verb.name]
            command.verb = verb
            _offer_codes(command, self.name)
        for inner in self.groups:
            group.add_command(inner.build(), inner.name)
        return group.commands.get(self.name, group)


def _offer_codes(command: Any, noun: str) -> None:
    """Let the shell complete codes: in options of those names, and the noun's own."""
    for param in command.params:
        own = param.name == "code" and command.name != "add"
        # `from_pool` names a pool, too.
        kind = noun if own else param.name.rpartition("_")[2]
        if kind in CODES and (command.name != "add" or isinstance(param, TyperOption)):
            param.type.offer = partial(stored_codes, kind)


class VerbCommand(TyperCommand):
    """A verb, with our help and our usage errors."""

    verb: Verb
    allow_extra_args = True

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        """Make a command as Typer does."""
        super().__init__(*arguments, **attributes)
        help_page.tidy(self)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; what is left over is refused in our words."""
        with parsing(ctx):
            rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise refuse_extra(rest, ctx.command_path)
        return rest

    def get_help(self, ctx: Any) -> str:
        """The help in the language of the run."""
        return help_page.verb_help(self, ctx)


def root_parameters(*, hidden: bool, without: frozenset[str] = frozenset()) -> list[Any]:
    """The options of the program, as parameters of a signature."""
    parameters = []
    for name, annotation in ROOT_OPTIONS.items():
        if name in without:
            continue
        kind, option = annotation.__origin__, annotation.__metadata__[0]
        shown = _copy_option(option, hidden=hidden)
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if kind is bool else None,
                annotation=Annotated[kind, shown],
            )
        )
    return parameters


def _copy_option(option: Any, *, hidden: bool) -> Any:
    copied = copy(option)
    copied.hidden = hidden
    return copied


def _group_callback() -> Callable[..., None]:
    """What a noun does before its verb: note the options of the program that stand there."""

    def remember(ctx: typer.Context, **flags: Any) -> None:
        ctx.obj.note_flags(flags)

    sign(remember, root_parameters(hidden=True))
    return remember


def sign(function: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Give a function the signature that Typer reads: Typer's context, then these."""
    ctx = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    signature = inspect.Signature([ctx, *parameters])
    function.__signature__ = signature
    function.__annotations__ = {
        name: item.annotation for name, item in signature.parameters.items()
    }


def _callback(verb: Verb) -> Callable[..., int]:
    """The function that Typer calls: it takes the frame's options off and makes the `Context`."""
    own = list(inspect.signature(verb.function, eval_str=True).parameters.values())[1:]
    declared = frozenset(parameter.name for parameter in own)

    @wraps(verb.function)
    def run(ctx: typer.Context, **values: Any) -> int:
        invocation: Invocation = ctx.obj
        invocation.note_flags({name: values.get(name) for name in ROOT_OPTIONS})
        given = {name: values.pop(name) for name in verb.frame_names}
        output = Output(
            format=Format.JSON if given.get("as_json") else given.get("output_format"),
            fields=given.get("fields"),
            path=given.get("out"),
        )
        context = Context(
            invocation=invocation,
            verb=verb.path,
            output=output,
            dry_run=bool(given.get("dry_run")),
            yes=bool(given.get("yes")),
        )
        output.check(verb.columns, may_replace=context.yes)
        try:
            verb.function(context, **{name: values[name] for name in declared})
        except BadValue as error:
            # What a file holds is told row by row: this value stood on the command line.
            raise BadArgument(**error.details) from None
        return context.status

    frame = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in _FRAME_OPTIONS.items()
        if name in verb.frame_names
    ]
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    roots = root_parameters(hidden=True, without=declared)
    sign(run, [*keyword, *frame, *roots])
    return run
