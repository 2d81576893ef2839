"""The pattern of a product's keys: a regular expression that cannot run away.

A pattern meets every key of a file, keys of 4,000 characters among them. One that repeats a part
which itself may match in several ways takes exponential time on a key that nearly fits.
"""

import re
import warnings

from cardctl.errors import BadValue

PATTERN_LENGTH_MAX = 200

_EXACT_REPEATS_MAX = 10
_ESCAPE_OR_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_INNERMOST_GROUP = re.compile(
    r"\((?:\?(?:P<\w+>|[:=!>]|<[=!]|[a-zA-Z-]+:?))?(?P<inside>[^()]*)\)"
    r"(?P<repeat>[*+?]|\{\d*(?:,\d*)?\})?"
)
_SEVERAL_WAYS = re.compile(r"[*+?|]|\{\d*,\d*\}")


def check_pattern(text: str) -> str:
    """A pattern that keys are to match whole; raises `BadValue` for one that must not be used."""
    if len(text) > PATTERN_LENGTH_MAX or not text.isprintable():
        raise BadValue(value=text[:40], expected="a pattern of up to 200 printable characters")
    try:
        with warnings.catch_warnings():
            # What a later Python will read in another way is no pattern to keep.
            warnings.simplefilter("error")
            re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise BadValue(
            value=text, expected="a regular expression, such as [A-Z0-9]{4}-[A-Z0-9]{4}"
        ) from error
    if _runs_away(text):
        raise BadValue(
            value=text,
            expected="a pattern whose time is bounded: it repeats a part that already repeats",
        )
    return text


def _runs_away(pattern: str) -> bool:
    """Whether a group that may match in several ways is repeated many times."""
    bare = _ESCAPE_OR_CLASS.sub("x", pattern)
    while group := _INNERMOST_GROUP.search(bare):
        several_ways = _SEVERAL_WAYS.search(group["inside"]) is not None
        if several_ways and _repeats_freely(group["repeat"] or ""):
            return True
        varies = several_ways or _SEVERAL_WAYS.search(group["repeat"] or "") is not None
        bare = bare[: group.start()] + ("x?" if varies else "x") + bare[group.end() :]
    return False


def _repeats_freely(repeat: str) -> bool:
    if repeat in ("", "?"):
        return False
    exact = re.fullmatch(r"\{(\d+)\}", repeat)
    return exact is None or int(exact[1]) > _EXACT_REPEATS_MAX
