"""Read a table out of a file, row by row, without parsing a byte of it in this process.

The child gets one line of JSON (the password, the sheet) and then the file, through its stdin. It
answers with lines of JSON: what the table is, batches of rows, and an end; or one error. A child
that goes without an end has crashed, was stopped by its limits, or was killed as too slow.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol

from cardctl.errors import CardctlError
from cardctl.workbooks.cells import HiddenRows, MergedCells, NotText, Row, TableWarning
from cardctl.workbooks.failures import FROM_CHILD, FileTooLarge, ReaderDied
from cardctl.workbooks.source import Source

__all__ = ["Source", "Table", "open_table"]

SILENCE_S = 180
"""How long the child may work without a word."""

_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""All that the child sees of the environment: no key, no database password."""

_STOPPED = (signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT)
"""How a child ends that meets its limits: the parser aborts where it gets no memory."""


class Password(Protocol):
    """Secret text that says what it is only when asked."""

    def reveal(self) -> str:
        """The text itself."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """An open table: what it is, and its rows, which can be taken once."""

    format: Literal["xlsx", "csv", "tsv", "jsonl"]
    sheet: str | None
    warnings: tuple[TableWarning, ...]
    merged: tuple[MergedCells, ...]
    encrypted: bool
    rows: Iterator[Row]


@contextmanager
def open_table(
    source: Source, *, password: Password | None = None, sheet: str | None = None
) -> Iterator[Table]:
    """The table in a file, told by its content; a password is ignored where none is needed.

    Raises, here or while rows are taken, the errors of `failures`: each says what is wrong with
    the file. Leaving the context ends the child.
    """
    child = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-m", "cardctl.workbooks.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        close_fds=True,
        # A Ctrl-C is the parent's to handle; it ends the child.
        start_new_session=True,
    )
    with _ended(child):
        _feed(child, source, {"password": password.reveal() if password else None, "sheet": sheet})
        answers = _answers(child, source)
        facts = next(answers)
        yield Table(
            format=facts["format"],
            sheet=facts["sheet"],
            warnings=_warnings(facts),
            merged=tuple(MergedCells(*ends) for ends in facts["merged"]),
            encrypted=facts["encrypted"],
            rows=_rows(answers),
        )


@contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        child.kill()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        child.wait()


def _feed(child: subprocess.Popen[bytes], source: Source, request: dict[str, object]) -> None:
    """Send the request and the file; a child that is gone is noticed when it is read from."""
    assert child.stdin is not None
    with _silence_kills(child):
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            for chunk in source.hashed_chunks():
                child.stdin.write(chunk)
        except BrokenPipeError:
            pass
        finally:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()


def _answers(child: subprocess.Popen[bytes], source: Source) -> Iterator[dict[str, Any]]:
    """What the child says, up to its end; raises what is wrong with the file."""
    assert child.stdout is not None
    while True:
        answer = _answer(child, child.stdout)
        if answer is None:
            raise _death(child, source)
        if "error" in answer:
            raise _error(answer, source)
        if "end" in answer:
            return
        yield answer


def _answer(child: subprocess.Popen[bytes], stream: IO[bytes]) -> dict[str, Any] | None:
    with _silence_kills(child):
        line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    answer: dict[str, Any] = json.loads(line)
    return answer


@contextmanager
def _silence_kills(child: subprocess.Popen[bytes]) -> Iterator[None]:
    timer = threading.Timer(SILENCE_S, child.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _death(child: subprocess.Popen[bytes], source: Source) -> CardctlError:
    stopped = -child.wait() in _STOPPED
    return (FileTooLarge if stopped else ReaderDied)(file=source.name)


def _error(answer: dict[str, Any], source: Source) -> CardctlError:
    known = FROM_CHILD.get(answer["error"], ReaderDied)
    return known(file=source.name, **answer["details"])


def _rows(answers: Iterator[dict[str, Any]]) -> Iterator[Row]:
    for answer in answers:
        cells = answer["cells"]
        for row, column, kind, text in answer["not_text"]:
            cells[row][column] = NotText(kind, text)
        yield from map(Row, answer["numbers"], cells)


def _warnings(facts: dict[str, Any]) -> tuple[TableWarning, ...]:
    if not facts["hidden_rows"]:
        return ()
    return (HiddenRows({"count": facts["hidden_rows"], "sheet": facts["sheet"]}),)
