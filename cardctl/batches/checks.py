"""Decide about one row: what it says as a key, or everything that is wrong with it. Pure.

A key is opaque text and stays byte for byte what it was; a cell that is not text, or that holds
what nobody can see, is refused instead of repaired.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from cardctl.batches.columns import (
    COST,
    EXPIRES,
    FACE_VALUE,
    FIELD_PREFIX,
    NOTE,
    NUMBER,
    SECRET,
    SERIAL,
)
from cardctl.batches.heading import KindContradicted
from cardctl.batches.row_errors import (
    BadDate,
    BadMoney,
    CellMissing,
    ErrorCell,
    ExampleRow,
    Expired,
    ExtraCell,
    FormulaCell,
    InvisibleCharacter,
    NumberNotText,
    PatternMissed,
    Reject,
    TextTooLong,
)
from cardctl.clock import NEVER, day_of, parse_expiry, parse_instant
from cardctl.errors import BadValue, InputRefused
from cardctl.money import apply_rate, parse_yuan
from cardctl.workbooks.cells import Cell, NotText, Row, text_of
from cardctl.workbooks.headers import Header

Read = TypeVar("Read")

KEY_MAX = 4000
"""Characters of a number, a secret or a field; of a note and a serial too."""
EXAMPLES = ("示例-", "EXAMPLE-")
"""How the key begins in the row that a template shows how to fill in."""
_EXACT_DIGITS = 15
"""What Excel keeps of a number."""
_REMEMBERED = 10_000
_MASK_OF = 200
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
# Letters by Unicode's word, blank by sight.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_REFUSED_KINDS = {"formula": FormulaCell, "error": ErrorCell}
_DUST = Decimal("0.000001")
"""A binary fraction is off by far less; a price is never that fine."""
# A NUL Postgres refuses, lone surrogates both databases.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COMPACT_DAY = re.compile(r"(20\d\d)(\d\d)(\d\d)", re.ASCII)
_CHINESE_DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日? *(?=\d{1,2}:)", re.ASCII)
_SPAN = re.compile(r"[^至到~]*[至到~] *(\d{4}(?:\d{4}|\D.*))", re.ASCII)
"""A time of validity with its end, and often with its beginning: the end counts."""
_DAY_MAX = 64
"""Characters of a day, however it is written."""
_MIDNIGHT = re.compile(r"^(\S+) 0?0:00(:00)?$")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a row is checked against; money in fen, rates in basis points, `at` in epoch ms."""

    at: int
    zone: ZoneInfo
    pattern: str | None
    expires_at: int | None
    """For rows that do not say when they expire; None: they must."""
    cost_fen: int | None
    cost_rate_bp: int | None
    face_value_fen: int | None
    width_is_exact: bool
    """Whether a cell right of the header is a key that was cut: in text files, not in sheets."""
    naming_only: bool = False
    """Whether only the part that names a key counts: of what was sold nothing else is kept."""


class CheckedRow(NamedTuple):
    """A row that is a key; `fields` is a JSON object of the further fields of an account."""

    number: str | None
    secret: str
    fields: str | None
    serial: str | None
    note: str | None
    cost_fen: int | None
    expires_at: int


