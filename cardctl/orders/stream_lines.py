"""Read an order from a JSON line: the fields of the generic table, by the same names. Pure.

A script writes these lines, not a platform: a field that no order has is a slip of the script's,
and an order that lost its quantity to a slip would get one card. So it is refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cardctl.deliveries.address import check_address
from cardctl.errors import BadValue, CardctlError, InputRefused
from cardctl.orders.formats.generic import FORMAT
from cardctl.orders.grouping import merge_records
from cardctl.orders.reading import CellMissing, CellRefused, FieldRow
from cardctl.orders.records import OrderRecord, check_order, check_paid_at
from cardctl.workbooks.cells import Cell, NotText, Row
from cardctl.workbooks.headers import Header, find_header, fold

LINE_MAX_BYTES = 65_536
"""A longer line is no order: it is answered without being read."""

_LINES = "lines"
_LINE_FIELDS = frozenset({"sku", "qty", "line_paid"})
_NUMBER_NAMES = frozenset(fold(name) for name in FORMAT.synonyms["order"])
_SHAPES_KEPT = 64

Value = TypeVar("Value")


class NotJson(InputRefused):
    """A line is no JSON object."""

    code = "not-json"
    message = "the line is no JSON object in UTF-8"
    hint = 'a line such as {{"order": "1001", "sku": "VIP", "paid": "28.00"}}'


class FieldTwice(InputRefused):
    """Of two values for one field neither is the right one."""

    code = "field-twice"
    message = "the line has the field {field} twice"
    hint = "send each field once"


class LineTooLong(InputRefused):
    """A line is longer than any order."""

    code = "line-too-long"
    message = "the line is longer than {most} bytes"
    hint = "end each order with a line break"


class FieldUnknown(InputRefused):
    """A line has a field that no order has."""

    code = "unknown-field"
    message = "no order has a field {field}"
    hint = "one of: {known}"


class FieldMisplaced(InputRefused):
    """A field of a line stands beside the lines, or one of the order within them."""

    code = "misplaced-field"
    message = "{field} stands in the wrong place: in lines[] are sku, qty and line_paid, only there"


@dataclass(frozen=True, slots=True)
class StreamLine:
    """A line as it came, numbered from 1; None where it was too long to be kept."""

    number: int
    octets: bytes | None


class LineRefused(Exception):
    """What is wrong with a line, the field it is in, if it is in one, and its order's number.

    `number` is empty where the line has none that can be read.
    """

    def __init__(
        self, problem: CardctlError, field: str | None = None, *, number: str = ""
    ) -> None:
        """Keep them."""
        super().__init__()
        self.problem = problem
        self.field = field
        self.number = number


def read_order(line: StreamLine, zone: ZoneInfo, *, now: int) -> OrderRecord:
    """The order that a line tells; `now` is epoch ms. Raises `LineRefused`."""
    if line.octets is None:
        raise LineRefused(LineTooLong(most=LINE_MAX_BYTES))
    told = _parse(line.octets)
    try:
        return _read_told(told, line.number, zone, now)
    except LineRefused as refused:
        problem, field = refused.problem, refused.field
    except CellRefused as refused:
        problem, field = refused.reject.problem, refused.reject.column
    except InputRefused as refused:
        problem, field = refused, None
    # Of many lines a script finds the bad one by its order, too.
    raise LineRefused(problem, field, number=_number_of(told, line.number, zone))


def _read_told(told: Mapping[str, Any], number: int, zone: ZoneInfo, now: int) -> OrderRecord:
    """Raises `LineRefused`, `CellRefused` and `InputRefused`."""
    order = {name: value for name, value in told.items() if name != _LINES}
    parts = [order]
    if (lines := told.get(_LINES)) is not None:
        parts = [order | part for part in _parts(order, lines)]
    record = merge_records([_read(part, number, zone, now) for part in parts])
    if record.may_be_new and not record.says_paid:
        raise LineRefused(CellMissing(field="paid"), "paid")
    return check_order(record)


def _number_of(told: Mapping[str, Any], number: int, zone: ZoneInfo) -> str:
    """The order's number, whatever is wrong with the other fields; empty where it is not valid."""
    named = {name: value for name, value in told.items() if fold(name) in _NUMBER_NAMES}
    try:
        return _row(named, number, zone).order_number()
    except (LineRefused, CellRefused, InputRefused):
        return ""


def _parse(octets: bytes) -> dict[str, Any]:
    try:
        told = _DECODER.decode(octets.decode("utf-8-sig"))
    except _Twice as twice:
        raise LineRefused(FieldTwice(field=twice.name[:40]), twice.name[:40]) from None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise LineRefused(NotJson())
    return told


def _parts(told: Mapping[str, Any], lines: object) -> list[dict[str, Any]]:
    """The lines of an order, each an object with nothing but what a line has."""
    if not (isinstance(lines, list) and lines and all(isinstance(one, dict) for one in lines)):
        problem = BadValue(value=_LINES, expected="a list of lines, each with its sku")
        raise LineRefused(problem, _LINES)
    for name in _fields_of(tuple(told)).keys() & _LINE_FIELDS:
        raise LineRefused(FieldMisplaced(field=name), name)
    for part in lines:
        for name in _fields_of(tuple(part)).keys() - _LINE_FIELDS:
            raise LineRefused(FieldMisplaced(field=name), name)
    return lines


def _fields_of(names: Sequence[str]) -> Mapping[str, str]:
    return _header(tuple(names)).names


def _read(told: Mapping[str, Any], number: int, zone: ZoneInfo, now: int) -> OrderRecord:
    row = _row(told, number, zone)
    record = FORMAT.read(row)
    # Of a file's orders they are taken as they are: nobody can mend a platform's list.
    _check(row, "email", check_address, record.email)
    _check(row, "paid_at", partial(check_paid_at, now=now), record.paid_at)
    return record


def _check(
    row: FieldRow, field: str, check: Callable[[Value], object], value: Value | None
) -> None:
    try:
        if value is not None:
            check(value)
    except InputRefused as problem:
        row.refuse(field, problem)


def _row(told: Mapping[str, Any], number: int, zone: ZoneInfo) -> FieldRow:
    header = _header(tuple(told))
    cells = [_cell(name, value) for name, value in told.items()]
    return FieldRow(number, cells, header, exact_numbers=True, zone=zone)


@lru_cache(_SHAPES_KEPT)
def _header(names: tuple[str, ...]) -> Header:
    """Where each field stands; a script's lines have one shape, or a few."""
    header = find_header(iter([Row(0, list(names))]), FORMAT.synonyms, ())
    for name in names:
        if name.strip() not in header.names.values():
            raise FieldUnknown(field=name[:40], known=", ".join([*FORMAT.synonyms, _LINES]))
    return header


def _cell(name: str, value: object) -> Cell:
    if isinstance(value, str | NotText):
        return value
    if value is None:
        return ""
    problem = BadValue(value=json.dumps(value, default=str)[:40], expected="a text or a number")
    raise LineRefused(problem, name)


def _number(text: str) -> NotText:
    return NotText("number", text)


class _Twice(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_number
)
"""Numbers keep the digits they are written with."""
