"""Fill in what stored orders lack and a later source tells.

An order that stood still for want of it is paid again, as when a person tells it (`edit`), and
issuing judges it anew.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.orders.compare import FILLED, StoredOrder
from cardctl.orders.gates import Stop
from cardctl.orders.records import OrderRecord
from cardctl.orders.stops import stop_reasons
from cardctl.schema.orders import orders
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import OrderEventKind, OrderStatus

_WAITS_FOR: dict[str, str] = {Stop.REGION_UNKNOWN: "region", Stop.NO_TOPUP_ACCOUNT: "topup_account"}


class Filling(NamedTuple):
    """A locked order as it is stored and as it is told, and the fields to fill in."""

    stored: StoredOrder
    told: OrderRecord
    fields: tuple[str, ...]


def fill_in(session: Session, *, run: Run, fillings: Sequence[Filling]) -> set[tuple[int, int]]:
    """Write the fields; the orders (bucket, id) that stood still for want of them and are free."""
    if not fillings:
        return set()
    held = [
        (one.stored.bucket, one.stored.id)
        for one in fillings
        if one.stored.status == OrderStatus.HELD
    ]
    reasons = stop_reasons(session, orders=held)
    freed, rows, events = set(), [], []
    for one, event_id in zip(fillings, new_ids(len(fillings)), strict=True):
        key, was = (one.stored.bucket, one.stored.id), one.stored.status
        if _WAITS_FOR.get(reasons.get(key, "")) in one.fields:
            freed.add(key)
        status = OrderStatus.PAID.value if key in freed else was
        texts = [getattr(one.told if name in one.fields else one.stored, name) for name in FILLED]
        rows.append((*texts, status, *key))
        facts = {"fields": one.fields, "was": was, "status": status}
        events.append(NewEvent(key[0], event_id, key[1], OrderEventKind.EDITED, facts))
    update_many(session, orders, key=("bucket", "id"), changed=(*FILLED, "status"), rows=rows)
    write_events(session, run=run, events=events)
    return freed
