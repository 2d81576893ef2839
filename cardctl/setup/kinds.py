"""The kinds of values a setup workbook holds: how each is read from text, and written as text."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from cardctl.catalog.bundles import Component, check_components, parse_component
from cardctl.catalog.entries import check_code, check_name, check_text
from cardctl.catalog.patterns import check_pattern
from cardctl.clock import parse_days
from cardctl.errors import BadValue
from cardctl.money import format_rate, format_yuan, parse_amount, parse_rate

Word = TypeVar("Word", bound=StrEnum)

_NUMBER = re.compile(r"[0-9]{1,9}")
_BETWEEN = re.compile(r"[,，、;；]")
_YES = frozenset({"yes", "y", "true", "是"})
_NO = frozenset({"no", "n", "false", "否"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value; `read` raises `BadValue`, `write` is told whether to write Chinese."""

    read: Callable[[str], Any]
    write: Callable[[Any, bool], str] = lambda value, _chinese: str(value)
    codes: Callable[[Any], tuple[str, ...]] = lambda value: (value,)
    """The codes of other entries in a value, for a field that refers to some."""


class UnknownWord(BadValue):
    """A word that is none of those there are."""

    message = "{value!r} is none of {known}"


def one_of(words: Mapping[Word, str]) -> Kind:
    """A word of an enumeration; `words` has the Chinese of each, and both are read."""
    meanings = {str(word).casefold(): word for word in words}
    meanings |= {chinese: word for word, chinese in words.items()}
    listed = ", ".join(words)

    def read(text: str) -> Word:
        word = meanings.get(text.strip().casefold())
        if word is None:
            raise UnknownWord(value=text[:40], known=listed)
        return word

    return Kind(read, lambda value, chinese: words[value] if chinese else str(value))


def _read_number(text: str) -> int:
    bare = text.strip()
    if not _NUMBER.fullmatch(bare):
        raise BadValue(value=text[:40], expected="a whole number")
    return int(bare)


def _read_days(text: str) -> int:
    bare = text.strip().removesuffix("天")
    return parse_days(bare if bare.endswith("d") else f"{bare}d")


def _read_yes(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise BadValue(value=text[:40], expected="yes or no")
    return word in _YES


def _write_yes(value: bool, chinese: bool) -> str:  # noqa: FBT001 -- as every kind is written
    return ("是" if value else "否") if chinese else ("yes" if value else "no")


def _read_codes(text: str) -> tuple[str, ...]:
    """Codes with commas between them; one that stands twice counts once."""
    found = [check_code(part) for part in _BETWEEN.split(text) if part.strip()]
    return tuple(dict.fromkeys(found))


def _read_components(text: str) -> tuple[Component, ...]:
    found = [parse_component(part) for part in _BETWEEN.split(text) if part.strip()]
    return check_components(found)


CODE = Kind(check_code)
NAME = Kind(check_name)
TEXT = Kind(check_text)
PATTERN = Kind(check_pattern)
YUAN = Kind(parse_amount, lambda value, _chinese: format_yuan(value))
RATE = Kind(parse_rate, lambda value, _chinese: format_rate(value))
NUMBER = Kind(_read_number)
DAYS = Kind(_read_days, lambda value, _chinese: f"{value}d")
YES_NO = Kind(_read_yes, _write_yes)
CODES = Kind(_read_codes, lambda value, _chinese: ", ".join(value), tuple)
COMPONENTS = Kind(
    _read_components,
    lambda value, _chinese: ", ".join(map(str, value)),
    lambda value: tuple(one.sku for one in value),
)
