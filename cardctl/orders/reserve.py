"""Keep cards for orders that nobody has paid yet (预占), all of an order's cards or none.

Reserved cards are sold to nobody else until the time is over; then they go back by themselves
(`stock.release`). An order that is paid is issued from them first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.clock import MINUTE_MS
from cardctl.errors import StateForbids
from cardctl.identifiers import new_ids
from cardctl.orders.allocate import Allocation, allocate
from cardctl.orders.issue_chunk import stock_shelves
from cardctl.orders.needs import with_needs
from cardctl.orders.outcomes import Shortage, name_shortages
from cardctl.orders.waiting import IssuingCatalog, find_orders, named_orders, read_catalog
from cardctl.orders.write_issue import bindings, digest_of_pairs
from cardctl.schema.orders import orders
from cardctl.stock.claim import bind_cards
from cardctl.stock.freeze import read_frozen
from cardctl.stock.release import any_reservation_over, release_all_overdue
from cardctl.stock.reserved import put_back
from cardctl.storage.attempts import attempt
from cardctl.storage.dialects import update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import CardStatus, OrderEventKind, OrderStatus

AT_ONCE = 1_000
"""Orders a transaction."""

RESERVED, EXTENDED = "reserved", "extended"


class NotReserved(StateForbids):
    """An order was to be recorded with its cards kept, and they are not there."""

    code = "not-reserved"
    message = "order {order} was not recorded, its cards cannot be reserved: {why}"
    hint = "record it without --reserve, or import more cards first"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What became of an order: until when (epoch ms) how many cards are kept for it.

    `cause` is ``reserved``, ``extended`` or ``unchanged``; where nothing is kept ``short``,
    ``frozen``, or the status that forbids it.
    """

    order: str
    status: str
    cards: int
    reserved_until_at: int | None
    cause: str
    shortages: tuple[Shortage, ...] = ()

    @property
    def reason(self) -> str:
        """The cause, with what was found of what was wanted: ``short: VIP 5/6``."""
        lacking = name_shortages(self.shortages)
        return f"{self.cause}: {lacking}" if lacking else self.cause

    @property
    def is_kept(self) -> bool:
        """Whether all of its cards are kept for it now."""
        return self.reserved_until_at is not None


@dataclass(slots=True)
class ReserveResult:
    """The reservations of a run, counted; `refused` are orders whose status forbids one."""

    reserved: int = 0
    extended: int = 0
    unchanged: int = 0
    short: int = 0
    frozen: int = 0
    refused: int = 0
    cards: int = 0
    orders: list[Reservation] = field(default_factory=list)

    def add(self, one: Reservation) -> None:
        """Count one more."""
        self.orders.append(one)
        self.cards += one.cards
        counted = one.cause if one.cause in {*_COUNTED} else "refused"
        setattr(self, counted, getattr(self, counted) + 1)


_COUNTED = (RESERVED, EXTENDED, "unchanged", "short", "frozen")


