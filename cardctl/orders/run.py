"""In one go: record the orders of a file and give them their cards.

Orders of the file that were recorded before and still wait are issued, too. So whoever runs the
same file again, because the first time was cut short or the stock was, goes on where it stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cardctl.audit.record import Run
from cardctl.deliveries.outbox import DELIVERABLE
from cardctl.orders.intake import OrderImport, import_orders
from cardctl.orders.issue import Wish, issue_orders
from cardctl.orders.outcomes import IssueResult
from cardctl.orders.place import Placed
from cardctl.orders.tables import AUTO
from cardctl.storage.store import Store
from cardctl.vocabulary import OrderStatus
from cardctl.workbooks.source import Source

_NOT_ASKED_FOR = (
    OrderStatus.UNPAID,
    OrderStatus.CANCELLED,
    OrderStatus.PARTLY_REFUNDED,
    OrderStatus.REFUNDED,
)
"""Nobody expects cards for them, or has them already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """A file of orders of a channel, and how it is to be read; see `import_orders`."""

    channel: str
    source: Source
    items: Source | None = None
    order_format: str = AUTO
    strict: bool = False


@dataclass(frozen=True, slots=True)
class OrderRun:
    """What became of the orders of a file."""

    imported: OrderImport
    issued: IssueResult

    @property
    def deliverable(self) -> list[tuple[str, str]]:
        """Those that have cards to deliver, now or since before, by channel and number."""
        return [
            (self.imported.channel, one.order.partition(":")[2])
            for one in self.issued.orders
            if one.status in DELIVERABLE
        ]


@dataclass(slots=True)
class _Taken:
    """The orders that stand as the file says, by channel and number."""

    channel: str
    names: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, placed: Sequence[Placed]) -> None:
        self.names += [
            (self.channel, one.number) for one in placed if one.status not in _NOT_ASKED_FOR
        ]


def run_orders(
    store: Store,
    *,
    run: Run,
    file: OrderFile,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> OrderRun:
    """Record the orders of a file, and issue exactly those that stand as the file says.

    Raises what `import_orders` does. `advance` is told of rows, then of orders, as they are done.
    """
    if not dry_run:
        with run.steps(store):
            return _run(store, run, file, advance, dry_run=False)
    with store.rehearsal() as rehearsed:
        return _run(rehearsed, run, file, advance, dry_run=True)


def _run(
    store: Store, run: Run, file: OrderFile, advance: Callable[[int], None], *, dry_run: bool
) -> OrderRun:
    taken = _Taken(file.channel)
    imported = import_orders(
        store,
        run=run,
        channel=file.channel,
        source=file.source,
        items=file.items,
        order_format=file.order_format,
        strict=file.strict,
        advance=advance,
        taken=taken,
    )
    wish = Wish(dry_run=dry_run)
    return OrderRun(
        imported, issue_orders(store, run=run, wish=wish, names=taken.names, advance=advance)
    )
