"""Write the audit log: one chain a command run."""

import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, tuple_
from sqlmodel import Session

from cardctl.clock import day_of, now_ms
from cardctl.identifiers import new_code, new_id
from cardctl.schema.audit import audit_records
from cardctl.storage.store import Store

BEGIN = "begin"
END = "end"
NOTHING_BEFORE = bytes(32)
"""What the mac of a run's first record covers in place of an earlier mac."""

_INSERT = insert(audit_records)

_LINKED_RUNS = 256
"""Among how many runs the ends are looked for; concurrent runs leave several."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who runs a command."""

    os_user: str
    host: str
    operator: str | None
    """What CARDCTL_OPERATOR says."""


def begin_run(*, audit_key: bytes, verb: str, actor: Actor, at: int, zone: ZoneInfo) -> "Run":
    """A run that has written nothing yet; `verb` is the command, such as `batch.import`."""
    code = new_code("R", f"{day_of(at, zone):%Y%m%d}")
    return Run(audit_key=audit_key, verb=verb, actor=actor, at=at, code=code)


class Run:
    """One run of a command: a chain of records, begun when there is something to record."""

    def __init__(self, *, audit_key: bytes, verb: str, actor: Actor, at: int, code: str) -> None:
        """Touches no database; see `begin_run`."""
        self.id = new_id()
        self.code = code
        self.at = at
        """Epoch ms when the run began: the time of all its events."""
        self._audit_key = audit_key
        self._verb = verb
        self._actor = actor
        self._seq = 0
        self._mac = NOTHING_BEFORE
        self._goes_on = False

    def record(self, session: Session, verb: str, payload: Mapping[str, object]) -> None:
        """Add a record of a change, in the transaction that makes it."""
        if self._seq == 0:
            begin = {
                "code": self.code,
                "verb": self._verb,
                "actor": asdict(self._actor),
                "links": [[run, seq, mac.hex()] for run, seq, mac in _loose_ends(session)],
            }
            # When it is written, which can be long after the run began: later runs look for
            # the latest begins, and would pass over one that seems older than it is.
            self._append(session, BEGIN, begin, at=max(self.at, now_ms()))
        self._append(session, verb, payload, at=self.at)

    def end(self, session: Session) -> None:
        """Close the chain, if it was begun."""
        if self._seq > 0 and not self._goes_on:
            self._append(session, END, {}, at=self.at)

    @contextmanager
    def transaction(
        self, store: Store, *, dry_run: bool = False, final: bool = True
    ) -> Iterator[Session]:
        """One writing transaction of the run.

        The chain goes on from where the last committed transaction left it. `final` closes it,
        if anything was recorded.
        """
        before = self._seq, self._mac
        kept = False
        try:
            with store.transaction(dry_run=dry_run) as session:
                yield session
                if final:
                    self.end(session)
            kept = not dry_run
        finally:
            if not kept:
                self._seq, self._mac = before

    def finish(self, store: Store) -> None:
        """Close the chain of a bulk run in a transaction of its own, if it was begun."""
        if self._seq > 0 and not self._goes_on:
            with self.transaction(store):
                pass

    @contextmanager
    def steps(self, store: Store) -> Iterator[None]:
        """Several pieces of bulk work as one run: none of them closes the chain, its end does.

        A piece may consist of steps itself.
        """
        before, self._goes_on = self._goes_on, True
        try:
            yield
        finally:
            self._goes_on = before
        self.finish(store)

    def _append(
        self, session: Session, verb: str, payload: Mapping[str, object], *, at: int
    ) -> None:
        body = canonical_json(
            {"run": self.id, "seq": self._seq, "at": at, "verb": verb, "data": payload}
        )
        mac = record_mac(self._audit_key, self._mac, body)
        row = {"run_id": self.id, "seq": self._seq, "at": at, "verb": verb}
        session.connection().execute(_INSERT, {**row, "payload": body, "mac": mac})
        self._seq += 1
        self._mac = mac


def canonical_json(value: Mapping[str, object]) -> str:
    """The one way a record is written: sorted, without spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def record_mac(audit_key: bytes, previous: bytes, body: str) -> bytes:
    """HMAC-SHA256 over the mac before it, the length and the record."""
    octets = body.encode()
    return hmac.digest(audit_key, previous + len(octets).to_bytes(8) + octets, "sha256")


def links_of(body: str) -> list[tuple[int, int, str]]:
    """The links of a `begin` record: (run, seq, mac in hex); none where it cannot be read."""
    try:
        return [
            (int(run), int(seq), str(mac)) for run, seq, mac in json.loads(body)["data"]["links"]
        ]
    except (ValueError, TypeError, LookupError):
        # `audit verify` reports what was tampered with; writing goes on meanwhile.
        return []


def _loose_ends(session: Session) -> list[tuple[int, int, bytes]]:
    """The newest records of the latest runs that none of these runs links to: (run, seq, mac).

    Runs one after another leave one; every run that was at work at the same time leaves its own.
    """
    connection = session.connection()
    begins = connection.execute(
        select(audit_records.c.run_id, audit_records.c.payload)
        .where(audit_records.c.seq == 0)
        .order_by(audit_records.c.at.desc(), audit_records.c.run_id.desc())
        .limit(_LINKED_RUNS)
    ).all()
    linked = {(run, seq) for _, body in begins for run, seq, _ in links_of(body)}
    newest = (
        select(audit_records.c.run_id, func.max(audit_records.c.seq))
        .where(audit_records.c.run_id.in_([run_id for run_id, _ in begins]))
        .group_by(audit_records.c.run_id)
    )
    ends = connection.execute(
        select(audit_records.c.run_id, audit_records.c.seq, audit_records.c.mac)
        .where(tuple_(audit_records.c.run_id, audit_records.c.seq).in_(newest))
        .order_by(audit_records.c.run_id)
    )
    return [(run, seq, mac) for run, seq, mac in ends if (run, seq) not in linked]