def reserve_orders(
    store: Store,
    *,
    run: Run,
    names: Iterable[tuple[str, str]],
    minutes: int,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ReserveResult:
    """Keep the cards of unpaid orders, by (channel code, number), for so many minutes from now.

    An order whose cards are kept already is kept longer, never shorter. Raises `NotFound` before
    anything is reserved when one is not there.
    """
    if dry_run:
        with store.rehearsal() as rehearsed:
            return reserve_orders(rehearsed, run=run, names=names, minutes=minutes, advance=advance)
    with store.reading() as session:
        catalog = read_catalog(session, at=run.at)
        keys = find_orders(session, catalog=catalog, names=names)
        over = any_reservation_over(session, at=run.at)
    if over:
        release_all_overdue(store, run=run)
    result = ReserveResult()
    for first in range(0, len(keys), AT_ONCE):
        part = keys[first : first + AT_ONCE]
        done = attempt(
            lambda: run.transaction(store, final=False),
            lambda session: reserve_within(
                session,
                run=run,
                catalog=catalog,
                keys=part,  # noqa: B023 -- called at once
                minutes=minutes,
            ),
        )
        for one in done:
            result.add(one)
        advance(len(done))
    run.finish(store)
    return result


def reserve_placed(
    session: Session, *, run: Run, name: tuple[str, str], minutes: int, again: bool
) -> int:
    """Keep the cards of one unpaid order; until when (epoch ms). Raises `NotReserved`.

    `again`: it was there before, and a reservation that it has stays as it is.
    """
    catalog = read_catalog(session, at=run.at)
    keys = find_orders(session, catalog=catalog, names=[name])
    if again:
        (row,) = named_orders(session, keys=keys, locking=True)
        if row.reserved_until is not None and row.reserved_until > run.at:
            return row.reserved_until
    (one,) = reserve_within(session, run=run, catalog=catalog, keys=keys, minutes=minutes)
    if one.reserved_until_at is None:
        raise NotReserved(order=one.order, why=one.reason)
    return one.reserved_until_at


def reserve_within(
    session: Session,
    *,
    run: Run,
    catalog: IssuingCatalog,
    keys: Sequence[tuple[int, int]],
    minutes: int,
) -> list[Reservation]:
    """The same of orders by (bucket, id), in the transaction of the caller.

    Cards that others hold are waited for. Raises `ClaimLost`.
    """
    frozen = read_frozen(session, holding=True)
    rows = named_orders(session, keys=keys, locking=True)
    unpaid = [row for row in rows if row.status == OrderStatus.UNPAID]
    waiting = with_needs(
        session,
        catalog=catalog,
        rows=sorted(unpaid, key=lambda row: row.place),
        frozen=frozen,
        locking=True,
        judging=False,
    )
    shelves = stock_shelves(session, catalog, waiting, shelves={}, waiting=True, locking=True)
    decided = [allocate(order, shelves, partial=False) for order in waiting]
    until = run.at + minutes * MINUTE_MS
    _write(session, run, [one for one in decided if _is_news(one, until)], until, minutes)
    kept = [_reservation(one, catalog.skus, until) for one in decided]
    others = [
        Reservation(catalog.name(row), row.status, 0, None, row.status)
        for row in rows
        if row.status != OrderStatus.UNPAID
    ]
    return kept + others


def _is_news(one: Allocation, until: int) -> bool:
    """Whether it takes cards, or keeps them longer."""
    fresh = any(len(grant.cards) > grant.reserved for grant in one.grants)
    return one.complete and (fresh or (one.order.reserved_until or 0) < until)


def _write(
    session: Session, run: Run, decided: Sequence[Allocation], until: int, minutes: int
) -> None:
    if not decided:
        return
    fresh, _ = bindings(decided)
    unfit = [
        (card, (one.order.bucket, one.order.id)) for one in decided for card in one.order.unfit
    ]
    put_back(session, kept=unfit, at=run.at)
    bind_cards(session, bindings=fresh, at=run.at, status=CardStatus.RESERVED)
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("reserved_until",),
        rows=[(_until(one, until), one.order.bucket, one.order.id) for one in decided],
    )
    events = (
        NewEvent(
            one.order.bucket,
            event_id,
            one.order.id,
            OrderEventKind.RESERVED,
            {"cards": one.card_count, "minutes": minutes},
        )
        for one, event_id in zip(decided, new_ids(len(decided)), strict=True)
    )
    write_events(session, run=run, events=events)
    counts = {"orders": len(decided), "cards": len(fresh), "minutes": minutes}
    run.record(session, "order.reserve", {**counts, "pairs_sha256": digest_of_pairs(fresh)})


def _until(one: Allocation, until: int) -> int:
    """A reservation is kept longer, never shorter."""
    return max(until, one.order.reserved_until or 0)


def _reservation(one: Allocation, skus: dict[int, str], until: int) -> Reservation:
    order = one.order
    if not one.complete:
        shortages = tuple(
            Shortage(skus[lack.product_id], lack.wanted, lack.found) for lack in one.short_of
        )
        cause = "short" if shortages else "frozen"
        return Reservation(order.name, order.status, 0, None, cause, shortages)
    cause = "unchanged"
    if _is_news(one, until):
        cause = RESERVED if order.reserved_until is None else EXTENDED
    return Reservation(order.name, order.status, one.card_count, _until(one, until), cause)
