"""Many entries of one noun at once: what a workbook adds and changes, in a few statements.

The checks are those of the noun's own module; whoever drafts has made them. Each entry is audited
as if it had been added or edited by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from sqlalchemy import Column, Table
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.entries import Entry, differing, said
from cardctl.identifiers import new_id
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.storage.failures import TransactionRaced
from cardctl.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Draft(Generic[Entry]):
    """An entry as it is to be, and as it is stored, if it is.

    `differs` are the fields that change, in the order they are declared; none of a new entry.
    """

    stored: Entry | None
    wanted: Entry
    differs: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compare the two once."""
        differs = [] if self.stored is None else differing(self.stored, self.wanted)
        object.__setattr__(self, "differs", differs)

    @property
    def outcome(self) -> Outcome:
        """Whether it is new, changes something, or nothing."""
        if self.stored is None:
            return Outcome.NEW
        return Outcome.UPDATED if self.differs else Outcome.UNCHANGED


def lock_entries(session: Session, column: Column[Any], codes: Collection[str]) -> None:
    """Lock the rows of some codes, some thousand at a time: nobody else changes them now."""
    rows = [(code,) for code in sorted(codes)]
    select_many(
        session, column.table, columns=("id",), key=(column.name,), rows=rows, lock_order=("id",)
    )


def write_drafts(
    session: Session,
    *,
    run: Run,
    noun: str,
    table: Table,
    key: str,
    drafts: Sequence[Draft[Entry]],
    columns: Callable[[Entry], Mapping[str, Any]],
) -> None:
    """Insert what is new, update what differs, and audit both; the rows of both are locked.

    `key` is the column of the code, a field of the same name in the entry; `columns` are an
    entry's. Raises `TransactionRaced` when another process took a code meanwhile.
    """
    new = [draft.wanted for draft in drafts if draft.outcome is Outcome.NEW]
    edited = [draft for draft in drafts if draft.outcome is Outcome.UPDATED]
    if new:
        names = list(columns(new[0]))
        rows = [(new_id(), run.at, *columns(entry).values()) for entry in new]
        try:
            insert_many(session, table, ["id", "created_at", *names], rows)
        except IntegrityError:
            raise TransactionRaced from None
    if edited:
        names = [name for name in columns(edited[0].wanted) if name != key]
        changed = [columns(draft.wanted) for draft in edited]
        update_many(
            session,
            table,
            key=[key],
            changed=names,
            rows=[(*(row[name] for name in names), row[key]) for row in changed],
        )
    for draft in drafts:
        record_draft(session, run=run, noun=noun, code=getattr(draft.wanted, key), draft=draft)


def record_draft(session: Session, *, run: Run, noun: str, code: str, draft: Draft[Entry]) -> None:
    """Audit a draft as adding or editing it by itself would be; what is unchanged is not told."""
    if draft.stored is None:
        run.record(session, f"{noun}.add", {noun: code, "set": said(draft.wanted)})
    elif draft.differs:
        changed = {
            name: [getattr(draft.stored, name), getattr(draft.wanted, name)]
            for name in draft.differs
        }
        run.record(session, f"{noun}.edit", {noun: code, "changed": changed})
