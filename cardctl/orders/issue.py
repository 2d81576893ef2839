"""Issue: bind cards to orders, exactly once (配卡). One order or a hundred thousand, one way.

A chunk of orders is one transaction: its orders are locked, then the cards they could need, then
everything is decided (`allocate`) and written in a handful of statements. Orders are locked before
cards, and cards in the order of their index, so that nobody waits in a circle.

A look that skips rows others hold may miss cards that come back with a rollback. So an order that
seems short is set aside, and looked at again, waiting, in a transaction that holds nothing else,
before it is called short. A partial issue waits at once: set aside, an order would lose its place,
and those behind it would take what it is to get.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.errors import ServiceUnavailable
from cardctl.identifiers import new_ids
from cardctl.ledger.journal import Posting, post
from cardctl.ledger.postings import Event, Sale, issue_lines, recognised_fen
from cardctl.orders.allocate import Allocation, Need, WaitingOrder, allocate, demand
from cardctl.orders.outcomes import IssueOutcome, IssueResult, Shortage
from cardctl.orders.waiting import (
    IssuingCatalog,
    OrderRow,
    find_orders,
    kept_waiting,
    named_orders,
    next_in_queue,
    read_catalog,
    with_needs,
)
from cardctl.schema.orders import order_lines, orders
from cardctl.stock.claim import Binding, Shelf, bind_cards
from cardctl.stock.expire import any_overdue, expire_cards
from cardctl.stock.freeze import Frozen, read_frozen
from cardctl.storage.dialects import hides_locked_rows, update_many
from cardctl.storage.failures import TransactionRaced
from cardctl.storage.store import Store
from cardctl.vocabulary import ISSUABLE, OrderEventKind, OrderStatus

CHUNK = 5_000
"""Orders a transaction: large enough to amortise its commit, small enough to let others in."""

ATTEMPTS = 5
"""How often a chunk is tried when races roll it back."""

FROZEN_NAMED = 100
"""How many of the orders that wait for frozen stock a run names; all of them are counted."""

_DONE = (OrderStatus.ISSUED, OrderStatus.DELIVERED)


class OrderMoved(ServiceUnavailable):
    """An order changed under the hands of this command; its chunk was rolled back."""

    code = "order-moved"
    message = "{missing} orders were changed by another command meanwhile; nothing was issued"
    hint = "run the same command again: what was done is not done twice"


@dataclass(frozen=True, slots=True)
class Wish:
    """How to issue: `partial` gives what there is when it is not enough."""

    limit: int | None = None
    """How many waiting orders at most."""
    partial: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one transaction did; it counts only when it is committed."""

    rows: Sequence[OrderRow]
    outcomes: list[IssueOutcome]
    set_aside: list[tuple[int, int]]


@dataclass(slots=True)
class _Issuing:
    """One run of issuing: what it was asked, and what it has done so far."""

    store: Store
    run: Run
    wish: Wish
    catalog: IssuingCatalog
    advance: Callable[[int], None]
    result: IssueResult = field(default_factory=IssueResult)
    set_aside: list[tuple[int, int]] = field(default_factory=list)
    kept_shelves: dict[tuple[int, int], Shelf] = field(default_factory=dict)
    """A dry run keeps its shelves from chunk to chunk: what it gave stays given."""

    def commit(self, work: Callable[[Session], _Chunk]) -> _Chunk:
        """Do a chunk's work in one transaction, again when a race rolled it back.

        A dry run only reads, and so locks nothing.
        """
        chunk = self._attempt(work)
        for outcome in chunk.outcomes:
            self.result.add(outcome)
        self.set_aside += chunk.set_aside
        self.advance(len(chunk.outcomes))
        return chunk

    def _attempt(self, work: Callable[[Session], _Chunk]) -> _Chunk:
        for _ in range(ATTEMPTS - 1):
            with suppress(TransactionRaced), self._transaction() as session:
                return work(session)
        with self._transaction() as session:
            return work(session)

    def _transaction(self) -> AbstractContextManager[Session]:
        if self.wish.dry_run:
            return self.store.reading()
        return self.run.transaction(self.store, final=False)


