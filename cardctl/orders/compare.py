"""Compare an order as it is told with the one that is stored. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cardctl.orders.plan import PlannedLine, PlannedOrder, fold_bundles
from cardctl.orders.records import TOLD_TEXTS
from cardctl.vocabulary import OrderStatus, Outcome

CLOSED = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
"""An order that is told so is not taken."""

FILLED = tuple(name for name in TOLD_TEXTS if name != "agent")
"""What may be told later where it is empty; who is paid for an order is no matter of that kind."""


class StoredOrder(NamedTuple):
    """An order that is there already."""

    bucket: int
    number: str
    id: int
    status: str
    paid_fen: int
    paid_at: int | None
    account_id: int | None
    buyer: str | None
    phone: str | None
    email: str | None
    ip: str | None
    device: str | None
    region: str | None
    agent: str | None
    note: str | None
    topup_account: str | None
    refunded_fen: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What telling an order again comes to: what it contradicts, or what it moves or fills in."""

    outcome: Outcome
    differs: tuple[str, ...] = ()
    moves_to: OrderStatus | None = None
    fills: tuple[str, ...] = ()


def compare(
    order: PlannedOrder,
    stored: StoredOrder,
    lines: Sequence[PlannedLine],
    *,
    cancelled_unpaid: bool = False,
) -> Comparison:
    """Unchanged, updated (paid by now, closed unpaid, or more of it is known), or a conflict.

    What an order does not say contradicts nothing, nor does what is told of it for the first time,
    which is filled in. No status moves back: an order that is told
    as paid or unpaid agrees with any later status. But a payment for an order that was cancelled
    because nobody had paid (`cancelled_unpaid`) is a conflict: somebody waits for a card.
    """
    told = order.record.status
    if told not in (OrderStatus.UNPAID, OrderStatus.PAID):
        # A refund that is asked for is settled where one was made.
        settled = CLOSED if told in CLOSED else (*CLOSED, OrderStatus.PARTLY_REFUNDED)
        if stored.status in settled:
            return Comparison(Outcome.UNCHANGED)
        if told in CLOSED and stored.status == OrderStatus.UNPAID:
            # Nobody paid, nothing has left: that is how most unpaid orders end.
            return Comparison(Outcome.UPDATED, moves_to=OrderStatus.CANCELLED)
        return Comparison(Outcome.CONFLICT, ("status",))
    differs = _contradictions(order, stored, lines)
    if cancelled_unpaid and told is OrderStatus.PAID:
        differs = (*differs, "status")
    if differs:
        return Comparison(Outcome.CONFLICT, differs)
    is_paid_now = told is OrderStatus.PAID and stored.status == OrderStatus.UNPAID
    moves_to = OrderStatus.PAID if is_paid_now else None
    fills = tells_more(order, stored)
    outcome = Outcome.UPDATED if moves_to or fills else Outcome.UNCHANGED
    return Comparison(outcome, moves_to=moves_to, fills=fills)


def tells_more(order: PlannedOrder, stored: StoredOrder) -> tuple[str, ...]:
    """The fields that are told of an order and empty so far; of one that is over nothing is."""
    record = order.record
    if record.status not in (OrderStatus.UNPAID, OrderStatus.PAID):
        return ()
    return tuple(
        name
        for name in FILLED
        if getattr(record, name) is not None and getattr(stored, name) is None
    )


def _contradictions(
    order: PlannedOrder, stored: StoredOrder, lines: Sequence[PlannedLine]
) -> tuple[str, ...]:
    """The fields in which an order says something else than what is stored.

    The shares of the lines are compared only when the lines told them: else they follow from
    prices, which may have changed since.
    """
    record = order.record
    parts = 2 if record.lines[0].paid_fen is None else 3
    compared: dict[str, tuple[Any, Any]] = {
        "lines": (_content(order.lines, parts), _content(lines, parts)),
        "paid": (order.paid_fen, stored.paid_fen),
    }
    if (record.refunded_fen or 0) > stored.refunded_fen:
        compared["refunded"] = record.refunded_fen, stored.refunded_fen
    if record.account is not None:
        compared["account"] = order.account_id, stored.account_id
    if record.paid_at is not None and stored.paid_at is not None:
        compared["paid_at"] = record.paid_at, stored.paid_at
    for name in TOLD_TEXTS:
        told, known = getattr(record, name), getattr(stored, name)
        if told is not None and (known is not None or name not in FILLED):
            compared[name] = told, known
    return tuple(name for name, (told, known) in compared.items() if told != known)


def _content(lines: Iterable[PlannedLine], parts: int) -> list[tuple[int, ...]]:
    """The lines whatever their order: product and quantity, and with three parts the share.

    Of a bundle only what was told counts: what it is made of may have changed since.
    """
    told = fold_bundles(lines)
    return sorted((line.product_id, line.qty, line.paid_fen)[:parts] for line in told)
