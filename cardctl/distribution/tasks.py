"""What is left to do of a plan, read from its orders and their deliveries."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select

from cardctl.deliveries.outbox import OPEN
from cardctl.distribution.progress import PlanRow, delivery_count, with_orders
from cardctl.schema.catalog import products
from cardctl.schema.distribution import plan_recipients
from cardctl.schema.orders import orders, replacements
from cardctl.storage.store import Store
from cardctl.vocabulary import ISSUABLE, DeliveryStatus, OrderStatus

WITH_CARDS = (OrderStatus.ISSUED, OrderStatus.PARTLY_REFUNDED)
"""The states of an order that has all of its cards, and may owe their delivery."""


class Task(NamedTuple):
    """A recipient for whom something is left to do; order and status are None until it is made."""

    bucket: int
    id: int
    place: int
    order_number: str
    qty: int
    recipient: str
    name: str | None
    email: str | None
    phone: str | None
    note: str | None
    sku: str
    order_id: int | None
    status: str | None


def unfinished(store: Store, plan: PlanRow, *, size: int) -> Iterator[list[Task]]:
    """The recipients for whom a run has something to do, in the order of their table."""
    recipient = plan_recipients.c
    undone: list[ColumnElement[bool]] = [
        orders.c.id.is_(None),
        orders.c.status.in_(ISSUABLE),
    ]
    if plan.via is not None:
        owed = orders.c.status.in_(WITH_CARDS) & orders.c.delivered_at.is_(None)
        # What is in the outbox waits there, unless its cards were replaced since.
        undone.append(owed & ((delivery_count(*OPEN) == 0) | (_replaced() > 0)))
    kept = [recipient[name] for name in Task._fields[:-3]]
    query = (
        select(*kept, products.c.sku, orders.c.id, orders.c.status)
        .select_from(with_orders(plan).join(products, products.c.id == recipient.product_id))
        .where(recipient.plan_id == plan.id, recipient.cancelled_at.is_(None), or_(*undone))
        .order_by(recipient.place)
        .limit(size)
    )
    place = 0
    while True:
        with store.reading() as session:
            rows = session.execute(query.where(recipient.place > place))
            tasks = [Task(*row) for row in rows]
        if not tasks:
            return
        yield tasks
        place = tasks[-1].place


def orders_with(
    store: Store, plan: PlanRow, *statuses: DeliveryStatus, size: int
) -> Iterator[tuple[int, int]]:
    """Bucket and id of the orders that have such deliveries, in the order of the table.

    They are read some at a time.
    """
    recipient = plan_recipients.c
    query = (
        select(recipient.place, orders.c.bucket, orders.c.id)
        .select_from(with_orders(plan))
        .where(recipient.plan_id == plan.id, delivery_count(*statuses) > 0)
        .order_by(recipient.place)
        .limit(size)
    )
    place = 0
    while True:
        with store.reading() as session:
            rows = session.execute(query.where(recipient.place > place)).all()
        if not rows:
            return
        yield from ((row.bucket, row.id) for row in rows)
        place = rows[-1].place


def _replaced() -> ColumnElement[int]:
    """How many cards of an order were replaced."""
    one = replacements.c
    of_order = (one.bucket == orders.c.bucket, one.order_id == orders.c.id)
    query = select(func.count()).select_from(replacements).where(*of_order)
    return query.correlate(orders).scalar_subquery()
