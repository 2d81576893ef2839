"""Decide which order gets which cards. Pure: it looks at shelves and touches no database.

The rule, in one place for one order and for a hundred thousand: an order gets exactly its
quantities or, unless a partial issue was asked for, nothing; each line draws on its channel's
pools in their order, earliest expiry first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cardctl.stock.claim import PickedCard, Shelf


@dataclass(frozen=True, slots=True)
class Need:
    """A line of an order and what it still lacks."""

    line_id: int
    product_id: int
    qty: int
    issued_qty: int
    paid_fen: int
    """What was paid for it, less what was paid back."""

    @property
    def missing(self) -> int:
        """How many cards it waits for."""
        return self.qty - self.issued_qty


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that waits for cards, and the pools its channel draws on, in their order."""

    bucket: int
    id: int
    name: str
    status: str
    account: str
    """The code of the money account, or empty."""
    pools: tuple[int, ...]
    needs: tuple[Need, ...]
    """What may be filled now."""
    frozen: bool = False
    """Whether it also waits for stock that is frozen."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A line that could not be filled: how many it wanted and how many were there."""

    product_id: int
    wanted: int
    found: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """What an order gets."""

    order: WaitingOrder
    given: list[tuple[Need, list[PickedCard]]] = field(default_factory=list)
    lacking: list[Lack] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether it has everything then."""
        return not (self.lacking or self.order.frozen)

    @property
    def card_count(self) -> int:
        """How many cards it gets."""
        return sum(len(picked) for _, picked in self.given)


def demand(orders: Sequence[WaitingOrder]) -> dict[tuple[int, int], int]:
    """How many cards each (product, pool) could be asked for, in the order of locking."""
    wanted: dict[tuple[int, int], int] = {}
    for order in orders:
        for need in order.needs:
            for pool in order.pools:
                key = need.product_id, pool
                wanted[key] = wanted.get(key, 0) + need.missing
    return dict(sorted(wanted.items()))


def allocate(
    order: WaitingOrder, shelves: Mapping[tuple[int, int], Shelf], *, partial: bool
) -> Allocation:
    """Take an order's cards from stocked shelves; what it cannot use goes back on them.

    An order that waits for frozen stock takes nothing, unless it may take a part.
    """
    if order.frozen and not partial:
        return Allocation(order)
    taken: list[tuple[Shelf, list[PickedCard]]] = []
    allocation = Allocation(order)
    for need in order.needs:
        picked: list[PickedCard] = []
        for pool in order.pools:
            shelf = shelves[need.product_id, pool]
            part = shelf.take(need.missing - len(picked))
            taken.append((shelf, part))
            picked += part
        if picked:
            allocation.given.append((need, picked))
        if len(picked) < need.missing:
            allocation.lacking.append(Lack(need.product_id, need.missing, len(picked)))
    if allocation.lacking and not partial:
        for shelf, part in reversed(taken):
            shelf.put_back(part)
        allocation.given.clear()
    return allocation
