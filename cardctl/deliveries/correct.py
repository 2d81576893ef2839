"""Correct the waybill of what was shipped, where somebody mistyped it.

That the goods have left stays as it is; only by whom and under which number is set right. The
order is locked first, so that of two people the second one judges what the first one wrote.
"""

from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.catalog.entries import check_text
from cardctl.deliveries.outbox import hold_orders
from cardctl.deliveries.queries import find_orders
from cardctl.deliveries.ship import Parcel, parcels_of
from cardctl.errors import StateForbids
from cardctl.identifiers import OrderName, card_code, new_ids
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, OrderEventKind


class NothingShipped(StateForbids):
    """No line of the order has left: there is no waybill to correct."""

    code = "nothing-shipped"
    message = "nothing of {order} was shipped, so there is no waybill to correct"
    hint = "cardctl delivery ship {order} --carrier NAME --tracking NUMBER"


class SeveralWaybills(StateForbids):
    """Which of an order's waybills is meant cannot be told."""

    code = "several-waybills"
    message = "{order} was shipped under {count} waybills: say of which product this one is"
    hint = "add --sku: one of {skus}"


@dataclass(frozen=True, slots=True)
class Correction:
    """What holds of what was shipped: a carrier or a number that is None stays as it is."""

    order: OrderName
    carrier: str | None
    tracking: str | None
    reason: str
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """How many lines have another waybill now, and how many had it already."""

    lines: int
    unchanged: int


def correct_waybill(session: Session, *, run: Run, correction: Correction) -> Corrected:
    """Set right the waybill of an order, or of one of its products; again changes nothing.

    Raises `NotFound`, `BadValue`, `NothingShipped` and `SeveralWaybills`.
    """
    reason = check_text(correction.reason)
    [(name, key)] = find_orders(session, names=[correction.order])
    hold_orders(session, [key])
    gone = [
        one
        for one in parcels_of(session, [key]).get(key, [])
        if one.status == DeliveryStatus.DELIVERED and correction.sku in (None, one.sku)
    ]
    if not gone:
        raise NothingShipped(order=name)
    waybills = {(one.carrier, one.reference) for one in gone}
    if len(waybills) > 1:
        skus = ", ".join(sorted({one.sku for one in gone}))
        raise SeveralWaybills(order=name, count=len(waybills), skus=skus)
    [(carrier, tracking)] = waybills
    right = (correction.carrier or carrier, correction.tracking or tracking)
    if right == (carrier, tracking):
        return Corrected(0, len(gone))
    _write(session, run, name, gone, right, reason)
    return Corrected(len(gone), 0)


def _write(
    session: Session,
    run: Run,
    order: str,
    gone: list[Parcel],
    right: tuple[str | None, str | None],
    reason: str,
) -> None:
    carrier, tracking = right
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=(),
        rows=[(one.bucket, one.id) for one in gone],
        constants={"carrier": carrier, "reference": tracking},
    )
    facts = {
        "carrier": carrier,
        "tracking": tracking,
        "was": {"carrier": gone[0].carrier, "tracking": gone[0].reference},
        "reason": reason,
    }
    via = DeliveryVia.SHIPMENT.value
    events = (
        NewEvent(
            one.bucket,
            event_id,
            one.order_id,
            OrderEventKind.EDITED,
            {"via": via, "delivery": card_code(one.bucket, one.id), **facts},
        )
        for one, event_id in zip(gone, new_ids(len(gone)), strict=True)
    )
    write_events(session, run=run, events=events)
    run.record(session, "delivery.correct", {"order": order, "lines": len(gone), **facts})
