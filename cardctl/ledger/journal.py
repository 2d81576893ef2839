"""Post entries, and read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.ledger.postings import (
    Event,
    Line,
    correct_lines,
    import_lines,
    undo_lines,
    void_lines,
)
from cardctl.schema.catalog import channels
from cardctl.schema.ledger import journal_entries, journal_lines
from cardctl.schema.orders import orders
from cardctl.storage.dialects import insert_many
from cardctl.vocabulary import LedgerAccount

_ENTRY_COLUMNS = ("bucket", "id", "event", "source_id", "order_id", "posted_at", "run_id")
_LINE_COLUMNS = (
    "bucket",
    "entry_id",
    "position",
    "account",
    "party",
    "product_id",
    "amount_fen",
)


class Posting(NamedTuple):
    """An entry to be: where it belongs, what happened to what, and its lines."""

    bucket: int
    event: Event
    source_id: int
    order_id: int | None
    lines: Sequence[Line]


class OrderRise(NamedTuple):
    """By how many fen an account of an order's costs rose."""

    bucket: int
    order_id: int
    account: LedgerAccount
    rise_fen: int


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A line of an entry as it is read: fen, debit positive."""

    account: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is read."""

    entry: str
    """Its id, as text: 63 bits are more than a number of JavaScript holds."""
    posted_at: int
    event: str
    order: str | None
    lines: list[EntryLine]


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of an account's lines, fen, debit positive."""

    account: str
    balance_fen: int


def post(session: Session, *, run: Run, postings: Iterable[Posting]) -> None:
    """Write entries with their lines; one whose lines are all zero is not written.

    Raises ValueError for lines that do not sum to zero: a posting rule is wrong.
    """
    entries, lines = [], []
    written = [posting for posting in postings if posting.lines]
    for posting, entry_id in zip(written, new_ids(len(written)), strict=True):
        if sum([line.amount_fen for line in posting.lines]):
            raise ValueError(posting)
        bucket = posting.bucket
        event, source_id = str(posting.event), posting.source_id
        entries.append((bucket, entry_id, event, source_id, posting.order_id, run.at, run.id))
        lines += [
            (bucket, entry_id, place, str(account), party, product_id, fen)
            for place, (account, fen, party, product_id) in enumerate(posting.lines)
        ]
    insert_many(session, journal_entries, _ENTRY_COLUMNS, entries)
    insert_many(session, journal_lines, _LINE_COLUMNS, lines)


def post_batch(
    session: Session,
    *,
    run: Run,
    event: str,
    batch_id: int,
    supplier_code: str,
    product_id: int,
    cost_fen: int,
) -> None:
    """Post an import (once a batch) or an undo of it (once a run); no known cost, no entry."""
    undone = event == Event.UNDO
    rule = undo_lines if undone else import_lines
    lines = rule(supplier=supplier_code, product_id=product_id, cost_fen=cost_fen)
    source_id = run.id if undone else batch_id
    post(session, run=run, postings=[Posting(0, Event(event), source_id, None, lines)])


def post_void(session: Session, *, run: Run, costs: dict[int, int]) -> None:
    """Write off cards on hand: known cost in fen by product id; once a run."""
    lines = void_lines(costs=costs)
    post(session, run=run, postings=[Posting(0, Event.VOID, run.id, None, lines)])


def post_correction(
    session: Session,
    *,
    run: Run,
    supplier: str,
    product_id: int,
    rises: Mapping[LedgerAccount, int],
    moved: Sequence[Line],
    orders: Sequence[OrderRise],
) -> None:
    """Post by how much the cards of a batch cost more or less, once a run.

    `rises` are by account, `moved` the lines of `move_lines`. Each order bears its own part of the
    cost of goods and of replacements, so that its profit stays the sum of its entries; the rest is
    one entry.
    """

    def lines_of(rises: Mapping[LedgerAccount, int]) -> list[Line]:
        return correct_lines(supplier=supplier, product_id=product_id, rises=rises)

    of_orders = {one.account for one in orders}
    rest = lines_of({account: fen for account, fen in rises.items() if account not in of_orders})
    sold = [
        # A run may post several in one bucket: each is told apart by an id of its own.
        Posting(bucket, Event.CORRECT, source_id, order_id, lines_of({account: rise_fen}))
        for (bucket, order_id, account, rise_fen), source_id in zip(
            orders, new_ids(len(orders)), strict=True
        )
    ]
    whole = Posting(0, Event.CORRECT, run.id, None, [*rest, *moved])
    post(session, run=run, postings=[whole, *sold])


def balances(session: Session, *, until: int | None = None) -> list[Balance]:
    """Every account's balance, of entries posted before an instant (epoch ms) if one is given."""
    total = func.sum(journal_lines.c.amount_fen)
    query = select(journal_lines.c.account, journal_lines.c.party, total).group_by(
        journal_lines.c.account, journal_lines.c.party
    )
    if until is not None:
        query = query.join(journal_entries, _same_entry()).where(
            journal_entries.c.posted_at < until
        )
    found = session.execute(query.order_by(journal_lines.c.account, journal_lines.c.party))
    return [Balance(_account_name(account, party), int(fen)) for account, party, fen in found]


def entries(
    session: Session,
    *,
    since: int | None = None,
    until: int | None = None,
    of_order: tuple[int, int] | None = None,
) -> Iterator[Entry]:
    """The entries posted from `since` to before `until` (epoch ms), oldest first, streamed.

    `of_order` takes only those of the order with that bucket and id.
    """
    entry, line = journal_entries.c, journal_lines.c
    query = (
        select(
            entry.bucket,
            entry.id,
            entry.posted_at,
            entry.event,
            channels.c.code,
            orders.c.number,
            line.account,
            line.party,
            line.amount_fen,
        )
        .join(journal_lines, _same_entry())
        .outerjoin(orders, (orders.c.bucket == entry.bucket) & (orders.c.id == entry.order_id))
        .outerjoin(channels, channels.c.id == orders.c.channel_id)
        .order_by(entry.posted_at, entry.bucket, entry.id, line.position)
    )
    if since is not None:
        query = query.where(entry.posted_at >= since)
    if until is not None:
        query = query.where(entry.posted_at < until)
    if of_order is not None:
        bucket, order_id = of_order
        query = query.where(entry.bucket == bucket, entry.order_id == order_id)
    rows = session.execute(query.execution_options(yield_per=5_000))
    last: tuple[int, int] | None = None
    current: Entry | None = None
    for row in rows:
        if (row.bucket, row.id) != last:
            if current is not None:
                yield current
            order = None if row.number is None else f"{row.code}:{row.number}"
            current = Entry(str(row.id), row.posted_at, row.event, order, [])
            last = row.bucket, row.id
        assert current is not None
        current.lines.append(EntryLine(_account_name(row.account, row.party), row.amount_fen))
    if current is not None:
        yield current


def _same_entry() -> ColumnElement[bool]:
    return (journal_entries.c.bucket == journal_lines.c.bucket) & (
        journal_entries.c.id == journal_lines.c.entry_id
    )


def _account_name(account: str, party: str) -> str:
    return f"{account}:{party}" if party else account
