"""Stock that needs a person: too little, too much in the wrong place, too old, or frozen.

Deciding is pure; what it decides on is read in a few statements, however many cards there are.
Days of cover are whole days at the pace of the last `PACE_DAYS`, rounded down.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlmodel import Session

from cardctl.stock.freeze import StandingFreeze, list_freezes
from cardctl.stock.positions import PACE_DAYS, Position, read_positions

HOARD_DAYS = 90
"""A pool that covers more than so many days at its own pace can give some away."""


class AlertKind(StrEnum):
    """What is the matter."""

    BELOW_SAFETY = "below-safety"
    LOW_COVER = "low-cover"
    HOARDING = "hoarding"
    EXPIRING = "expiring"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on somebody wants to know; all in days."""

    cover_days: int = 7
    expiring_days: int = 30
    target_days: int = 30
    """What moving and buying fill up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockAlert:
    """One matter: of a product, in a pool (None: in all it is sold from), with its numbers.

    `count` are the cards it is about: those missing, to be moved, or expiring.
    """

    alert: AlertKind
    product: str | None
    pool: str | None = None
    to_pool: str | None = None
    available: int | None = None
    safety_stock: int | None = None
    sold: int | None = None
    """Within `PACE_DAYS`."""
    cover_days: int | None = None
    """None: nothing was sold."""
    count: int | None = None
    expires_first_at: int | None = None
    reason: str | None = None
    frozen_at: int | None = None
    command: str = ""


def stock_alerts(session: Session, *, at: int, limits: Limits) -> list[StockAlert]:
    """Everything the matter with the stock at an instant (epoch ms), the most urgent first."""
    positions = read_positions(session, at=at, expiring_days=limits.expiring_days)
    found = [*decide(positions, limits=limits), *_frozen(list_freezes(session))]
    order = list(AlertKind)
    return sorted(found, key=lambda one: order.index(one.alert))


def decide(positions: Sequence[Position], *, limits: Limits) -> Iterator[StockAlert]:
    """What is the matter with products that stand so; positions are sorted by product."""
    for _, group in groupby(positions, key=lambda one: one.product):
        of_product = list(group)
        below = is_below_safety(of_product)
        if below:
            yield _below_safety(of_product)
        lacking = [one for one in of_product if one.drawn_on and _is_low(one, limits)]
        yield from (_low_cover(one) for one in lacking)
        if below and not lacking:
            lacking = [one for one in of_product if one.drawn_on]
        yield from _hoards(of_product, lacking, limits)
        yield from (_expiring(one) for one in of_product if one.expiring)


def is_below_safety(of_product: Sequence[Position]) -> bool:
    """Whether the pools that orders draw on hold less of a product than its safety stock."""
    held = sum(one.available for one in of_product if one.drawn_on)
    return held < of_product[0].safety_stock


def cover_days(available: int, sold: int) -> int | None:
    """How many whole days so many cards last at the recent pace; None when nothing was sold."""
    return available * PACE_DAYS // sold if sold else None


def cards_for(days: int, sold: int) -> int:
    """How many cards so many days take at the recent pace, rounded up."""
    return -(-sold * days // PACE_DAYS)


def _is_low(one: Position, limits: Limits) -> bool:
    cover = cover_days(one.available, one.sold)
    return cover is not None and cover < limits.cover_days


def _below_safety(of_product: Sequence[Position]) -> StockAlert:
    drawn_on = [one for one in of_product if one.drawn_on]
    available, sold = (
        sum(getattr(one, name) for one in drawn_on) for name in ("available", "sold")
    )
    safety_stock = of_product[0].safety_stock
    return StockAlert(
        alert=AlertKind.BELOW_SAFETY,
        product=of_product[0].product,
        available=available,
        safety_stock=safety_stock,
        sold=sold,
        cover_days=cover_days(available, sold),
        count=safety_stock - available,
        command="cardctl stock alerts --purchase",
    )


def _low_cover(one: Position) -> StockAlert:
    return StockAlert(
        alert=AlertKind.LOW_COVER,
        product=one.product,
        pool=one.pool,
        available=one.available,
        sold=one.sold,
        cover_days=cover_days(one.available, one.sold),
        command="cardctl stock alerts --purchase",
    )


def _hoards(
    of_product: Sequence[Position], lacking: Sequence[Position], limits: Limits
) -> Iterator[StockAlert]:
    """Pools with far more than they sell while others lack it (囤货), and what could be moved.

    What one pool can give is offered to the pool that lacks most, each card once.
    """
    needed = {one.pool: _needed(one, limits) for one in lacking}
    for one in of_product:
        cover = cover_days(one.available, one.sold)
        if one.pool in needed or (cover is not None and cover <= HOARD_DAYS):
            continue
        spare = one.available - cards_for(limits.target_days, one.sold)
        to_pool = max(needed, key=needed.__getitem__, default="")
        count = min(spare, needed.get(to_pool, 0))
        if count <= 0:
            continue
        needed[to_pool] -= count
        yield StockAlert(
            alert=AlertKind.HOARDING,
            product=one.product,
            pool=one.pool,
            to_pool=to_pool,
            available=one.available,
            sold=one.sold,
            cover_days=cover,
            count=count,
            command=f"cardctl stock move --product {one.product} --from {one.pool}"
            f" --to {to_pool} --qty {count}",
        )


def _needed(one: Position, limits: Limits) -> int:
    """What a pool needs to reach the target, and at least the safety stock of its product."""
    return max(cards_for(limits.target_days, one.sold), one.safety_stock) - one.available


def _expiring(one: Position) -> StockAlert:
    return StockAlert(
        alert=AlertKind.EXPIRING,
        product=one.product,
        pool=one.pool,
        available=one.available,
        count=one.expiring,
        expires_first_at=one.expires_first,
        command=f"cardctl stock levels --product {one.product}",
    )


def _frozen(freezes: Mapping[str | None, StandingFreeze]) -> Iterator[StockAlert]:
    for sku, freeze in freezes.items():
        product = f" --product {sku}" if sku else ""
        yield StockAlert(
            alert=AlertKind.FROZEN,
            product=sku,
            reason=freeze.reason,
            frozen_at=freeze.frozen_at,
            command=f"cardctl stock unfreeze{product}",
        )
