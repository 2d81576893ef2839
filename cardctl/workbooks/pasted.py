"""Keys in pasted text: what suppliers send in chats and notes. Runs in the child only.

Nothing is guessed about a line. The text as a whole has one shape, the one that most of its first
lines have: labels (``卡号：… 密码：…``, on one line or on several), one separator (two or more
hyphens, TAB, ``|``, comma, semicolon, spaces), or nothing but a code a line. A line of that shape
is a row. A line without a word like a key is skipped and listed. Whatever else there is could be a
key that would be cut wrongly: it becomes a row of one ``ambiguous`` cell, for its importer to
refuse. A line whose parts are labels only is the header of what follows; without one a row is a
number and a secret, or a secret alone, below a header row 0 made here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TextIO

from cardctl.workbooks.cells import SkippedLines
from cardctl.workbooks.codes import code_rows, is_code, is_link
from cardctl.workbooks.failures import NoKeys
from cardctl.workbooks.labelled import labelled_rows
from cardctl.workbooks.labels import KEY_FIELDS, Labels
from cardctl.workbooks.line_template import SKIP, LineAmbiguous, LineTemplate
from cardctl.workbooks.parsed import Parsed
from cardctl.workbooks.separated import SEPARATORS, separated_rows, separates
from cardctl.workbooks.talk import (
    Cells,
    Numbered,
    ambiguous,
    could_be_key,
    is_talk,
    mask_line,
    numbered_lines,
)

LOOKED_AT_LINES = 1000

_LABELS, _BARE = "labels", "bare"
_SHAPES = (_LABELS, *SEPARATORS, _BARE)
"""The first of those that fit most lines."""


def parse_pasted(stream: TextIO, labels: Labels) -> Parsed:
    """The keys in a text without a header; raises `NoKeys` when no line is like one."""
    sample = [line for line in islice(numbered_lines(stream), LOOKED_AT_LINES) if line[1]]
    stream.seek(0)
    shape = _shape(sample, labels)
    if shape is None:
        raise NoKeys
    skipped = SkippedLines()
    if shape == _LABELS:
        return Parsed("text", labelled_rows(stream, labels, skipped), skipped=skipped)
    lines = (line for line in numbered_lines(stream) if line[1])
    if shape == _BARE:
        rows = code_rows(lines, labels, skipped, sample)
    else:
        rows = separated_rows(lines, shape, labels, skipped, sample)
    return Parsed("text", rows, skipped=skipped)


def parse_by_template(stream: TextIO, template: LineTemplate, labels: Labels) -> Parsed:
    """The keys in a text whose lines are as the template says."""
    skipped = SkippedLines()
    return Parsed("text", _template_rows(stream, template, labels, skipped), skipped=skipped)


def _template_rows(
    stream: TextIO, template: LineTemplate, labels: Labels, skipped: SkippedLines
) -> Iterator[Cells]:
    yield 0, [field for field in template.fields if field != SKIP]
    for number, line in numbered_lines(stream):
        if not line:
            continue
        try:
            parts = template.split(line)
        except LineAmbiguous:
            yield ambiguous(number, line)
            continue
        if parts is not None:
            yield number, [*parts]
        elif is_talk(line, labels):
            skipped.add(number, mask_line(line))
        else:
            yield ambiguous(number, line)


def _shape(sample: Sequence[Numbered], labels: Labels) -> str | None:
    """What most lines look like; None when none of them is like a key."""
    counts: Counter[str] = Counter()
    without_value = 0
    for _, line in sample:
        parts = labels.parts(line)[1]
        of_key = [part for part in parts if part.field in KEY_FIELDS]
        if any(part.value for part in of_key):
            counts[_LABELS] += 1
        elif of_key:
            without_value += 1
        elif not parts:
            counts.update(_shapes_of(line))
    if without_value > 1:
        # One is a title; several stand above what they name.
        counts[_LABELS] += without_value
    return max(_SHAPES, key=counts.__getitem__) if counts else None


def _shapes_of(line: str) -> Iterator[str]:
    """All that a line without a label can be."""
    separators = [] if is_link(line) else [name for name in SEPARATORS if separates(name, line)]
    yield from separators
    if is_link(line) or (is_code(line) and could_be_key(line) and not separators):
        yield _BARE
