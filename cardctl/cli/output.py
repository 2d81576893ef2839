"""Results on stdout or in a file: columns are declared, formats are generic.

JSON and JSON lines are for programs: the columns' names, money in fen, times in RFC 3339. Table,
plain, csv and xlsx are for people: headings and words in the language of the run, yuan with two
decimals, the store's local time. Without --format a terminal gets a table, a pipe plain lines.

What a column holds is told by the end of its name: `_fen` money, `_at` (or `at`) an instant, `_on`
the day of an instant (None or `NEVER`: never), `_bp` a rate.
"""

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cardctl.cli.language import _, word
from cardctl.cli.terminal import escape_cell, has_colour, speaks_unicode, width, write
from cardctl.clock import NEVER, day_of, format_instant
from cardctl.errors import UsageRefused
from cardctl.money import format_rate, format_yuan

WORDS = frozenset({"kind", "reason", "scope", "state", "status", "tier", "origin"})
"""Columns that hold words of the trade, which are translated in tables."""


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


class CannotWriteFile(UsageRefused):
    """--out names a file that cannot be made."""

    code = "cannot-write-file"
    message = "the file {path} cannot be written: {words}"


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
    their own below the thing they belong to, a single one within its line.
    """

    name: str
    heading: str
    of: tuple["Column", ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """How this run shows its result."""

    format: Format | None = None
    fields: str | None = None
    path: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether a program reads the result, so that errors are documents too."""
        return self.format in (Format.JSON, Format.JSONL)


@dataclass(frozen=True, slots=True)
class Shown:
    """A result ready to be shown: its columns, its rows, and whether it is one thing or many."""

    columns: tuple[Column, ...]
    rows: Sequence[Any]
    single: bool
    extra: Mapping[str, object]
    zone: ZoneInfo


def show(output: Output, shown: Shown, *, replace: bool) -> None:
    """Show a result on stdout, or write it to the file that --out names.

    Raises `UnknownField`, and for a file `UnknownFileKind`, `FileInTheWay` or `CannotWriteFile`.
    """
    picked = _pick(shown, output.fields)
    if output.path is not None:
        write_file(Path(output.path), picked, replace=replace)
        return
    default = Format.TABLE if sys.stdout.isatty() else Format.PLAIN
    text = _RENDERERS[output.format or default](picked)
    write(sys.stdout, text)


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
        return ""
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
    return word(str(value)) if name in WORDS else str(value)


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
    if names is None:
        return shown
    known = {column.name: column for column in shown.columns}
    known |= {name: Column(name, name) for name in shown.extra}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise UnknownField(field=name, known=", ".join(known))
    return Shown(
        columns=tuple(known[name] for name in wanted if name not in shown.extra),
        rows=shown.rows,
        single=shown.single,
        extra={name: shown.extra[name] for name in wanted if name in shown.extra},
        zone=shown.zone,
    )


def _objects(shown: Shown) -> list[dict[str, Any]]:
    objects = [json_object(row, shown.columns, shown.zone) for row in shown.rows]
    if shown.single:
        extra = {name: json_value(name, item, shown.zone) for name, item in shown.extra.items()}
        return [objects[0] | extra]
    return objects


def _json(shown: Shown) -> str:
    objects = _objects(shown)
    document = objects[0] if shown.single else objects
    return _dump(document, indent=2) + "\n"


def _jsonl(shown: Shown) -> str:
    return "".join(_dump(item) + "\n" for item in _objects(shown))


def _dump(document: Any, indent: int | None = None) -> str:
    # A stream in GBK gets \u escapes: its own way out for a missing character is no JSON.
    return json.dumps(document, indent=indent, ensure_ascii=not speaks_unicode(sys.stdout))


def texts(shown: Shown) -> list[list[str]]:
    """Headings and rows as people read them."""
    headings = [_(column.heading) for column in shown.columns]
    rows = [[_cell(row, column, shown.zone) for column in shown.columns] for row in shown.rows]
    return [headings, *rows]


def _cell(row: object, column: Column, zone: ZoneInfo) -> str:
    value = _get(row, column.name)
    if column.of and isinstance(value, list | tuple):
        return str(len(value))
    if column.of and value is not None:
        parts = (f"{_(part.heading)} {_cell(value, part, zone)}" for part in column.of)
        return ", ".join(parts)
    return text_value(column.name, value, zone)


def _plain(shown: Shown) -> str:
    lines = texts(shown)
    if shown.single:
        lines = [list(pair) for pair in zip(*lines, strict=True)]
    body = "".join("\t".join(escape_cell(cell) for cell in line) + "\n" for line in lines)
    return body + "".join(f"\n{_plain(part)}" for _heading, part in _parts(shown))


def _csv(shown: Shown) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(texts(shown))
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
            table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
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
    """The parts of a single thing, each with its heading and as a table of its own."""
    if not shown.single:
        return []
    return [
        (_(column.heading), Shown(column.of, rows, single=False, extra={}, zone=shown.zone))
        for column in shown.columns
        if column.of and isinstance(rows := _get(shown.rows[0], column.name), list | tuple) and rows
    ]


def write_file(path: Path, shown: Shown, *, replace: bool) -> None:
    """Write a result to a file only its owner can read, by its ending."""
    from cardctl.workbooks.write import write_csv, write_workbook

    if path.exists() and not replace:
        raise FileInTheWay(path=str(path))
    headings, *rows = texts(shown)
    try:
        if replace:
            path.unlink(missing_ok=True)
        match path.suffix.lower():
            case ".xlsx":
                write_workbook(path, headings, rows)
            case ".csv":
                write_csv(path, headings, rows)
            case ".json":
                _write_json(path, shown)
            case _:
                raise UnknownFileKind(path=str(path))
    except OSError as error:
        raise CannotWriteFile(path=str(path), words=error.strerror) from None


def _write_json(path: Path, shown: Shown) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(_json(shown), "utf-8")


_RENDERERS = {
    Format.TABLE: _table,
    Format.PLAIN: _plain,
    Format.JSON: _json,
    Format.JSONL: _jsonl,
    Format.CSV: _csv,
}
