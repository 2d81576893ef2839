"""Decide which order gets which cards. Pure: it looks at shelves and touches no database.

The rule, in one place for one order and for a hundred thousand: an order gets exactly its
quantities or, unless a partial issue was asked for, nothing; what is reserved for it comes first,
then each line draws on its channel's pools in their order, earliest expiry first. The components
of a bundle are given together: as many whole bundles as all of them allow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from cardctl.orders.gates import Verdict
from cardctl.stock.claim import PickedCard, Shelf
from cardctl.vocabulary import DeliveryVia, OrderStatus

_ISSUED, _SHORT = str(OrderStatus.ISSUED), str(OrderStatus.SHORT)
_PARTLY_ISSUED = str(OrderStatus.PARTLY_ISSUED)
_NOTHING: Mapping[int, Sequence[PickedCard]] = MappingProxyType({})


class Need(NamedTuple):
    """A line of an order and what it still lacks."""

    line_id: int
    product_id: int
    qty: int
    issued_qty: int
    paid_fen: int
    """What was paid for it, less what was paid back."""
    bundle_place: int | None = None
    """Lines of one bundle have the same."""
    bundle_id: int | None = None
    bundle_qty: int | None = None
    via: DeliveryVia | None = None
    """How a line without cards is delivered: it is topped up, or shipped."""

    @property
    def sold_as(self) -> tuple[int, ...]:
        """The products (ids) it was ordered as: its own, and the bundle's."""
        return (self.product_id,) if self.bundle_id is None else (self.product_id, self.bundle_id)

    @property
    def missing(self) -> int:
        """How many cards it waits for, or how many of what has none."""
        return self.qty - self.issued_qty


class WaitingOrder(NamedTuple):
    """An order that waits for cards, and the pools its channel draws on, in their order."""

    bucket: int
    id: int
    name: str
    status: str
    account: str
    """The code of the money account, or empty."""
    pools: tuple[int, ...]
    parcels: tuple[tuple[Need, ...], ...]
    """What may be filled now; the lines of a parcel are given together."""
    frozen: bool = False
    """Whether it also waits for stock that is frozen."""
    verdict: Verdict | None = None
    """Why it is stopped, if it is: then it gets nothing."""
    reserved_until: int | None = None
    reserved: Mapping[int, Sequence[PickedCard]] = _NOTHING
    """The cards that are kept for it, by line."""
    unfit: Sequence[PickedCard] = ()
    """What was kept for it and cannot be given to it any more."""


class Lack(NamedTuple):
    """A line, or a product, of which not all was there: how many it wanted and how many were."""

    product_id: int
    wanted: int
    found: int


class Grant(NamedTuple):
    """What a line gets: so many, and the cards where it has any; first those reserved for it."""

    need: Need
    qty: int
    cards: Sequence[PickedCard]
    reserved: int
    """How many of the cards were."""


@dataclass(slots=True)
class Allocation:
    """What an order gets; it is `settled` when that is decided."""

    order: WaitingOrder
    grants: list[Grant] = field(default_factory=list)
    lacking: list[Lack] = field(default_factory=list)
    complete: bool = False
    """Whether it has everything then."""
    card_count: int = 0
    """How many cards it gets."""
    status: str = ""
    """The order's, when this is written."""

    def settled(self) -> "Allocation":
        """The same with what follows from it; asked for again and again, it is reckoned once."""
        order = self.order
        self.complete = not (self.lacking or order.frozen or order.verdict)
        for grant in self.grants:
            self.card_count += len(grant.cards)
        self.status = self._status_after()
        return self

    @property
    def short_of(self) -> list[Lack]:
        """What lacked, once a product: of all lines that want it, those that were filled, too."""
        gaps: dict[int, int] = {}
        for lack in self.lacking:
            gaps[lack.product_id] = gaps.get(lack.product_id, 0) + lack.wanted - lack.found
        wanted = dict.fromkeys(gaps, 0)
        for need in (need for parcel in self.order.parcels for need in parcel):
            if need.product_id in wanted:
                wanted[need.product_id] += need.missing
        return [Lack(one, wanted[one], wanted[one] - gap) for one, gap in gaps.items()]

    def _status_after(self) -> str:
        was = self.order.status
        if self.order.verdict is not None:
            return str(self.order.verdict.status)
        if self.complete:
            return _ISSUED
        if not (self.grants or self.lacking):
            return was
        return _PARTLY_ISSUED if self.grants or was == _PARTLY_ISSUED else _SHORT


