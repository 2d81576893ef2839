"""Typer's usage errors in our own words.

The only module that knows Typer's private copy of click (the pin in pyproject.toml keeps it where
it is). Everything a command line can do wrong becomes an error of ours, so that it is translated,
carries a code and ends with status 2 like any other.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, cast

from typer._click.core import Context as TyperContext
from typer._click.core import Parameter
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer._click.shell_completion import CompletionItem, _resolve_context, _resolve_incomplete
from typer._click.types import BoolParamType, IntParamType, IntRange, ParamType
from typer.core import TyperOption

from cardctl.errors import BadValue, CardctlError, UsageRefused


class MissingArgument(UsageRefused):
    """An argument that must be there is not."""

    message = "{argument} is missing"
    hint = "{command} --help"


class MissingVerb(UsageRefused):
    """A noun without a verb; the help is shown instead of a message."""

    message = "a command is missing after {command}"
    hint = "{command} --help"


class UnknownCommand(UsageRefused):
    """A noun or verb that is not there."""

    message = "{command} has no command {name}"
    hint = "{command} --help"


class MistypedCommand(UnknownCommand):
    """A noun or verb that is not there, but something like it is."""

    hint = "did you mean {suggestions}?"


class UnknownOption(UsageRefused):
    """An option that the command does not have."""

    message = "{command} has no option {option}"
    hint = "{command} --help"


class MistypedOption(UnknownOption):
    """An option that the command does not have, but something like it."""

    hint = "did you mean {suggestions}?"


class OptionNeedsValue(UsageRefused):
    """An option stands at the end without its value."""

    message = "the option {option} needs a value"
    hint = "{command} --help"


class OptionTakesNoValue(UsageRefused):
    """A switch was given a value."""

    message = "the option {option} takes no value"
    hint = "{command} --help"


class ExtraArguments(UsageRefused):
    """More arguments than the command takes."""

    message = "too many arguments: {arguments}"
    hint = "{command} --help"


class BadOptionValue(UsageRefused):
    """The value of an option or argument does not read as what it should be."""

    message = "{option}: {value!r} is not {expected}"


class BadArgument(UsageRefused):
    """A value on the command line that only the verb itself could find wrong."""

    code = "bad-value"
    message = BadValue.message


class BadChoice(UsageRefused):
    """The value is none of those there are."""

    message = "{option}: {value!r} is none of {choices}"


class NumberTooSmall(UsageRefused):
    """A number below the least one that makes sense."""

    message = "{option}: {value!r} is not a whole number of at least {least}"


class NumberOutOfRange(UsageRefused):
    """A number outside its bounds."""

    message = "{option}: {value!r} is not a whole number from {least} to {most}"


TyperUsageError = UsageError
"""What Typer raises for a line it cannot parse."""

HelpAsked = NoArgsIsHelpError
"""What Typer raises for a group that stands alone; its message is the whole help."""


_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
"""Python's own `int` would read ١٢ and 1_000, too."""

Offer = Callable[[Any, str], Iterable[str]]
"""Values that begin like an incomplete word, given Typer's context."""


class Checked(ParamType):
    """A parameter type whose refusals are ours and name the option."""

    def __init__(self, inner: Any, offer: Offer | None = None) -> None:
        """Wrap a type of Typer's; `offer` knows values that a shell may complete."""
        self.inner = inner
        self.name = inner.name
        self.offer = offer

    def convert(self, value: Any, param: Parameter | None, ctx: TyperContext | None) -> Any:
        """The converted value; raises a `UsageRefused` leaf."""
        if is_number(self.inner) and not _WHOLE_NUMBER.fullmatch(str(value)):
            raise _refusal(self.inner, _name_of(param), str(value))
        try:
            return self.inner.convert(value, param, ctx)
        except BadParameter:
            raise _refusal(self.inner, _name_of(param), str(value)) from None
        except BadValue as error:
            raise BadOptionValue(option=_name_of(param), **error.details) from None

    def get_metavar(self, param: Parameter, ctx: TyperContext) -> str | None:
        """What stands for the value in a usage line."""
        return cast("str | None", self.inner.get_metavar(param, ctx))

    def shell_complete(self, ctx: Any, param: Parameter, incomplete: str) -> Any:
        """What the shell offers."""
        if self.offer is not None:
            return [CompletionItem(value) for value in self.offer(ctx, incomplete)]
        return self.inner.shell_complete(ctx, param, incomplete)


