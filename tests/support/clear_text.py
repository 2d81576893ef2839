"""Look for secrets in clear: in every file below some folders, and in a database's own files."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def files_holding(needles: Iterable[str], folders: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file in which a needle stands, as UTF-8 or UTF-16, and the needle."""
    wanted = [
        (needle, form)
        for needle in needles
        for form in (needle.encode(), needle.encode("utf-16-le"))
    ]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                octets = path.read_bytes()
                yield from ((path, needle) for needle, form in wanted if form in octets)
