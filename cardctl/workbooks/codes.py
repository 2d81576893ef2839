"""Pasted text of one code a line, links too. Runs in the child only."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cardctl.workbooks.cells import SkippedLines
from cardctl.workbooks.labels import SECRET, Labels
from cardctl.workbooks.talk import (
    DIGIT,
    ENDS_TALK,
    LETTER_OR_DIGIT,
    PLAIN_WORD,
    Cells,
    Numbered,
    ambiguous,
    heading_of,
    is_talk,
    mask_line,
)

_LINK = re.compile(r"https?://[^\s|｜]+", re.IGNORECASE)
_SEPARATOR = re.compile(r"-{2,}|[\s|｜,，;；]")
_KEY_MIN = 4


def is_code(line: str) -> bool:
    """One word of Latin characters, with nothing in it that separates."""
    return (
        len(line) >= _KEY_MIN
        and line.isascii()
        and not _SEPARATOR.search(line)
        and bool(LETTER_OR_DIGIT.search(line))
    )


def is_link(line: str) -> bool:
    """An address and nothing else; four hyphens in it separate it from what follows."""
    return bool(_LINK.fullmatch(line)) and "----" not in line


def code_rows(
    lines: Iterator[Numbered],
    labels: Labels,
    skipped: SkippedLines,
    sample: Sequence[Numbered],
) -> Iterator[Cells]:
    """Rows of one code; a word of plain letters must be as long as the other codes are."""
    lengths = Counter(len(line) for _, line in sample if DIGIT.search(line))
    usual = lengths.most_common(1)[0][0] if lengths else 0
    heading = heading_of(sample)
    yield 0, [SECRET]
    for number, line in lines:
        code = is_code(line)
        word = number == heading or (PLAIN_WORD.fullmatch(line) and len(line) != usual)
        if is_link(line) or (code and not word):
            yield number, [line]
        elif line[-1] in ENDS_TALK if code else is_talk(line, labels):
            skipped.add(number, mask_line(line))
        else:
            yield ambiguous(number, line)
