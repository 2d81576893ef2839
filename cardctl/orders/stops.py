"""Why orders are held or blocked: what the last event says that stopped them."""

import json
from collections.abc import Iterable

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
    rows = select_many(
        session,
        order_events,
        columns=("bucket", "order_id", "at", "id", "kind", "detail"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    # The last one of an order wins.
    told = {(row[0], row[1]): json.loads(row[5]) for row in sorted(rows) if row[4] in _STOPPING}
    return {key: str(detail["reason"]) for key, detail in told.items() if "reason" in detail}
