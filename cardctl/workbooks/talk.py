"""What in pasted text is talk, and what could be a key: greetings, counts, order numbers, rules.

Said of a line that has not the shape of the others. What could be a key is never skipped.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.labels import Labels

BLANKS = " \t\u3000"
ENDS_TALK = ".,!?:;~"
WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]")
DIGIT = re.compile("[0-9]")
LETTER_OR_DIGIT = re.compile("[0-9A-Za-z]")
PLAIN_WORD = re.compile("[A-Za-z]?[a-z]+[.,!?:;~]*")

Numbered = tuple[int, str]
"""A line with its number."""
Cells = tuple[int, list[Cell]]
"""A row with the number of its line."""

_WORD = re.compile(r"[!-~]{4,}")
_CAPITALS = re.compile("[A-Z]{5,}")
_DAY_OR_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}:\d{2}(?::\d{2})?")
_CHARACTER = re.compile(r"\w")
_SHOWN_MAX = 60


def numbered_lines(stream: TextIO) -> Iterator[Numbered]:
    """The lines from 1, without the blanks and the BOM around them; empty ones too."""
    for number, line in enumerate(stream, 1):
        yield number, line.strip(f"{BLANKS}\r\n\ufeff")


def ambiguous(number: int, line: str) -> Cells:
    """A row that cannot be read in one way only."""
    return number, [NotText("ambiguous", line)]


def mask_line(line: str) -> str:
    """What may be shown of a line: of every longer word its first character, Chinese in full."""
    return _WORD.sub(lambda word: f"{word[0][0]}***", line[: 2 * _SHOWN_MAX])[:_SHOWN_MAX]


def could_be_key(text: str) -> bool:
    """Whether there is a word of four characters or more with a digit, or of capitals."""
    for word in _WORD.findall(text):
        bare = word.strip("().,:;!?~*=#<>[]{}\"'")
        if _DAY_OR_TIME.fullmatch(bare):
            continue
        if len(bare) > 3 and (DIGIT.search(bare) or _CAPITALS.search(bare)):  # noqa: PLR2004 -- as said above
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


def heading_of(sample: Sequence[Numbered]) -> int:
    """The first line, if it alone has no digit: perhaps a title, perhaps a key; 0 for none."""
    latin = [line for line in sample if LETTER_OR_DIGIT.search(line[1])]
    apart = len(latin) > 1 and not DIGIT.search(latin[0][1]) and DIGIT.search(latin[1][1])
    return latin[0][0] if apart else 0
