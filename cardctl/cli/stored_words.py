"""What the store keeps in codes and English, said in the language of the run."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from cardctl.cli.failures import say_message
from cardctl.cli.language import _, spoken, word
from cardctl.errors import CardctlError
from cardctl.settings import Language

WORDS = frozenset(
    {
        "alert",
        "event",
        "kind",
        "origin",
        "outcome",
        "scope",
        "state",
        "status",
        "tier",
        "via",
        "was",
    }
)
"""Columns that hold words of the trade, which are translated in tables."""

_FAILURES = ("error", "failure", "last_error")

_FAILING = (
    "cardctl.deliveries.channels.email",
    "cardctl.deliveries.channels.file",
    "cardctl.deliveries.channels.topup",
    "cardctl.deliveries.channels.webhook",
    "cardctl.deliveries.send",
    "cardctl.deliveries.topup_answer",
)
"""Whose errors stay with a delivery; imported only where one is said in another language."""

_CAUSES = frozenset({"short", "frozen", "held", "blocked", "unchanged", "cancelled", "refunded"})
"""What the reasons of issuing and reserving put before what they are about."""

_FIELD = re.compile(r"\\{(\w+)\\}")


def say_value(name: str, value: str) -> str:
    """A text of a column of that name, as people read it."""
    if name == "reason":
        return say_reason(value)
    if name in _FAILURES:
        return say_failure(value)
    if name == "noun":
        return _(value)
    return word(value) if name in WORDS else value


def say_reason(reason: str) -> str:
    """Why an order stopped: ``short: VIP 5/6`` or ``held: region-unknown VIP``, or a word."""
    cause, colon, about = reason.partition(": ")
    if not colon or cause not in _CAUSES:
        return word(reason)
    rule, space, rest = about.partition(" ")
    return f"{word(cause)}: {word(rule)}{space}{rest}"


def say_failure(stored: str) -> str:
    """Why a try of a delivery failed, by its code and English words; unknown ones stay as is."""
    if spoken() is Language.EN:
        return stored
    code, _colon, words = stored.partition(": ")
    for kind in _kinds():
        match = _pattern(kind.message).fullmatch(words) if kind.code == code else None
        if match is not None:
            return say_message(kind.message, match.groupdict())
    return stored


def _kinds() -> Iterator[type[CardctlError]]:
    for name in _FAILING:
        import_module(name)
    found = [CardctlError]
    for kind in found:
        found += kind.__subclasses__()
    return iter(found)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """What a message looks like that this template made; what fills it may be anything."""
    return re.compile(_FIELD.sub(r"(?P<\1>.*?)", re.escape(template)), re.DOTALL)
