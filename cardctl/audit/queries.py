"""What the audit log says, for people; needs no key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.record import BEGIN, END
from cardctl.audit.verify import run_name
from cardctl.schema.audit import audit_records


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded change."""

    at: int
    run: str
    seq: int
    verb: str
    actor: str
    """The operator where one was named, else user@host."""
    details: Mapping[str, object]


def list_events(
    session: Session, *, since: int | None = None, actor: str | None = None, verb: str | None = None
) -> list[Event]:
    """The changes in the order of their runs, the oldest first.

    `since` is in epoch ms. `verb` is a verb such as `product.add`, or a noun for all of its verbs;
    `actor` an operator, a user, or user@host. How runs begin and end is left out unless asked for.
    """
    begins = audit_records.alias("begins")
    statement = (
        select(audit_records, begins.c.payload.label("begin"))
        .join(begins, (begins.c.run_id == audit_records.c.run_id) & (begins.c.seq == 0))
        .order_by(audit_records.c.at, audit_records.c.run_id, audit_records.c.seq)
    )
    if since is not None:
        statement = statement.where(audit_records.c.at >= since)
    if verb is None:
        statement = statement.where(audit_records.c.verb.not_in([BEGIN, END]))
    else:
        statement = statement.where(
            (audit_records.c.verb == verb)
            | audit_records.c.verb.startswith(f"{verb}.", autoescape=True)
        )
    found = session.connection().execute(statement)
    events = [
        (names, Event(row.at, run_name(row.run_id, row.begin), row.seq, row.verb, shown, details))
        for row in found
        for names, shown in [_actor(row.begin)]
        for details in [_details(row.payload)]
    ]
    return [event for names, event in events if actor is None or actor in names]


def _actor(begin: str) -> tuple[frozenset[str], str]:
    """All names under which somebody may look for the actor of a run, and the one shown."""
    try:
        kept = json.loads(begin)["data"]["actor"]
        user, host, operator = kept["os_user"], kept["host"], kept["operator"]
    except (ValueError, TypeError, LookupError):
        return frozenset(), "?"
    at_host = f"{user}@{host}"
    return frozenset({user, at_host, operator} - {None}), operator or at_host


def _details(payload: str) -> Mapping[str, object]:
    try:
        found = json.loads(payload)["data"]
    except (ValueError, TypeError, LookupError):
        return {}
    return found if isinstance(found, dict) else {}
