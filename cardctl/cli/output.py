"""Results on stdout or in a file: columns are declared, formats are generic.

JSON and JSON lines are for programs: the columns' names, money in fen, times in RFC 3339. Table,
plain, csv and xlsx are for people: headings and words in the language of the run, yuan with two
decimals, the store's local time. Without --format a terminal gets a table, a pipe plain lines.

What a column holds is told by the end of its name: `_fen` money (a cost that is None: not known),
`_at` (or `at`) an instant, `_on` the day of an instant (None or `NEVER`: never), `_bp` a rate.
"""

import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cardctl.cli.language import _
from cardctl.cli.stored_words import say_value
from cardctl.cli.terminal import escape_cell, has_colour, speaks_unicode, width, write
from cardctl.clock import NEVER, day_of, format_instant
from cardctl.errors import CardctlError, UsageRefused
from cardctl.money import format_rate, format_yuan


class UnknownField(UsageRefused):
    """--fields names something that the result does not have."""

    code = "unknown-field"
    message = "the result has no field {field}"
    hint = "one of: {known}"


class UnknownFileKind(UsageRefused):
    """--out names a file whose ending says nothing."""

    code = "unknown-file-kind"
    message = "what to write to {path} cannot be told from its ending"
    hint = "end the name in .xlsx, .csv or .json"


class FileInTheWay(UsageRefused):
    """--out names a file that is there already."""

    code = "file-in-the-way"
    message = "the file {path} is there already"
    hint = "name another file, or add --yes to replace it"


class Format(StrEnum):
    """How a result is shown."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a result: its JSON name, and its English heading in tables.

    `of` names the columns of the parts that a field holds: several parts are shown as a table of
    their own below the thing they belong to, a single one within its line. In a list of things
    several parts are counted, or told within the line, too (`inline`). Of a column with `headings`
    a value is the name of a field, which people read as that heading.
    """

    name: str
    heading: str
    of: tuple["Column", ...] = ()
    inline: bool = False
    headings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """How this run shows its result."""

    format: Format | None = None
    fields: str | None = None
    path: Path | None = None

    @property
    def is_json(self) -> bool:
        """Whether a program reads the result, so that errors are documents too."""
        return self.format in (Format.JSON, Format.JSONL)

    def check(self, columns: Sequence[Column], *, may_replace: bool) -> None:
        """Refuse what cannot be shown before anything is done: `show` comes after the work.

        Raises `UnknownField`, `UnknownFileKind`, `FileInTheWay` and `OutputUnwritable`.
        """
        if columns:
            _pick_columns({column.name: column for column in columns}, self.fields)
        if self.path is None:
            return
        if self.path.suffix.lower() not in _FILE_KINDS:
            raise UnknownFileKind(path=str(self.path))
        if not self.path.parent.is_dir():
            raise _unwritable(self.path, errno.ENOENT)
        if self.path.is_dir():
            raise _unwritable(self.path, errno.EISDIR)
        if self.path.exists() and not may_replace:
            raise FileInTheWay(path=str(self.path))


@dataclass(frozen=True, slots=True)
class Shown:
    """A result ready to be shown: its columns, its rows, and whether it is one thing or many."""

    columns: tuple[Column, ...]
    rows: Sequence[Any]
    single: bool
    extra: Mapping[str, object]
    zone: ZoneInfo


def _unwritable(path: Path, number: int) -> CardctlError:
    from cardctl.workbooks.failures import OutputUnwritable

    return OutputUnwritable(file=str(path), reason=os.strerror(number))


def show(output: Output, shown: Shown) -> bool:
    """Show a result on stdout, or write it to the file that --out names.

    Returns whether somebody may have read it. Raises `UnknownField` and `OutputUnwritable`.
    """
    picked = _pick(shown, output.fields)
    if output.path is not None:
        _write_file(output.path, picked)
        return True
    default = Format.TABLE if sys.stdout.isatty() else Format.PLAIN
    text = _RENDERERS[output.format or default](picked)
    return write(sys.stdout, text)


