"""Orders that a file tells otherwise than they are stored: kept until a person decides.

The stored order stands meanwhile. Where the file says that an order is over, or of other things or
money, and it has no card yet, it is held: nothing is given away that would have to be asked back.
The same contradiction is kept once, however often its file is imported.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any, NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.orders.place import OrderConflict
from cardctl.orders.plan import PlacingCatalog, PlannedOrder
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.schema.orders import order_conflicts, orders
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.vocabulary import ConflictState, OrderEventKind, OrderStatus

HOLD_REASON = "conflict"
"""What the event of an order says that is held because of one."""

_HOLDING = frozenset({"status", "lines", "paid", "refunded"})
"""Differences in what is given away, and for what."""
_HELD_FROM = (OrderStatus.PAID, OrderStatus.SHORT)
_COLUMNS = (
    "bucket",
    "id",
    "order_id",
    "digest",
    "told",
    "differs",
    "file_name",
    "found_at",
    "run_id",
    "state",
)

Told = tuple[PlannedOrder, tuple[str, ...]]
"""An order as it was told, and in what it differs from the stored one."""


class ConflictFound(OrderConflict):
    """A file contradicts what is stored; it is kept for a person to decide."""

    hint = "cardctl order conflict list"


class _Locked(NamedTuple):
    """The stored order of a conflict."""

    bucket: int
    number: str
    id: int
    status: str


class _Kept(NamedTuple):
    """A conflict that is there already."""

    bucket: int
    order_id: int
    digest: str
    state: str


def record_conflicts(
    session: Session, *, run: Run, catalog: PlacingCatalog, told: Sequence[Told], file: str
) -> set[str]:
    """Keep what contradicts stored orders of a channel, and hold those that must not go out.

    Returns the numbers of those of which a person has said already that the stored order stands.
    """
    if not told:
        return set()
    stored = _lock(session, catalog, [order for order, _ in told])
    texts = {order.record.number: write_told(order.record) for order, _ in told}
    digests = {number: sha256(text.encode()).hexdigest() for number, text in texts.items()}
    kept = _read_kept(session, stored.values())
    fresh: list[tuple[object, ...]] = []
    again: list[tuple[object, ...]] = []
    decided, held = set(), []
    for (order, differs), conflict_id in zip(told, new_ids(len(told)), strict=True):
        number = order.record.number
        found = stored[order.bucket, number]
        key = found.bucket, found.id, digests[number]
        state = kept.get(key)
        if state == ConflictState.STORE:
            decided.add(number)
            continue
        if state is None:
            words = texts[number], ",".join(differs), file
            when = run.at, run.id, ConflictState.OPEN.value
            fresh.append((found.bucket, conflict_id, found.id, digests[number], *words, *when))
        elif state != ConflictState.OPEN:
            # The file's word was taken once; something later says otherwise.
            again.append((",".join(differs), file, run.at, run.id, *key))
        news = state != ConflictState.OPEN
        # What was held for want of something is not let go by what is told of that alone.
        stops = found.status in _HELD_FROM or (news and found.status == OrderStatus.HELD)
        if stops and _HOLDING & set(differs):
            held.append(found)
    _write(session, fresh, again)
    _hold(session, run, held)
    if fresh or again or held:
        digest = sha256("\n".join(sorted(digests.values())).encode()).hexdigest()
        facts = {"channel": catalog.channel, "found": len(fresh) + len(again), "held": len(held)}
        run.record(session, "order.conflict", {**facts, "told_sha256": digest})
    return decided


def write_told(record: OrderRecord) -> str:
    """An order as it was told, as JSON without what was not told."""
    facts = {name: value for name, value in asdict(record).items() if value not in (None, ())}
    facts["lines"] = [
        {name: value for name, value in asdict(line).items() if value is not None}
        for line in record.lines
    ]
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def read_told(text: str) -> OrderRecord:
    """The order that was told."""
    facts: dict[str, Any] = json.loads(text)
    lines = tuple(LineRecord(**line) for line in facts.pop("lines"))
    status = facts.pop("told_status", None)
    told_status = OrderStatus(status) if status else None
    return OrderRecord(**facts, lines=lines, told_status=told_status)


def _lock(
    session: Session, catalog: PlacingCatalog, told: Iterable[PlannedOrder]
) -> dict[tuple[int, str], _Locked]:
    """The stored orders, locked: who keeps the same conflict meanwhile comes second."""
    rows = select_many(
        session,
        orders,
        columns=_Locked._fields,
        key=("bucket", "channel_id", "number"),
        rows=sorted((one.bucket, catalog.channel_id, one.record.number) for one in told),
        lock_order=("bucket", "id"),
    )
    found = [_Locked(*row) for row in rows]
    return {(one.bucket, one.number): one for one in found}


def _read_kept(
    session: Session, stored: Iterable[_Locked]
) -> dict[tuple[int, int, str], ConflictState]:
    rows = select_many(
        session,
        order_conflicts,
        columns=_Kept._fields,
        key=("bucket", "order_id"),
        rows=[(one.bucket, one.id) for one in stored],
    )
    kept = (_Kept(*row) for row in rows)
    return {(one.bucket, one.order_id, one.digest): ConflictState(one.state) for one in kept}


def _write(
    session: Session,
    fresh: Sequence[tuple[object, ...]],
    again: Sequence[tuple[object, ...]],
) -> None:
    insert_many(session, order_conflicts, _COLUMNS, fresh)
    if again:
        update_many(
            session,
            order_conflicts,
            key=("bucket", "order_id", "digest"),
            changed=("differs", "file_name", "found_at", "run_id"),
            rows=again,
            constants={"state": ConflictState.OPEN.value},
        )


def _hold(session: Session, run: Run, held: Sequence[_Locked]) -> None:
    """Keep locked orders from being issued."""
    if not held:
        return
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=[(one.bucket, one.id) for one in held],
        constants={"status": OrderStatus.HELD.value},
    )
    kind, detail = OrderEventKind.HELD, {"reason": HOLD_REASON}
    write_events(
        session,
        run=run,
        events=(
            NewEvent(one.bucket, event_id, one.id, kind, detail)
            for one, event_id in zip(held, new_ids(len(held)), strict=True)
        ),
    )
