"""What an edit was asked: only the fields that were given change, and --clear empties some."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from cardctl.errors import UsageRefused


class NothingToChange(UsageRefused):
    """An edit that names no field."""

    code = "nothing-to-change"
    message = "nothing to change was given"
    hint = "{command} --help"


def changes_of(
    command: str,
    given: Mapping[str, Any],
    *,
    clear: Sequence[StrEnum] | None = None,
    empty: Mapping[StrEnum, tuple[str, object]] | None = None,
) -> dict[str, Any]:
    """The fields that were given, by their names in the entry; lists become tuples.

    `empty` says for each word of --clear which field it empties and what is in it then. Raises
    `NothingToChange`.
    """
    changes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value not in (None, [], ())
    }
    changes |= dict((empty or {})[word] for word in clear or [])
    if not changes:
        raise NothingToChange(command=command)
    return changes
