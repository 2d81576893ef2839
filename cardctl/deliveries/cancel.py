"""Keep from leaving what has not left yet."""

from sqlmodel import Session

from cardctl.deliveries.outbox import OPEN
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

_KEY = ("bucket", "id")
_WAITING = DeliveryStatus.WAITING


def cancel_deliveries(session: Session, *, order_bucket: int, order_id: int) -> int:
    """Cancel the deliveries of a locked order that are not delivered.

    Returns how many of them a supplier may be at work on: asked to top up, and no refusal came.

    One that is being sent is waited for, as long as its lease is taken: then its cards count as
    handed over.
    """
    found = select_many(
        session,
        deliveries,
        columns=(*_KEY, "status", "via", "attempts", "refused_at"),
        key=("bucket", "order_id"),
        rows=[(order_bucket, order_id)],
        lock_order=_KEY,
    )
    open_ones = [row for row in found if row[2] in OPEN]
    update_many(
        session,
        deliveries,
        key=_KEY,
        changed=(),
        rows=[row[:2] for row in open_ones],
        constants={"status": DeliveryStatus.CANCELLED.value},
    )
    return sum(
        via == DeliveryVia.TOPUP and (attempts > 0 or status == _WAITING) and refused_at is None
        for _, _, status, via, attempts, refused_at in open_ones
    )
