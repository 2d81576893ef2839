"""Tables in text: csv, tsv and jsonl; what has no header may be pasted keys.

Runs in the child only.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from cardctl.workbooks.cells import Cell, NotText, column_letters
from cardctl.workbooks.extent import MAX_COLUMNS
from cardctl.workbooks.failures import (
    CellOutOfRange,
    CsvMalformed,
    EncodingUnknown,
    FileEmpty,
    FormatUnknown,
    LineMalformed,
)
from cardctl.workbooks.headers import HEADER_WITHIN
from cardctl.workbooks.labels import Labels
from cardctl.workbooks.line_template import parse_template
from cardctl.workbooks.parsed import Parsed, Request
from cardctl.workbooks.pasted import parse_by_template, parse_pasted

_MAX_CELL = 2**20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT = 64 * 2**10
_DIGIT = re.compile("[0-9]")
_SEPARATED = re.compile(r"-{2,}|[\t|｜;；]")
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]{1,3}")


def parse_text(data: bytes, request: Request) -> Parsed:
    """The table in a text file, or the keys in a pasted text.

    A text of keys is a table if one of its first rows is a header, see `_is_table`; else, and
    always where the request has the template of a line, it is pasted text. Who reads files of any
    kind takes JSON lines one by one: of a bad one all cells say so. Raises `EncodingUnknown`,
    `FormatUnknown`, `FileEmpty`, `NoKeys` and, while rows are taken, `CsvMalformed` and
    `LineMalformed`.
    """
    encoding = _encoding(data)
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    start = stream.read(_LOOKED_AT)
    stream.seek(0)
    bare = start.lstrip()
    if not bare:
        raise FileEmpty
    if bare.startswith("<"):
        raise FormatUnknown(found="HTML or XML")
    if bare.startswith("{") and not request.line:
        return Parsed("jsonl", _jsonl_rows(stream, whole=request.want != "files"))
    first_line = bare.partition("\n")[0]
    tabs = first_line.count("\t") > first_line.count(",")
    delimiter: str | None = "\t" if tabs else ","
    if request.want == "keys":
        labels = Labels(request.columns)
        delimiter = _delimiter(start, labels) if not request.line else None
        if delimiter is None:
            # Lines end here however they end; in a table they may stand inside a cell.
            lines = io.TextIOWrapper(io.BytesIO(data), encoding=encoding)
            return _pasted(lines, labels, request)
    assert delimiter is not None
    rows = _delimited_rows(stream, delimiter, keys=request.want == "keys")
    return Parsed("tsv" if delimiter == "\t" else "csv", rows)


def _pasted(lines: io.TextIOWrapper, labels: Labels, request: Request) -> Parsed:
    if request.line:
        template = parse_template(request.line, request.columns)
        return parse_by_template(lines, template, labels)
    return parse_pasted(lines, labels)


def _delimiter(start: str, labels: Labels) -> str | None:
    """What separates the cells of a table that begins so; None when it begins without a header."""
    for delimiter in (",", "\t"):
        rows: list[list[str]] = []
        with suppress(csv.Error):
            rows.extend(islice(csv.reader(io.StringIO(start), delimiter=delimiter), HEADER_WITHIN))
        if _is_table([row for row in rows if any(row)], labels):
            return delimiter
    return None


def _is_table(rows: list[list[str]], labels: Labels) -> bool:
    """Whether one of the first rows is a header, as far as can be said without guessing.

    A row of labels is. So is a first row of several cells without a digit above a row as wide with
    digits: a header of words unknown here, whose columns only a mapping can name. A label alone is
    one if it is a word for codes, or what stands below are codes: not pairs, nor further labels
    with their values.
    """
    for place, row in enumerate(rows):
        if labels.heads(row):
            below = rows[place + 1 :]
            return len(row) > 1 or labels.head_codes(row) or _stands_above_codes(below, labels)
    if len(rows) < 2 or not len(rows[0]) == len(rows[1]) > 1:  # noqa: PLR2004 -- a row and the next
        return False
    return not any(map(_DIGIT.search, rows[0])) and any(map(_DIGIT.search, rows[1]))


def _stands_above_codes(rows: list[list[str]], labels: Labels) -> bool:
    split = sum(len(cells) == 1 and bool(_SEPARATED.search(cells[0])) for cells in rows)
    return 2 * split <= len(rows) and not any(map(labels.heads, rows))


def _encoding(data: bytes) -> str:
    if data.startswith(_UTF16):
        raise EncodingUnknown
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for start in range(0, len(data), _MAX_CELL):
                decoder.decode(data[start : start + _MAX_CELL])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise EncodingUnknown


def _delimited_rows(
    stream: io.TextIOWrapper, delimiter: str, *, keys: bool
) -> Iterator[tuple[int, list[Cell]]]:
    """Rows numbered as a spreadsheet program shows them: empty ones count, line breaks do not.

    Among keys a number such as 6.22588E+15 is what a spreadsheet program left of a longer one.
    """
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if any(row):
                _check_width(len(row), number)
                cells: list[Cell] = [*row]
                if keys and any("E+" in cell for cell in row):
                    cells = [
                        NotText("number", cell) if _ROUNDED.fullmatch(cell) else cell
                        for cell in row
                    ]
                yield number, cells
    except csv.Error:
        raise CsvMalformed(row=number + 1) from None


def _jsonl_rows(stream: io.TextIOWrapper, *, whole: bool) -> Iterator[tuple[int, list[Cell]]]:
    """The keys of all objects as row 0, then the objects, numbered by their lines.

    `whole`: a line that is no plain object is an error; else its cells are ``malformed``.
    """
    columns: dict[str, int] = {}
    for number, record in _records(stream, whole=whole):
        for name in () if isinstance(record, NotText) else record:
            columns.setdefault(name, len(columns))
        _check_width(len(columns), number)
    yield 0, list(columns)
    stream.seek(0)
    for number, record in _records(stream, whole=whole):
        if isinstance(record, NotText):
            yield number, [record] * len(columns)
            continue
        cells: list[Cell] = [""] * len(columns)
        for name, value in record.items():
            cells[columns[name]] = _json_cell(value, number, whole=whole)
        yield number, cells


def _check_width(width: int, number: int) -> None:
    """Refuse what would be laid out far beyond a table, row after row."""
    if width > MAX_COLUMNS:
        raise CellOutOfRange(cell=f"{column_letters(width - 1)}{number}")


def _records(
    stream: io.TextIOWrapper, *, whole: bool
) -> Iterator[tuple[int, dict[str, Any] | NotText]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        problem = None
        try:
            record = _DECODER.decode(line)
        except _FieldTwice:
            record = None
            problem = LineMalformed(line=number, expected="an object of distinct fields")
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield number, record
        else:
            problem = problem or LineMalformed(line=number, expected="a JSON object")
            yield number, _malformed(problem, whole=whole)


def _malformed(problem: LineMalformed, *, whole: bool) -> NotText:
    """What stands in the cells of a bad line; raises the problem if it ends the whole file."""
    if whole:
        raise problem
    return NotText("malformed", str(problem.details["expected"]))


def _json_cell(value: object, number: int, *, whole: bool) -> Cell:
    if isinstance(value, str | NotText):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return NotText("boolean", "TRUE" if value else "FALSE")
    return _malformed(LineMalformed(line=number, expected="a flat JSON object"), whole=whole)


def _number(text: str) -> NotText:
    return NotText("number", text)


class _FieldTwice(ValueError):
    """Of two values for one field neither is the right one."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _FieldTwice
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_number
)
"""Numbers keep the digits they are written with."""
