"""Hold recipients still: an order is made of one, or the recipient is cancelled, never both."""

from collections.abc import Sequence

from sqlmodel import Session

from cardctl.schema.distribution import plan_recipients
from cardctl.storage.dialects import select_many


def hold_recipients(
    session: Session, *, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], int | None]:
    """Lock recipients (bucket, id) until the transaction ends: when each was cancelled, if so.

    They are locked in the order of their keys, and before any order.
    """
    rows = select_many(
        session,
        plan_recipients,
        columns=("bucket", "id", "cancelled_at"),
        key=("bucket", "id"),
        rows=sorted(keys),
        lock_order=("bucket", "id"),
    )
    return {(bucket, row_id): cancelled_at for bucket, row_id, cancelled_at in rows}


def plan_lock(plan: str) -> str:
    """The job that a run of a plan is; who takes the whole of the plan back is at the same."""
    return f"distribute run {plan}"
