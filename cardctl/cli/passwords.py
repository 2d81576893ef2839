"""Where a password comes from: never an argument of the command itself."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cardctl.errors import UsageRefused

if TYPE_CHECKING:
    from cardctl.cli.context import Context
    from cardctl.vault.secret import Secret

_LONGEST = 16_384
"""Bytes: a key of 4,000 characters fits, whatever its letters."""


class BadPasswordSource(UsageRefused):
    """The SPEC is none of those there are."""

    code = "bad-password-source"
    message = "{option} names no place that a password can come from"
    hint = "file:PATH, env:NAME, fd:N, command:LINE or prompt"


class PasswordUnreadable(UsageRefused):
    """The place that was named gives no password."""

    code = "password-unreadable"
    message = "no password can be read from {kind}: {reason}"
    hint = "check the place that {option} names"


def read_password(context: "Context", spec: str | None) -> "Secret | None":
    """The password of a file; None for no SPEC. Raises what `read_secret` does."""
    from cardctl.vault.secret import Secret

    if spec is None:
        return None
    if spec == "prompt":
        return Secret(context.ask_secret("Password of the file"))
    return read_secret(spec, option="--password-source")


def read_secret(spec: str, *, option: str) -> "Secret":
    """What a SPEC of an option leads to, without the line break at its end.

    Raises `BadPasswordSource` and `PasswordUnreadable`; neither repeats what stood after the colon.
    """
    from cardctl.vault.secret import Secret

    kind, _, argument = spec.partition(":")
    read = _READERS.get(kind)
    if read is None or not argument:
        raise BadPasswordSource(option=option)
    try:
        octets = read(argument)
        text = octets.decode()
    except UnicodeDecodeError:
        raise PasswordUnreadable(option=option, kind=kind, reason="it is not UTF-8") from None
    except subprocess.CalledProcessError:
        raise PasswordUnreadable(option=option, kind=kind, reason="the command failed") from None
    except (OSError, ValueError):
        raise PasswordUnreadable(option=option, kind=kind, reason="it cannot be read") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise PasswordUnreadable(option=option, kind=kind, reason="it is empty")
    if len(octets) > _LONGEST:
        raise PasswordUnreadable(option=option, kind=kind, reason="it is too long")
    return Secret(password)


def _from_file(argument: str) -> bytes:
    with Path(argument).expanduser().open("rb") as stream:
        return stream.read(_LONGEST + 1)


def _from_variable(argument: str) -> bytes:
    return os.environ.get(argument, "").encode()


def _from_descriptor(argument: str) -> bytes:
    with os.fdopen(int(argument), "rb", closefd=False) as stream:
        return stream.read(_LONGEST + 1)


def _from_command(argument: str) -> bytes:
    done = subprocess.run(shlex.split(argument), stdout=subprocess.PIPE, check=True)
    return done.stdout[: _LONGEST + 1]


_READERS = {
    "file": _from_file,
    "env": _from_variable,
    "fd": _from_descriptor,
    "command": _from_command,
}
