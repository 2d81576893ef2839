"""Decide conflicts: a person takes the file's word or the store's (冲突处理).

What the file says is taken as far as nothing has left: an order with cards is not rewritten, money
that went back is a refund. Then the next command is named instead.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.topups import is_account_asked_for
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import new_id
from cardctl.money import format_yuan, share_out
from cardctl.orders.cancel import CANCELLABLE, cancel_order
from cardctl.orders.compare import CLOSED, StoredOrder, compare
from cardctl.orders.conflicts import HOLD_REASON, read_told
from cardctl.orders.held import HeldOrder, hold_order
from cardctl.orders.plan import (
    PlannedLine,
    PlannedOrder,
    plan_order,
    read_placing_catalog,
)
from cardctl.orders.records import TOLD_TEXTS, OrderRecord
from cardctl.orders.stops import stop_reasons, unpaid_when_cancelled
from cardctl.schema.orders import order_conflicts, order_lines, orders
from cardctl.stock.release import release_cards_of
from cardctl.storage.dialects import insert_many, select_many
from cardctl.vocabulary import ConflictState, OrderEventKind, OrderStatus, Outcome

_NOT_LEFT = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.SHORT, OrderStatus.HELD)
_BEFORE_ISSUE = frozenset({"lines", "paid", "account", "status"})
"""What can be rewritten only while the order has no card and nothing is posted."""


_LINE_COLUMNS = (
    "bucket",
    "id",
    "order_id",
    "position",
    *PlannedLine._fields,
    "issued_qty",
    "refunded_fen",
)


class ConflictDecided(StateForbids):
    """The conflicts of the order were resolved the other way."""

    code = "conflict-decided"
    message = "order {order}: its conflict was resolved already, with --take {taken}"
    hint = "cardctl order show {order}"


class SaleIsPast(StateForbids):
    """The order has cards: what the file says of it cannot be taken."""

    code = "sale-is-past"
    message = "order {order} is {status}: {differs} cannot be rewritten any more"
    hint = "cardctl order conflict resolve {order} --take store, or give back what is too much"


class RefundFirst(StateForbids):
    """The file says that money went back, which is booked as a refund."""

    code = "refund-first"
    message = "order {order} is {status}, and the file says that {amount} of it went back"
    hint = "cardctl order refund {order} --amount {amount} --reason TEXT, then --take file again"


class AfterSaleUnsettled(StateForbids):
    """The file says that a refund is asked for, which decides nothing yet."""

    code = "after-sale-unsettled"
    message = "a refund of order {order} is asked for: whether it was made, a later file says"
    hint = "cardctl order cancel {order}; or to give the cards: --take store"


class AfterSaleOfSold(AfterSaleUnsettled):
    """The same of an order that has cards: it is not cancelled any more."""

    hint = (
        "wait for a later file; or cardctl order refund {order} --reason TEXT, then --take file"
        " again"
    )


@dataclass(frozen=True, slots=True)
class Resolved:
    """An order whose conflicts are resolved: its status now, and what the file's word changed."""

    order: str
    status: str
    take: ConflictState
    outcome: Outcome
    changed: tuple[str, ...] = ()


def resolve_conflict(
    session: Session,
    *,
    run: Run,
    channel: str,
    number: str,
    take: ConflictState,
    note: str | None = None,
) -> Resolved:
    """Decide all open conflicts of an order; of several files the last one's word counts.

    `take` is the file's word or the store's. Again changes nothing. Raises `NotFound`,
    `ConflictDecided`, `SaleIsPast`, `RefundFirst` and `AfterSaleUnsettled`.
    """
    order = hold_order(session, channel=channel, number=number)
    name = f"{channel}:{number}"
    kept = _kept(session, order)
    if not kept:
        raise NotFound(noun="order conflict", name=name)
    open_ones = [row for row in kept if row.state == ConflictState.OPEN]
    if not open_ones:
        last = ConflictState(kept[-1].state)
        if last is not take:
            raise ConflictDecided(order=name, taken=last)
        return Resolved(name, order.status, take, Outcome.UNCHANGED)
    changed: tuple[str, ...] = ()
    if take is ConflictState.FILE:
        changed = _take_file(session, run, (channel, number), order, read_told(open_ones[-1].told))
    _close(session, run, order, take, note)
    status = _let_go(session, run, order)
    facts = {"order": name, "take": take, "changed": list(changed), "status": status}
    run.record(session, "order.conflict.resolve", facts)
    return Resolved(name, status, take, Outcome.UPDATED, changed)


def _kept(session: Session, order: HeldOrder) -> list[Any]:
    """All conflicts of an order, the last one found at the end."""
    column = order_conflicts.c
    query = (
        select(column.id, column.told, column.state)
        .where(column.bucket == order.bucket, column.order_id == order.id)
        .order_by(column.found_at, column.id)
    )
    return list(session.execute(query))


def _take_file(
    session: Session, run: Run, name: tuple[str, str], order: HeldOrder, told: OrderRecord
) -> tuple[str, ...]:
    """Make the order what the file says; what it is made in."""
    channel, number = name
    if told.status is OrderStatus.HELD:
        if order.status in (*CLOSED, OrderStatus.PARTLY_REFUNDED):
            return ()
        unsettled = AfterSaleUnsettled if order.status in CANCELLABLE else AfterSaleOfSold
        raise unsettled(order=f"{channel}:{number}")
    if told.status in CLOSED:
        return _close_order(session, run, name, order)
    catalog = read_placing_catalog(session, channel=channel)
    planned = plan_order(catalog, told)
    stored, lines = _read_stored(session, order)
    cancelled = [order.key] if order.status == OrderStatus.CANCELLED else []
    never_paid = bool(unpaid_when_cancelled(session, orders=cancelled))
    differs = compare(planned, stored, lines, cancelled_unpaid=never_paid).differs
    _check(f"{channel}:{number}", order, planned, differs)
    if "topup_account" in differs and is_account_asked_for(session, order=order.key):
        raise SaleIsPast(order=f"{channel}:{number}", status=order.status, differs="topup_account")
    if differs:
        _rewrite(session, run, order, planned, differs)
    return differs