def json_value(name: str, value: object, zone: ZoneInfo, of: tuple[Column, ...] = ()) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return _json_number(name, value, zone)
    if isinstance(value, Mapping):
        return {str(key): json_value(str(key), item, zone) for key, item in value.items()}
    if is_dataclass(value):
        return json_object(value, of or _all_columns(value), zone)
    if isinstance(value, list | tuple):
        return [json_value(name, item, zone, of) for item in value]
    return str(value)


def _json_number(name: str, value: int, zone: ZoneInfo) -> int | str | None:
    if not (_is_instant(name) or name.endswith("_on")):
        return value
    if value == NEVER:
        return None
    return format_instant(value, zone) if _is_instant(name) else day_of(value, zone).isoformat()


def _is_instant(name: str) -> bool:
    return name == "at" or name.endswith("_at")


def json_object(thing: object, columns: Iterable[Column], zone: ZoneInfo) -> dict[str, Any]:
    """A thing as a JSON object with the columns' names."""
    return {
        column.name: json_value(column.name, _get(thing, column.name), zone, column.of)
        for column in columns
    }


def text_value(name: str, value: object, zone: ZoneInfo) -> str:
    """A value as people read it."""
    if name.endswith("_on") and value in (None, NEVER):
        return _("never")
    if value is None:
        return _("not known") if name.endswith("cost_fen") else ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return _text_of_number(name, value, zone)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text_value(str(key), item, zone)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        if any(is_dataclass(item) or isinstance(item, Mapping) for item in value):
            return str(len(value))
        return ", ".join(text_value(name, item, zone) for item in value)
    return say_value(name, str(value))


def _text_of_number(name: str, value: int, zone: ZoneInfo) -> str:
    if name.endswith("_fen"):
        return format_yuan(value)
    if name.endswith("_bp"):
        return format_rate(value)
    if _is_instant(name):
        return _("never") if value == NEVER else format_instant(value, zone)[:19].replace("T", " ")
    if name.endswith("_on"):
        return day_of(value, zone).isoformat()
    return str(value)


def _get(thing: object, name: str) -> object:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name)


def _all_columns(thing: Any) -> tuple[Column, ...]:
    return tuple(Column(item.name, item.name) for item in fields(thing))


def _pick(shown: Shown, names: str | None) -> Shown:
    """Only the fields that --fields names, in its order."""
    known = {column.name: column for column in shown.columns}
    known |= {name: Column(name, name) for name in shown.extra}
    picked = _pick_columns(known, names)
    return replace(
        shown,
        columns=tuple(column for column in picked if column.name not in shown.extra),
        extra={item.name: shown.extra[item.name] for item in picked if item.name in shown.extra},
    )


def _pick_columns(known: Mapping[str, Column], names: str | None) -> list[Column]:
    if names is None:
        return list(known.values())
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise UnknownField(field=name, known=", ".join(known))
    return [known[name] for name in wanted]


def _objects(shown: Shown) -> list[dict[str, Any]]:
    objects = [json_object(row, shown.columns, shown.zone) for row in shown.rows]
    if shown.single:
        extra = {name: json_value(name, item, shown.zone) for name, item in shown.extra.items()}
        return [objects[0] | extra]
    return objects


def _json(shown: Shown) -> str:
    return _document(shown, ascii_only=not speaks_unicode(sys.stdout))


def _jsonl(shown: Shown) -> str:
    ascii_only = not speaks_unicode(sys.stdout)
    lines = (json.dumps(item, ensure_ascii=ascii_only) for item in _objects(shown))
    return "".join(f"{line}\n" for line in lines)


def _document(shown: Shown, *, ascii_only: bool) -> str:
    """One JSON document; a stream in GBK gets ASCII: its own way out for a character is no JSON."""
    objects = _objects(shown)
    document = objects[0] if shown.single else objects
    return json.dumps(document, indent=2, ensure_ascii=ascii_only) + "\n"


def texts(shown: Shown) -> list[list[str]]:
    """Headings and rows as people read them."""
    headings = [_(column.heading) for column in shown.columns]
    rows = [[_cell(row, column, shown.zone) for column in shown.columns] for row in shown.rows]
    return [headings, *rows]


