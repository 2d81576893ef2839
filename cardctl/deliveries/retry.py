"""Try again what was given up: with the same idempotency key, and all its tries before it.

Only a request that the supplier refused is made anew, under another id: the refusal is final for
the first one, and told again it answers nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.outbox import OrderKey, hold_orders, topup_request
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many, update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

_CHUNK = 2_000
# The condition of the partial index as it stands there: SQLite's planner infers nothing.
_DEAD = text(
    f"delivery.status IN ('{DeliveryStatus.WAITING}', '{DeliveryStatus.DEAD}')"
    f" AND delivery.status = '{DeliveryStatus.DEAD}'"
)
_STOPPED = f"'{DeliveryStatus.DEAD}', '{DeliveryStatus.PENDING}', '{DeliveryStatus.WAITING}'"


@dataclass(frozen=True, slots=True)
class Retried:
    """How many deliveries are to be tried again, and how many of those named are not."""

    retried: int
    unchanged: int = 0


def retry_orders(session: Session, *, run: Run, orders: Sequence[OrderKey]) -> Retried:
    """Make the deliveries of some orders due at once that were given up or wait for a next try.

    A supplier who has not said what came of a request is asked once more, under the same id.
    """
    hold_orders(session, orders)
    rows = select_many(
        session,
        deliveries,
        columns=("bucket", "id", "status", "attempts", "due_at", "via"),
        key=("bucket", "order_id"),
        rows=sorted(set(orders)),
    )
    chosen = [
        row[:2]
        for row in rows
        if row[2] == DeliveryStatus.DEAD
        or (row[2] == DeliveryStatus.WAITING and row[5] == DeliveryVia.TOPUP)
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
            .where(_DEAD)
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
        guard=f"delivery.status IN ({_STOPPED})",
        constants={"status": DeliveryStatus.PENDING.value, "attempts": 0, "due_at": run.at},
    )
    anew = _ask_anew(session, keys)
    if count:
        run.record(session, "delivery.retry", {"deliveries": count, "anew": anew})
    return count


def _ask_anew(session: Session, keys: Sequence[tuple[int, int]]) -> int:
    """Give those that a supplier refused another id: how many there were."""
    columns = ("bucket", "id", "order_line_id", "reprint", "refused_at")
    rows = select_many(session, deliveries, columns=columns, key=("bucket", "id"), rows=keys)
    return update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=("idempotency_key", "reprint"),
        rows=[
            (topup_request(bucket, line_id, place=place + 1), place + 1, bucket, delivery_id)
            for bucket, delivery_id, line_id, place, refused_at in rows
            if refused_at is not None
        ],
        guard=f"delivery.status = '{DeliveryStatus.PENDING}'",
        constants={"refused_at": None, "asked_at": None, "supplier_id": None},
    )
