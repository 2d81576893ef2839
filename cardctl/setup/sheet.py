"""What a sheet of a setup workbook is: a noun, its columns, and how its entries are kept."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import Column
from sqlmodel import Session

from cardctl.catalog.entries import Entry
from cardctl.errors import CardctlError
from cardctl.setup.kinds import Kind
from cardctl.vocabulary import CatalogueNoun

CLEAR = "-"
"""What a cell says to clear what is stored."""

KEPT: Any = object()
"""In place of what clearing puts: the field cannot be cleared."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a sheet.

    `names` are its headers: English, Chinese, then others that are read. `note` is what it is for,
    in both languages. `required` of a new entry; `empty` is what ``-`` puts; `refers_to` is the
    noun whose codes it holds.
    """

    name: str
    names: tuple[str, ...]
    note: tuple[str, str]
    kind: Kind
    required: bool = False
    empty: Any = KEPT
    refers_to: CatalogueNoun | None = None


Contradiction = tuple[Sequence[tuple[Hashable, str]], CardctlError]
"""Keys of entries that do not go together, each with the field that says so, and the problem."""


@dataclass(frozen=True, slots=True)
class SetupSheet(Generic[Entry]):
    """A noun of the setup; entries are the frozen dataclasses of `cardctl.catalog`.

    `names` are the sheet's, English and Chinese. `key` names the fields that say which entry a row
    is about, `identify` makes of their values what two rows of one entry have in common.
    """

    noun: CatalogueNoun
    names: tuple[str, str]
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    make: Callable[..., Entry]
    check: Callable[[Entry], Entry]
    stored: Callable[[Session], list[Entry]]
    locked: tuple[Column[Any], str]
    """Which rows are locked while entries are written: a column, and the field with its value."""
    write: Callable[..., None]
    """Takes a session, and by keyword the run and the drafts."""
    identify: Callable[..., Hashable] = lambda *key: key
    may_lack: tuple[str, ...] = ()
    """The fields of the key that may be empty, which is a value of its own there."""
    link: Callable[..., None] | None = None
    """Takes a session and the drafts, when the rows of all nouns are written."""
    is_nothing: Callable[[Entry], bool] = lambda _entry: False
    """Whether an entry that is not stored need not be: a name that is to mean nothing."""
    across: Callable[[Iterable[Entry]], Iterable[Contradiction]] | None = None
    """What is wrong with all entries together, as they are to be."""
    forbidden: Callable[..., Iterable[tuple[str, str, CardctlError]]] | None = None
    """Takes a session and drafts: codes, each with a field that has to stay as it is, and why."""

    def key_of(self, entry: Entry) -> Hashable:
        """What tells an entry from the others of its noun."""
        return self.identify(*(getattr(entry, name) for name in self.key))

    def code_of(self, entry: Entry) -> str:
        """The code of an entry, as people name it."""
        return " ".join(str(getattr(entry, name)) for name in self.key).strip()

    def field(self, name: str) -> Field:
        """The column of that field."""
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True, slots=True)
class SetupReject:
    """A cell, a row or a sheet that is not as it should be; row 0 is the sheet as a whole."""

    sheet: str
    row: int
    column: str
    problem: CardctlError
