"""What the program says to the database: recorded, counted, and held against the house rules.

The rules that a statement can break: locks only in known places, no SERIALIZABLE, no advisory lock,
no trigger, nothing append-only changed, no list of pairs, and bucketed tables joined on their
bucket.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

BY_TEST = "by_test"
"""Execution option of statements with which a test tampers; they are not judged."""

APPEND_ONLY = frozenset(
    {"journal_entry", "journal_line", "audit_record", "order_event", "refund", "replacement"}
)
BUCKETED = frozenset(
    {
        *("card", "orders", "order_line", "order_event", "journal_entry", "journal_line"),
        *("order_conflict", "refund", "replacement", "delivery", "card_delivery"),
        "plan_recipient",
    }
)
LOCKED = {
    "card": "claim and what puts cards aside: rows are taken in the order of the claim index",
    "orders": "issuing: an order is locked before its cards",
    "batch": "undo and recall: a batch is locked before its cards",
    "delivery": "a lease, and what keeps it from leaving: after its order, before its cards",
    "slot": "the keyset is written to every slot at once",
    "product": "edit: an import under the old rules of keys does not pass it by",
    "supplier": "edit: no other edit may be lost, also of its names, columns and password",
    "account": "edit: as a supplier",
    "channel": "its lists of accounts and pools are changed by one at a time",
    "plan_recipient": "run and cancel: an order is made of a recipient, or it is cancelled",
    "redeem_try": "redeem: the tries of one actor are counted one after another",
    "data_key": "rotation: a batch is not undone while its data key is sealed anew",
}
"""The tables of which rows may be locked, and where."""

JOB_LOCK = "SELECT pg_try_advisory_xact_lock(%(key)s)"
"""It keeps two runs of a job apart, and nothing rests on it: see `cardctl.storage.job_lock`."""

_TABLE = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO|,)\s+(?:ONLY\s+)?\"?(?P<table>[a-z_]+)\"?"
    r"(?:\s+(?:AS\s+)?\"?(?!(?:on|where|set|join|left|inner|full|cross|order|group|for|limit"
    r"|returning|values|using|union|as|and)\b)(?P<alias>[a-z_][a-z_0-9]*)\"?)?",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+\"?([a-z_]+)", re.IGNORECASE
)
_LOCK = re.compile(
    r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE)\b(?:\s+OF\s+\"?([a-z_]+)\"?)?", re.IGNORECASE
)
_PAIRS = re.compile(r"\)\s+IN\s+\((?:\s*VALUES)?\s*\(\s*[?%:$]", re.IGNORECASE)
_TRIGGER = re.compile(r"\bCREATE\s+(?:CONSTRAINT\s+)?TRIGGER\b", re.IGNORECASE)

_UNION = re.compile(r"\bUNION\s+ALL\b", re.IGNORECASE)


def judge(statement: str) -> list[str]:
    """The rules that a statement breaks, each as a sentence."""
    upper = statement.upper()
    problems = [
        f"changes {table}, which is append-only"
        for table in _CHANGE.findall(statement)
        if table in APPEND_ONLY
    ]
    problems += [
        f"locks rows of {table or 'whatever it reads'}: a known place says FOR UPDATE OF its table"
        for table in _LOCK.findall(statement)
        if table not in LOCKED
    ]
    if "SERIALIZABLE" in upper:
        problems.append("asks for SERIALIZABLE: constraints and row counts carry correctness")
    if "ADVISORY" in upper and statement != JOB_LOCK:
        problems.append("takes an advisory lock: constraints and row counts carry correctness")
    if _TRIGGER.search(statement):
        problems.append("makes a trigger")
    if _PAIRS.search(statement):
        problems.append("looks up pairs of values: SQLite reads the whole table for two of them")
    # The arms of a UNION ALL are stacked, not joined: each is held to the rule by itself.
    for arm in _UNION.split(statement):
        problems += _unbucketed_joins(arm)
    return problems


def _unbucketed_joins(statement: str) -> list[str]:
    """Bucketed tables of one statement whose bucket it does not name, beside another one."""
    names = {}
    for match in _TABLE.finditer(statement):
        table = match["table"].lower()
        if table in BUCKETED:
            names[(match["alias"] or table).lower()] = table
    if len(names) < 2:
        return []
    return [
        f"reads {table} beside another bucketed table without its bucket"
        for alias, table in sorted(names.items())
        if not re.search(rf'\b"?{alias}"?\."?(?:order_)?bucket\b', statement, re.IGNORECASE)
    ]


@dataclass(slots=True)
class Recorder:
    """The different statements that ran since it was made, and what is wrong with them."""

    seen: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def hear(self, statement: str, options: dict[str, Any]) -> None:
        """Judge a statement the first time it is heard."""
        if statement in self.seen or options.get(BY_TEST):
            return
        self.seen.add(statement)
        self.problems += [f"{problem}:\n{statement}" for problem in judge(statement)]

    def take_problems(self) -> list[str]:
        """The problems found since the last call."""
        found, self.problems = self.problems, []
        return found


@contextmanager
def listening(hear: Any) -> Iterator[None]:
    """Call `hear(statement, options)` for each statement that any engine executes."""

    def before(
        _connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: Any
    ) -> None:
        hear(statement, context.execution_options if context is not None else {})

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)


@contextmanager
def count_statements() -> Iterator[list[str]]:
    """The statements executed within the block, without the framing of their transactions."""
    heard: list[str] = []

    def hear(statement: str, _options: dict[str, Any]) -> None:
        if not statement.startswith(("BEGIN", "SET ", "PRAGMA")):
            heard.append(statement)

    with listening(hear):
        yield heard
