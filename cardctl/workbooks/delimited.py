"""Tables in text: csv, tsv and jsonl. Runs in the child only."""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.failures import (
    EncodingUnknown,
    FileEmpty,
    FormatUnknown,
    LineMalformed,
)
from cardctl.workbooks.parsed import Parsed

_MAX_CELL = 2**20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT = 64 * 2**10


def parse_text(data: bytes) -> Parsed:
    """The table in a text file.

    Raises `EncodingUnknown`, `FormatUnknown`, `FileEmpty` and, while rows are taken,
    `LineMalformed`.
    """
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=_encoding(data), newline="")
    start = stream.read(_LOOKED_AT)
    stream.seek(0)
    bare = start.lstrip()
    if not bare:
        raise FileEmpty
    if bare.startswith("<"):
        raise FormatUnknown(found="HTML or XML")
    if bare.startswith("{"):
        return Parsed("jsonl", _jsonl_rows(stream))
    first_line = bare.partition("\n")[0]
    tabs = first_line.count("\t") > first_line.count(",")
    return Parsed("tsv" if tabs else "csv", _delimited_rows(stream, "\t" if tabs else ","))


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


def _delimited_rows(stream: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[Cell]]]:
    """Rows numbered as a spreadsheet program shows them: empty ones count, line breaks do not."""
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if any(row):
                cells: list[Cell] = [*row]
                yield number, cells
    except csv.Error:
        raise LineMalformed(line=number + 1, expected="csv") from None


def _jsonl_rows(stream: io.TextIOWrapper) -> Iterator[tuple[int, list[Cell]]]:
    """The keys of all objects as row 0, then the objects, numbered by their lines."""
    columns: dict[str, int] = {}
    for _, record in _records(stream):
        for name in record:
            columns.setdefault(name, len(columns))
    yield 0, list(columns)
    stream.seek(0)
    for number, record in _records(stream):
        cells: list[Cell] = [""] * len(columns)
        for name, value in record.items():
            cells[columns[name]] = _json_cell(value, number)
        yield number, cells


def _records(stream: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(
                line, parse_int=_number, parse_float=_number, parse_constant=_number
            )
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise LineMalformed(line=number, expected="a JSON object")
        yield number, record


def _json_cell(value: object, number: int) -> Cell:
    if isinstance(value, str | NotText):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return NotText("boolean", "TRUE" if value else "FALSE")
    raise LineMalformed(line=number, expected="a flat JSON object")


def _number(text: str) -> NotText:
    return NotText("number", text)


_DECODER = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_number)
"""Numbers keep the digits they are written with."""
