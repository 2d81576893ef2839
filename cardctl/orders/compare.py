"""Compare an order as it is told with the one that is stored. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cardctl.orders.plan import PlannedLine, PlannedOrder, fold_bundles
from cardctl.orders.records import TOLD_TEXTS
from cardctl.vocabulary import OrderStatus, Outcome

CLOSED = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
"""An order that is told so is not taken."""


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
    """What telling an order again comes to, and what it contradicts."""

    outcome: Outcome
    differs: tuple[str, ...] = ()


def compare(
    order: PlannedOrder,
    stored: StoredOrder,
    lines: Sequence[PlannedLine],
    *,
    cancelled_unpaid: bool = False,
) -> Comparison:
    """Unchanged, updated (it is paid by now, or was closed unpaid), or a conflict.

    What an order does not say contradicts nothing, and no status moves back: an order that is told
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
            return Comparison(Outcome.UPDATED)
        return Comparison(Outcome.CONFLICT, ("status",))
    differs = _contradictions(order, stored, lines)
    if cancelled_unpaid and told is OrderStatus.PAID:
        differs = (*differs, "status")
    if differs:
        return Comparison(Outcome.CONFLICT, differs)
    moves = told is OrderStatus.PAID and stored.status == OrderStatus.UNPAID
    return Comparison(Outcome.UPDATED if moves else Outcome.UNCHANGED)


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
        if (told := getattr(record, name)) is not None:
            compared[name] = told, getattr(stored, name)
    return tuple(name for name, (told, known) in compared.items() if told != known)


def _content(lines: Iterable[PlannedLine], parts: int) -> list[tuple[int, ...]]:
    """The lines whatever their order: product and quantity, and with three parts the share.

    Of a bundle only what was told counts: what it is made of may have changed since.
    """
    told = fold_bundles(lines)
    return sorted((line.product_id, line.qty, line.paid_fen)[:parts] for line in told)
