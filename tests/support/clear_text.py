"""Look for secrets in clear: in every file below some folders, and in a database's own files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

HEAD = 4


class Needles:
    """Texts to look for, all in one pass: a search for each would read a database 20,000 times.

    Each is looked for as UTF-8 and as UTF-16. The distinct first octets of all of them are few, so
    one expression finds where a text may begin, and only there whole texts are compared.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts: dict[bytes, str] = {}
        self._lengths: dict[bytes, set[int]] = defaultdict(set)
        for text in texts:
            for form in (text.encode(), text.encode("utf-16-le")):
                assert len(form) >= HEAD, "too short to tell from chance"
                self._texts[form] = text
                self._lengths[form[:HEAD]].add(len(form))
        heads = b"|".join(re.escape(head) for head in self._lengths)
        self._heads = re.compile(heads)

    def found_in(self, octets: bytes) -> set[str]:
        """Those of the texts that stand in some octets."""
        found = set()
        place = self._heads.search(octets) if self._texts else None
        while place is not None:
            begin = place.start()
            forms = (octets[begin : begin + length] for length in self._lengths[place[0]])
            found.update(self._texts[form] for form in forms if form in self._texts)
            place = self._heads.search(octets, begin + 1)
        return found


def files_holding(texts: Iterable[str], folders: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file in which a text stands, as UTF-8 or UTF-16, and the text."""
    needles = Needles(texts)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                for text in sorted(needles.found_in(path.read_bytes())):
                    yield path, text
