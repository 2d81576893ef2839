"""Place orders: one rule for a single order and for a file of a million.

An order is placed once. Told again with the same content it is unchanged, with another content it
is a conflict and the stored one stands. An unpaid order that is told as paid moves to paid; no
status ever moves back. What is told of it for the first time is filled in. An order that was closed
where it came from is not taken, and closed here if nobody had paid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.address import check_address
from cardctl.errors import StateForbids
from cardctl.identifiers import new_ids
from cardctl.orders.closing import close_unpaid
from cardctl.orders.compare import CLOSED, Comparison, StoredOrder, compare, tells_more
from cardctl.orders.fill_in import Filling, fill_in
from cardctl.orders.plan import (
    PlacingCatalog,
    PlannedLine,
    PlannedOrder,
    plan_order,
    read_placing_catalog,
)
from cardctl.orders.records import TOLD_TEXTS, OrderRecord, check_order, check_paid_at
from cardctl.orders.stops import unpaid_when_cancelled
from cardctl.schema.orders import order_lines, orders
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.storage.failures import TransactionRaced, violated_constraint
from cardctl.vocabulary import OrderEventKind, OrderStatus, Outcome

_INSERT_ATTEMPTS = 5
_TAKEN = ("uq_orders_", "pk_orders", "orders.")
"""How the two databases begin to name the keys of an order."""
_STORED_COLUMNS = (
    "bucket",
    "number",
    "id",
    "status",
    "paid_fen",
    "paid_at",
    "account_id",
    *TOLD_TEXTS,
    "refunded_fen",
)
_ORDER_COLUMNS = (*_STORED_COLUMNS, "channel_id", "recorded_at", "waiting_since")
_LINE_COLUMNS = (
    "bucket",
    "id",
    "order_id",
    "position",
    *PlannedLine._fields,
    "issued_qty",
)


class OrderConflict(StateForbids):
    """The order is there already, with another content."""

    code = "conflict"
    message = "order {order} is recorded already and differs in: {differs}"
    hint = "cardctl order show {order}"


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of placing one order: its status now, and for a conflict what differs.

    `found` is the order (bucket, id) that was there before; None where there was none.
    """

    order: str
    number: str
    outcome: Outcome
    status: str
    differs: tuple[str, ...] = ()
    found: tuple[int, int] | None = None


_Lines = dict[tuple[int, int], list[PlannedLine]]


def add_order(session: Session, *, run: Run, channel: str, record: OrderRecord) -> Placed:
    """Place one order.

    Raises `NotFound`, `BadValue`, `PaidInFuture`, `NumberWithChannel` and `OrderConflict`.
    """
    catalog = read_placing_catalog(session, channel=channel)
    checked = check_order(record)
    if checked.email is not None:
        # Of a file's orders it is judged when something is sent to it: they were paid for.
        check_address(checked.email)
    if checked.paid_at is not None:
        check_paid_at(checked.paid_at, now=run.at)
    planned = plan_order(catalog, checked)
    (placed,) = place_orders(session, run=run, verb="order.add", catalog=catalog, planned=[planned])
    if placed.outcome is Outcome.CONFLICT:
        raise OrderConflict(order=placed.order, differs=", ".join(placed.differs))
    return placed


def place_orders(
    session: Session,
    *,
    run: Run,
    verb: str,
    catalog: PlacingCatalog,
    planned: Sequence[PlannedOrder],
) -> list[Placed]:
    """Place orders of one channel, each number once, in a constant number of statements.

    What changes anything is audited as one record under `verb`. Another process may place the
    same orders meanwhile: whoever comes second finds them there. Raises `TransactionRaced` when
    that happens again and again.
    """
    for _ in range(_INSERT_ATTEMPTS):
        stored = _read_stored(session, catalog, planned)
        # Sorted: two processes that place the same orders wait for each other in one order only.
        new = sorted(
            (order for order in planned if order.key not in stored and order.record.may_be_new),
            key=lambda order: order.key,
        )
        if _insert_unless_raced(session, run, catalog, new):
            break
    else:
        raise TransactionRaced
    stored = _lock_changing(session, planned, stored)
    placed, fillings = _compare_all(session, catalog, planned, stored)
    freed = fill_in(session, run=run, fillings=fillings)
    placed = [
        replace(one, status=OrderStatus.PAID.value) if one.found in freed else one for one in placed
    ]
    _mark_paid(session, run, planned, stored, placed)
    _close(session, run, planned, stored, placed)
    _record(session, run, verb, catalog, placed)
    return placed


