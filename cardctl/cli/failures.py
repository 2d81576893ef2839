"""How a failure is told: an error to the user in words or JSON, a bug to a log file."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from cardctl.cli.language import _, word
from cardctl.cli.terminal import escape, has_colour, write
from cardctl.clock import now_ms
from cardctl.errors import CardctlError

TEXT_DETAILS = frozenset({"expected", "noun", "problem", "question", "reason"})
"""Details of errors that are texts of ours; any other detail is somebody's data."""


def say_error(error: CardctlError, *, as_json: bool) -> None:
    """Tell an error on stderr."""
    message, hint = describe(error)
    if as_json:
        document = {
            "code": error.code,
            "message": message,
            "hint": hint or None,
            "details": error.details,
        }
        write(sys.stderr, json.dumps({"error": document}, default=str) + "\n")
        return
    red, plain = ("\x1b[31m", "\x1b[0m") if has_colour(sys.stderr) else ("", "")
    lines = [f"{red}{_('error')}[{error.code}]{plain}: {escape(message)}"]
    if hint:
        lines.append(f"{_('hint')}: {escape(hint)}")
    write(sys.stderr, "\n".join(lines) + "\n")


def describe(error: CardctlError) -> tuple[str, str]:
    """Message and hint in the language of the run.

    A hint names commands, so its details stay as they are.
    """
    return say_message(error.message, error.details), _(error.hint).format(**error.details)


def say_message(template: str, details: Mapping[str, object]) -> str:
    """A message in the language of the run.

    Details that are texts of ours ("a whole number"), a status, or words of the operating system
    are translated.
    """
    system = _system_reasons() if "reason" in details else {}
    spoken = {
        name: system.get(str(value)) or _(str(value)) if name in TEXT_DETAILS else value
        for name, value in details.items()
    }
    if "status" in spoken:
        spoken["status"] = word(str(spoken["status"]))
    return _(template).format(**spoken)


def _system_reasons() -> dict[str, str]:
    """What the operating system says of a file it refuses, and the same in the spoken language."""
    return {
        os.strerror(errno.EACCES): _("Permission denied"),
        os.strerror(errno.EBUSY): _("Device or resource busy"),
        os.strerror(errno.EEXIST): _("File exists"),
        os.strerror(errno.EFBIG): _("File too large"),
        os.strerror(errno.EIO): _("Input/output error"),
        os.strerror(errno.EISDIR): _("Is a directory"),
        os.strerror(errno.ELOOP): _("Too many levels of symbolic links"),
        os.strerror(errno.EMFILE): _("Too many open files"),
        os.strerror(errno.ENAMETOOLONG): _("File name too long"),
        os.strerror(errno.ENOENT): _("No such file or directory"),
        os.strerror(errno.ENOSPC): _("No space left on device"),
        os.strerror(errno.ENOTDIR): _("Not a directory"),
        os.strerror(errno.EPERM): _("Operation not permitted"),
        os.strerror(errno.EROFS): _("Read-only file system"),
    }


def log_bug(error: BaseException, folder: Path) -> Path:
    """Write where a bug happened to a file of its own that only its owner can read.

    It holds the frames and the kinds of the errors, but neither locals nor the errors' words:
    those may quote a card.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"bug-{now_ms()}-{os.getpid()}.log"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(trace(error), "utf-8")
    return path


def trace(error: BaseException) -> str:
    """Frames and kinds of an error and of what caused it, the first cause first."""
    parts = []
    current: BaseException | None = error
    while current is not None:
        kind = f"{type(current).__module__}.{type(current).__qualname__}"
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{kind}{_system_words(current)}\n")
        current = current.__cause__ or current.__context__
    return "\nthen\n\n".join(reversed(parts))


def _system_words(error: BaseException) -> str:
    """What the operating system said, which quotes file names only."""
    return f": {error}" if isinstance(error, OSError) else ""