def offers_for(
    root: Any, before: list[str], incomplete: str, *, obj: object
) -> list[tuple[str, str]]:
    """What may stand in place of an incomplete word after these: values and their help."""
    ctx = _resolve_context(root, {"obj": obj}, "cardctl", before)
    place, rest = _resolve_incomplete(ctx, before, incomplete)
    return [(str(item.value), item.help or "") for item in place.shell_complete(ctx, rest)]


@contextmanager
def parsing(ctx: TyperContext) -> Iterator[None]:
    """Let usage errors know their command; Typer's parser forgets it here and there."""
    ctx.obj.command = ctx.command_path
    try:
        yield
    except UsageError as error:
        if error.ctx is None:
            error.ctx, error.cmd = ctx, ctx.command
        raise


def explain(error: UsageError) -> CardctlError:
    """Our error for one of Typer's."""
    command = error.ctx.command_path if error.ctx else "cardctl"
    if isinstance(error, MissingParameter):
        return MissingArgument(argument=_name_of(error.param), command=command)
    if isinstance(error, NoSuchOption):
        return _unknown_option(error, command)
    if isinstance(error, BadOptionUsage):
        leaf = OptionTakesNoValue if _is_switch(error) else OptionNeedsValue
        return leaf(option=error.option_name, command=command)
    return MissingVerb(command=command)


def refuse_extra(arguments: list[str], command: str) -> CardctlError:
    """The error for arguments that are too many."""
    return ExtraArguments(arguments=" ".join(arguments), command=command)


def refuse_command(name: str, known: list[str], command: str) -> CardctlError:
    """The error for a noun or verb that is not there."""
    if similar := get_close_matches(name, known):
        suggestions = ", ".join(f"{command} {word}" for word in similar)
        return MistypedCommand(command=command, name=name, suggestions=suggestions)
    return UnknownCommand(command=command, name=name)


def name_in_help(param: Parameter) -> str:
    """An option by its longest name, an argument by its metavar: ``--sku``, ``SKU``."""
    if isinstance(param, TyperOption):
        return max(param.opts, key=len)
    return param.metavar or (param.name or "").upper()


def is_number(kind: Any) -> bool:
    """Whether a parameter type reads whole numbers."""
    return isinstance(kind, IntParamType)


def is_switch(kind: Any) -> bool:
    """Whether a parameter type is that of a switch."""
    return isinstance(kind, BoolParamType)


def _name_of(param: Parameter | None) -> str:
    return name_in_help(param) if param is not None else ""


def _unknown_option(error: NoSuchOption, command: str) -> CardctlError:
    if error.possibilities:
        return MistypedOption(
            command=command,
            option=error.option_name,
            suggestions=", ".join(sorted(error.possibilities)),
        )
    return UnknownOption(command=command, option=error.option_name)


def _is_switch(error: BadOptionUsage) -> bool:
    return any(
        isinstance(param, TyperOption) and param.is_flag and error.option_name in param.opts
        for param in (error.cmd.params if error.cmd else [])
    )


def _refusal(kind: Any, option: str, value: str) -> CardctlError:
    """Why a type of Typer's refused a value."""
    choices = getattr(kind, "choices", None)
    if choices is not None:
        return BadChoice(option=option, value=value, choices=", ".join(map(str, choices)))
    if isinstance(kind, IntRange) and kind.max is not None:
        return NumberOutOfRange(option=option, value=value, least=kind.min or 0, most=kind.max)
    if isinstance(kind, IntRange):
        return NumberTooSmall(option=option, value=value, least=kind.min)
    if isinstance(kind, IntParamType):
        return BadOptionValue(option=option, value=value, expected="a whole number")
    return BadOptionValue(option=option, value=value, expected="a value of this option")
