"""Issue some thousand orders in one transaction: lock them, decide, write.

Orders are locked before cards, reserved cards before those on the shelves, and these in the order
of their index, so that nobody waits in a circle. Everything is decided (`allocate`) before a
handful of statements writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.orders.allocate import Allocation, WaitingOrder, allocate, demand
from cardctl.orders.needs import with_needs
from cardctl.orders.outcomes import IssueOutcome, Shortage
from cardctl.orders.stops import STOPPED, stop_reasons
from cardctl.orders.waiting import IssuingCatalog, OrderRow, named_orders, next_in_queue
from cardctl.orders.write_issue import write_issue
from cardctl.stock.claim import Shelf
from cardctl.stock.freeze import Frozen, read_frozen
from cardctl.storage.dialects import hides_locked_rows
from cardctl.vocabulary import ISSUABLE, OrderStatus

_DONE = (OrderStatus.ISSUED, OrderStatus.DELIVERED, OrderStatus.PARTLY_REFUNDED)

Shelves = dict[tuple[int, int], Shelf]
"""By product and pool."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How orders are issued: `partial` gives what there is, a dry run locks and writes nothing.

    `kept_shelves` are a dry run's, from one transaction to the next: what it gave stays given.
    """

    partial: bool = False
    dry_run: bool = False
    kept_shelves: Shelves = field(default_factory=dict)

    @property
    def locking(self) -> bool:
        """Whether what is read stays as it is until the transaction ends."""
        return not self.dry_run


@dataclass(frozen=True, slots=True)
class IssuedChunk:
    """What one transaction did; it counts only when it is committed.

    `set_aside` are orders (bucket, id) that seem short and want a second look that waits.
    """

    rows: Sequence[OrderRow]
    outcomes: list[IssueOutcome]
    set_aside: list[tuple[int, int]]


def issue_next(
    session: Session,
    *,
    run: Run,
    catalog: IssuingCatalog,
    manner: Manner,
    after: OrderRow | None,
    size: int,
) -> IssuedChunk:
    """Issue the orders that have waited longest, after the last one seen."""
    frozen = read_frozen(session, holding=manner.locking)
    rows = next_in_queue(
        session,
        after=after,
        size=size,
        locking=manner.locking,
        frozen=frozen,
        partial=manner.partial,
    )
    work = _Chunk(session, run, catalog, manner, frozen, waiting=manner.partial)
    return work.issue(rows)


def issue_within(
    session: Session,
    *,
    run: Run,
    catalog: IssuingCatalog,
    keys: Sequence[tuple[int, int]],
    manner: Manner,
    waiting: bool,
) -> IssuedChunk:
    """Issue orders by (bucket, id), whatever their status, in the transaction of the caller.

    With `waiting` cards that others hold are waited for; without, an order that seems short is set
    aside. Raises `OrderMoved` and `ClaimLost`.
    """
    frozen = read_frozen(session, holding=manner.locking)
    rows = named_orders(session, keys=keys, locking=manner.locking)
    # Locked in the order of their keys, served as in the queue: the longest wait first.
    issuable = sorted((row for row in rows if row.status in ISSUABLE), key=lambda row: row.place)
    chunk = _Chunk(session, run, catalog, manner, frozen, waiting=waiting).issue(issuable)
    stopped = [(row.bucket, row.id) for row in rows if row.status in STOPPED]
    rules = stop_reasons(session, orders=stopped)
    others = [
        _not_issuable(catalog.name(row), row.status, rules.get((row.bucket, row.id), ""))
        for row in rows
        if row.status not in ISSUABLE
    ]
    return replace(chunk, outcomes=chunk.outcomes + others)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The work on one chunk of orders."""

    session: Session
    run: Run
    catalog: IssuingCatalog
    manner: Manner
    frozen: Frozen
    waiting: bool

    def issue(self, rows: Sequence[OrderRow]) -> IssuedChunk:
        """Decide and write, all orders of the chunk at once."""
        manner = self.manner
        waiting_orders = with_needs(
            self.session,
            catalog=self.catalog,
            rows=rows,
            frozen=self.frozen,
            locking=manner.locking,
        )
        shelves = stock_shelves(
            self.session,
            self.catalog,
            waiting_orders,
            shelves=manner.kept_shelves if manner.dry_run else {},
            waiting=self.waiting,
            locking=manner.locking,
        )
        decided = [allocate(one, shelves, partial=manner.partial) for one in waiting_orders]
        # A first look that may have missed stock does not call an order short.
        conclusive = self.waiting or manner.dry_run or not hides_locked_rows(self.session)
        set_aside = []
        if not conclusive:
            set_aside = [(one.order.bucket, one.order.id) for one in decided if one.lacking]
            decided = [one for one in decided if not one.lacking]
        if not manner.dry_run:
            write_issue(self.session, run=self.run, decided=decided)
        skus = self.catalog.skus
        return IssuedChunk(rows, [_outcome(one, skus) for one in decided], set_aside)


def stock_shelves(
    session: Session,
    catalog: IssuingCatalog,
    waiting_orders: Sequence[WaitingOrder],
    *,
    shelves: Shelves,
    waiting: bool,
    locking: bool,
) -> Shelves:
    """Shelves with as many cards as the orders could need, looked at in the order of locking."""
    for (product_id, pool_id), wanted in demand(waiting_orders).items():
        shelf = shelves.get((product_id, pool_id))
        if shelf is None:
            good_until = catalog.good_until[product_id]
            shelf = Shelf(product_id, pool_id, good_until, waiting, locking)
            shelves[product_id, pool_id] = shelf
        shelf.stock_up(session, wanted)
    return shelves


def _outcome(one: Allocation, skus: Mapping[int, str]) -> IssueOutcome:
    status = one.status
    if one.order.verdict is not None:
        rule = f"{one.order.verdict.reason} {skus[one.order.verdict.product_id]}"
        return IssueOutcome(one.order.name, status, 0, status, rule=rule)
    if one.complete:
        return IssueOutcome(one.order.name, status, one.card_count)
    shortages = tuple(
        Shortage(skus[lack.product_id], lack.wanted, lack.found) for lack in one.short_of
    )
    cause = "short" if shortages else "frozen"
    return IssueOutcome(one.order.name, status, one.card_count, cause, shortages)


def _not_issuable(name: str, status: str, rule: str) -> IssueOutcome:
    return IssueOutcome(name, status, 0, "unchanged" if status in _DONE else status, rule=rule)
