"""Plan an order: its codes resolved, its bundles taken apart, its money shared out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.errors import InputRefused, NotFound
from cardctl.identifiers import order_bucket
from cardctl.money import format_yuan, share_out
from cardctl.orders.records import OrderRecord
from cardctl.schema.catalog import (
    accounts,
    bundle_components,
    channel_accounts,
    channels,
    products,
)


class NumberWithChannel(InputRefused):
    """The name of an order stands where its number belongs: it would be another order."""

    code = "number-with-channel"
    message = "{number} is the name of an order, not its number: it begins with its channel"
    hint = "give the number alone: {bare}"


class PaidDisagrees(InputRefused):
    """What the lines of an order were paid is not what the order was paid."""

    code = "paid-disagrees"
    message = "order {number}: {paid} was paid, but its lines sum to {lines}"


class LinePaidMissing(InputRefused):
    """Some lines of an order say what was paid for them, and some do not."""

    code = "line-paid-missing"
    message = "order {number}: some lines say what was paid for them, and some do not"


class BundlePart(NamedTuple):
    """A component of a bundle as it is sold by itself: fen, None where no price is known."""

    product_id: int
    qty: int
    price_fen: int | None


@dataclass(frozen=True, slots=True)
class PlacingCatalog:
    """A channel, and what placing looks up for its orders; read once a run."""

    channel: str
    channel_id: int
    default_account_id: int | None
    product_ids: dict[str, int]
    prices_fen: dict[str, int | None]
    account_ids: dict[str, int]
    bundles: dict[int, tuple[BundlePart, ...]]
    """What bundles are made of, by the id of their product."""


class PlannedLine(NamedTuple):
    """A line as it will be stored; that of a component says which bundle it came from."""

    product_id: int
    qty: int
    paid_fen: int
    bundle_place: int | None = None
    """Which of the lines that were told, from 0."""
    bundle_id: int | None = None
    bundle_qty: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order whose codes are known and whose money is shared out over its lines.

    Its `lines` are those to be stored: in place of a bundle there are its components.
    """

    bucket: int
    record: OrderRecord
    paid_fen: int
    account_id: int | None
    lines: tuple[PlannedLine, ...]

    @property
    def key(self) -> tuple[int, str]:
        """How it is found within its channel, and the order in which orders are locked."""
        return self.bucket, self.record.number


def read_placing_catalog(session: Session, *, channel: str) -> PlacingCatalog:
    """Look up a channel, its default account, all products and accounts. Raises `NotFound`."""
    query = (
        select(channels.c.id, channel_accounts.c.account_id)
        .outerjoin(
            channel_accounts,
            (channel_accounts.c.channel_id == channels.c.id) & (channel_accounts.c.position == 0),
        )
        .where(channels.c.code == channel)
    )
    found = session.execute(query).first()
    if found is None:
        raise NotFound(noun="channel", name=channel)
    sold = session.execute(select(products.c.sku, products.c.id, products.c.price_fen)).all()
    paid_into = session.execute(select(accounts.c.code, accounts.c.id))
    return PlacingCatalog(
        channel=channel,
        channel_id=found.id,
        default_account_id=found.account_id,
        product_ids={row.sku: row.id for row in sold},
        prices_fen={row.sku: row.price_fen for row in sold},
        account_ids={row.code: row.id for row in paid_into},
        bundles=_read_bundles(session),
    )


def plan_order(catalog: PlacingCatalog, record: OrderRecord) -> PlannedOrder:
    """Resolve the codes of an order and share its money out; touches no database.

    What was paid for the whole is shared by price times quantity, by quantity when a price
    is not known; so is what was paid for a bundle, over its components. Raises `NotFound`,
    `NumberWithChannel`, `PaidDisagrees`, `LinePaidMissing`.
    """
    channel, colon, bare = record.number.partition(":")
    if colon and channel.casefold() == catalog.channel.casefold():
        raise NumberWithChannel(number=record.number, bare=bare)
    for line in record.lines:
        if line.sku not in catalog.product_ids:
            raise NotFound(noun="product", name=line.sku)
    if record.account is not None and record.account not in catalog.account_ids:
        raise NotFound(noun="account", name=record.account)
    shares = _shares(catalog, record)
    return PlannedOrder(
        bucket=order_bucket(catalog.channel, record.number),
        record=record,
        paid_fen=sum(shares),
        account_id=catalog.account_ids.get(record.account or "", catalog.default_account_id),
        lines=tuple(_lines(catalog, record, shares)),
    )


def fold_bundles(lines: Iterable[PlannedLine]) -> list[PlannedLine]:
    """The lines as they were told: the components of a bundle are one line of it again."""
    told: dict[object, PlannedLine] = {}
    for place, line in enumerate(lines):
        if line.bundle_id is None or line.bundle_qty is None:
            told["line", place] = PlannedLine(line.product_id, line.qty, line.paid_fen)
            continue
        key = "bundle", line.bundle_place
        before = told[key].paid_fen if key in told else 0
        told[key] = PlannedLine(line.bundle_id, line.bundle_qty, before + line.paid_fen)
    return list(told.values())


def _read_bundles(session: Session) -> dict[int, tuple[BundlePart, ...]]:
    part = bundle_components.c
    query = (
        select(part.bundle_id, part.product_id, part.qty, products.c.price_fen)
        .join(products, products.c.id == part.product_id)
        .order_by(part.bundle_id, part.position)
    )
    found: dict[int, tuple[BundlePart, ...]] = {}
    for bundle_id, *parts in session.execute(query):
        found[bundle_id] = (*found.get(bundle_id, ()), BundlePart(*parts))
    return found


def _lines(
    catalog: PlacingCatalog, record: OrderRecord, shares: Iterable[int]
) -> Iterator[PlannedLine]:
    for place, (line, share) in enumerate(zip(record.lines, shares, strict=True)):
        product_id = catalog.product_ids[line.sku]
        parts = catalog.bundles.get(product_id)
        if parts is None:
            yield PlannedLine(product_id, line.qty, share)
            continue
        weights = _weights([(part.qty, part.price_fen) for part in parts])
        for part, fen in zip(parts, share_out(share, weights), strict=True):
            qty = part.qty * line.qty
            yield PlannedLine(part.product_id, qty, fen, place, product_id, line.qty)


def _shares(catalog: PlacingCatalog, record: OrderRecord) -> list[int]:
    told = [line.paid_fen for line in record.lines if line.paid_fen is not None]
    if not told:
        sold = [(line.qty, catalog.prices_fen[line.sku]) for line in record.lines]
        return share_out(record.paid_fen or 0, _weights(sold))
    if len(told) < len(record.lines):
        raise LinePaidMissing(number=record.number)
    if record.paid_fen not in (None, sum(told)):
        raise PaidDisagrees(
            number=record.number,
            paid=format_yuan(record.paid_fen or 0),
            lines=format_yuan(sum(told)),
        )
    return told


def _weights(sold: Iterable[tuple[int, int | None]]) -> list[int]:
    """Quantity times price (fen), or the bare quantities when one price is not known."""
    sold = list(sold)
    known = all(price is not None for _, price in sold)
    return [qty * (price or 0) if known else qty for qty, price in sold]
