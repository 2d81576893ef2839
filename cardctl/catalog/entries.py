"""What every noun of the catalogue does alike: add once, compare, change what differs."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import AlreadyExists, BadValue, NotFound
from cardctl.schema.base import Row
from cardctl.storage.failures import violated_constraint
from cardctl.vocabulary import Outcome

CODE_LENGTH_MAX = 64
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 4_000
_MARKS = frozenset("._-+/#")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Changed(Generic[Entry]):
    """An entry of the catalogue as it is now, and whether it was made, changed or left alone."""

    entry: Entry
    outcome: Outcome


def check_code(text: str) -> str:
    """A code, trimmed: letters, digits and ``._-+/#``, beginning with a letter or a digit.

    A colon would end a channel's code inside the name of an order, a comma would split a list.
    Raises `BadValue`.
    """
    code = unicodedata.normalize("NFKC", text).strip()
    known = all(letter.isalnum() or letter in _MARKS for letter in code)
    if not (known and code[:1].isalnum() and len(code) <= CODE_LENGTH_MAX):
        raise BadValue(
            value=text[:80], expected="a code: up to 64 letters, digits and . _ - + / #, no spaces"
        )
    return code


def check_name(text: str) -> str:
    """A name for people, trimmed: printable, not empty. Raises `BadValue`."""
    name = text.strip()
    if not name or not name.isprintable() or len(name) > NAME_LENGTH_MAX:
        raise BadValue(value=text[:40], expected="a name: one line of up to 200 characters")
    return name


def check_text(text: str) -> str:
    """Free text, trimmed, that both databases keep and every terminal shows. Raises `BadValue`."""
    bare = text.strip()
    if _CONTROL.search(bare) or len(bare) > TEXT_LENGTH_MAX:
        raise BadValue(
            value=text[:40], expected="text of up to 4000 characters, without control characters"
        )
    return bare


def differing(stored: object, wanted: object, *, leave_out: Collection[str] = ()) -> list[str]:
    """The fields in which two entries differ, in the order they are declared."""
    return [
        part.name
        for part in fields(stored)  # type: ignore[arg-type]  # entries are dataclasses
        if part.compare
        and part.name not in leave_out
        and getattr(stored, part.name) != getattr(wanted, part.name)
    ]


def insert_once(session: Session, row: Row) -> bool:
    """Insert one row; False when another process took its code in the meantime."""
    table = row.__tablename__
    try:
        with session.begin_nested():
            session.add(row)
            # Now, so that a taken code is met inside the savepoint.
            session.flush()
    except IntegrityError as error:
        # SQLite names the columns of what was violated, Postgres the constraint.
        if not violated_constraint(error).startswith((f"uq_{table}_", f"{table}.")):
            raise
        return False
    return True


def add_once(
    session: Session,
    *,
    run: Run,
    name: tuple[str, str],
    wanted: Entry,
    find: Callable[[], Entry | None],
    insert: Callable[[], bool],
    not_said: Collection[str] = (),
) -> Changed[Entry]:
    """Insert an entry unless its code stands, and audit it.

    `name` is the noun and the code; fields that were `not_said` are not compared. Raises
    `AlreadyExists` for a taken code whose entry differs, naming the fields.
    """
    noun, code = name
    stored = find()
    if stored is None and insert():
        run.record(session, f"{noun}.add", {noun: code, "set": said(wanted)})
        return Changed(find() or wanted, Outcome.NEW)
    stored = stored or find()
    assert stored is not None
    differs = differing(stored, wanted, leave_out=not_said)
    if differs:
        raise AlreadyExists(noun=noun, name=code, differs=", ".join(differs))
    return Changed(stored, Outcome.UNCHANGED)


def edit_once(
    session: Session,
    *,
    run: Run,
    name: tuple[str, str],
    changes: dict[str, Any],
    find: Callable[[], Entry | None],
    check: Callable[[Entry], Entry],
    write: Callable[[Entry, list[str]], None],
) -> Changed[Entry]:
    """Change some fields of an entry unless they hold that already, and audit it.

    `find` locks what it finds: an edit writes the whole row, and would take back what another
    changes meanwhile. `write` gets the entry as it is to be and the names of the fields that
    differ. Raises `NotFound`, and what `check` and `write` raise.
    """
    noun, code = name
    stored = find()
    if stored is None:
        raise NotFound(noun=noun, name=code)
    wanted = check(replace(stored, **changes))  # type: ignore[type-var]  # entries are dataclasses
    differs = differing(stored, wanted)
    if not differs:
        return Changed(stored, Outcome.UNCHANGED)
    write(wanted, differs)
    changed = {part: [getattr(stored, part), getattr(wanted, part)] for part in differs}
    run.record(session, f"{noun}.edit", {noun: code, "changed": changed})
    return Changed(wanted, Outcome.UPDATED)


def ids_of(session: Session, table: Table, noun: str, codes: Iterable[str]) -> dict[str, int]:
    """The ids of codes, in the order given, each once; raises `NotFound` for the first unknown."""
    wanted = list(dict.fromkeys(check_code(code) for code in codes))
    query = select(table.c.code, table.c.id).where(table.c.code.in_(wanted))
    found: dict[str, int] = {row.code: row.id for row in session.execute(query)}
    for code in wanted:
        if code not in found:
            raise NotFound(noun=noun, name=code)
    return {code: found[code] for code in wanted}


def said(entry: object) -> dict[str, object]:
    """The fields of an entry that hold something."""
    values = ((part.name, getattr(entry, part.name)) for part in fields(entry) if part.compare)  # type: ignore[arg-type]  # entries are dataclasses
    return {name: value for name, value in values if value not in (None, "", ())}
