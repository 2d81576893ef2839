"""Try again what was given up: with the same idempotency key, and all its tries before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.outbox import OrderKey, hold_orders
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many, update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import DeliveryStatus

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Retried:
    """How many deliveries are to be tried again, and how many of those named are not."""

    retried: int
    unchanged: int = 0


def retry_orders(session: Session, *, run: Run, orders: Sequence[OrderKey]) -> Retried:
    """Make the deliveries of some orders due at once that were given up or wait for a next try."""
    hold_orders(session, orders)
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "status", "attempts", "due_at"),
        key=("bucket", "order_id"),
        rows=sorted(set(orders)),
    )
    chosen = [
        row[:2]
        for row in rows
        if row[2] == DeliveryStatus.DEAD
        or (row[2] == DeliveryStatus.PENDING and row[3] and row[4] > run.at)
    ]
    return Retried(_make_due(session, run, chosen), len(rows) - len(chosen))


def retry_dead(store: Store, *, run: Run, dry_run: bool = False) -> Retried:
    """Make everything due at once that was given up, some thousand in a transaction."""
    delivery, last = deliveries.c, (-1, 0)
    retried = 0
    while True:
        query = (
            select(delivery.bucket, delivery.id, delivery.order_id)
            .where(delivery.status == DeliveryStatus.DEAD)
            .where(tuple_(delivery.bucket, delivery.id) > last)
            .order_by(delivery.bucket, delivery.id)
            .limit(_CHUNK)
        )
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            page = session.execute(query).all()
            if not page:
                break
            hold_orders(session, [(row.bucket, row.order_id) for row in page])
            retried += _make_due(session, run, [(row.bucket, row.id) for row in page])
        last = (page[-1].bucket, page[-1].id)
    run.finish(store)
    return Retried(retried)


def _make_due(session: Session, run: Run, keys: Sequence[tuple[int, int]]) -> int:
    """Begin to count tries anew; what somebody retried meanwhile is left to him."""
    count = update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=(),
        rows=keys,
        guard=f"delivery.status IN ('{DeliveryStatus.DEAD}', '{DeliveryStatus.PENDING}')",
        constants={"status": DeliveryStatus.PENDING.value, "attempts": 0, "due_at": run.at},
    )
    if count:
        run.record(session, "delivery.retry", {"deliveries": count})
    return count
