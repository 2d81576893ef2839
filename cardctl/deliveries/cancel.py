"""Keep from leaving what has not left yet."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlmodel import Session

from cardctl.deliveries.outbox import OPEN, OrderKey
from cardctl.schema.deliveries import deliveries
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

_KEY = ("bucket", "id")


class OpenDelivery(NamedTuple):
    """A delivery that is not over, and that nobody else changes until the transaction ends."""

    bucket: int
    id: int
    order_id: int
    status: str
    via: str
    asked_at: int | None
    refused_at: int | None

    @property
    def order(self) -> OrderKey:
        """The order it is of."""
        return self.bucket, self.order_id

    @property
    def was_asked(self) -> bool:
        """Whether a supplier may be at work on it: asked to top up, and no refusal came."""
        asked = self.asked_at is not None and self.refused_at is None
        return self.via == DeliveryVia.TOPUP and asked


def hold_open(session: Session, orders: Iterable[OrderKey]) -> list[OpenDelivery]:
    """Lock the deliveries of locked orders (bucket, id): those of them that are not over.

    One that is being sent is waited for, as long as its lease is taken: then its cards count as
    handed over.
    """
    found = select_many(
        session,
        deliveries,
        columns=OpenDelivery._fields,
        key=("bucket", "order_id"),
        rows=sorted(orders),
        lock_order=_KEY,
    )
    return [one for one in map(OpenDelivery._make, found) if one.status in OPEN]


def cancel_open(session: Session, held: Iterable[OpenDelivery]) -> Counter[OrderKey]:
    """Cancel deliveries that are held; of how many of each order was the supplier asked."""
    going = list(held)
    update_many(
        session,
        deliveries,
        key=_KEY,
        changed=(),
        rows=[(one.bucket, one.id) for one in going],
        constants={"status": DeliveryStatus.CANCELLED.value},
    )
    return Counter(one.order for one in going if one.was_asked)
