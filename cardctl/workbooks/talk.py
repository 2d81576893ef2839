"""What in pasted text is talk, and what could be a key: greetings, counts, order numbers, rules.

Said of a line that has not the shape of the others. What could be a key is never skipped.
"""

import re
from collections.abc import Iterator
from typing import TextIO

from cardctl.workbooks.labels import Labels

BLANKS = " \t\u3000"

_WORD = re.compile(r"[!-~]{4,}")
_CAPITALS = re.compile("[A-Z]{5,}")
_DAY_OR_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}:\d{2}(?::\d{2})?")
_CHARACTER = re.compile(r"\w")
_DIGIT = re.compile("[0-9]")
_SHOWN_MAX = 60


def numbered_lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    """The lines from 1, without the blanks and the BOM around them; empty ones too."""
    for number, line in enumerate(stream, 1):
        yield number, line.strip(f"{BLANKS}\r\n\ufeff")


def mask_line(line: str) -> str:
    """What may be shown of a line: of every longer word its first character, Chinese in full."""
    return _WORD.sub(lambda word: f"{word[0][0]}***", line[: 2 * _SHOWN_MAX])[:_SHOWN_MAX]


def could_be_key(text: str) -> bool:
    """Whether there is a word of four characters or more with a digit, or of capitals."""
    for word in _WORD.findall(text):
        bare = word.strip("().,:;!?~*=#<>[]{}\"'")
        if _DAY_OR_TIME.fullmatch(bare):
            continue
        if len(bare) > 3 and (_DIGIT.search(bare) or _CAPITALS.search(bare)):  # noqa: PLR2004 -- as said above
            return True
    return False


def is_talk(line: str, labels: Labels) -> bool:
    """Whether a line holds nothing that could be a key, or only what labels say is none."""
    if not _CHARACTER.search(line) or not could_be_key(line):
        return True
    before, parts = labels.parts(line)
    if not parts or could_be_key(before):
        return False
    return all(
        not part.value if part.field else not could_be_key("".join(part.value.split()[1:]))
        for part in parts
    )