def demand(orders: Iterable[WaitingOrder]) -> dict[tuple[int, int], int]:
    """How many cards each (product, pool) could be asked for, in the order of locking."""
    wanted: dict[tuple[int, int], int] = {}
    for order in orders:
        if order.verdict is not None:
            continue
        for parcel in order.parcels:
            for need in parcel:
                if need.via is not None:
                    continue
                kept = len(order.reserved.get(need.line_id, ()))
                for pool in order.pools:
                    key = need.product_id, pool
                    wanted[key] = wanted.get(key, 0) + need.missing - kept
    return dict(sorted(wanted.items()))


def allocate(
    order: WaitingOrder, shelves: Mapping[tuple[int, int], Shelf], *, partial: bool
) -> Allocation:
    """Take an order's cards from stocked shelves; what it cannot use goes back on them.

    An order that is stopped takes nothing; nor does one that waits for frozen stock, unless it may
    take a part.
    """
    allocation = Allocation(order)
    if order.verdict is not None or (order.frozen and not partial):
        return allocation.settled()
    baskets: list[_Basket] = []
    for parcel in order.parcels:
        filled = [_fill(order, need, shelves) for need in parcel]
        if len(parcel) > 1 or parcel[0].bundle_qty or parcel[0].via:
            _give_together(allocation, parcel, filled)
        else:
            _give(allocation, parcel[0], filled[0])
        baskets += filled
    if allocation.lacking and not partial:
        for basket in reversed(baskets):
            basket.keep(0)
        allocation.grants.clear()
    return allocation.settled()


@dataclass(slots=True)
class _Basket:
    """What was taken for a line: reserved cards, then those of some shelves."""

    reserved: Sequence[PickedCard]
    taken: list[tuple[Shelf, list[PickedCard]]]

    def cards(self) -> list[PickedCard]:
        """All of them, those reserved first."""
        found = list(self.reserved)
        for _, part in self.taken:
            found += part
        return found

    def keep(self, count: int) -> None:
        """Put all but the first so many back where they came from."""
        surplus = len(self.reserved) + sum(len(part) for _, part in self.taken) - count
        for shelf, part in reversed(self.taken):
            if surplus <= 0:
                return
            first = max(len(part) - surplus, 0)
            shelf.put_back(part[first:])
            surplus -= len(part) - first
            del part[first:]
        self.reserved = self.reserved[:count]


def _fill(order: WaitingOrder, need: Need, shelves: Mapping[tuple[int, int], Shelf]) -> _Basket:
    """Take what there is for a line, up to what it lacks."""
    missing = 0 if need.via else need.missing
    basket = _Basket((), [])
    if order.reserved:
        basket.reserved = order.reserved.get(need.line_id, ())[:missing]
        missing -= len(basket.reserved)
    for pool in order.pools:
        if not missing:
            break
        shelf = shelves[need.product_id, pool]
        part = shelf.take(missing)
        basket.taken.append((shelf, part))
        missing -= len(part)
    return basket


def _give(allocation: Allocation, need: Need, basket: _Basket) -> None:
    """Grant a line what there is, and say what lacks."""
    cards = basket.cards()
    if len(cards) < need.missing:
        allocation.lacking.append(Lack(need.product_id, need.missing, len(cards)))
    if cards:
        allocation.grants.append(Grant(need, len(cards), cards, len(basket.reserved)))


def _give_together(
    allocation: Allocation, parcel: Sequence[Need], baskets: Sequence[_Basket]
) -> None:
    """Grant a parcel as often as all of its lines can be filled, and say what lacks."""
    found = [
        need.missing if need.via else len(basket.cards())
        for need, basket in zip(parcel, baskets, strict=True)
    ]
    units = [_unit(parcel, need) for need in parcel]
    times = min(count // unit for count, unit in zip(found, units, strict=True))
    for need, basket, count, unit in zip(parcel, baskets, found, units, strict=True):
        if count < need.missing:
            allocation.lacking.append(Lack(need.product_id, need.missing, count))
        qty = times * unit
        if need.via is None:
            basket.keep(qty)
        if qty:
            allocation.grants.append(Grant(need, qty, basket.cards(), len(basket.reserved)))


def _unit(parcel: Sequence[Need], need: Need) -> int:
    """How many of a line are given at a time: of a bundle what one bundle holds.

    What is topped up or shipped is one message, and so goes whole.
    """
    if any(one.via for one in parcel):
        return need.missing
    return need.qty // need.bundle_qty if need.bundle_qty else 1
