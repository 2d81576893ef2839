"""Measure whole commands: time, and the memory of a process together with its children."""

import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What one command took."""

    seconds: float
    peak_mb: float
    stdout: str


def measure(process: subprocess.Popen[str], *, status: int | None = 0) -> Measured:
    """Wait for a started process; fails when it does not end with that status, if one is given."""
    peaks = [0.0]
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, done, peaks))
    watch.start()
    begun = time.monotonic()
    stdout, stderr = process.communicate()
    seconds = time.monotonic() - begun
    done.set()
    watch.join()
    assert status is None or process.returncode == status, stderr
    return Measured(seconds, max(peaks), stdout)


def _watch(pid: int, done: threading.Event, peaks: list[float]) -> None:
    while not done.wait(0.05):
        peaks.append(sum(_resident_mb(one) for one in _family(pid)))


def _family(pid: int) -> list[int]:
    """A process and all below it, as far as they still live."""
    found = [pid]
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/task").iterdir():
            for child in (path / "children").read_text().split():
                found += _family(int(child))
    return found


def _resident_mb(pid: int) -> float:
    """Proportional: what parent and child share counts once."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
