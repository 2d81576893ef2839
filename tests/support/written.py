"""Which files a process opens for writing, as the interpreter itself reports it."""

import os
import sys
from typing import Self


class Written:
    """Hears of every file that is opened for writing within a `with` block, by this process."""

    now: "Written | None" = None

    def __enter__(self) -> Self:
        self.files: set[str] = set()
        Written.now = self
        return self

    def __exit__(self, *_: object) -> None:
        Written.now = None

    def beside_the_store(self) -> set[str]:
        """Those that are not cardctl's own, in its home."""
        return {name for name in self.files if "home" not in name and "__pycache__" not in name}


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and Written.now is not None:
        path, _, flags = arguments
        if isinstance(path, str) and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            Written.now.files.add(path)


# A hook cannot be taken away: there is one, for all tests.
sys.addaudithook(_hear)
