"""Close unpaid orders that were closed where they come from: nobody paid, nothing has left."""

from collections.abc import Sequence

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.schema.orders import orders
from cardctl.stock.reserved import put_back, reserved_cards
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import OrderEventKind, OrderStatus


def close_unpaid(session: Session, *, run: Run, keys: Sequence[tuple[int, int]]) -> None:
    """Cancel unpaid orders (bucket, id), which the caller holds, and put back what they kept."""
    if not keys:
        return
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=keys,
        guard=f"orders.status = '{OrderStatus.UNPAID}'",
        constants={"status": OrderStatus.CANCELLED.value, "reserved_until": None},
    )
    kind, detail = OrderEventKind.CANCELLED, {"was": OrderStatus.UNPAID}
    write_events(
        session,
        run=run,
        events=(
            NewEvent(bucket, event_id, order_id, kind, detail)
            for (bucket, order_id), event_id in zip(keys, new_ids(len(keys)), strict=True)
        ),
    )
    kept = reserved_cards(session, keys, locking=True)
    if kept:
        put_back(session, kept=[(one.card, one.order) for one in kept], at=run.at)
        run.record(session, "stock.release", {"orders": len(keys), "cards": len(kept)})