def issue_orders(
    store: Store,
    *,
    run: Run,
    wish: Wish,
    names: Iterable[tuple[str, str]] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> IssueResult:
    """Issue orders by (channel code, external number), or without names every one that waits.

    Waiting orders are taken the longest wait first; what cannot be filled becomes short and stays
    issuable; orders that another process holds are left to it. A named order is issued once
    however often it is named; raises `NotFound` before anything is issued when one is not there.
    """
    issuing = _begin(store, run=run, wish=wish, advance=advance)
    if names is None:
        _clear_shelves(issuing)
        _issue_queue(issuing)
    else:
        with store.reading() as session:
            keys = find_orders(session, catalog=issuing.catalog, names=names)
        _issue_keys(issuing, keys, waiting=wish.partial)
    _finish(issuing)
    if names is None:
        _tell_frozen(issuing)
    return issuing.result


def _begin(store: Store, *, run: Run, wish: Wish, advance: Callable[[int], None]) -> _Issuing:
    with store.reading() as session:
        catalog = read_catalog(session, at=run.at)
    return _Issuing(store, run, wish, catalog, advance)


def _finish(issuing: _Issuing) -> None:
    """Give what seemed short its second look, and close the run's chain."""
    keys, issuing.set_aside = sorted(issuing.set_aside), []
    _issue_keys(issuing, keys, waiting=True)
    issuing.run.finish(issuing.store)


def _clear_shelves(issuing: _Issuing) -> None:
    """Mark cards expired whose time is over; none of them would be sold, but they would lie there.

    What another process holds is left to the next run, and a dry run leaves everything.
    """
    store, run = issuing.store, issuing.run
    with store.reading() as session:
        clear = not any_overdue(session, at=run.at)
    if clear or issuing.wish.dry_run:
        return
    with run.transaction(store, final=False) as session:
        expire_cards(session, run=run, as_of=run.at, passing_locked=True)


def _issue_queue(issuing: _Issuing) -> None:
    last: OrderRow | None = None
    left = issuing.wish.limit
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        chunk = issuing.commit(lambda session: _issue_next(session, issuing, last, size))  # noqa: B023 -- called at once
        if not chunk.rows:
            break
        last = chunk.rows[-1]
        left = None if left is None else left - len(chunk.rows)


def _tell_frozen(issuing: _Issuing) -> None:
    """Count the orders that the queue passed over; a million of them are not named one by one."""
    wish, result = issuing.wish, issuing.result
    with issuing.store.reading() as session:
        frozen = read_frozen(session, holding=False)
        if not frozen:
            return
        count, rows = kept_waiting(session, frozen=frozen, partial=wish.partial, most=FROZEN_NAMED)
    # What was given a part of its cards is among them by now, unless nothing was kept.
    result.frozen = count + (result.frozen if wish.dry_run else 0)
    told = {one.order for one in result.orders}
    passed = [(issuing.catalog.name(row), row.status) for row in rows]
    result.orders += [
        IssueOutcome(name, status, 0, "frozen") for name, status in passed if name not in told
    ]


def _issue_next(session: Session, issuing: _Issuing, last: OrderRow | None, size: int) -> _Chunk:
    wish = issuing.wish
    frozen = read_frozen(session, holding=not wish.dry_run)
    rows = next_in_queue(
        session,
        after=last,
        size=size,
        locking=not wish.dry_run,
        frozen=frozen,
        partial=wish.partial,
    )
    return _issue_rows(session, issuing, rows, frozen=frozen, waiting=wish.partial)


def _issue_keys(issuing: _Issuing, keys: Sequence[tuple[int, int]], *, waiting: bool) -> None:
    for first in range(0, len(keys), CHUNK):
        part = keys[first : first + CHUNK]
        issuing.commit(lambda session: _issue_part(session, issuing, part, waiting=waiting))  # noqa: B023 -- called at once


def _issue_part(
    session: Session, issuing: _Issuing, keys: Sequence[tuple[int, int]], *, waiting: bool
) -> _Chunk:
    frozen = read_frozen(session, holding=not issuing.wish.dry_run)
    rows = named_orders(session, keys=keys, locking=not issuing.wish.dry_run)
    # Locked in the order of their keys, served as in the queue: the longest wait first.
    issuable = sorted((row for row in rows if row.status in ISSUABLE), key=lambda row: row.place)
    chunk = _issue_rows(session, issuing, issuable, frozen=frozen, waiting=waiting)
    others = [
        _not_issuable(issuing.catalog.name(row), row.status)
        for row in rows
        if row.status not in ISSUABLE
    ]
    return replace(chunk, outcomes=chunk.outcomes + others)


def _issue_rows(
    session: Session,
    issuing: _Issuing,
    rows: Sequence[OrderRow],
    *,
    frozen: Frozen,
    waiting: bool,
) -> _Chunk:
    """Decide and write one chunk of locked orders."""
    waiting_orders = with_needs(session, catalog=issuing.catalog, rows=rows, frozen=frozen)
    shelves = _stock_shelves(session, issuing, waiting_orders, waiting=waiting)
    # A first look that may have missed stock does not call an order short.
    conclusive = waiting or issuing.wish.dry_run or not hides_locked_rows(session)
    decided = [allocate(order, shelves, partial=issuing.wish.partial) for order in waiting_orders]
    set_aside = []
    if not conclusive:
        set_aside = [(one.order.bucket, one.order.id) for one in decided if one.lacking]
        decided = [one for one in decided if not one.lacking]
    if not issuing.wish.dry_run:
        _write(session, run=issuing.run, decided=decided)
    outcomes = [_outcome(one, issuing.catalog.skus) for one in decided]
    return _Chunk(rows, outcomes, set_aside)


def _stock_shelves(
    session: Session, issuing: _Issuing, waiting_orders: Sequence[WaitingOrder], *, waiting: bool
) -> Mapping[tuple[int, int], Shelf]:
    """Shelves with as many cards as the orders could need, looked at in the order of locking."""
    shelves = issuing.kept_shelves if issuing.wish.dry_run else {}
    for (product_id, pool_id), wanted in demand(waiting_orders).items():
        shelf = shelves.get((product_id, pool_id))
        if shelf is None:
            good_until = issuing.catalog.good_until[product_id]
            shelf = Shelf(product_id, pool_id, good_until, waiting, not issuing.wish.dry_run)
            shelves[product_id, pool_id] = shelf
        shelf.stock_up(session, wanted)
    return shelves


def _write(session: Session, *, run: Run, decided: Sequence[Allocation]) -> None:
    """Bind the cards and say so everywhere: lines, orders, events, journal, audit."""
    changed = [one for one in decided if _status_after(one) != one.order.status or one.given]
    if not changed:
        return
    bindings = _bindings(changed)
    bind_cards(session, bindings=bindings, at=run.at)
    _update_lines(session, changed)
    _update_orders(session, changed)
    event_ids = new_ids(len(changed))
    events = (
        NewEvent(one.order.bucket, event_id, one.order.id, _kind(one), _detail(one))
        for one, event_id in zip(changed, event_ids, strict=True)
    )
    write_events(session, run=run, events=events)
    post(session, run=run, postings=_postings(changed, event_ids))
    run.record(session, "order.issue", _summary(changed, bindings))


def _bindings(decided: Sequence[Allocation]) -> list[Binding]:
    return [
        Binding(card, one.order.bucket, one.order.id, need.line_id)
        for one in decided
        for need, picked in one.given
        for card in picked
    ]


def _update_lines(session: Session, decided: Sequence[Allocation]) -> None:
    rows = [
        (need.issued_qty + len(picked), one.order.bucket, need.line_id)
        for one in decided
        for need, picked in one.given
    ]
    update_many(session, order_lines, key=("bucket", "id"), changed=("issued_qty",), rows=rows)


def _update_orders(session: Session, decided: Sequence[Allocation]) -> None:
    """Move the orders on, each only if it still waits; all of them or `OrderMoved`."""
    moved = update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("status",),
        rows=[(_status_after(one), one.order.bucket, one.order.id) for one in decided],
        guard=f"orders.status IN ({', '.join(repr(str(status)) for status in ISSUABLE)})",
    )
    if moved != len(decided):
        raise OrderMoved(missing=len(decided) - moved)


