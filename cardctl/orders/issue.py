"""Issue: bind cards to orders, exactly once (配卡). One order or a hundred thousand, one way.

A chunk of orders is one transaction (`issue_chunk`); this is the run over all of them.

A look that skips rows others hold may miss cards that come back with a rollback. So an order that
seems short is set aside, and looked at again, waiting, in a transaction that holds nothing else,
before it is called short. A partial issue waits at once: set aside, an order would lose its place,
and those behind it would take what it is to get.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.orders.issue_chunk import IssuedChunk, Manner, issue_next, issue_within
from cardctl.orders.outcomes import IssueOutcome, IssueResult
from cardctl.orders.waiting import (
    IssuingCatalog,
    OrderRow,
    find_orders,
    kept_waiting,
    read_catalog,
)
from cardctl.stock.expire import any_overdue, expire_cards
from cardctl.stock.freeze import read_frozen
from cardctl.stock.release import any_reservation_over, release_all_overdue
from cardctl.storage.attempts import attempt
from cardctl.storage.store import Store

CHUNK = 5_000
"""Orders a transaction: large enough to amortise its commit, small enough to let others in."""

FROZEN_NAMED = 100
"""How many of the orders that wait for frozen stock a run names; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to issue: `partial` gives what there is when it is not enough."""

    limit: int | None = None
    """How many waiting orders at most."""
    partial: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class _Issuing:
    """One run of issuing: what it was asked, and what it has done so far."""

    store: Store
    run: Run
    wish: Wish
    catalog: IssuingCatalog
    advance: Callable[[int], None]
    manner: Manner
    result: IssueResult = field(default_factory=IssueResult)
    set_aside: list[tuple[int, int]] = field(default_factory=list)

    def commit(self, work: Callable[[Session], IssuedChunk]) -> IssuedChunk:
        """Do a chunk's work in one transaction, again when a race rolled it back.

        A dry run only reads, and so locks nothing.
        """
        chunk = attempt(self._transaction, work)
        for outcome in chunk.outcomes:
            self.result.add(outcome)
        self.set_aside += chunk.set_aside
        self.advance(len(chunk.outcomes))
        return chunk

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
    with store.reading() as session:
        catalog = read_catalog(session, at=run.at)
        keys = None if names is None else find_orders(session, catalog=catalog, names=names)
        over = any_reservation_over(session, at=run.at)
    manner = Manner(wish.partial, wish.dry_run)
    issuing = _Issuing(store, run, wish, catalog, advance, manner)
    if not over:
        return _carry_out(issuing, keys)
    if not wish.dry_run:
        release_all_overdue(store, run=run)
        return _carry_out(issuing, keys)
    with store.rehearsal() as rehearsed:
        release_all_overdue(rehearsed, run=run)
        return _carry_out(replace(issuing, store=rehearsed), keys)


def _carry_out(issuing: _Issuing, keys: Sequence[tuple[int, int]] | None) -> IssueResult:
    """Issue these orders, or all that wait."""
    if keys is None:
        _clear_shelves(issuing)
        _issue_queue(issuing)
    else:
        _issue_keys(issuing, keys, waiting=issuing.wish.partial)
    _finish(issuing)
    if keys is None:
        _tell_frozen(issuing)
    return issuing.result


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
        chunk = issuing.commit(
            lambda session: issue_next(
                session,
                run=issuing.run,
                catalog=issuing.catalog,
                manner=issuing.manner,
                after=last,  # noqa: B023 -- called at once
                size=size,  # noqa: B023
            )
        )
        if not chunk.rows:
            break
        last = chunk.rows[-1]
        left = None if left is None else left - len(chunk.rows)


def _issue_keys(issuing: _Issuing, keys: Sequence[tuple[int, int]], *, waiting: bool) -> None:
    for first in range(0, len(keys), CHUNK):
        part = keys[first : first + CHUNK]
        issuing.commit(
            lambda session: issue_within(
                session,
                run=issuing.run,
                catalog=issuing.catalog,
                keys=part,  # noqa: B023 -- called at once
                manner=issuing.manner,
                waiting=waiting,
            )
        )


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
