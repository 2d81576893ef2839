"""Orders that a file tells otherwise than they are stored: kept until a person decides.

The stored order stands meanwhile. Where the file says that an order is over, or of other things or
money, and it has no card yet, it is held: nothing is given away that would have to be asked back.

The same contradiction is kept once, whatever file tells it: a platform's list says today what it
said yesterday. So what a person decided for the store is passed over from then on, until the order
is told with another status or another sum paid back, by a source that says a status. Then the
contradiction is withdrawn, decided or not, and told again it is open again: a buyer who asks for a
refund, takes that back and asks once more is told in the same words. A decision about other fields
lasts: two sources may say a note or a price differently for good. One that was made for the file is
about the order as it was made then; what contradicts that order is open again, too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.orders.place import OrderConflict, Placed
from cardctl.orders.plan import PlacingCatalog, PlannedOrder
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.schema.orders import order_conflicts, orders
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.vocabulary import ConflictState, OrderEventKind, OrderStatus, Outcome

HOLD_REASON = "conflict"
"""What the event of an order says that is held because of one."""

_HOLDING = frozenset({"status", "lines", "paid", "refunded"})
"""Differences in what is given away, and for what."""
_HELD_FROM = (OrderStatus.PAID, OrderStatus.SHORT)
_OF_REFUNDS = frozenset({"status", "refunded"})
"""Differences that may come, go and come again."""
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

Told = tuple[PlannedOrder, Placed]
"""An order as it was told, and what came of that."""

_Key = tuple[int, int]
"""Bucket and id of an order."""


class ConflictFound(OrderConflict):
    """A file contradicts what is stored; it is kept for a person to decide."""

    hint = "cardctl order conflict list"


class _Kept(NamedTuple):
    """A conflict that is there already."""

    bucket: int
    id: int
    order_id: int
    digest: str
    told: str
    differs: str
    found_at: int
    state: str
    withdrawn_at: int | None

    def is_withdrawn_by(self, record: OrderRecord) -> bool:
        """Whether what the order is told as now ends what a decision about it is worth."""
        stands = self.state != ConflictState.FILE and self.withdrawn_at is None
        if not stands or _OF_REFUNDS.isdisjoint(self.differs.split(",")):
            return False
        return record.told_status is not None and _money(record) != _money(read_told(self.told))


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """An order, by (bucket, id), that is told otherwise than it is stored with its `status`.

    `same` is kept of it already, and `is_last` says whether nothing else was told of it since.
    """

    placed: Placed
    key: _Key
    status: str
    text: str
    digest: str
    same: _Kept | None
    is_last: bool

    @property
    def is_open(self) -> bool:
        """Whether it waits for a person already."""
        return self.same is not None and self.same.state == ConflictState.OPEN

    @property
    def is_decided(self) -> bool:
        """Whether a person has said that the stored order stands, and that still holds."""
        if self.same is None or self.same.state != ConflictState.STORE:
            return False
        return self.same.withdrawn_at is None

    @property
    def holds(self) -> bool:
        """Whether its order must not go out from now on."""
        if self.is_decided or _HOLDING.isdisjoint(self.placed.differs):
            return False
        # What was held for want of something is not let go by what is told of that alone.
        was_held = self.status == OrderStatus.HELD and not self.is_open
        return self.status in _HELD_FROM or was_held


def record_conflicts(
    session: Session, *, run: Run, catalog: PlacingCatalog, told: Sequence[Told], file: str
) -> set[str]:
    """Keep what contradicts stored orders of a channel, and hold those that must not go out.

    `told` are all orders that were told: also one that agrees withdraws what was told before.
    Returns the numbers of those of which a person has said already that the stored order stands.
    """
    contradicting = [one for one in told if one[1].outcome is Outcome.CONFLICT]
    statuses = _lock(session, contradicting)
    kept = _read_kept(session, told)
    found = [_contradiction(one, statuses, kept) for one in contradicting]
    fresh = [one for one in found if one.same is None]
    again = [one for one in found if one.same and not one.is_decided and not one.is_last]
    held = [one.key for one in found if one.holds]
    withdrawn = [
        one
        for order, placed in told
        for one in kept.get(placed.found, ())
        if one.is_withdrawn_by(order.record)
    ]
    if fresh or again or held or withdrawn:
        _insert(session, run, file, fresh)
        _reopen(session, run, file, again)
        _withdraw(session, run, withdrawn)
        _hold(session, run, held)
        digest = sha256("\n".join(sorted(one.digest for one in found)).encode()).hexdigest()
        counts = {"found": len(fresh) + len(again), "withdrawn": len(withdrawn), "held": len(held)}
        facts = {"channel": catalog.channel, **counts, "told_sha256": digest}
        run.record(session, "order.conflict", facts)
    return {one.placed.number for one in found if one.is_decided}


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


def _money(record: OrderRecord) -> tuple[OrderStatus, int]:
    """What a source says of whether the money is here."""
    return record.status, record.refunded_fen or 0


def _lock(session: Session, told: Iterable[Told]) -> dict[_Key, str]:
    """The statuses of the stored orders, locked: who keeps the same conflict comes second."""
    rows = select_many(
        session,
        orders,
        columns=("bucket", "id", "status"),
        key=("bucket", "id"),
        rows=sorted(placed.found for _, placed in told if placed.found),
        lock_order=("bucket", "id"),
    )
    return {(bucket, order_id): status for bucket, order_id, status in rows}


def _read_kept(session: Session, told: Iterable[Told]) -> dict[_Key | None, list[_Kept]]:
    """What is kept of orders that contradict, or say a status, the last one found at the end."""
    rows = select_many(
        session,
        order_conflicts,
        columns=_Kept._fields,
        key=("bucket", "order_id"),
        rows=[
            placed.found
            for order, placed in told
            if placed.found and (placed.differs or order.record.told_status)
        ],
    )
    kept: dict[_Key | None, list[_Kept]] = {}
    for one in sorted((_Kept(*row) for row in rows), key=lambda one: (one.found_at, one.id)):
        kept.setdefault((one.bucket, one.order_id), []).append(one)
    return kept


def _contradiction(
    told: Told, statuses: Mapping[_Key, str], kept: Mapping[_Key | None, Sequence[_Kept]]
) -> _Contradiction:
    order, placed = told
    assert placed.found is not None
    text = write_told(order.record)
    digest = sha256(text.encode()).hexdigest()
    known = kept.get(placed.found, ())
    same = next((one for one in known if one.digest == digest), None)
    waiting = [one for one in known if one.state == ConflictState.OPEN]
    is_last = waiting[-1:] == [same] and waiting[-1].withdrawn_at is None
    status = statuses[placed.found]
    return _Contradiction(placed, placed.found, status, text, digest, same, is_last)


def _insert(session: Session, run: Run, file: str, fresh: Sequence[_Contradiction]) -> None:
    rows = [
        (
            *(one.key[0], conflict_id, one.key[1], one.digest, one.text),
            *(",".join(one.placed.differs), file, run.at, run.id, ConflictState.OPEN.value),
        )
        for one, conflict_id in zip(fresh, new_ids(len(fresh)), strict=True)
    ]
    insert_many(session, order_conflicts, _COLUMNS, rows)


def _reopen(session: Session, run: Run, file: str, again: Sequence[_Contradiction]) -> None:
    """Let what was told before be the last word."""
    update_many(
        session,
        order_conflicts,
        key=("bucket", "order_id", "digest"),
        changed=("differs", "file_name"),
        rows=[(",".join(one.placed.differs), file, *one.key, one.digest) for one in again],
        constants={
            "state": ConflictState.OPEN.value,
            "found_at": run.at,
            "run_id": run.id,
            "withdrawn_at": None,
        },
    )


def _withdraw(session: Session, run: Run, withdrawn: Sequence[_Kept]) -> None:
    update_many(
        session,
        order_conflicts,
        key=("bucket", "id"),
        changed=(),
        rows=[(one.bucket, one.id) for one in withdrawn],
        constants={"withdrawn_at": run.at},
    )


def _hold(session: Session, run: Run, held: Sequence[_Key]) -> None:
    """Keep locked orders from being issued."""
    if not held:
        return
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=held,
        constants={"status": OrderStatus.HELD.value},
    )
    kind, detail = OrderEventKind.HELD, {"reason": HOLD_REASON}
    write_events(
        session,
        run=run,
        events=(
            NewEvent(bucket, event_id, order_id, kind, detail)
            for (bucket, order_id), event_id in zip(held, new_ids(len(held)), strict=True)
        ),
    )
