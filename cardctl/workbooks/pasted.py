"""Keys in pasted text: what suppliers send in chats and notes. Runs in the child only.

Nothing is guessed about a line. The text as a whole has one shape, the one that most of its first
lines have: labels (``卡号：… 密码：…``, on one line or on several), one separator (two or more
hyphens, TAB, ``|``, comma, semicolon, spaces), or nothing but a code a line. A line of that shape
is a row. A line without a word like a key is skipped and listed. Whatever else there is could be a
key that would be cut wrongly: it becomes a row of one ``ambiguous`` cell, for its importer to
refuse. A line whose parts are labels only is the header of what follows; without one a row is a
number and a secret, or a secret alone, below a header row 0 made here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from cardctl.workbooks.cells import Cell, NotText, SkippedLines
from cardctl.workbooks.failures import NoKeys
from cardctl.workbooks.labelled import labelled_rows
from cardctl.workbooks.labels import KEY_FIELDS, NUMBER, SECRET, Labels
from cardctl.workbooks.line_template import SKIP, LineAmbiguous, LineTemplate
from cardctl.workbooks.parsed import Parsed
from cardctl.workbooks.talk import BLANKS, could_be_key, is_talk, mask_line, numbered_lines

LOOKED_AT_LINES = 1000

_HYPHENS, _TAB, _SPACES = "hyphens", "tab", "spaces"
_LABELS, _BARE = "labels", "bare"
_SEPARATORS = {
    _HYPHENS: re.compile(rf"[{BLANKS}]*-{{2,}}[{BLANKS}]*"),
    _TAB: re.compile(r"[ \u3000]*\t[ \u3000]*"),
    "pipe": re.compile(rf"[{BLANKS}]*[|｜][{BLANKS}]*"),
    "comma": re.compile(rf"[{BLANKS}]*[,，][{BLANKS}]*"),
    "semicolon": re.compile(rf"[{BLANKS}]*[;；][{BLANKS}]*"),
    _SPACES: re.compile(rf"[{BLANKS}]+"),
}
_SHAPES = (_LABELS, *_SEPARATORS, _BARE)
"""The first of those that fit most lines."""

_RUN = re.compile("-{2,}")
_SEPARATOR = re.compile(r"-{2,}|[\t|｜,，;；]")
_ADDRESS = re.compile(r"https?://[^\s|｜]+", re.IGNORECASE)
_PLAIN_WORD = re.compile("[A-Za-z]?[a-z]+[.,!?:;~]*")
_NUMBERED = re.compile(r"\d{1,4}(?:[、)）]|[.．]\s)")
_DIGIT = re.compile("[0-9]")
_LETTER_OR_DIGIT = re.compile("[0-9A-Za-z]")
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]")
_ENDS_TALK = ".,!?:;~"
_PAIR = 2
_KEY_MIN = 4

Numbered = tuple[int, str]
Cells = tuple[int, list[Cell]]


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
    reader = _Lines(labels, skipped, sample)
    lines = (line for line in numbered_lines(stream) if line[1])
    rows = reader.codes(lines) if shape == _BARE else reader.separated(lines, shape)
    return Parsed("text", rows, skipped=skipped)


def parse_by_template(stream: TextIO, template: LineTemplate, labels: Labels) -> Parsed:
    """The keys in a text whose lines are as the template says."""
    skipped = SkippedLines()
    return Parsed("text", _template_rows(stream, template, labels, skipped), skipped=skipped)


def ambiguous(number: int, line: str) -> Cells:
    """A row that cannot be read in one way only."""
    return number, [NotText("ambiguous", line)]


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
    if without_value >= _PAIR:
        # One is a title; several stand above what they name.
        counts[_LABELS] += without_value
    return max(_SHAPES, key=counts.__getitem__) if counts else None


def _shapes_of(line: str) -> Iterator[str]:
    """All that a line without a label can be."""
    if _ADDRESS.fullmatch(line) and "----" not in line:
        yield _BARE
        return
    split = False
    for name, separator in _SEPARATORS.items():
        parts = separator.split(line)
        if len(parts) < _PAIR or not all(parts[:_PAIR]) or not _LETTER_OR_DIGIT.search(line):
            continue
        if name != _SPACES:
            split = True
        elif len(parts) != _PAIR or _WIDE.search(line) or not could_be_key(line):
            continue
        yield name
    if not split and could_be_key(line) and not _SEPARATORS[_SPACES].search(line):
        yield _BARE


@dataclass(frozen=True, slots=True)
class _Lines:
    """Reads lines of one shape; `sample` are the first of them."""

    labels: Labels
    skipped: SkippedLines
    sample: Sequence[Numbered]

    def separated(self, lines: Iterator[Numbered], shape: str) -> Iterator[Cells]:
        """Rows of two parts, or of as many as the header has that stands first."""
        separator = _SEPARATORS[shape]
        usual_run = self._usual_run() if shape == _HYPHENS else 0
        heading = self._heading()
        header: list[str] = []
        for number, line in lines:
            parts = separator.split(line)
            if shape == _TAB:
                parts = _without_empty_end(parts)
            if not header and len(parts) > 1 and self.labels.heads(parts):
                header = parts
                yield number, [*header]
                continue
            row = self._row(number, line, parts, len(header) or _PAIR, shape)
            if row is None or parts == header:
                self.skipped.add(number, mask_line(line))
                continue
            if not header:
                header = [NUMBER, SECRET]
                yield 0, [*header]
            other_run = usual_run and {len(run) for run in _RUN.findall(line)} - {usual_run}
            yield ambiguous(number, line) if other_run or number == heading else row

    def _row(
        self, number: int, line: str, parts: Sequence[str], width: int, shape: str
    ) -> Cells | None:
        """A row, an ambiguous one, or None for a line of talk."""
        if is_talk(line, self.labels):
            few = len(parts) != width or not all(parts)
            if few or not _LETTER_OR_DIGIT.search(line):
                return None
            if shape == _SPACES:
                # Two words, perhaps a greeting.
                talk = _WIDE.search(line) or line[-1] in _ENDS_TALK
                return None if talk else ambiguous(number, line)
        quoted = shape not in {_HYPHENS, _SPACES} and any(part[:1] == '"' for part in parts)
        wrong = not 1 < len(parts) <= width or quoted or _NUMBERED.match(line)
        if wrong or (shape == _SPACES and _WIDE.search(line)):
            return ambiguous(number, line)
        return number, [*parts, *[""] * (width - len(parts))]

    def codes(self, lines: Iterator[Numbered]) -> Iterator[Cells]:
        """Rows of one code; a word of plain letters must be as long as the other codes are."""
        lengths = Counter(len(line) for _, line in self.sample if _DIGIT.search(line))
        usual = lengths.most_common(1)[0][0] if lengths else 0
        heading = self._heading()
        yield 0, [SECRET]
        for number, line in lines:
            if _ADDRESS.fullmatch(line):
                yield number, [line]
                continue
            code = _is_code(line)
            word = number == heading or (_PLAIN_WORD.fullmatch(line) and len(line) != usual)
            if code and not word:
                yield number, [line]
            elif line[-1] in _ENDS_TALK if code else is_talk(line, self.labels):
                self.skipped.add(number, mask_line(line))
            else:
                yield ambiguous(number, line)

    def _usual_run(self) -> int:
        runs = Counter(len(run) for _, line in self.sample for run in _RUN.findall(line)[:1])
        return runs.most_common(1)[0][0]

    def _heading(self) -> int:
        """The first line like the others but without a digit, which may be a title; 0 for none."""
        for place, (number, line) in enumerate(self.sample):
            if not _LETTER_OR_DIGIT.search(line):
                continue
            after = self.sample[place + 1 : place + 2]
            apart = not _DIGIT.search(line) and any(
                _DIGIT.search(next_line) for _, next_line in after
            )
            return number if apart else 0
        return 0


def _is_code(line: str) -> bool:
    """One word of Latin characters, with nothing in it that separates."""
    return (
        len(line) >= _KEY_MIN
        and line.isascii()
        and not _SEPARATORS[_SPACES].search(line)
        and not _SEPARATOR.search(line)
        and bool(_LETTER_OR_DIGIT.search(line))
    )


def _without_empty_end(parts: list[str]) -> list[str]:
    """A line from a spreadsheet ends with its empty cells."""
    while len(parts) > _PAIR and not parts[-1]:
        parts.pop()
    return parts