class RowChecker:
    """Checks the rows of one table; remembers the days and amounts it has read."""

    def __init__(
        self,
        header: Header,
        rules: Rules,
        *,
        mask: Callable[[str], str],
        partners: Mapping[int, str] | None = None,
        kind: str = "",
    ) -> None:
        """`mask` makes of a text what may be shown of it.

        `partners` are columns, with their names, that must be empty in keys of this `kind`.
        """
        self._rules = rules
        self._mask = mask
        self._columns = header.columns
        self._names = header.names
        self._width = header.width if rules.width_is_exact else None
        self._has_number = NUMBER in header.columns
        self._further = [name for name in header.columns if name.startswith(FIELD_PREFIX)]
        self._pattern = re.compile(rules.pattern).fullmatch if rules.pattern else None
        self._partners = partners or {}
        self._kind = kind
        self._today = day_of(rules.at, rules.zone)
        self._days: dict[Cell, int] = {}
        self._amounts: dict[Cell, int] = {}

    def check(self, row: Row) -> CheckedRow | list[Reject]:
        """The key that a row holds, or all that is wrong with it."""
        errors: list[Reject] = []
        if self._rules.naming_only:
            return self._named(row, errors)
        number = self._read(row, NUMBER, self._named_key, errors) if self._has_number else None
        secret = self._read(row, SECRET, key_text if self._has_number else self._named_key, errors)
        fields = self._fields(row, errors) if self._further else None
        serial = self._read(row, SERIAL, _plain, errors)
        note = self._read(row, NOTE, _plain, errors)
        cost_fen = self._cost(row, errors)
        expires_at = self._read(row, EXPIRES, self._expiry, errors)
        self._alien(row, errors)
        if errors or secret is None or expires_at is None:
            return errors
        return CheckedRow(number, secret, fields, serial, note, cost_fen, expires_at)

    def _named(self, row: Row, errors: list[Reject]) -> CheckedRow | list[Reject]:
        """The part that names a key, and nothing beside it."""
        field = NUMBER if self._has_number else SECRET
        name = self._read(row, field, self._named_key, errors)
        self._alien(row, errors)
        if errors or name is None:
            return errors
        return CheckedRow(None, name, None, None, None, None, NEVER)

    def _alien(self, row: Row, errors: list[Reject]) -> None:
        """Cells with something in them where a key of this product has nothing."""
        cells = row.cells
        if self._width is not None and any(cells[self._width :]):
            errors.append(Reject(row.number, "", ExtraCell()))
        for column, name in self._partners.items():
            if column < len(cells) and cells[column]:
                problem = KindContradicted(kind=self._kind, column=name)
                errors.append(Reject(row.number, name, problem))

    def _read(
        self, row: Row, field: str, meaning: Callable[[Cell], Read], errors: list[Reject]
    ) -> Read | None:
        """What a cell means; what is wrong with it goes to `errors`."""
        index = self._columns.get(field)
        cells = row.cells
        cell = cells[index] if index is not None and index < len(cells) else ""
        try:
            return meaning(cell)
        except InputRefused as problem:
            seen = "".join(filter(str.isprintable, text_of(cell)[:_MASK_OF]))
            problem.details["masked"] = self._mask(seen)
            errors.append(Reject(row.number, self._names.get(field, field), problem))
            return None

    def _named_key(self, cell: Cell) -> str:
        """The part of a key that is fingerprinted, and that the product's pattern is about."""
        text = key_text(cell)
        if text.startswith(EXAMPLES):
            raise ExampleRow
        if self._pattern and not self._pattern(text):
            raise PatternMissed
        return text

    def _fields(self, row: Row, errors: list[Reject]) -> str | None:
        """The further fields that are filled in, as a JSON object."""
        values = {
            field.removeprefix(FIELD_PREFIX): self._read(row, field, self._optional_key, errors)
            for field in self._further
        }
        filled = {name: value for name, value in values.items() if value}
        return json.dumps(filled, ensure_ascii=False) if filled else None

    def _optional_key(self, cell: Cell) -> str:
        return key_text(cell) if cell else ""

    def _cost(self, row: Row, errors: list[Reject]) -> int | None:
        """The cost by column, by option, or by rate of the face value; None when not known."""
        rules = self._rules
        cost_fen = self._read(row, COST, self._amount, errors)
        if cost_fen is not None:
            return cost_fen
        if rules.cost_fen is not None or rules.cost_rate_bp is None:
            return rules.cost_fen
        face_value_fen = self._read(row, FACE_VALUE, self._amount, errors)
        if face_value_fen is None:
            face_value_fen = rules.face_value_fen
        return None if face_value_fen is None else apply_rate(face_value_fen, rules.cost_rate_bp)

    def _amount(self, cell: Cell) -> int | None:
        """Fen of an amount in yuan; None for an empty cell."""
        if not cell:
            return None
        if cell not in self._amounts:
            _make_room(self._amounts)
            self._amounts[cell] = _fen(cell)
        return self._amounts[cell]

    def _expiry(self, cell: Cell) -> int:
        """The last good instant of what is still good."""
        if not cell:
            if self._rules.expires_at is None:
                raise CellMissing
            return self._rules.expires_at
        if cell not in self._days:
            _make_room(self._days)
            self._days[cell] = _last_instant(cell, self._today, self._rules.zone)
        expires_at = self._days[cell]
        if expires_at < self._rules.at:
            day = day_of(expires_at, self._rules.zone)
            raise Expired(day=day.isoformat())
        return expires_at