def _read_stored(session: Session, order: HeldOrder) -> tuple[StoredOrder, list[PlannedLine]]:
    """The order as it is, and its lines."""
    key = [(order.bucket, order.id)]
    (row,) = select_many(
        session, orders, columns=StoredOrder._fields, key=("bucket", "id"), rows=key
    )
    lines = select_many(
        session,
        order_lines,
        columns=PlannedLine._fields,
        key=("bucket", "order_id"),
        rows=key,
    )
    return StoredOrder(*row), [PlannedLine(*line) for line in lines]


def _close_order(
    session: Session, run: Run, name: tuple[str, str], order: HeldOrder
) -> tuple[str, ...]:
    channel, number = name
    if order.status in CLOSED:
        return ()
    if order.status not in CANCELLABLE:
        amount = format_yuan(order.left_fen)
        raise RefundFirst(order=f"{channel}:{number}", status=order.status, amount=amount)
    cancel_order(session, run=run, channel=channel, number=number)
    return ("status",)


def _check(name: str, order: HeldOrder, planned: PlannedOrder, differs: tuple[str, ...]) -> None:
    """Refuse what is past."""
    if "refunded" in differs:
        more = (planned.record.refunded_fen or 0) - order.refunded_fen
        raise RefundFirst(order=name, status=order.status, amount=format_yuan(more))
    if {"lines", "paid"} & set(differs) and 0 < order.refunded_fen >= planned.paid_fen:
        raise SaleIsPast(order=name, status=order.status, differs=", ".join(sorted(differs)))
    past = _BEFORE_ISSUE & set(differs)
    reopened = order.status == OrderStatus.CANCELLED and "status" in differs
    if past and not (order.status in _NOT_LEFT or reopened):
        if "paid" in past and planned.paid_fen < order.left_fen:
            less = format_yuan(order.left_fen - planned.paid_fen)
            raise RefundFirst(order=name, status=order.status, amount=less)
        raise SaleIsPast(order=name, status=order.status, differs=", ".join(sorted(past)))


def _rewrite(
    session: Session, run: Run, order: HeldOrder, planned: PlannedOrder, differs: tuple[str, ...]
) -> None:
    """Write what differs into the order; its lines and its money are one."""
    record = planned.record
    values: dict[str, Any] = {name: getattr(record, name) for name in TOLD_TEXTS if name in differs}
    if "account" in differs:
        values["account_id"] = planned.account_id
    if "paid_at" in differs:
        values["paid_at"] = record.paid_at
    if "status" in differs or _is_paid_now(order, record):
        paid_at = record.paid_at or run.at
        values |= {"status": OrderStatus.PAID.value, "paid_at": paid_at, "waiting_since": paid_at}
    if {"lines", "paid"} & set(differs):
        values["paid_fen"] = planned.paid_fen
        release_cards_of(session, run=run, held=[order.key])
        column = order_lines.c
        session.execute(
            delete(order_lines).where(column.bucket == order.bucket, column.order_id == order.id)
        )
        # What was paid back stays so: it is shared out anew, over the lines there are now.
        refunded = share_out(order.refunded_fen, [line.paid_fen for line in planned.lines])
        rows = [
            (order.bucket, new_id(), order.id, position, *line, 0, fen)
            for position, (line, fen) in enumerate(zip(planned.lines, refunded, strict=True))
        ]
        insert_many(session, order_lines, _LINE_COLUMNS, rows)
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(**values)
    )
    detail = {"changed": list(differs), "reason": HOLD_REASON}
    event = NewEvent(order.bucket, new_id(), order.id, OrderEventKind.EDITED, detail)
    write_events(session, run=run, events=[event])


def _is_paid_now(order: HeldOrder, told: OrderRecord) -> bool:
    """Whether what was unpaid was paid meanwhile, though not what was to be paid."""
    return order.status == OrderStatus.UNPAID and told.status is OrderStatus.PAID


def _close(
    session: Session, run: Run, order: HeldOrder, take: ConflictState, note: str | None
) -> None:
    """Decide all that is open; what an earlier file said is not what the file that is taken says.

    So with the file's word an earlier one counts as taken, too: told again it is news.
    """
    conflict = order_conflicts.c
    session.execute(
        update(order_conflicts)
        .where(
            conflict.bucket == order.bucket,
            conflict.order_id == order.id,
            conflict.state == ConflictState.OPEN.value,
        )
        .values(state=take.value, resolved_at=run.at, note=note)
    )


def _let_go(session: Session, run: Run, order: HeldOrder) -> str:
    """The order's status now; one that was held because of its conflict waits for cards again."""
    status = session.execute(
        select(orders.c.status).where(orders.c.bucket == order.bucket, orders.c.id == order.id)
    ).scalar_one()
    if status != OrderStatus.HELD or not _held_by_conflict(session, order):
        return str(status)
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(status=OrderStatus.PAID.value)
    )
    detail = {"status": OrderStatus.PAID, "reason": HOLD_REASON}
    event = NewEvent(order.bucket, new_id(), order.id, OrderEventKind.EDITED, detail)
    write_events(session, run=run, events=[event])
    return OrderStatus.PAID.value


def _held_by_conflict(session: Session, order: HeldOrder) -> bool:
    """Whether the last time it was held, a conflict was the reason."""
    return stop_reasons(session, orders=[order.key]).get(order.key) == HOLD_REASON
