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
    insert_many(
        session,
        order_events,
        _COLUMNS,
        [
            (
                one.bucket,
                one.id,
                one.order_id,
                str(one.kind),
                run.at,
                run.id,
                json.dumps(one.detail),
            )
            for one in events
        ],
    )
