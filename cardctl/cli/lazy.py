"""Groups of commands: the root imports a noun's module only when that noun is run.

Placeholders carry name and summary, so that help and the completion of nouns import no command
module. The real command is swapped in within `resolve_command`; overriding `get_command` would
make help import them all.
"""

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from typer.core import TyperCommand, TyperGroup

from cardctl.cli import help as help_page
from cardctl.cli.parsing import parsing, refuse_command


class NounRow(NamedTuple):
    """A row of the table of nouns: how it is called and what its help line says."""

    name: str
    summary: str

    def load(self) -> Any:
        """The real command, from ``cardctl/cli/commands/<name>.py``."""
        return _build(self)


@cache
def _build(row: NounRow) -> Any:
    """Once a process: it costs as much as a small command does, and is in no language."""
    return import_module(f"cardctl.cli.commands.{row.name}").noun.build(row.summary)


class Group(TyperGroup):
    """A noun and its verbs, with our help and our usage errors."""

    def __init__(self, **attributes: Any) -> None:
        """Make a group as Typer does."""
        super().__init__(**attributes)
        self.no_args_is_help = True
        help_page.tidy(self)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options before the verb."""
        with parsing(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that the first argument names; raises `UnknownCommand`."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise refuse_command(args[0], list(self.commands), ctx.command_path)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help in the language of the run."""
        return help_page.group_help(self, ctx)


class RootGroup(Group):
    """The program: a table of nouns that load when they are run."""

    nouns: dict[str, NounRow]

    def offer(self, nouns: tuple[NounRow, ...]) -> None:
        """Put up placeholders for all nouns."""
        self.nouns = {row.name: row for row in nouns}
        for row in nouns:
            self.add_command(TyperCommand(row.name, help=row.summary, short_help=row.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The noun that the first argument names, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in self.nouns:
            command = self.nouns[name].load()
        return name, command, rest
