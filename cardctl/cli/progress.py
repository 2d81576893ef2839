"""The progress bar of bulk work, drawn on stderr when that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Progress:
    """A progress bar that is not drawn."""

    def advance(self, count: int = 1) -> None:
        """Note that so much more is done."""


class _Drawn(Progress):
    """One that is."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def advance(self, count: int = 1) -> None:
        self._bar.advance(self._task, count)


@contextmanager
def draw(label: str, total: int | None) -> Iterator[Progress]:
    """Draw a bar until the block ends; without a total it only counts."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Drawn(bar, bar.add_task(label, total=total))
