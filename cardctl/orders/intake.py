"""Read a file of orders and place what can be taken, some thousand orders a transaction.

Order files come from platforms, again and again, with rows that nobody here can mend: so what can
be taken is taken, and the rest is told with its row. `strict` takes the whole file or nothing.
Taking a file twice changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.channel_maps import read_channel_names
from cardctl.catalog.channels import show_channel
from cardctl.errors import InputRefused
from cardctl.money import format_yuan
from cardctl.orders.compare import CLOSED
from cardctl.orders.conflicts import ConflictFound, record_conflicts
from cardctl.orders.drafting import (
    AfterSaleOpen,
    Drafter,
    GroupRefused,
    PartlyRefunded,
    draft_order,
    read_rows,
)
from cardctl.orders.grouping import RowGroup, group_rows
from cardctl.orders.items import item_format_of, read_items
from cardctl.orders.place import Placed, place_orders
from cardctl.orders.plan import PlannedOrder, read_placing_catalog
from cardctl.orders.reading import RejectedRow
from cardctl.orders.survey import check_channel, survey
from cardctl.orders.tables import AUTO, open_orders
from cardctl.storage.failures import TransactionRaced
from cardctl.storage.store import Store
from cardctl.vocabulary import OrderStatus, Outcome
from cardctl.workbooks.cells import TableWarning
from cardctl.workbooks.source import Source

CHUNK = 2_000
"""Orders a transaction."""

ATTEMPTS = 5
"""How often a chunk is tried when races roll it back."""

_KEPT = (Outcome.NEW, Outcome.UPDATED)
_STANDS = (*_KEPT, Outcome.UNCHANGED)


@dataclass(slots=True)
class OrderImport:
    """What became of a file of orders; a row without a number counts as an order."""

    file: str
    format: str
    channel: str
    status: str = "unchanged"
    """``imported``, ``unchanged``, ``partial`` (some orders need a person) or ``refused``."""
    orders: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    rejected: int = 0
    paid_missing: int = 0
    """New orders of a table that does not say what was paid: they stand with 0."""
    rejects: list[RejectedRow] = field(default_factory=list)
    """Rejected rows and conflicts, in the order of the sheet."""
    warnings: tuple[TableWarning, ...] = ()

    @property
    def needs_person(self) -> bool:
        """Whether something was not taken that perhaps should have been."""
        return bool(self.rejects)

    def add(self, chunk: "_Chunk") -> None:
        """Count what a transaction did."""
        self.orders += chunk.orders
        self.outcomes += chunk.outcomes
        self.rejected += chunk.rejected
        self.paid_missing += chunk.paid_missing
        self.rejects += chunk.rejects


@dataclass(slots=True)
class _Chunk:
    """What one transaction did; it counts only when it is committed."""

    orders: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    rejected: int = 0
    paid_missing: int = 0
    rejects: list[RejectedRow] = field(default_factory=list)
    taken: list[Placed] = field(default_factory=list)


class _RolledBack(Exception):
    """Ends the transaction of a strict import that is refused."""


@dataclass(frozen=True, slots=True)
class _Intake:
    """What one import was asked."""

    store: Store
    run: Run
    drafter: Drafter
    file: str
    dry_run: bool
    advance: Callable[[int], None]
    taken: Callable[[Sequence[Placed]], None]


def import_orders(
    store: Store,
    *,
    run: Run,
    channel: str,
    source: Source,
    items: Source | None = None,
    order_format: str = AUTO,
    strict: bool = False,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
    taken: Callable[[Sequence[Placed]], None] = lambda _: None,
) -> OrderImport:
    """Place the orders of a file; `advance` is told of rows as they are done.

    `items` is the item report that goes with a list which does not say what its orders are made of.
    `taken` is told of the orders that stand as the file says, new or not, once they are committed.

    Raises `NotFound` for the channel, and what is wrong with the file as a whole.
    """
    with store.reading() as session:
        catalog = read_placing_catalog(session, channel=channel)
        names = read_channel_names(session, channel_id=catalog.channel_id)
        kind = show_channel(session, code=channel).kind
    with open_orders(source, order_format, store.zone) as table:
        check_channel(table, file=source.name, channel=channel, kind=kind)
        goes_with = None if items is None else item_format_of(table)
        scattered = survey(table, file=source.name)
        unread = table.unread
    told = read_items(items, goes_with, store.zone) if items and goes_with else None
    with open_orders(source, order_format, store.zone, items=told) as table:
        drafter = Drafter(table, catalog, names)
        intake = _Intake(store, run, drafter, source.name, dry_run, advance, taken)
        warnings = (*table.warnings, *unread)
        result = OrderImport(source.name, table.format.code, channel, warnings=warnings)
        groups = group_rows(read_rows(drafter), scattered)
        if strict:
            _place_strictly(intake, groups, result)
        else:
            _place_chunks(intake, groups, result)
    result.rejects.sort(key=lambda reject: reject.row)
    return result


def _place_chunks(intake: _Intake, groups: Iterator[RowGroup], result: OrderImport) -> None:
    """One transaction a chunk: what is committed stays when a later chunk fails."""
    for chunk in _chunks(groups):
        done = _commit(intake, chunk)
        result.add(done)
        intake.taken(done.taken)
        intake.advance(sum(len(group.rows) for group in chunk))
    intake.run.finish(intake.store)
    if result.needs_person:
        result.status = "partial"
    elif any(result.outcomes[outcome] for outcome in _KEPT):
        result.status = "imported"


def _commit(intake: _Intake, groups: list[RowGroup]) -> _Chunk:
    """Place a chunk in one transaction, again when a race rolled it back."""
    for attempt in count(1):
        try:
            with intake.run.transaction(
                intake.store, dry_run=intake.dry_run, final=False
            ) as session:
                return _place(session, intake, groups)
        except TransactionRaced:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def _place_strictly(intake: _Intake, groups: Iterator[RowGroup], result: OrderImport) -> None:
    """The whole file in one transaction, or nothing of it."""
    try:
        with intake.run.transaction(intake.store, dry_run=intake.dry_run) as session:
            taken = _place_whole(session, intake, groups, result)
    except _RolledBack:
        result.status = "refused"
        result.paid_missing = 0
        for outcome in _KEPT:
            del result.outcomes[outcome]
        return
    intake.taken(taken)
    if any(result.outcomes[outcome] for outcome in _KEPT):
        result.status = "imported"


def _place_whole(
    session: Session, intake: _Intake, groups: Iterator[RowGroup], result: OrderImport
) -> list[Placed]:
    taken = []
    for chunk in _chunks(groups):
        done = _place(session, intake, chunk)
        result.add(done)
        taken += done.taken
        intake.advance(sum(len(group.rows) for group in chunk))
    if result.needs_person:
        raise _RolledBack
    return taken


def _chunks(groups: Iterator[RowGroup]) -> Iterator[list[RowGroup]]:
    while chunk := list(islice(groups, CHUNK)):
        yield chunk


def _place(session: Session, intake: _Intake, groups: list[RowGroup]) -> _Chunk:
    """Check a chunk of orders and place the good ones."""
    chunk = _Chunk(orders=len(groups))
    planned: dict[str, tuple[RowGroup, PlannedOrder]] = {}
    for group in groups:
        try:
            order = draft_order(intake.drafter, group)
        except GroupRefused as refused:
            chunk.rejected += 1
            chunk.rejects += refused.rejects
        else:
            planned[order.record.number] = group, order
    placed = place_orders(
        session,
        run=intake.run,
        verb="order.import",
        catalog=intake.drafter.catalog,
        planned=[order for _, order in planned.values()],
    )
    decided = record_conflicts(
        session,
        run=intake.run,
        catalog=intake.drafter.catalog,
        told=[(planned[one.number][1], one) for one in placed],
        file=intake.file,
    )
    for one in placed:
        _count(chunk, one, *planned[one.number], decided=one.number in decided)
    return chunk


def _count(
    chunk: _Chunk, placed: Placed, group: RowGroup, order: PlannedOrder, *, decided: bool
) -> None:
    """Count what became of an order; `decided`: a person has said that the stored one stands."""
    outcome = Outcome.UNCHANGED if decided else placed.outcome
    problem = _care(placed.order, order) if outcome is Outcome.NOT_TAKEN else None
    if problem is not None:
        chunk.rejected += 1
        chunk.rejects.append(RejectedRow(group.first_row, "", problem))
        return
    chunk.outcomes[outcome] += 1
    if outcome in _STANDS and order.record.status not in CLOSED:
        chunk.taken.append(placed)
    if outcome is Outcome.NEW and not order.record.says_paid:
        chunk.paid_missing += 1
    if outcome is Outcome.CONFLICT:
        conflict = ConflictFound(order=placed.order, differs=", ".join(placed.differs))
        chunk.rejects.append(RejectedRow(group.first_row, "", conflict))


def _care(name: str, order: PlannedOrder) -> InputRefused | None:
    """Why an order that is not taken needs a person; None where it is simply over."""
    if order.record.status is OrderStatus.HELD:
        return AfterSaleOpen(order=name)
    if order.record.refunded_fen and order.record.status not in CLOSED:
        return PartlyRefunded(order=name, refunded=format_yuan(order.record.refunded_fen))
    return None
