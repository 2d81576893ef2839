"""Look at deliveries, and find the orders they are of. Needs no key."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session

from cardctl.deliveries.outbox import OrderKey
from cardctl.errors import NotFound
from cardctl.identifiers import order_bucket
from cardctl.schema.catalog import channels
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many


def find_channel(session: Session, code: str) -> int:
    """The id of a channel of orders. Raises `NotFound`."""
    found = session.execute(
        select(channels.c.id).where(channels.c.code == code)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="channel", name=code)
    return int(found)


def find_orders(
    session: Session, *, names: Iterable[tuple[str, str]]
) -> list[tuple[str, OrderKey]]:
    """Orders by (channel code, number): name and place of each, once, in the order given.

    Raises `NotFound` for the first channel or order that is not there.
    """
    wanted = {}
    known: dict[str, int] = {}
    for channel, number in names:
        if channel not in known:
            known[channel] = find_channel(session, channel)
        wanted[order_bucket(channel, number), known[channel], number] = f"{channel}:{number}"
    columns = ("bucket", "channel_id", "number", "id")
    rows = select_many(session, orders, columns=columns, key=columns[:3], rows=wanted)
    found = {row[:3]: row[3] for row in rows}
    for key, name in wanted.items():
        if key not in found:
            raise NotFound(noun="order", name=name)
    return [(name, (key[0], found[key])) for key, name in wanted.items()]
