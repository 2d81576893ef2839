"""Plan an order: its codes resolved, its money shared out over its lines."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.errors import InputRefused, NotFound
from cardctl.identifiers import order_bucket
from cardctl.money import format_yuan, share_out
from cardctl.orders.records import OrderRecord
from cardctl.schema.catalog import accounts, channel_accounts, channels, products


class PaidDisagrees(InputRefused):
    """What the lines of an order were paid is not what the order was paid."""

    code = "paid-disagrees"
    message = "order {number}: {paid} was paid, but its lines sum to {lines}"


class LinePaidMissing(InputRefused):
    """Some lines of an order say what was paid for them, and some do not."""

    code = "line-paid-missing"
    message = "order {number}: some lines say what was paid for them, and some do not"


@dataclass(frozen=True, slots=True)
class PlacingCatalog:
    """A channel, and what placing looks up for its orders; read once a run."""

    channel: str
    channel_id: int
    default_account_id: int | None
    product_ids: dict[str, int]
    prices_fen: dict[str, int | None]
    account_ids: dict[str, int]


class PlannedLine(NamedTuple):
    """A line as it will be stored."""

    product_id: int
    qty: int
    paid_fen: int


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order whose codes are known and whose money is shared out over its lines."""

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
    )


def plan_order(catalog: PlacingCatalog, record: OrderRecord) -> PlannedOrder:
    """Resolve the codes of an order and share its money out; touches no database.

    What was paid for the whole is shared by price times quantity, by quantity when a price
    is not known. Raises `NotFound`, `PaidDisagrees`, `LinePaidMissing`.
    """
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
        lines=tuple(
            PlannedLine(catalog.product_ids[line.sku], line.qty, share)
            for line, share in zip(record.lines, shares, strict=True)
        ),
    )


def _shares(catalog: PlacingCatalog, record: OrderRecord) -> list[int]:
    told = [line.paid_fen for line in record.lines if line.paid_fen is not None]
    if not told:
        prices = [catalog.prices_fen[line.sku] for line in record.lines]
        weights = [
            line.qty * (1 if None in prices else price or 0)
            for line, price in zip(record.lines, prices, strict=True)
        ]
        return share_out(record.paid_fen or 0, weights)
    if len(told) < len(record.lines):
        raise LinePaidMissing(number=record.number)
    if record.paid_fen not in (None, sum(told)):
        raise PaidDisagrees(
            number=record.number,
            paid=format_yuan(record.paid_fen or 0),
            lines=format_yuan(sum(told)),
        )
    return told
