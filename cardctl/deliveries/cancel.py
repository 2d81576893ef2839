"""Keep from leaving what has not left yet."""

from sqlmodel import Session

from cardctl.deliveries.outbox import OPEN
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import DeliveryStatus

_KEY = ("bucket", "id")


def cancel_deliveries(session: Session, *, order_bucket: int, order_id: int) -> int:
    """Cancel the deliveries of a locked order that are not delivered; returns how many.

    One that is being sent is waited for, as long as its lease is taken: then its cards count as
    handed over.
    """
    found = select_many(
        session,
        deliveries,
        columns=(*_KEY, "status"),
        key=("bucket", "order_id"),
        rows=[(order_bucket, order_id)],
        lock_order=_KEY,
    )
    open_ones = [(bucket, row_id) for bucket, row_id, status in found if status in OPEN]
    return update_many(
        session,
        deliveries,
        key=_KEY,
        changed=(),
        rows=open_ones,
        constants={"status": DeliveryStatus.CANCELLED.value},
    )
