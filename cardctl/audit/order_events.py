"""Write down what happens to orders: append-only, in the order's bucket."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.schema.orders import order_events
from cardctl.storage.dialects import insert_many
from cardctl.vocabulary import OrderEventKind

_COLUMNS = ("bucket", "id", "order_id", "kind", "at", "run_id", "detail")


class NewEvent(NamedTuple):
    """What happened to an order, in words and numbers; never a secret."""

    bucket: int
    id: int
    order_id: int
    kind: OrderEventKind
    detail: Mapping[str, object]


def write_events(session: Session, *, run: Run, events: Iterable[NewEvent]) -> None:
    """Write events that a run caused, at the time of the run."""
    written = list(events)
    # Bulk work tells thousands of orders the same: one object, which is put into words once.
    details = {id(one.detail): one.detail for one in written}
    words = {key: json.dumps(detail) for key, detail in details.items()}
    insert_many(
        session,
        order_events,
        _COLUMNS,
        [
            (bucket, event_id, order_id, str(kind), run.at, run.id, words[id(detail)])
            for bucket, event_id, order_id, kind, detail in written
        ],
    )
