"""Read tables out of a file, row by row, without parsing a byte of it in this process.

The child gets one line of JSON (the size of the file, and the request) and then the file, through
its stdin. It answers with lines of JSON: for each table what it is, batches of rows, and its end;
after the last one that it is done; or one error. A child that goes before it is done has crashed,
was stopped by its limits, or was killed as too slow.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from typing import IO, Any, Literal, Protocol

from cardctl.errors import CardctlError
from cardctl.workbooks.cells import (
    HiddenRows,
    MemberUnread,
    MergedCells,
    NotText,
    Row,
    SkippedLine,
    SkippedLines,
    TableWarning,
)
from cardctl.workbooks.failures import FROM_CHILD, FileTooLarge, ReaderDied
from cardctl.workbooks.line_template import parse_template
from cardctl.workbooks.parsed import Request
from cardctl.workbooks.source import Source

__all__ = ["Source", "Table", "open_files", "open_sheets", "open_table", "open_tables"]

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
    """An open table: what it is, and its rows, which can be taken once.

    `member` is the name of the file in a zip, else empty; `alone` says that the workbook has no
    other sheet with cells. Pasted text has a header row made here, whatever mapping the caller
    remembers: ``number``, ``secret`` and so on; what its lines are is in `skipped` at their end.
    """

    format: Literal["xlsx", "xls", "csv", "tsv", "jsonl", "text"]
    sheet: str | None
    alone: bool
    member: str
    warnings: tuple[TableWarning, ...]
    merged: tuple[MergedCells, ...]
    encrypted: bool
    rows: Iterator[Row]
    skipped: SkippedLines


@contextmanager
def open_table(
    source: Source, *, password: Password | None = None, sheet: str | None = None
) -> Iterator[Table]:
    """The one table with a header in a file: a workbook, csv, tsv or jsonl, told by its content.

    A password is ignored where none is needed. Raises, here or while rows are taken, the errors of
    `failures`: each says what is wrong with the file. Leaving the context ends the child.
    """
    with _opened(source, Request("table", _revealed(password), sheet)) as tables:
        yield next(tables)


@contextmanager
def open_tables(
    source: Source,
    *,
    password: Password | None = None,
    sheet: str | None = None,
    line: str | None = None,
    columns: Collection[str] = (),
) -> Iterator[Iterator[Table]]:
    """The tables of keys in a file of any shape: those of `open_table`, pasted text, or a zip.

    A zip gives a table a member, every other file one. `line` is the template of a line of text,
    see `line_template`. `columns` are headers that the caller knows beside the common ones (those
    a mapping names, the fields of an account): a text whose first rows hold one is no pasted text.
    Rows that are not taken are passed by when the next table is. Raises as `open_table` does, for
    a file in a zip too, and what `parse_template` does.
    """
    if line is not None:
        parse_template(line, columns)
    request = Request("keys", _revealed(password), sheet, line, tuple(columns))
    with _opened(source, request) as tables:
        yield tables


@contextmanager
def open_sheets(source: Source, *, password: Password | None = None) -> Iterator[Iterator[Table]]:
    """Every sheet with cells, hidden ones too, in the order of the workbook; else as `open_table`.

    A text file is one table without a sheet.
    """
    with _opened(source, Request("sheets", _revealed(password))) as tables:
        yield tables


@contextmanager
def open_files(source: Source) -> Iterator[Iterator[Table]]:
    """Every table of a file, whose reader knows by the header which one he wants.

    The sheets of a workbook that are not hidden, and those of each file in a zip. Raises as
    `open_tables` does.
    """
    with _opened(source, Request("files")) as tables:
        yield tables


def _revealed(password: Password | None) -> str | None:
    return password.reveal() if password else None


@contextmanager
def _opened(source: Source, request: Request) -> Iterator[Iterator[Table]]:
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
        _feed(child, source, {"size": source.size} | asdict(request))
        answers = _answers(child, source)
        # What is wrong with the file as a whole is raised here, before anything is begun.
        first = next(answers)
        yield _tables(first, answers, source)


def _tables(
    first: dict[str, Any], answers: Iterator[dict[str, Any]], source: Source
) -> Iterator[Table]:
    for facts in chain([first], answers):
        skipped = SkippedLines()
        rows = _rows(answers, skipped)
        yield Table(
            format=facts["format"],
            sheet=facts["sheet"],
            alone=facts["alone"],
            member=facts["member"],
            warnings=_warnings(facts, source),
            merged=tuple(MergedCells(*ends) for ends in facts["merged"]),
            encrypted=facts["encrypted"],
            rows=rows,
            skipped=skipped,
        )
        deque(rows, maxlen=0)


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
    """What the child says until it is done; raises what is wrong with the file."""
    assert child.stdout is not None
    while True:
        answer = _answer(child, child.stdout)
        if answer is None:
            raise _death(child, source)
        if "error" in answer:
            raise _error(answer, source)
        if "done" in answer:
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
    member = answer["details"].pop("member", "")
    return known(file=f"{source.name}/{member}" if member else source.name, **answer["details"])


def _rows(answers: Iterator[dict[str, Any]], skipped: SkippedLines) -> Iterator[Row]:
    """The rows of a table up to its end, where the child says what it skipped."""
    for answer in answers:
        if "end" in answer:
            skipped.count = answer["skipped_count"]
            skipped.lines.extend(SkippedLine(*line) for line in answer["skipped"])
            return
        cells = answer["cells"]
        for row, column, kind, text in answer["not_text"]:
            cells[row][column] = NotText(kind, text)
        yield from map(Row, answer["numbers"], cells)


def _warnings(facts: dict[str, Any], source: Source) -> tuple[TableWarning, ...]:
    warnings: list[TableWarning] = [
        MemberUnread({"member": member, "file": source.name}) for member in facts["unread_members"]
    ]
    if facts["hidden_rows"]:
        warnings.append(HiddenRows({"count": facts["hidden_rows"], "sheet": facts["sheet"]}))
    return tuple(warnings)
