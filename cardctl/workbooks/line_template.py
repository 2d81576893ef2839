"""The template of a line of text: ``{number}/{secret}``, given with --line.

Between two fields stands what separates them. A line that can be split in more than one way is
not split at all.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cardctl.errors import UsageRefused
from cardctl.workbooks.labels import FIELDS, SECRET
from cardctl.workbooks.talk import BLANKS

SKIP = "skip"

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[^{}]+")
_BRACES = {"{{": "{", "}}": "}"}


class LineTemplateMalformed(UsageRefused):
    """--line is no template: a lone brace, a field twice, or nothing between two fields."""

    code = "line-template"
    message = "--line {template}: {rest} cannot stand there"
    hint = "each field once, and what separates them between: --line '{{number}}/{{secret}}'"


class LineFieldUnknown(UsageRefused):
    """--line names a field that no line of keys has."""

    code = "line-field-unknown"
    message = "--line {template}: there is no field {field}"
    hint = "the fields are: {known}"


class LineSecretMissing(UsageRefused):
    """--line has no place for the key itself."""

    code = "line-secret-missing"
    message = "--line {template}: it does not say where the key is"
    hint = "write {{secret}} where it is; the fields are: {known}"


class LineAmbiguous(Exception):
    """A line can be split in several ways."""


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """The fields of a line in their order, `SKIP` among them, and what stands around them.

    There is one more of `around` than of fields; the first and the last may be empty.
    """

    fields: tuple[str, ...]
    around: tuple[re.Pattern[str], ...]

    def split(self, line: str) -> list[str] | None:
        """What each field but `SKIP` says; None when it is another line.

        Raises `LineAmbiguous`.
        """
        head, *between, tail = self.around
        begins, ends = head.match(line), _last(tail, line, 0, len(line))
        if begins is None or ends is None or ends[1] != len(line):
            return None
        inner = (begins.end(1), ends[0])
        first = _spans(between, line, *inner)
        if first is None:
            return None
        last = _spans_from_behind(between, line, *inner)
        assert last is not None
        found = self._kept(line, first)
        if found != self._kept(line, last):
            raise LineAmbiguous
        return found

    def _kept(self, line: str, spans: Sequence[tuple[int, int]]) -> list[str]:
        return [
            line[start:end].strip(BLANKS)
            for field, (start, end) in zip(self.fields, spans, strict=True)
            if field != SKIP
        ]


def parse_template(template: str, further: Collection[str] = ()) -> LineTemplate:
    """The template that is written so; `further` are fields beside the common ones.

    Raises `LineTemplateMalformed`, `LineFieldUnknown` and `LineSecretMissing`.
    """
    known = (*FIELDS, SKIP, *further)
    shown = ", ".join(f"{{{name}}}" for name in known)
    around = [""]
    fields: list[str] = []
    at = 0
    while at < len(template):
        token = _TOKEN.match(template, at)
        if token is None:
            raise LineTemplateMalformed(template=template, rest=template[at:])
        if token[0] in _BRACES or not token[0].startswith("{"):
            around[-1] += _BRACES.get(token[0], token[0])
        else:
            field = token[0][1:-1]
            if field not in known:
                raise LineFieldUnknown(template=template, field=field, known=shown)
            if (fields and not around[-1]) or (field in fields and field != SKIP):
                raise LineTemplateMalformed(template=template, rest=template[at:])
            fields.append(field)
            around.append("")
        at = token.end()
    if SECRET not in fields:
        raise LineSecretMissing(template=template, known=shown)
    return LineTemplate(tuple(fields), tuple(map(_literal, around)))


def _literal(text: str) -> re.Pattern[str]:
    """What separates fields, found wherever it stands; blanks in it match any blanks."""
    words = re.split(rf"[{BLANKS}]+", text)
    return re.compile(f"(?=({f'[{BLANKS}]+'.join(map(re.escape, words))}))")


def _spans(
    between: Sequence[re.Pattern[str]], line: str, start: int, end: int
) -> list[tuple[int, int]] | None:
    """Where the fields are, each separator found as early as can be."""
    spans = []
    for separator in between:
        found = separator.search(line, start + 1, end)
        if found is None or found.end(1) >= end:
            return None
        spans.append((start, found.start(1)))
        start = found.end(1)
    return [*spans, (start, end)] if start < end else None


def _spans_from_behind(
    between: Sequence[re.Pattern[str]], line: str, start: int, end: int
) -> list[tuple[int, int]] | None:
    """The same, each separator found as late as can be."""
    spans = []
    for separator in reversed(between):
        found = _last(separator, line, start, end - 1)
        if found is None:
            return None
        spans.append((found[1], end))
        end = found[0]
    return [(start, end), *reversed(spans)]


def _last(pattern: re.Pattern[str], line: str, start: int, end: int) -> tuple[int, int] | None:
    last = None
    for found in pattern.finditer(line, start, end):
        last = found.span(1)
    return last