def _read_stored(
    session: Session, catalog: PlacingCatalog, planned: Iterable[PlannedOrder]
) -> dict[tuple[int, str], StoredOrder]:
    rows = select_many(
        session,
        orders,
        columns=_STORED_COLUMNS,
        key=("bucket", "channel_id", "number"),
        rows=[(order.bucket, catalog.channel_id, order.record.number) for order in planned],
    )
    return {(row[0], row[1]): StoredOrder(*row) for row in rows}


def _insert_unless_raced(
    session: Session, run: Run, catalog: PlacingCatalog, new: Sequence[PlannedOrder]
) -> bool:
    """Insert orders with lines and events; False when another process placed one of them."""
    if not new:
        return True
    try:
        with session.begin_nested():
            _insert(session, run, catalog, new)
    except IntegrityError as error:
        if not violated_constraint(error).startswith(_TAKEN):
            raise
        return False
    return True


def _insert(
    session: Session, run: Run, catalog: PlacingCatalog, new: Sequence[PlannedOrder]
) -> None:
    ids = new_ids(len(new))
    event_ids = new_ids(len(new))
    line_ids = iter(new_ids(sum(len(order.lines) for order in new)))
    insert_many(
        session,
        orders,
        _ORDER_COLUMNS,
        [_order_row(run, catalog, order, row_id) for order, row_id in zip(new, ids, strict=True)],
    )
    insert_many(
        session,
        order_lines,
        _LINE_COLUMNS,
        [
            (order.bucket, next(line_ids), row_id, position, *line, 0)
            for order, row_id in zip(new, ids, strict=True)
            for position, line in enumerate(order.lines)
        ],
    )
    write_events(
        session,
        run=run,
        events=(
            NewEvent(
                order.bucket,
                event_id,
                row_id,
                OrderEventKind.PLACED,
                {"status": order.record.status, "paid_fen": order.paid_fen},
            )
            for order, row_id, event_id in zip(new, ids, event_ids, strict=True)
        ),
    )


def _order_row(
    run: Run, catalog: PlacingCatalog, order: PlannedOrder, row_id: int
) -> tuple[object, ...]:
    """The values of `_ORDER_COLUMNS`."""
    record = order.record
    paid_at = record.paid_at if record.status is OrderStatus.PAID else None
    return (
        order.bucket,
        record.number,
        row_id,
        record.status.value,
        order.paid_fen,
        paid_at,
        order.account_id,
        *(getattr(record, name) for name in TOLD_TEXTS),
        0,
        catalog.channel_id,
        run.at,
        run.at if paid_at is None else paid_at,
    )


def _lock_changing(
    session: Session, planned: Sequence[PlannedOrder], stored: dict[tuple[int, str], StoredOrder]
) -> dict[tuple[int, str], StoredOrder]:
    """The same orders, with those locked and looked at again that may move or be filled in."""
    changing = {
        (found.bucket, found.id)
        for order in planned
        if (found := stored.get(order.key)) is not None and _may_change(order, found)
    }
    rows = select_many(
        session,
        orders,
        columns=_STORED_COLUMNS,
        key=("bucket", "id"),
        rows=sorted(changing),
        lock_order=("bucket", "id"),
    )
    return stored | {(row[0], row[1]): StoredOrder(*row) for row in rows}


def _may_change(order: PlannedOrder, found: StoredOrder) -> bool:
    is_unpaid = found.status == OrderStatus.UNPAID
    moves = is_unpaid and order.record.status is not OrderStatus.UNPAID
    return moves or bool(tells_more(order, found))


