"""The three streams: whether they are a terminal, how wide, in colour, and safe to write to."""

import os
import re
import shutil
import sys
import unicodedata
from typing import TextIO

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_STREAMS = (
    ("stdin", "r", "replace"),
    ("stdout", "w", "backslashreplace"),
    ("stderr", "w", "backslashreplace"),
)
"""Each with what becomes of a character that its encoding lacks."""
_BREAKS = re.compile("[\t\n]")
_PIECES = re.compile(r"[\u2e80-\uffef][，。；：、）」』]?|[^\s\u2e80-\uffef]+\s*|\s+")


def escape(text: str) -> str:
    """A text with ESC, control, direction and broken characters spelled out; newlines stay.

    What comes out of a file must not move the cursor, colour the screen or turn text around.
    """
    return _UNSAFE.sub(lambda match: _spell(match[0]), text)


def escape_cell(text: str) -> str:
    """The same for one cell of a table, which holds no newline and no tab either."""
    return _BREAKS.sub(lambda match: _spell(match[0]), escape(text))


def _spell(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class _Taste:
    """What this run was told about colours."""

    plain = False


def prepare_streams(*, plain: bool) -> None:
    """Let no character that an encoding lacks (GBK, ASCII) end a command with an error.

    A stream that came closed leads nowhere. `plain` keeps colours off for this run.
    """
    _Taste.plain = plain
    for name, mode, errors in _STREAMS:
        if getattr(sys, name) is None:
            # It takes the closed number, which would else go to the next file that is opened.
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8"))
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=errors)


def write(stream: TextIO, text: str) -> bool:
    """Write and flush; a pipe that was closed at its other end is left quietly.

    Returns whether somebody may still read. Raises `OutputUnwritable` when stdout takes nothing, as
    on a full disk; where stderr does not, nobody can be told.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _mute(stream)
        return False
    except OSError as error:
        _mute(stream)
        if stream is sys.stdout:
            from cardctl.workbooks.failures import OutputUnwritable

            raise OutputUnwritable(file="stdout", reason=error.strerror) from None
        return False
    return True


def _mute(stream: TextIO) -> None:
    """Point a stream nowhere, so that Python's flush at exit finds no broken pipe either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def is_interactive() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def has_colour(stream: TextIO) -> bool:
    """Whether colours help: a terminal that can, and nobody who asked for none."""
    if _Taste.plain or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((100, 24)).columns


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream can hold any character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def cells(text: str) -> int:
    """Columns that a text takes: East Asian characters take two, combining ones none."""
    return sum(_cell_count(character) for character in text)


def _cell_count(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns, broken at spaces or between East Asian characters."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if cells(lines[-1]) + cells(piece.rstrip()) > columns and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]