def _cell(row: object, column: Column, zone: ZoneInfo) -> str:
    value = _get(row, column.name)
    if column.of and isinstance(value, list | tuple):
        if not column.inline:
            return str(len(value))
        return "; ".join(_part(part, column.of, zone) for part in value)
    if column.of and value is not None:
        return _part(value, column.of, zone)
    if column.headings and isinstance(value, str):
        return _(column.headings.get(value, value))
    return text_value(column.name, value, zone)


def _part(part: object, columns: Iterable[Column], zone: ZoneInfo) -> str:
    """A part of a thing within its line."""
    return ", ".join(f"{_(one.heading)} {_cell(part, one, zone)}" for one in columns)


def _plain(shown: Shown) -> str:
    lines = texts(shown)
    if shown.single:
        lines = [list(pair) for pair in zip(*lines, strict=True)]
    body = "".join("\t".join(escape_cell(cell) for cell in line) + "\n" for line in lines)
    return body + "".join(f"\n{_plain(part)}" for _heading, part in _parts(shown))


def _csv(shown: Shown) -> str:
    from cardctl.workbooks.write import write_csv_rows

    stream = io.StringIO()
    write_csv_rows(stream, texts(shown), end="\n")
    return stream.getvalue()


def _table(shown: Shown) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    headings, *rows = [[escape_cell(cell) for cell in line] for line in texts(shown)]
    table = Table(box=None, pad_edge=False, show_header=not shown.single)
    if shown.single:
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        rows = [list(pair) for pair in zip(headings, rows[0], strict=True)]
    else:
        for column, heading in zip(shown.columns, headings, strict=True):
            number = column.name.endswith(("_fen", "_bp", "qty", "count"))
            table.add_column(
                Text(heading),
                justify="right" if number else "left",
                overflow="fold",
                # What a row is called is copied into the next command: it stays in one piece.
                no_wrap=column is shown.columns[0],
            )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width(),
        color_system="standard" if has_colour(sys.stdout) else None,
        force_terminal=has_colour(sys.stdout),
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.print(table)
    body = "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())
    return body + "".join(f"\n{heading}\n{_table(part)}" for heading, part in _parts(shown))


def _parts(shown: Shown) -> list[tuple[str, Shown]]:
    """The parts of a single thing, and of the single things in it, each with its heading."""
    if not shown.single:
        return []
    parts: list[tuple[str, Shown]] = []
    for column in shown.columns:
        if column.of and (held := _get(shown.rows[0], column.name)):
            rows, single = (held, False) if isinstance(held, list | tuple) else ([held], True)
            part = Shown(column.of, rows, single=single, extra={}, zone=shown.zone)
            parts += _parts(part) if single else [(_(column.heading), part)]
    return parts


def _write_file(path: Path, shown: Shown) -> None:
    """Write a result to a file only its owner can read, whole or not at all."""
    from cardctl.workbooks.write import replaced

    with replaced(path) as fresh:
        _FILE_KINDS[path.suffix.lower()](fresh, shown)


def _write_xlsx(path: Path, shown: Shown) -> None:
    from cardctl.workbooks.write import write_workbook

    header, *rows = texts(shown)
    write_workbook(path, header=header, rows=rows)


def _write_csv(path: Path, shown: Shown) -> None:
    from cardctl.workbooks.write import write_csv

    header, *rows = texts(shown)
    write_csv(path, header=header, rows=rows)


def _write_json(path: Path, shown: Shown) -> None:
    from cardctl.workbooks.write import new_file

    with new_file(path) as stream:
        stream.write(_document(shown, ascii_only=False).encode())


_FILE_KINDS = {".xlsx": _write_xlsx, ".csv": _write_csv, ".json": _write_json}

_RENDERERS = {
    Format.TABLE: _table,
    Format.PLAIN: _plain,
    Format.JSON: _json,
    Format.JSONL: _jsonl,
    Format.CSV: _csv,
}
