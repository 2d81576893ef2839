"""Cancel an order that got no card; what was issued is refunded instead."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.cancel import cancel_deliveries
from cardctl.errors import StateForbids
from cardctl.identifiers import new_id
from cardctl.orders.held import hold_order
from cardctl.schema.orders import orders
from cardctl.stock.release import release_cards_of
from cardctl.vocabulary import OrderEventKind, OrderStatus

CANCELLABLE = (
    OrderStatus.UNPAID,
    OrderStatus.PAID,
    OrderStatus.SHORT,
    OrderStatus.HELD,
    OrderStatus.BLOCKED,
)


class CannotCancel(StateForbids):
    """The order has cards, or was refunded."""

    code = "cannot-cancel"
    message = "order {order} is {status}: only an order without cards can be cancelled"
    hint = "cardctl order show {order}"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An order that is cancelled now; `was` is the status before."""

    order: str
    status: str
    was: str


def cancel_order(session: Session, *, run: Run, channel: str, number: str) -> Cancelled:
    """Cancel an order, once, and put back what is reserved for it; again changes nothing.

    Raises `NotFound` and `CannotCancel`.
    """
    order = hold_order(session, channel=channel, number=number)
    name = f"{channel}:{number}"
    if order.status == OrderStatus.CANCELLED:
        return Cancelled(name, order.status, order.status)
    if order.status not in CANCELLABLE:
        raise CannotCancel(order=name, status=order.status)
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(status=OrderStatus.CANCELLED.value, reserved_until=None)
    )
    cancelled = NewEvent(
        order.bucket, new_id(), order.id, OrderEventKind.CANCELLED, {"was": order.status}
    )
    write_events(session, run=run, events=[cancelled])
    cancel_deliveries(session, order_bucket=order.bucket, order_id=order.id)
    release_cards_of(session, run=run, order_bucket=order.bucket, order_id=order.id)
    run.record(session, "order.cancel", {"order": name, "was": order.status})
    return Cancelled(name, OrderStatus.CANCELLED.value, order.status)
