"""Pasted text of pairs with a separator: ``NUMBER----SECRET``. Runs in the child only."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cardctl.workbooks.cells import SkippedLines
from cardctl.workbooks.labels import NUMBER, SECRET, Labels
from cardctl.workbooks.talk import (
    BLANKS,
    ENDS_TALK,
    LETTER_OR_DIGIT,
    PLAIN_WORD,
    WIDE,
    Cells,
    Numbered,
    ambiguous,
    could_be_key,
    heading_of,
    is_talk,
    mask_line,
)

HYPHENS, TAB, PIPE, COMMA, SEMICOLON, SPACES = (
    *("hyphens", "tab", "pipe"),
    *("comma", "semicolon", "spaces"),
)
SEPARATORS = {
    HYPHENS: re.compile(rf"[{BLANKS}]*-{{2,}}[{BLANKS}]*"),
    TAB: re.compile(r"[ \u3000]*\t[ \u3000]*"),
    PIPE: re.compile(rf"[{BLANKS}]*[|｜][{BLANKS}]*"),
    COMMA: re.compile(rf"[{BLANKS}]*[,，][{BLANKS}]*"),
    SEMICOLON: re.compile(rf"[{BLANKS}]*[;；][{BLANKS}]*"),
    SPACES: re.compile(rf"[{BLANKS}]+"),
}
"""In the order in which they are preferred where several fit as many lines."""

_ALSO_IN_TALK = frozenset({COMMA, SEMICOLON, SPACES})
_QUOTED = frozenset({TAB, COMMA, SEMICOLON, PIPE})
_RUN = re.compile("-{2,}")
_NUMBERED = re.compile(r"\d{1,4}(?:[、)）]|[.．]\s)")
_PAIR = 2


def separates(separator: str, line: str) -> bool:
    """Whether a line could be a pair with that separator."""
    parts = SEPARATORS[separator].split(line)
    if len(parts) < _PAIR or not all(parts[:_PAIR]) or not LETTER_OR_DIGIT.search(line):
        return False
    if separator == SPACES and (len(parts) != _PAIR or WIDE.search(line)):
        return False
    return separator not in _ALSO_IN_TALK or could_be_key(line)


def separated_rows(
    lines: Iterator[Numbered],
    separator: str,
    labels: Labels,
    skipped: SkippedLines,
    sample: Sequence[Numbered],
) -> Iterator[Cells]:
    """Rows of two parts, or of as many as the header has that stands first."""
    heading = heading_of(sample)
    usual_run = _usual_run(sample) if separator == HYPHENS else 0
    header: list[str] = []
    for number, line in lines:
        parts = SEPARATORS[separator].split(line)
        if separator == TAB:
            parts = _without_empty_end(parts)
        if not header and len(parts) > 1 and labels.heads(parts):
            header = parts
            yield number, [*header]
            continue
        if parts == header or _is_talk(line, parts, separator, labels, len(header) or _PAIR):
            skipped.add(number, mask_line(line))
            continue
        if not header:
            header = [NUMBER, SECRET]
            yield 0, [*header]
        other_run = usual_run and {len(run) for run in _RUN.findall(line)} - {usual_run}
        if other_run or number == heading or not _is_row(line, parts, separator, len(header)):
            yield ambiguous(number, line)
        else:
            yield number, [*parts, *[""] * (len(header) - len(parts))]


def _is_talk(line: str, parts: Sequence[str], separator: str, labels: Labels, width: int) -> bool:
    """Whether a line is no row: talk, unless it is split as rows are and has words to it."""
    if not is_talk(line, labels):
        return False
    if len(parts) != width or not all(parts) or not LETTER_OR_DIGIT.search(line):
        return True
    in_words = WIDE.search(line) or line[-1] in ENDS_TALK or any(" " in part for part in parts)
    return separator in _ALSO_IN_TALK and bool(in_words)


def _is_row(line: str, parts: Sequence[str], separator: str, width: int) -> bool:
    """Whether a line is a row beyond doubt."""
    doubtful = (
        not 1 < len(parts) <= width
        or _NUMBERED.match(line)
        or (separator in _QUOTED and any(part.startswith('"') for part in parts))
        or (separator in _ALSO_IN_TALK and not could_be_key(line))
        or (separator == SPACES and WIDE.search(line))
        or any(_in_words(part) for part in parts)
    )
    return not doubtful


def _in_words(part: str) -> bool:
    """A sentence, or a key with words beside it."""
    words = part.split()
    return len(words) > 1 and any(map(PLAIN_WORD.fullmatch, words))


def _usual_run(sample: Sequence[Numbered]) -> int:
    """How many hyphens separate most pairs."""
    runs = Counter(len(run) for _, line in sample for run in _RUN.findall(line)[:1])
    return runs.most_common(1)[0][0]


def _without_empty_end(parts: list[str]) -> list[str]:
    """A line from a spreadsheet ends with its empty cells."""
    while len(parts) > _PAIR and not parts[-1]:
        parts.pop()
    return parts