def _compare_all(
    session: Session,
    catalog: PlacingCatalog,
    planned: Sequence[PlannedOrder],
    stored: dict[tuple[int, str], StoredOrder],
) -> tuple[list[Placed], list[Filling]]:
    lines = _read_lines(session, stored.values())
    cancelled = [
        (one.bucket, one.id) for one in stored.values() if one.status == OrderStatus.CANCELLED
    ]
    never_paid = unpaid_when_cancelled(session, orders=cancelled)
    placed, fillings = [], []
    for order in planned:
        found = stored.get(order.key)
        if found is None:
            taken = order.record.may_be_new
            result = Comparison(Outcome.NEW if taken else Outcome.NOT_TAKEN)
            status, key = order.record.status.value, None
        else:
            key = found.bucket, found.id
            result = compare(order, found, lines[key], cancelled_unpaid=key in never_paid)
            status = result.moves_to.value if result.moves_to else found.status
            if result.fills:
                fillings.append(Filling(found, order.record, result.fills))
        name = f"{catalog.channel}:{order.record.number}"
        number = order.record.number
        placed.append(Placed(name, number, result.outcome, status, result.differs, key))
    return placed, fillings


def _read_lines(session: Session, stored: Iterable[StoredOrder]) -> _Lines:
    rows = select_many(
        session,
        order_lines,
        columns=("bucket", "order_id", *PlannedLine._fields),
        key=("bucket", "order_id"),
        rows=[(found.bucket, found.id) for found in stored],
    )
    lines: _Lines = {}
    for bucket, order_id, *parts in rows:
        lines.setdefault((bucket, order_id), []).append(PlannedLine(*parts))
    return lines


def _mark_paid(
    session: Session,
    run: Run,
    planned: Sequence[PlannedOrder],
    stored: dict[tuple[int, str], StoredOrder],
    placed: Sequence[Placed],
) -> None:
    """Move orders from unpaid to paid; their rows are locked."""
    paid = [
        (stored[order.key], order.record.paid_at or run.at)
        for order, result in zip(planned, placed, strict=True)
        if result.outcome is Outcome.UPDATED
        and order.record.status is OrderStatus.PAID
        and stored[order.key].status == OrderStatus.UNPAID
    ]
    if not paid:
        return
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("paid_at", "waiting_since"),
        rows=[(paid_at, paid_at, found.bucket, found.id) for found, paid_at in paid],
        guard=f"orders.status = '{OrderStatus.UNPAID}'",
        constants={"status": OrderStatus.PAID.value},
    )
    kind, detail = OrderEventKind.PAID, {"status": OrderStatus.PAID}
    write_events(
        session,
        run=run,
        events=(
            NewEvent(found.bucket, event_id, found.id, kind, detail)
            for (found, _), event_id in zip(paid, new_ids(len(paid)), strict=True)
        ),
    )


def _close(
    session: Session,
    run: Run,
    planned: Sequence[PlannedOrder],
    stored: dict[tuple[int, str], StoredOrder],
    placed: Sequence[Placed],
) -> None:
    """Cancel unpaid orders that were closed where they come from; their rows are locked."""
    keys = [
        (stored[order.key].bucket, stored[order.key].id)
        for order, result in zip(planned, placed, strict=True)
        if result.outcome is Outcome.UPDATED and order.record.status in CLOSED
    ]
    close_unpaid(session, run=run, keys=keys)


def _record(
    session: Session, run: Run, verb: str, catalog: PlacingCatalog, placed: Sequence[Placed]
) -> None:
    """Audit what changed: a single order by its name, several by counts and a digest of them."""
    changed = [one for one in placed if one.outcome in (Outcome.NEW, Outcome.UPDATED)]
    if not changed:
        return
    if len(placed) == 1:
        (one,) = changed
        run.record(session, verb, {"order": one.order, "outcome": one.outcome, "to": one.status})
        return
    digest = sha256()
    for one in sorted(changed, key=lambda one: one.order):
        digest.update(f"{one.order}\t{one.outcome}\t{one.status}\n".encode())
    counts = {
        str(outcome): sum(1 for one in changed if one.outcome is outcome)
        for outcome in (Outcome.NEW, Outcome.UPDATED)
    }
    run.record(
        session, verb, {"channel": catalog.channel, **counts, "orders_sha256": digest.hexdigest()}
    )
