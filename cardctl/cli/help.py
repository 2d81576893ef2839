"""Help pages: summary, examples, usage, arguments, options; in the language of the run."""

from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperOption

from cardctl.cli.language import _
from cardctl.cli.parsing import Checked, is_number, is_switch, name_in_help
from cardctl.cli.terminal import cells, width, wrap

_WIDTH_MAX = 100
_NAME_COLUMNS = 26


def tidy(command: Any) -> None:
    """Make the parts of a command ours: refusals that name the option, switches with one name."""
    command.short_help = _summary(command)
    for param in command.params:
        if isinstance(param, TyperOption) and param.is_flag and not param.default:
            # Typer adds --no-… to every switch; a second name that was chosen stays.
            param.secondary_opts = [
                name for name in param.secondary_opts if not name.startswith("--no-")
            ]
        param.type = Checked(param.type)


def verb_help(command: Any, ctx: Any) -> str:
    """The page of a verb."""
    verb = command.verb
    frame = [param for param in _options(command) if param.name in verb.frame_names]
    own = [param for param in _options(command) if param not in frame]
    arguments = [param for param in command.params if not isinstance(param, TyperOption)]
    sections = [
        *_opening(command.help, verb.examples, _usage(ctx, command)),
        *_section(_("Arguments"), (_row(param) for param in arguments)),
        *_section(_("Options"), (_row(param) for param in own)),
        *_section(_("Output and safety"), (_row(param) for param in frame)),
        [_("Options of every command, such as --store and --lang: cardctl --help")],
    ]
    return _join(sections)


def group_help(group: Any, ctx: Any) -> str:
    """The page of a noun, or of the program."""
    rows = (
        (name, _(_summary(command)))
        for name, command in group.commands.items()
        if not command.hidden
    )
    sections = [
        *_opening(group.help, group.examples, f"{ctx.command_path} {_('COMMAND …')}"),
        *_section(_("Commands"), rows),
        *_section(_("Options"), [*map(_row, _options(group)), ("--help", _("Show this help."))]),
    ]
    return _join(sections)


def _opening(summary: str | None, examples: Sequence[str], usage: str) -> list[list[str]]:
    # The catalogue knows a paragraph by its words: it may be broken anywhere in the docstring.
    lines = [_(part.replace("\n", " ")) for part in (summary or "").split("\n\n")]
    shown = [f"  {example}" for example in examples]
    return [
        *([line] for text in lines for line in ["\n".join(wrap(text, _columns()))]),
        [_("Examples") + ":", *shown],
        [f"{_('Usage')}: {usage}"],
    ]


def _usage(ctx: Any, command: Any) -> str:
    pieces = [ctx.command_path]
    for param in command.params:
        if isinstance(param, TyperOption):
            if param.required:
                pieces.append(_declaration(param))
            continue
        name = name_in_help(param).rstrip("…") + ("…" if param.nargs == -1 else "")
        pieces.append(name if param.required else f"[{name}]")
    return " ".join([*pieces, _("[OPTION …]")])


def _options(command: Any) -> list[Any]:
    return [
        param for param in command.params if isinstance(param, TyperOption) and not param.hidden
    ]


def _row(param: Any) -> tuple[str, str]:
    if isinstance(param, TyperOption):
        return _declaration(param), _explanation(param)
    return name_in_help(param), _explanation(param)


def _declaration(param: Any) -> str:
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        names += " / " + ", ".join(param.secondary_opts)
    if param.is_flag:
        return names
    return f"{names} {_metavar(param)}" + (" …" if param.multiple else "")


def _metavar(param: Any) -> str:
    choices = getattr(param.type.inner, "choices", None)
    if param.metavar:
        return str(param.metavar)
    if choices:
        return "|".join(map(str, choices))
    return "N" if is_number(param.type.inner) else "TEXT"


def _explanation(param: Any) -> str:
    text = _(param.help or "")
    choices = getattr(param.type.inner, "choices", None)
    if not isinstance(param, TyperOption) and choices:
        text += f" ({', '.join(map(str, choices))})"
    if isinstance(param, TyperOption) and param.required:
        text += _(" [required]")
    default = param.default
    if default not in (None, "", ()) and not is_switch(param.type.inner) and param.show_default:
        text += _(" [default: {value}]").format(value=getattr(default, "value", default))
    return text


def _summary(command: Any) -> str:
    """The first line of a command's help."""
    return (command.help or "").partition("\n")[0]


def _section(heading: str, rows: Iterable[tuple[str, str]]) -> list[list[str]]:
    listed = list(rows)
    if not listed:
        return []
    column = min(max(cells(name) for name, _text in listed), _NAME_COLUMNS)
    return [[f"{heading}:", *(line for row in listed for line in _layout(row, column))]]


def _layout(row: tuple[str, str], column: int) -> list[str]:
    """A name and its text beside it, or below it where the name is too long."""
    name, text = row
    lines = wrap(text, _columns() - column - 4)
    margin = " " * (column + 4)
    if cells(name) > column:
        return [f"  {name}", *(margin + line for line in lines)]
    first = f"  {name}{' ' * (column - cells(name))}  {lines[0]}"
    return [first.rstrip(), *(margin + line for line in lines[1:])]


def _columns() -> int:
    return min(width(), _WIDTH_MAX)


def _join(sections: list[list[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in sections)