def key_text(cell: Cell) -> str:
    """Secret text, exactly as it came; raises what is wrong with it, without its mask."""
    if not cell:
        raise CellMissing
    if not isinstance(cell, str):
        raise _REFUSED_KINDS.get(cell.kind, NumberNotText)
    if len(cell) > KEY_MAX:
        raise TextTooLong(length=len(cell), most=KEY_MAX)
    plain = cell.isascii() and cell.isprintable() and cell[0] != " " and cell[-1] != " "
    if not plain and (hidden := _invisible(cell)):
        raise InvisibleCharacter(character=f"U+{ord(hidden):04X}")
    return cell


def _invisible(text: str) -> str | None:
    """The first character that nobody sees: at an edge a space is one too."""
    for edge in (text[0], text[-1]):
        if edge == " ":
            return edge
    for character in text:
        if character in _BLANK_LETTERS or (
            character != " " and unicodedata.category(character) in _INVISIBLE
        ):
            return character
    return None


def _plain(cell: Cell) -> str | None:
    """A serial or a note, kept in clear; a number is one if it has all its digits."""
    if not cell:
        return None
    if isinstance(cell, NotText):
        if cell.kind in _REFUSED_KINDS:
            raise _REFUSED_KINDS[cell.kind]
        if cell.kind == "number" and len(cell.text) > _EXACT_DIGITS:
            raise NumberNotText
        return cell.text
    if len(cell) > KEY_MAX:
        raise TextTooLong(length=len(cell), most=KEY_MAX)
    if unstorable := _UNSTORABLE.search(cell):
        raise InvisibleCharacter(character=f"U+{ord(unstorable[0]):04X}")
    return cell.strip() or None


def _fen(cell: Cell) -> int:
    if isinstance(cell, NotText):
        if cell.kind in _REFUSED_KINDS:
            raise _REFUSED_KINDS[cell.kind]
        if cell.kind != "number":
            raise BadMoney
    try:
        text = cell if isinstance(cell, str) else f"{Decimal(cell.text).quantize(_DUST):f}"
        fen = parse_yuan(text)
    except (BadValue, ArithmeticError):
        raise BadMoney from None
    if fen < 0:
        raise BadMoney
    return fen


def _last_instant(cell: Cell, today: date, zone: ZoneInfo) -> int:
    """Epoch ms of the end of a day, or of the very moment where one is written."""
    if isinstance(cell, NotText):
        if cell.kind in _REFUSED_KINDS:
            raise _REFUSED_KINDS[cell.kind]
        if cell.kind == "boolean":
            raise BadDate
    text = unicodedata.normalize("NFKC", text_of(cell)[: _DAY_MAX + 1]).strip()
    if len(text) > _DAY_MAX:
        raise BadDate
    span = _SPAN.fullmatch(text)
    text = _CHINESE_DAY.sub(r"\1-\2-\3 ", span[1] if span else text)
    text = _MIDNIGHT.sub(r"\1", text)
    text = _COMPACT_DAY.sub(r"\1-\2-\3", text) if _COMPACT_DAY.fullmatch(text) else text
    try:
        return (
            parse_instant(text, zone) if ":" in text else parse_expiry(text, today=today, zone=zone)
        )
    except (BadValue, OverflowError, ValueError):
        raise BadDate from None


def _make_room(remembered: dict[Cell, int]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
