"""Take a setup workbook: checked whole, then written in one transaction, or not at all."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import lock_entries
from cardctl.setup.nouns import SHEETS
from cardctl.setup.plan import NounPlan, Plan, Stored, make_plan
from cardctl.setup.read import SetupFile
from cardctl.setup.sheet import SetupReject
from cardctl.storage.failures import TransactionRaced
from cardctl.vocabulary import CatalogueNoun, ImportStatus, Outcome


@dataclass(frozen=True, slots=True)
class SetupChange:
    """An entry that is new or has changed; `fields` are those that did, with old and new value."""

    noun: CatalogueNoun
    name: str
    outcome: Outcome
    fields: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class NounCount:
    """How many entries of a noun a workbook added, changed, and found as they are.

    `sheet` is the name of its sheet in the file; empty where another sheet changed them.
    """

    noun: CatalogueNoun
    sheet: str
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class SetupResult:
    """What came of a setup workbook; nothing of it is kept when something is wrong."""

    file: str
    status: ImportStatus
    nouns: tuple[NounCount, ...]
    changes: tuple[SetupChange, ...]
    rejects: tuple[SetupReject, ...]


def import_setup(session: Session, *, run: Run, file: SetupFile) -> SetupResult:
    """Make the catalogue what a workbook says; what it says already is left alone.

    A refused workbook writes nothing. Raises `TransactionRaced` when another process changes the
    same entries meanwhile.
    """
    stored = _read_stored(session)
    plan = make_plan(file.sheets, stored)
    _lock(session, plan)
    if _read_stored(session) != stored:
        raise TransactionRaced
    rejects = [*file.rejects, *plan.rejects, *_forbidden(session, plan)]
    if rejects:
        return SetupResult(file.file, ImportStatus.REFUSED, (), (), tuple(_sorted(rejects, file)))
    for noun in plan.nouns.values():
        noun.sheet.write(session, run=run, drafts=noun.changing())
    for noun in plan.nouns.values():
        if noun.sheet.link is not None:
            noun.sheet.link(session, drafts=noun.changing())
    changes = [change for noun in plan.nouns.values() for change in _changes(noun)]
    return SetupResult(
        file=file.file,
        status=ImportStatus.IMPORTED if changes else ImportStatus.UNCHANGED,
        nouns=tuple(_count(noun) for noun in plan.nouns.values() if noun.drafts),
        changes=tuple(changes),
        rejects=(),
    )


def _read_stored(session: Session) -> Stored:
    return {
        sheet.noun: {sheet.key_of(entry): entry for entry in sheet.stored(session)}
        for sheet in SHEETS
    }


def _lock(session: Session, plan: Plan) -> None:
    """Lock what is to change, noun by noun in the order of `SHEETS`."""
    for noun in plan.nouns.values():
        column, field = noun.sheet.locked
        codes = {getattr(draft.wanted, field) for draft in noun.changing()} - {None}
        if codes:
            lock_entries(session, column, codes)


def _forbidden(session: Session, plan: Plan) -> list[SetupReject]:
    """What the state of the store keeps as it is."""
    return [
        noun.reject((code,), name, problem)
        for noun in plan.nouns.values()
        if noun.sheet.forbidden is not None
        for code, name, problem in noun.sheet.forbidden(session, noun.changing())
    ]


def _sorted(rejects: list[SetupReject], file: SetupFile) -> list[SetupReject]:
    """By sheet and row; sheets that stand for no noun first."""
    order = {read.name: place for place, read in enumerate(file.sheets)}
    return sorted(rejects, key=lambda reject: (order.get(reject.sheet, -1), reject.row))


def _changes(noun: NounPlan) -> list[SetupChange]:
    return [
        SetupChange(
            noun=noun.sheet.noun,
            name=noun.sheet.code_of(draft.wanted),
            outcome=draft.outcome,
            fields={
                name: (getattr(draft.stored, name), getattr(draft.wanted, name))
                for name in draft.differs
            },
        )
        for draft in noun.changing()
    ]


def _count(noun: NounPlan) -> NounCount:
    outcomes = [draft.outcome for draft in noun.drafts.values()]
    return NounCount(
        noun=noun.sheet.noun,
        sheet=noun.read.name if noun.read else "",
        added=outcomes.count(Outcome.NEW),
        changed=outcomes.count(Outcome.UPDATED),
        unchanged=outcomes.count(Outcome.UNCHANGED),
    )
