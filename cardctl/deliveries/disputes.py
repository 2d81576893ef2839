"""Orders whose money may be back with the buyer, as a platform tells: nothing of them leaves.

A file said of an order that it is closed, refunded or in after-sale, which the store does not know;
until a person decides the conflict, its cards stay in the house.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, text
from sqlmodel import Session

from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_conflicts
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import ConflictState

_STATUS = "status"
"""The field that such a conflict is about, among its others."""

# A literal, as in the partial index: SQLite's planner does not look into a parameter.
_OPEN = text(f"order_conflict.state = '{ConflictState.OPEN}'")


def disputed_orders(
    session: Session, orders: Sequence[tuple[int, int]]
) -> frozenset[tuple[int, int]]:
    """Those of some orders (bucket, id) whose status an open conflict is about.

    The caller holds the orders: who records a conflict holds its order, too.
    """
    rows = select_many(
        session,
        order_conflicts,
        columns=("bucket", "order_id", "state", "differs"),
        key=("bucket", "order_id"),
        rows=sorted(set(orders)),
    )
    return frozenset(
        (bucket, order_id)
        for bucket, order_id, state, differs in rows
        if state == ConflictState.OPEN and _STATUS in differs.split(",")
    )


def has_dispute() -> ColumnElement[bool]:
    """Of a delivery in a query: whether an open conflict is about its order's status."""
    conflict, delivery = order_conflicts.c, deliveries.c
    fields = "," + conflict.differs + ","
    return exists().where(
        conflict.bucket == delivery.bucket,
        conflict.order_id == delivery.order_id,
        _OPEN,
        fields.contains(f",{_STATUS},"),
    )
