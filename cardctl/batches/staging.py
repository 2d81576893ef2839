"""The temporary table in which an import waits: sealed already, and seen by nobody else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Session

from cardctl.schema.cards import cards
from cardctl.storage.dialects import analyze, insert_many
from cardctl.vocabulary import CardStatus

_CARRIED = (
    "bucket",
    "id",
    "fingerprint",
    "seat",
    "sealed_number",
    "sealed_secret",
    "sealed_fields",
    "masked",
    "serial",
    "note",
    "cost_fen",
    "expires_at",
    "batch_id",
    "product_id",
)
"""What a staged card brings along; the rest is alike in all cards of an import."""

COLUMNS = (*_CARRIED, "place")

_ROWS_MAX = 2**32

staged = Table(
    "staged_card",
    MetaData(),
    Column("bucket", SmallInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("seat", SmallInteger, nullable=False),
    Column("sealed_number", LargeBinary),
    Column("sealed_secret", LargeBinary),
    Column("sealed_fields", LargeBinary),
    Column("masked", Text, nullable=False),
    Column("serial", Text),
    Column("note", Text),
    Column("cost_fen", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("product_id", BigInteger, nullable=False),
    # Which part of the file and which row of it, so that parts and rows sort as they stand.
    Column("place", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)
_by_fingerprint = Index(
    "ix_staged_card_fingerprint",
    staged.c.bucket,
    staged.c.fingerprint,
    staged.c.seat,
    staged.c.place,
)


_met = Table(
    "staged_met",
    MetaData(),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    prefixes=["TEMPORARY"],
)
"""The places of rows whose key is a card already: noting them takes a third of deleting them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is staged: cards, the sum of their known costs in fen, and those without a cost."""

    cards: int
    cost_fen: int
    cost_missing: int


NOTHING = Totals(0, 0, 0)


def create(session: Session) -> None:
    """Make the tables; they go with the connection."""
    session.execute(CreateTable(staged))
    session.execute(CreateTable(_met))


def add(session: Session, rows: Iterable[Sequence[object]]) -> None:
    """Stage cards; their values stand in the order of `COLUMNS`."""
    insert_many(session, staged, COLUMNS, rows)


def finish(session: Session) -> None:
    """Sort what was staged, once nothing is added any more."""
    session.execute(CreateIndex(_by_fingerprint))
    analyze(session, staged.name)


def place_of(part: int, row: int) -> int:
    """The place of a row in a part of the file."""
    return part * _ROWS_MAX + row


def part_and_row(place: int) -> tuple[int, int]:
    """What `place_of` was given."""
    return divmod(place, _ROWS_MAX)


def duplicates_in_file(session: Session) -> Iterator[tuple[int, int, str, int]]:
    """Rows whose key stood further up: (batch id, place, mask, place of the first)."""
    twice = (
        select(staged.c.bucket, staged.c.fingerprint, func.min(staged.c.place).label("first"))
        .where(staged.c.seat == 1)
        .group_by(staged.c.bucket, staged.c.fingerprint)
        .having(func.count() > 1)
        .subquery("twice")
    )
    later = staged.alias("later")
    query = (
        select(later.c.batch_id, later.c.place, later.c.masked, twice.c.first)
        .select_from(twice)
        .join(later, _same_key(twice, later))
        .where(later.c.seat == 1, later.c.place > twice.c.first)
        .order_by(later.c.place)
    )
    return _streamed(session, query)


def drop_duplicates_in_file(session: Session) -> None:
    """Keep the first row of each key."""
    earlier = staged.alias("earlier")
    stood = select(1).where(
        _same_key(staged, earlier),
        earlier.c.seat == staged.c.seat,
        earlier.c.place < staged.c.place,
    )
    session.execute(delete(staged).where(stood.exists()))


def mark_duplicates_in_store(session: Session) -> dict[int, int]:
    """Leave out every row whose key is a card already; returns how many, by batch id.

    Called again after more rows were added, it looks at those.
    """
    # Not a join: SQLite would walk over all cards and look each up among the few that are staged.
    there = select(1).where(_same_key(staged, cards)).exists()
    found = select(staged.c.place).where(staged.c.seat == 1, there, ~_is_met())
    session.execute(insert(_met).from_select(["place"], found))
    analyze(session, _met.name)
    counted = (
        select(staged.c.batch_id, func.count())
        .where(staged.c.seat == 1, _is_met())
        .group_by(staged.c.batch_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}


def duplicates_in_store(
    session: Session, *, most: int | None
) -> Iterator[tuple[int, int, str, int]]:
    """The first rows that were left out: (batch id, place, mask, batch id of the card).

    All of them without `most`. Saying of which batch a card is takes longer than finding it.
    """
    holder = select(func.min(cards.c.batch_id)).where(_same_key(staged, cards)).scalar_subquery()
    query = (
        select(staged.c.batch_id, staged.c.place, staged.c.masked, holder)
        .where(staged.c.seat == 1, _is_met())
        .order_by(staged.c.place)
        .limit(most)
    )
    return _streamed(session, query)


def totals(session: Session) -> dict[int, Totals]:
    """What would become cards now, by batch id; a batch without any is not among them."""
    cost = staged.c.cost_fen
    query = select(
        staged.c.batch_id, func.count(), func.coalesce(func.sum(cost), 0), func.count(cost)
    ).where(~_is_met())
    return {
        batch_id: Totals(cards=count, cost_fen=int(fen), cost_missing=count - known)
        for batch_id, count, fen, known in session.execute(query.group_by(staged.c.batch_id))
    }


def insert_cards(session: Session, *, pool_id: int, status: CardStatus, at: int) -> int:
    """Turn everything staged into cards, in the order of their key; returns how many."""
    constants = {"pool_id": pool_id, "status": status.value, "status_at": at}
    values = [literal(value, cards.c[name].type) for name, value in constants.items()]
    source = (
        select(*(staged.c[name] for name in _CARRIED), *values)
        .where(~_is_met())
        .order_by(staged.c.bucket, staged.c.fingerprint, staged.c.seat)
    )
    result: Any = session.execute(
        insert(cards).from_select([*_CARRIED, *constants], source, include_defaults=False)
    )
    return int(result.rowcount)


def _is_met() -> Any:
    return select(1).where(_met.c.place == staged.c.place).exists()


def _same_key(one: Any, other: Any) -> Any:
    return and_(one.c.bucket == other.c.bucket, one.c.fingerprint == other.c.fingerprint)


def _streamed(session: Session, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield tuple(row)
