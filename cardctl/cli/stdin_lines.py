"""Lines of stdin as they come, until they end or somebody says stop.

Lines that wait together are given together; nobody waits for more of them. A line is held until it
ends, but never more of it than a line may have.
"""

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from io import BufferedReader, UnsupportedOperation
from typing import TextIO, cast

from cardctl.errors import ExitStatus

_READ_BYTES = 65_536
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NOBODY_THERE = select.POLLERR | select.POLLHUP
_REST_AFTER_MS = 1_000


class _Woken(Enum):
    """What ended a wait."""

    TO_READ = auto()
    TO_REST = auto()
    TO_END = auto()


@dataclass(slots=True)
class Stop:
    """Whether the work is to end, and what the command then ends with."""

    wakes: int
    """A descriptor that can be read once it is."""
    asked: bool = False
    status: ExitStatus = ExitStatus.DONE


@contextmanager
def stopping() -> Iterator[Stop]:
    """SIGTERM and SIGINT ask to stop after the work at hand; a second one ends it at once."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stop = Stop(reader)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    woken_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def ask(number: int, _frame: object) -> None:
        stop.asked = True
        stop.status = ExitStatus.INTERRUPTED if number == signal.SIGINT else ExitStatus.DONE
        for known in _SIGNALS:
            signal.signal(known, before[known])

    try:
        for number in _SIGNALS:
            signal.signal(number, ask)
        yield stop
    finally:
        signal.set_wakeup_fd(woken_before)
        for number in _SIGNALS:
            signal.signal(number, before[number])
        os.close(reader)
        os.close(writer)


@dataclass(slots=True)
class LineReader:
    """Cuts what comes into lines, each with its number; one that is too long is None."""

    most: int
    """Bytes that a line may have."""
    _rest: bytearray = field(default_factory=bytearray)
    _cut: bool = False
    """Whether the line at hand is too long."""
    _number: int = 0

    def take(self, octets: bytes) -> list[tuple[int, bytes | None]]:
        """The lines that end within these bytes; empty ones are numbered and left out."""
        *ended, rest = octets.split(b"\n")
        lines = []
        for part in ended:
            self._hold(part)
            lines += self._end()
        self._hold(rest)
        return lines

    def finish(self) -> list[tuple[int, bytes | None]]:
        """The last line, where no line break ends it."""
        return self._end()

    def _hold(self, part: bytes) -> None:
        if self._cut or len(self._rest) + len(part) > self.most:
            self._cut = True
            self._rest.clear()
        else:
            self._rest += part

    def _end(self) -> list[tuple[int, bytes | None]]:
        self._number += 1
        line = None if self._cut else bytes(self._rest)
        self._cut = False
        self._rest.clear()
        return [] if line is not None and not line.strip() else [(self._number, line)]


def lines_of_stdin(stop: Stop, *, most: int) -> Iterator[list[tuple[int, bytes | None]]]:
    """The lines that are there, again and again; none of them once when none come for a while.

    Ends with stdin, by `stop`, or when nobody reads stdout any more.
    """
    reader, stream = LineReader(most), cast("BufferedReader", sys.stdin.buffer)
    patience: int | None = _REST_AFTER_MS
    while not stop.asked:
        woken = _wait(stream, stop, patience)
        if woken is _Woken.TO_END:
            return
        if woken is _Woken.TO_REST:
            patience = None
            yield []
            continue
        patience = _REST_AFTER_MS
        octets = stream.read1(_READ_BYTES)
        if not octets:
            yield reader.finish()
            return
        yield reader.take(octets)


def _wait(stream: BufferedReader, stop: Stop, patience: int | None) -> _Woken:
    """Wait for input, so many milliseconds or for ever."""
    source, answers = _descriptor(stream), _descriptor(sys.stdout)
    if source is None:
        return _Woken.TO_READ
    poll = select.poll()
    poll.register(source, select.POLLIN)
    poll.register(stop.wakes, select.POLLIN)
    if answers is not None:
        # No event is asked for: that nobody reads the answers any more is told unasked.
        poll.register(answers, 0)
    told = dict(poll.poll(patience))
    left = answers is not None and told.get(answers, 0) & _NOBODY_THERE
    if left or stop.wakes in told:
        return _Woken.TO_END
    return _Woken.TO_READ if told else _Woken.TO_REST


def _descriptor(stream: BufferedReader | TextIO) -> int | None:
    """The number of a stream; None for one in memory, which never waits."""
    try:
        return stream.fileno()
    except UnsupportedOperation:
        return None
