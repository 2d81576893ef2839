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
from cardctl.errors import InputRefused, NotFound
from cardctl.orders.grouping import (
    ReadRow,
    RowGroup,
    group_rows,
    last_rows_of_scattered,
    merge_records,
)
from cardctl.orders.place import OrderConflict, Placed, place_orders
from cardctl.orders.plan import PlacingCatalog, PlannedOrder, plan_order, read_placing_catalog
from cardctl.orders.reading import CellMissing, CellRefused, RejectedRow
from cardctl.orders.tables import AUTO, OrderTable, open_orders
from cardctl.storage.failures import TransactionRaced
from cardctl.storage.store import Store
from cardctl.vocabulary import Outcome
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


class _GroupRefused(Exception):
    """An order that cannot be placed, with what is wrong with its rows."""

    def __init__(self, rejects: list[RejectedRow]) -> None:
        super().__init__()
        self.rejects = rejects


class _RolledBack(Exception):
    """Ends the transaction of a strict import that is refused."""


@dataclass(frozen=True, slots=True)
class _Intake:
    """What one import was asked."""

    store: Store
    run: Run
    catalog: PlacingCatalog
    table: OrderTable
    dry_run: bool
    advance: Callable[[int], None]
    taken: Callable[[Sequence[Placed]], None]


def import_orders(
    store: Store,
    *,
    run: Run,
    channel: str,
    source: Source,
    order_format: str = AUTO,
    strict: bool = False,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
    taken: Callable[[Sequence[Placed]], None] = lambda _: None,
) -> OrderImport:
    """Place the orders of a file; `advance` is told of rows as they are done.

    `taken` is told of the orders that stand as the file says, new or not, once they are committed.

    Raises `NotFound` for the channel, and what is wrong with the file as a whole.
    """
    with store.reading() as session:
        catalog = read_placing_catalog(session, channel=channel)
    with open_orders(source, order_format, store.zone) as table:
        scattered = last_rows_of_scattered(_numbers(table))
    with open_orders(source, order_format, store.zone) as table:
        intake = _Intake(store, run, catalog, table, dry_run, advance, taken)
        result = OrderImport(source.name, table.format.code, channel, warnings=table.warnings)
        groups = group_rows(_read_rows(catalog, table), scattered)
        if strict:
            _place_strictly(intake, groups, result)
        else:
            _place_chunks(intake, groups, result)
    result.rejects.sort(key=lambda reject: reject.row)
    return result


def _numbers(table: OrderTable) -> Iterator[tuple[int, str]]:
    """Row and order number of every row that has one."""
    for row in table.rows:
        try:
            yield row.number, row.order_number()
        except CellRefused:
            continue


def _read_rows(catalog: PlacingCatalog, table: OrderTable) -> Iterator[ReadRow]:
    for row in table.rows:
        number = ""
        try:
            number = row.order_number()
            record = table.format.read(row)
            if record.account is not None and record.account not in catalog.account_ids:
                row.refuse("account", NotFound(noun="account", name=record.account))
            for line in record.lines:
                if line.sku not in catalog.product_ids:
                    row.refuse("sku", NotFound(noun="product", name=line.sku))
        except CellRefused as refused:
            yield ReadRow(row.number, number, None, refused.reject)
        else:
            yield ReadRow(row.number, number, record)


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
            order = _plan(intake, group)
        except _GroupRefused as refused:
            chunk.rejected += 1
            chunk.rejects += refused.rejects
        else:
            planned[order.record.number] = group, order
    placed = place_orders(
        session,
        run=intake.run,
        verb="order.import",
        catalog=intake.catalog,
        planned=[order for _, order in planned.values()],
    )
    for one in placed:
        group, order = planned[one.number]
        chunk.outcomes[one.outcome] += 1
        if one.outcome in _STANDS:
            chunk.taken.append(one)
        if one.outcome is Outcome.NEW and not order.record.says_paid:
            chunk.paid_missing += 1
        if one.outcome is Outcome.CONFLICT:
            conflict = OrderConflict(order=one.order, differs=", ".join(one.differs))
            chunk.rejects.append(RejectedRow(group.first_row, "", conflict))
    return chunk


def _plan(intake: _Intake, group: RowGroup) -> PlannedOrder:
    """The order that a group of rows tells. Raises `_GroupRefused`."""
    records = [row.record for row in group.rows if row.record is not None]
    if len(records) < len(group.rows):
        raise _GroupRefused([row.reject for row in group.rows if row.reject is not None])
    try:
        record = merge_records(records)
        planned = plan_order(intake.catalog, record)
    except InputRefused as problem:
        raise _GroupRefused([RejectedRow(group.first_row, "", problem)]) from None
    column = intake.table.paid_column
    if column is not None and not record.says_paid:
        missing = CellMissing(field=column)
        raise _GroupRefused([RejectedRow(group.first_row, column, missing)])
    return planned
