"""Pasted text with labels: ``卡号：… 密码：…`` on one line, or each on a line of its own.

Runs in the child only. A key begins with the label that the first one begins with, and ends at a
blank line or a line of talk: parts of two keys are never put together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from cardctl.workbooks.cells import Cell, NotText, SkippedLines
from cardctl.workbooks.labels import FIELDS, KEY_FIELDS, Labelled, Labels
from cardctl.workbooks.talk import could_be_key, is_talk, mask_line, numbered_lines

_RUN = re.compile("-{2,}")
_ADDRESS = re.compile("https?://", re.IGNORECASE)


def labelled_rows(
    stream: TextIO, labels: Labels, skipped: SkippedLines
) -> Iterator[tuple[int, list[Cell]]]:
    """The header, row 0, of all fields that have a label in the text, then a row a key."""
    named = {part.field for _, line in numbered_lines(stream) for part in labels.parts(line)[1]}
    stream.seek(0)
    fields = [name for name in (*FIELDS, *sorted(filter(None, named))) if name in named]
    fields = list(dict.fromkeys(fields))
    yield 0, [*fields]
    for key in _Keys(labels, skipped).take(stream):
        cells: list[Cell] = [key.values.get(name, "") for name in fields]
        if key.ambiguous:
            cells = [NotText("ambiguous", "\n".join(key.lines))]
        yield key.number, cells


@dataclass(slots=True)
class _Key:
    """What has been read of a key, and the labels by which it came."""

    number: int
    lines: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    ambiguous: bool = False
    awaiting: str | None = None
    """A field whose label had nothing behind it: the next line may."""

    def put(self, part: Labelled) -> None:
        assert part.field is not None
        self.ambiguous |= part.field in self.values
        self.labels.add(part.label)
        self.awaiting = None if part.value else part.field
        self.give(part.field, part.value)

    def give(self, name: str, value: str) -> None:
        self.values[name] = value
        if name in KEY_FIELDS:
            # Words behind it, or a second key: where the value ends is not certain.
            separated = _RUN.search(value) and not _ADDRESS.match(value)
            self.ambiguous |= bool(separated) or len(value.split()) > 1


class _Keys:
    """Puts the lines of a text together to keys."""

    def __init__(self, labels: Labels, skipped: SkippedLines) -> None:
        self._labels = labels
        self._skipped = skipped
        self._first: str | None = None
        self._open: _Key | None = None

    def take(self, stream: TextIO) -> Iterator[_Key]:
        for number, line in numbered_lines(stream):
            before, parts = self._labels.parts(line)
            ours = [part for part in parts if part.field]
            if ours:
                yield from self._labelled(number, line, before, parts)
            elif self._open and self._open.awaiting and line and not parts:
                self._open.lines.append(line)
                self._open.give(self._open.awaiting, line)
                self._open.awaiting = None
            else:
                yield from self._closed()
                if line and is_talk(line, self._labels):
                    self._skipped.add(number, mask_line(line))
                elif line:
                    yield _Key(number, [line], ambiguous=True)
        yield from self._closed()

    def _labelled(
        self, number: int, line: str, before: str, parts: list[Labelled]
    ) -> Iterator[_Key]:
        ours = [part for part in parts if part.field]
        if not any(part.value for part in ours) and len(line) > len(ours[0].label) + 1 and before:
            # A sentence such as: here are your codes:
            yield from self._closed()
            self._skipped.add(number, mask_line(line))
            return
        self._first = self._first or ours[0].label
        if self._open and self._begins(ours[0]):
            yield from self._closed()
        if self._open is None:
            self._open = _Key(number)
        self._open.lines.append(line)
        self._open.ambiguous |= could_be_key(before)
        for part in parts:
            if part.field:
                self._open.put(part)
            else:
                self._open.ambiguous |= could_be_key("".join(part.value.split()[1:]))

    def _begins(self, part: Labelled) -> bool:
        """Whether a label opens a new key: the first one's, or one that the open key has."""
        assert self._open is not None
        return part.label == self._first or part.label in self._open.labels

    def _closed(self) -> Iterator[_Key]:
        if self._open:
            yield self._open
            self._open = None
