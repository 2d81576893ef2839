"""Cancel orders that got no card; what was issued is refunded instead. One or many, one way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.cancel import cancel_open, hold_open
from cardctl.errors import StateForbids
from cardctl.identifiers import new_ids
from cardctl.orders.digest import digest_of
from cardctl.orders.held import HeldOrder, Name, hold_orders
from cardctl.orders.many import ManyResult, RefusedOrder, do_in_chunks
from cardctl.schema.orders import orders
from cardctl.stock.release import release_cards_of
from cardctl.storage.dialects import update_many
from cardctl.storage.store import Store
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
    result = cancel_within(session, run=run, names=[(channel, number)])
    for one in result.refused:
        raise one.problem
    return result.done[0]


def cancel_orders(
    store: Store,
    *,
    run: Run,
    names: Sequence[Name],
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ManyResult[Cancelled]:
    """The same to many orders, by (channel code, external number), a chunk a transaction.

    Killed in between and run again it goes on.
    """
    return do_in_chunks(
        store,
        run=run,
        names=names,
        work=lambda session, part: cancel_within(session, run=run, names=part),
        dry_run=dry_run,
        advance=advance,
    )


def cancel_within(session: Session, *, run: Run, names: Sequence[Name]) -> ManyResult[Cancelled]:
    """The same to some thousand orders, in the transaction of the caller."""
    held, missing = hold_orders(session, names)
    result: ManyResult[Cancelled] = ManyResult()
    for name in names:
        order, order_name = held.get(name), ":".join(name)
        if order is None:
            result.refused.append(RefusedOrder(order_name, missing[name]))
        elif order.status in (OrderStatus.CANCELLED, *CANCELLABLE):
            cancelled = OrderStatus.CANCELLED.value
            result.done.append(Cancelled(order_name, cancelled, order.status))
        else:
            problem = CannotCancel(order=order_name, status=order.status)
            result.refused.append(RefusedOrder(order_name, problem))
    going = {name: order for name, order in held.items() if order.status in CANCELLABLE}
    if going:
        _cancel(session, run, list(going.values()))
        run.record(session, "order.cancel", _summary(going))
    return result


def _cancel(session: Session, run: Run, going: Sequence[HeldOrder]) -> None:
    keys = [order.key for order in going]
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=keys,
        constants={"status": OrderStatus.CANCELLED.value},
    )
    events = (
        NewEvent(order.bucket, one, order.id, OrderEventKind.CANCELLED, {"was": order.status})
        for order, one in zip(going, new_ids(len(going)), strict=True)
    )
    write_events(session, run=run, events=events)
    cancel_open(session, hold_open(session, keys))
    release_cards_of(session, run=run, held=keys)


def _summary(going: dict[Name, HeldOrder]) -> dict[str, object]:
    """What the audit log keeps: the order, or of many how many and a digest."""
    if len(going) == 1:
        ((name, order),) = going.items()
        return {"order": ":".join(name), "was": order.status}
    return {
        "orders": len(going),
        "orders_sha256": digest_of(order.key for order in going.values()),
    }
