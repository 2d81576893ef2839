"""The queue of orders that wait for cards: read it, and lock what is read.

Orders are locked before cards, always. With `--all` rows that another process holds are passed
over, they are its business; an order that was named is waited for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_
from sqlmodel import Session

from cardctl.clock import DAY_MS
from cardctl.errors import NotFound
from cardctl.identifiers import order_bucket
from cardctl.schema.catalog import accounts, channel_pools, channels, products
from cardctl.schema.orders import order_lines, orders
from cardctl.stock.freeze import Frozen
from cardctl.storage.dialects import lock_rows, select_many
from cardctl.vocabulary import ISSUABLE, DeliveryVia, ProductKind

# A literal, as in the partial index: SQLite's planner does not look into a parameter.
_WAITING = text(f"orders.status IN ({', '.join(repr(str(status)) for status in ISSUABLE)})")
_KEY = ("bucket", "id")
_VIAS: Mapping[str, DeliveryVia] = {
    ProductKind.TOPUP: DeliveryVia.TOPUP,
    ProductKind.GOODS: DeliveryVia.SHIPMENT,
}
_PLACE = (orders.c.waiting_since, orders.c.bucket, orders.c.id)


class OrderRow(NamedTuple):
    """What issuing reads of an order."""

    bucket: int
    id: int
    channel_id: int
    number: str
    status: str
    account_id: int | None
    waiting_since: int
    reserved_until: int | None

    @property
    def place(self) -> tuple[int, int, int]:
        """Its place in the queue; the longest wait comes first."""
        return self.waiting_since, self.bucket, self.id


@dataclass(frozen=True, slots=True)
class IssuingCatalog:
    """The small tables that issuing looks into, read once a run."""

    skus: dict[int, str]
    good_until: dict[int, int]
    """The least `expires_at` (epoch ms) a card of a product may have to be sold now."""
    channel_codes: dict[int, str]
    pools: dict[int, tuple[int, ...]]
    account_codes: dict[int, str]
    vias: dict[int, DeliveryVia]
    """How products without cards are delivered: topped up, or shipped."""
    regions: dict[int, frozenset[str]]
    """Where products are sold that are not sold everywhere."""

    def name(self, row: OrderRow) -> str:
        """How the order is named outside: ``CHANNEL:NUMBER``."""
        return f"{self.channel_codes[row.channel_id]}:{row.number}"


def read_catalog(session: Session, *, at: int) -> IssuingCatalog:
    """Products, channels with their pools, and accounts, as of an instant (epoch ms)."""
    product = products.c
    rows = session.execute(
        select(product.id, product.sku, product.kind, product.min_validity_days, product.regions)
    ).all()
    pools: dict[int, tuple[int, ...]] = {}
    chosen = select(channel_pools.c.channel_id, channel_pools.c.pool_id)
    for channel_id, pool_id in session.execute(chosen.order_by(channel_pools.c.position)):
        pools[channel_id] = (*pools.get(channel_id, ()), pool_id)
    return IssuingCatalog(
        skus={row.id: row.sku for row in rows},
        good_until={row.id: at + row.min_validity_days * DAY_MS for row in rows},
        channel_codes=_codes(session, channels.c.id, channels.c.code),
        pools=pools,
        account_codes=_codes(session, accounts.c.id, accounts.c.code),
        vias={row.id: _VIAS[row.kind] for row in rows if row.kind in _VIAS},
        regions={row.id: frozenset(row.regions.split(",")) for row in rows if row.regions},
    )


def next_in_queue(
    session: Session,
    *,
    after: OrderRow | None,
    size: int,
    locking: bool,
    frozen: Frozen,
    partial: bool,
) -> list[OrderRow]:
    """The orders that have waited longest, after the last one seen.

    Those for which frozen stock leaves nothing to do are passed over, however many they are.
    """
    if frozen.everything:
        return []
    query = _select_orders().where(_WAITING)
    if after is not None:
        query = query.where(tuple_(*_PLACE) > after.place)
    if frozen:
        query = query.where(_is_served(frozen, partial=partial))
    query = query.order_by(*_PLACE).limit(size)
    if locking:
        query = lock_rows(session, query, table=orders, skip_locked=True)
    return [OrderRow(*row) for row in session.execute(query).all()]


def kept_waiting(
    session: Session, *, frozen: Frozen, partial: bool, most: int
) -> tuple[int, list[OrderRow]]:
    """How many orders wait only because stock is frozen, and the first of them."""
    kept = _WAITING if frozen.everything else and_(_WAITING, _is_kept(frozen, partial=partial))
    count = select(func.count()).select_from(orders).where(kept)
    first = _select_orders().where(kept).order_by(*_PLACE).limit(most)
    rows = [OrderRow(*row) for row in session.execute(first)]
    return session.execute(count).scalar_one(), rows


def named_orders(
    session: Session, *, keys: Sequence[tuple[int, int]], locking: bool
) -> list[OrderRow]:
    """Orders by (bucket, id), in that order, whatever their status; locked in it if asked."""
    place = _KEY if locking else ()
    rows = select_many(
        session, orders, columns=OrderRow._fields, key=_KEY, rows=sorted(keys), lock_order=place
    )
    return sorted(OrderRow(*row) for row in rows)


def find_orders(
    session: Session, *, catalog: IssuingCatalog, names: Iterable[tuple[str, str]]
) -> list[tuple[int, int]]:
    """(bucket, id) of orders named by (channel code, number), sorted, each once.

    Raises `NotFound` for the first channel or order that is not there.
    """
    channel_ids = {code: channel_id for channel_id, code in catalog.channel_codes.items()}
    wanted = {}
    for channel, number in names:
        if channel not in channel_ids:
            raise NotFound(noun="channel", name=channel)
        key = order_bucket(channel, number), channel_ids[channel], number
        wanted[key] = f"{channel}:{number}"
    columns = ("bucket", "channel_id", "number", "id")
    rows = select_many(session, orders, columns=columns, key=columns[:3], rows=wanted)
    found = {row[:3]: row[3] for row in rows}
    for key, name in wanted.items():
        if key not in found:
            raise NotFound(noun="order", name=name)
    return sorted((key[0], order_id) for key, order_id in found.items())


def _is_kept(frozen: Frozen, *, partial: bool) -> ColumnElement[bool]:
    """Whether frozen products keep an order from what it may get: one of them, or all it lacks."""
    found = _deciding_lines(frozen, select(1), partial=partial).exists()
    return ~found if partial else found


def _is_served(frozen: Frozen, *, partial: bool) -> ColumnElement[bool]:
    """The opposite, looked up order by order.

    It counts, because of an EXISTS Postgres would make a table of all the lines there are, anew
    for each chunk.
    """
    count = select(func.count()).select_from(order_lines)
    found = _deciding_lines(frozen, count, partial=partial).correlate(orders).scalar_subquery()
    return found > 0 if partial else found == 0


def _deciding_lines(frozen: Frozen, query: Select[Any], *, partial: bool) -> Select[Any]:
    """The lines of an order that lack cards: those not frozen if it may get a part, else frozen.

    A bundle is frozen with any of its components.
    """
    line, other = order_lines.c, order_lines.alias("other")
    ids = frozen.product_ids
    named = or_(line.product_id.in_(ids), line.bundle_id.in_(ids) & line.bundle_id.is_not(None))
    beside = select(1).where(
        other.c.bucket == line.bucket,
        other.c.order_id == line.order_id,
        other.c.bundle_place == line.bundle_place,
        other.c.product_id.in_(ids),
    )
    return query.where(
        line.bucket == orders.c.bucket,
        line.order_id == orders.c.id,
        line.issued_qty < line.qty,
        ~named & ~beside.correlate(order_lines).exists() if partial else named,
    )


def _select_orders() -> Select[Any]:
    return select(*(orders.c[name] for name in OrderRow._fields))


def _codes(session: Session, key: ColumnElement[int], code: ColumnElement[str]) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(key, code))}
