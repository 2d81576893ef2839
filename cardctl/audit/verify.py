"""Check that the audit log is whole: every mac, every number, every link between runs."""

import hmac
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from cardctl.audit.record import BEGIN, END, NOTHING_BEFORE, links_of, record_mac
from cardctl.schema.audit import audit_records
from cardctl.storage.dialects import select_many

_PAGE = 5_000
_LINKS_AT_ONCE = 500
_RECENT_KEPT = 20_000
"""Macs remembered while walking: a run links to runs shortly before it, nearly always."""
_LISTED_MOST = 1_000
"""Breaks told a check; a broken log need not fill the screen."""

_FIRST_COMMAND = "init"


class BreakKind(StrEnum):
    """What is wrong at one place of the log."""

    EDITED = "edited"
    """A record is not what was written there."""
    GAP = "gap"
    """Records are missing before this one."""
    NO_BEGIN = "no-begin"
    """A run does not start with its first record."""
    AFTER_END = "after-end"
    """A run goes on after its end."""
    MISSING = "missing"
    """A record that a later run saw is gone; with a whole run, all of it."""
    NO_FIRST_RUN = "no-first-run"
    """The run that made the store is gone."""
    SECOND_FIRST_RUN = "second-first-run"
    """Another run says that nothing was before it."""


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the log is broken; `run` is the code of a run, or its id if that is gone."""

    kind: BreakKind
    run: str
    seq: int


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What `audit verify` found."""

    runs: int
    records: int
    unfinished: list[str]
    """Runs without an end: killed, or still at work; which of the two the log cannot tell."""
    breaks: list[Break]


def verify_audit(session: Session, *, audit_key: bytes) -> AuditCheck:
    """Walk over the whole log, in bounded memory however long it is."""
    walk = _Walk(session, audit_key)
    for row in _records(session):
        walk.visit(row)
    return walk.finish()


def _records(session: Session) -> Iterator[Row[Any]]:
    """Every record, run by run."""
    ordered = select(audit_records).order_by(audit_records.c.run_id, audit_records.c.seq)
    yield from session.connection().execute(ordered.execution_options(yield_per=_PAGE))


@dataclass(slots=True)
class _CurrentRun:
    """Where the walk is within a run."""

    id: int
    name: str
    next_seq: int = 0
    previous: bytes | None = NOTHING_BEFORE
    """The mac of the record before; None after a gap, where it is not known."""
    ended: bool = False


@dataclass(slots=True)
class _Walk:
    """The state of a check."""

    session: Session
    audit_key: bytes
    runs: int = 0
    records: int = 0
    first_runs: int = 0
    current: _CurrentRun | None = None
    unfinished: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    links: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """What runs saw before them and the walk does not remember: (run, seq), mac."""
    recent: OrderedDict[tuple[int, int], bytes] = field(default_factory=OrderedDict)

    def visit(self, row: Row[Any]) -> None:
        """Check one record against the one before it."""
        self.records += 1
        if self.current is None or self.current.id != row.run_id:
            self._leave_run()
            self._enter_run(row)
        run = self.current
        assert run is not None
        if row.seq != run.next_seq:
            # What stands before it is gone, so its mac cannot be computed.
            self._break(BreakKind.GAP if run.next_seq else BreakKind.NO_BEGIN, row.seq)
            run.previous = None
        elif run.ended:
            self._break(BreakKind.AFTER_END, row.seq)
        if not self._is_as_written(row, run.previous):
            self._break(BreakKind.EDITED, row.seq)
        elif row.seq == 0:
            self._take_links(row)
        self._remember(row)
        run.previous = row.mac
        run.next_seq = row.seq + 1
        run.ended = row.verb == END

    def finish(self) -> AuditCheck:
        """What was found, after the last record."""
        self._leave_run()
        self._resolve_links()
        if self.first_runs == 0:
            self.breaks.append(Break(BreakKind.NO_FIRST_RUN, "", 0))
        return AuditCheck(self.runs, self.records, self.unfinished, self.breaks)

    def _enter_run(self, row: Row[Any]) -> None:
        self.runs += 1
        self.current = _CurrentRun(id=row.run_id, name=run_name(row.run_id, row.payload))

    def _leave_run(self) -> None:
        run = self.current
        if run is None:
            return
        if not run.ended and len(self.unfinished) < _LISTED_MOST:
            self.unfinished.append(run.name)

    def _is_as_written(self, row: Row[Any], previous: bytes | None) -> bool:
        """Whether the mac is right and the columns say what it covers."""
        if previous is not None:
            expected = record_mac(self.audit_key, previous, row.payload)
            if not hmac.compare_digest(expected, row.mac):
                return False
        try:
            kept = json.loads(row.payload)
            return (row.run_id, row.seq, row.at, row.verb) == (
                kept["run"],
                kept["seq"],
                kept["at"],
                kept["verb"],
            )
        except (ValueError, TypeError, LookupError):
            return False

    def _take_links(self, row: Row[Any]) -> None:
        """Note what a run saw before it, to be looked up."""
        if row.verb != BEGIN:
            self._break(BreakKind.NO_BEGIN, 0)
            return
        links = links_of(row.payload)
        for run, seq, mac in links:
            if self.recent.get((run, seq)) != bytes.fromhex(mac):
                self.links[run, seq] = bytes.fromhex(mac)
        if len(self.links) >= _LINKS_AT_ONCE:
            self._resolve_links()
        if links:
            return
        self.first_runs += 1
        if self.first_runs > 1 or json.loads(row.payload)["data"]["verb"] != _FIRST_COMMAND:
            self._break(BreakKind.SECOND_FIRST_RUN, 0)

    def _resolve_links(self) -> None:
        """Look up the records that runs saw before them."""
        if not self.links:
            return
        key = ("run_id", "seq")
        found = select_many(
            self.session, audit_records, columns=(*key, "mac"), key=key, rows=self.links
        )
        standing = {(run, seq): mac for run, seq, mac in found}
        for (run, seq), mac in self.links.items():
            if (run, seq) not in standing:
                self._add(Break(BreakKind.MISSING, str(run), seq))
            elif standing[run, seq] != mac:
                self._add(Break(BreakKind.EDITED, str(run), seq))
        self.links.clear()

    def _remember(self, row: Row[Any]) -> None:
        self.recent[row.run_id, row.seq] = row.mac
        if len(self.recent) > _RECENT_KEPT:
            self.recent.popitem(last=False)

    def _break(self, kind: BreakKind, seq: int) -> None:
        assert self.current is not None
        self._add(Break(kind, self.current.name, seq))

    def _add(self, found: Break) -> None:
        if len(self.breaks) < _LISTED_MOST:
            self.breaks.append(found)


def run_name(run_id: int, begin_payload: str) -> str:
    """The code of a run by its first record, or its id where that cannot be read."""
    try:
        return str(json.loads(begin_payload)["data"]["code"])
    except (ValueError, TypeError, LookupError):
        return str(run_id)
