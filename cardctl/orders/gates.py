"""What stops an order before it gets anything: where it may not be sold, or what it lacks. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from cardctl.vocabulary import OrderStatus


class Stop(StrEnum):
    """Why an order is held or blocked."""

    REGION_UNKNOWN = "region-unknown"
    REGION_NOT_SOLD = "region-not-sold"
    NO_TOPUP_ACCOUNT = "topup-account-missing"


class Verdict(NamedTuple):
    """An order is held or blocked, why, and for which of its products (id)."""

    status: OrderStatus
    reason: str
    product_id: int


class Told(NamedTuple):
    """What an order says of itself that decides."""

    region: str | None
    topup_account: str | None


def judge(
    told: Told,
    product_ids: Iterable[int],
    *,
    regions: Mapping[int, frozenset[str]],
    topups: frozenset[int],
) -> Verdict | None:
    """Whether an order of these products is stopped; what blocks it comes before what holds it.

    `regions` are those in which a limited product is sold, `topups` what goes to an account of the
    buyer. A region that is not known holds the order until somebody says it.
    """
    region = unicodedata.normalize("NFKC", told.region or "").strip().upper()
    held = None
    for product_id in product_ids:
        sold_in = regions.get(product_id)
        if sold_in and region and region not in sold_in:
            return Verdict(OrderStatus.BLOCKED, Stop.REGION_NOT_SOLD, product_id)
        if sold_in and not region:
            held = held or Verdict(OrderStatus.HELD, Stop.REGION_UNKNOWN, product_id)
        if product_id in topups and not told.topup_account:
            held = held or Verdict(OrderStatus.HELD, Stop.NO_TOPUP_ACCOUNT, product_id)
    return held