def _postings(decided: Sequence[Allocation], event_ids: Sequence[int]) -> Iterator[Posting]:
    for one, event_id in zip(decided, event_ids, strict=True):
        sales = [_sale(need, [card.cost_fen for card in picked]) for need, picked in one.given]
        lines = issue_lines(account=one.order.account, sales=sales)
        yield Posting(one.order.bucket, Event.ISSUE, event_id, one.order.id, lines)


def _sale(need: Need, costs: Sequence[int | None]) -> Sale:
    """What the line earns by these cards; an unknown cost is left out, not taken for 0."""
    before = recognised_fen(need.paid_fen, issued=need.issued_qty, qty=need.qty)
    after = recognised_fen(need.paid_fen, issued=need.issued_qty + len(costs), qty=need.qty)
    known = sum(cost for cost in costs if cost is not None)
    return Sale(need.product_id, after - before, known)


def _summary(decided: Sequence[Allocation], bindings: Sequence[Binding]) -> dict[str, object]:
    """What the audit log keeps of a chunk: counts, and a digest of its (order, card) pairs."""
    digest = sha256()
    for one in sorted((b.order_bucket, b.order_id, b.card.bucket, b.card.id) for b in bindings):
        digest.update(":".join(map(str, one)).encode() + b"\n")
    return {
        "issued": sum(1 for one in decided if one.complete),
        "short": sum(1 for one in decided if one.lacking),
        "cards": len(bindings),
        "pairs_sha256": digest.hexdigest(),
    }


def _status_after(one: Allocation) -> str:
    if one.complete:
        return OrderStatus.ISSUED.value
    if not (one.given or one.lacking):
        return one.order.status
    if one.given or one.order.status == OrderStatus.PARTLY_ISSUED:
        return OrderStatus.PARTLY_ISSUED.value
    return OrderStatus.SHORT.value


def _kind(one: Allocation) -> OrderEventKind:
    return OrderEventKind.ISSUED if one.given else OrderEventKind.SHORT


def _detail(one: Allocation) -> dict[str, object]:
    return {"cards": one.card_count, "status": _status_after(one)}


def _outcome(one: Allocation, skus: Mapping[int, str]) -> IssueOutcome:
    shortages = tuple(
        Shortage(skus[lack.product_id], lack.wanted, lack.found) for lack in one.lacking
    )
    cause = "short" if shortages else "frozen" if one.order.frozen else ""
    return IssueOutcome(one.order.name, _status_after(one), one.card_count, cause, shortages)


def _not_issuable(name: str, status: str) -> IssueOutcome:
    return IssueOutcome(name, status, 0, "unchanged" if status in _DONE else status)
