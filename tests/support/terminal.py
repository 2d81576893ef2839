"""A whole command line within this process, as faithfully as a process of its own.

The environment holds nothing but what is given; the standard streams are bytes underneath and no
terminals; whatever a program may set for its process is put back afterwards.
"""

import io
import json
import locale
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


@dataclass(frozen=True)
class Result:
    """What a command left: its exit status, its streams as text, and the bug if it met one."""

    status: int
    stdout: str
    stderr: str
    bug: BaseException | None = None

    @cached_property
    def json(self) -> Any:
        """The result document on stdout."""
        return json.loads(self.stdout)

    @cached_property
    def error(self) -> dict[str, Any]:
        """The error document on stderr (its last line): code, message, hint, details."""
        return json.loads(self.stderr.strip().splitlines()[-1])["error"]

    def __str__(self) -> str:
        """Everything one wants to see when the status was not the expected one."""
        return f"exit status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def run_in_process(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, stdin: bytes = b""
) -> Result:
    """Run `cardctl` with these arguments in a folder."""
    out, err = io.BytesIO(), io.BytesIO()
    with _process_state(environment, folder), _streams(stdin, out, err):
        status, bug = _enter(arguments)
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):
                stream.flush()
    return Result(status, out.getvalue().decode(), err.getvalue().decode(), bug)


def _enter(arguments: Sequence[str]) -> tuple[int, BaseException | None]:
    """The exit status, and the bug that ended the command, which its log file tells in part."""
    from cardctl.cli import failures
    from cardctl.cli.main import run

    bugs = []
    log_bug = failures.log_bug

    def keep_bug(error: BaseException, folder: Path) -> Path:
        bugs.append(error)
        return log_bug(error, folder)

    failures.log_bug = keep_bug
    try:
        return int(run(arguments)), next(iter(bugs), None)
    finally:
        failures.log_bug = log_bug


@contextmanager
def _streams(stdin: bytes, out: io.BytesIO, err: io.BytesIO) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    ours = (
        io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"),
        io.TextIOWrapper(_Kept(out), encoding="utf-8", write_through=True),
        io.TextIOWrapper(_Kept(err), encoding="utf-8", write_through=True),
    )
    sys.stdin, sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


class _Kept(io.RawIOBase):
    """Bytes written to a stream that its wrapper may close without losing them."""

    def __init__(self, kept: io.BytesIO) -> None:
        self._kept = kept

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._kept.write(data)


@contextmanager
def _process_state(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    variables, arguments, place = dict(os.environ), sys.argv, Path.cwd()
    mask = os.umask(0o022)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    language = locale.setlocale(locale.LC_ALL)
    root = logging.getLogger()
    listening, level = root.handlers[:], root.level
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(place)
        tempfile.tempdir = None
        os.umask(mask)
        sys.argv = arguments
        locale.setlocale(locale.LC_ALL, language)
        root.handlers[:], root.level = listening, level
        for number, handler in handlers.items():
            signal.signal(number, handler)
