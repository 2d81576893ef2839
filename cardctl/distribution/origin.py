"""Tell the orders that plans made from those that a person placed under such a number."""

from collections.abc import Iterable

from sqlmodel import Session

from cardctl.schema.audit import audit_records
from cardctl.schema.orders import order_events
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import OrderEventKind

RUN_VERB = "distribute.run"
"""What the audit log calls the making of a plan's orders."""


def made_by_plans(session: Session, *, keys: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of some orders (bucket, id) that the run of a plan placed."""
    events = select_many(
        session,
        order_events,
        columns=("bucket", "order_id", "kind", "run_id"),
        key=("bucket", "order_id"),
        rows=sorted(keys),
    )
    placed_by = {row[:2]: row[3] for row in events if row[2] == OrderEventKind.PLACED}
    records = select_many(
        session,
        audit_records,
        columns=("run_id",),
        key=("run_id", "verb"),
        rows=[(run_id, RUN_VERB) for run_id in sorted(set(placed_by.values()))],
    )
    of_plans = {run_id for (run_id,) in records}
    return {key for key, run_id in placed_by.items() if run_id in of_plans}
