"""Why orders stand still: what the last event says that held, blocked or cancelled them."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlmodel import Session

from cardctl.schema.orders import order_events
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import OrderEventKind, OrderStatus

STOPPED = (OrderStatus.HELD, OrderStatus.BLOCKED)

_STOPPING = (OrderEventKind.HELD, OrderEventKind.BLOCKED)


def stop_reasons(
    session: Session, *, orders: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """Why orders by (bucket, id) were stopped the last time; one that never was is left out."""
    told = _last_details(session, orders, _STOPPING)
    return {key: str(detail["reason"]) for key, detail in told.items() if "reason" in detail}


def unpaid_when_cancelled(
    session: Session, *, orders: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Those of some cancelled orders (bucket, id) that had not been paid the last time they were.

    A payment for one of them needs a person, and there is nothing to pay back.
    """
    told = _last_details(session, orders, (OrderEventKind.CANCELLED,))
    return {key for key, detail in told.items() if detail["was"] == OrderStatus.UNPAID}


def _last_details(
    session: Session, orders: Iterable[tuple[int, int]], kinds: Collection[OrderEventKind]
) -> dict[tuple[int, int], dict[str, Any]]:
    """What the last event of some kinds says, of each order that has one."""
    rows = select_many(
        session,
        order_events,
        columns=("bucket", "order_id", "at", "id", "kind", "detail"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    return {(row[0], row[1]): json.loads(row[5]) for row in sorted(rows) if row[4] in kinds}
