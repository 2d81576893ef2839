"""Find the row that names the columns, by what it says and never by where it stands."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cardctl.workbooks.cells import Row, text_of
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing, MappedColumnMissing

HEADER_WITHIN = 40
"""A header that far down is none: titles and notes above a table are shorter."""

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060*"))
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Header:
    """Which row it is, and where each field stands, from 0; `names` has the file's own words.

    `width` is how many columns the row names, empty ones among them.
    """

    row_number: int
    width: int
    columns: dict[str, int]
    names: dict[str, str]


def fold(text: str) -> str:
    """A name without the differences that mean nothing: width, spaces, case, a BOM, a star."""
    folded = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
    return "".join(folded.split()).rstrip(":").casefold()


def find_header(
    rows: Iterator[Row],
    synonyms: Mapping[str, Sequence[str]],
    required: Collection[str],
    *,
    given: Mapping[str, str] | None = None,
) -> Header:
    """Take rows up to the header and say where each field stands; the rows after it are left.

    `given` names the column of a field and comes before its synonyms; that column then means
    nothing else. Raises `HeaderMissing`,
    `HeaderAmbiguous` and `MappedColumnMissing`.
    """
    given = given or {}
    meanings = {fold(name): field for field, names in synonyms.items() for name in names}
    spoken_for = set(map(fold, given.values()))
    meanings = {
        name: field
        for name, field in meanings.items()
        if field not in given and name not in spoken_for
    }
    wanted = set(required) | set(given)
    best, best_score = None, -1
    for row in islice(rows, HEADER_WITHIN):
        names = [fold(text_of(cell)) for cell in row.cells]
        found = {meanings[name] for name in names if name in meanings}
        found |= {field for field, column in given.items() if fold(column) in names}
        if wanted <= found:
            return _header(row, names, meanings, given)
        if len(found) > best_score:
            best, best_score = row, len(found)
    raise _missing(best, wanted, meanings, given)


def _header(
    row: Row, names: Sequence[str], meanings: Mapping[str, str], given: Mapping[str, str]
) -> Header:
    places: dict[str, list[int]] = {field: [] for field in given}
    for index, name in enumerate(names):
        for field, column in given.items():
            if fold(column) == name:
                places[field].append(index)
        if name in meanings:
            places.setdefault(meanings[name], []).append(index)
    for field, indexes in places.items():
        if len(indexes) > 1:
            columns = [text_of(row.cells[index]).strip() for index in indexes]
            raise HeaderAmbiguous(field=field, columns=", ".join(columns))
    return Header(
        row_number=row.number,
        width=len(row.cells),
        columns={field: indexes[0] for field, indexes in places.items()},
        names={field: text_of(row.cells[indexes[0]]).strip() for field, indexes in places.items()},
    )


def _missing(
    row: Row | None, wanted: set[str], meanings: Mapping[str, str], given: Mapping[str, str]
) -> HeaderMissing | MappedColumnMissing:
    """What to say when no row has it all: of the row that had most."""
    cells = [text_of(cell).strip() for cell in row.cells] if row else []
    # A row without a header may hold keys, and an error names no key.
    names = {fold(cell) for cell in cells}
    known = any(name in meanings for name in names) or names & set(map(fold, given.values()))
    found = ", ".join(cell[:_SHOWN] for cell in cells if cell) if known else "-"
    for field, column in given.items():
        if fold(column) not in names:
            return MappedColumnMissing(field=field, column=column, found=found)
    missing = sorted(wanted - {meanings[name] for name in names if name in meanings})
    return HeaderMissing(missing=", ".join(missing), found=found, example=missing[0])
