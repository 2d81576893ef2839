"""The temporary table in which an import waits: sealed already, and seen by nobody else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
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

from cardctl.schema.cards import batches, cards
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
)
"""What a staged card brings along; the rest is alike in all cards of a batch."""

COLUMNS = (*_CARRIED, "row_number")

staged = Table(
    "staged_card",
    MetaData(),
    Column("bucket", SmallInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("seat", SmallInteger, nullable=False),
    Column("sealed_number", LargeBinary),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("sealed_fields", LargeBinary),
    Column("masked", Text, nullable=False),
    Column("serial", Text),
    Column("note", Text),
    Column("cost_fen", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("row_number", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
_by_fingerprint = Index(
    "ix_staged_card_fingerprint",
    staged.c.bucket,
    staged.c.fingerprint,
    staged.c.seat,
    staged.c.row_number,
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What is staged: cards, the sum of their known costs in fen, and those without a cost."""

    cards: int
    cost_fen: int
    cost_missing: int


NOTHING = Totals(0, 0, 0)


def create(session: Session) -> None:
    """Make the table; it goes with the connection."""
    session.execute(CreateTable(staged))


def add(session: Session, rows: Iterable[Sequence[object]]) -> None:
    """Stage cards; their values stand in the order of `COLUMNS`."""
    insert_many(session, staged, COLUMNS, rows)


def finish(session: Session) -> None:
    """Sort what was staged, once nothing is added any more."""
    session.execute(CreateIndex(_by_fingerprint))
    analyze(session, staged.name)


def duplicates_in_file(session: Session) -> Iterator[tuple[int, str, int]]:
    """Rows whose key stood further up: (row, mask, row of the first)."""
    twice = (
        select(
            staged.c.bucket, staged.c.fingerprint, func.min(staged.c.row_number).label("first_row")
        )
        .where(staged.c.seat == 1)
        .group_by(staged.c.bucket, staged.c.fingerprint)
        .having(func.count() > 1)
        .subquery("twice")
    )
    later = staged.alias("later")
    query = (
        select(later.c.row_number, later.c.masked, twice.c.first_row)
        .select_from(twice)
        .join(later, _same_key(twice, later))
        .where(later.c.seat == 1, later.c.row_number > twice.c.first_row)
        .order_by(later.c.row_number)
    )
    return _streamed(session, query)


def drop_duplicates_in_file(session: Session) -> None:
    """Keep the first row of each key."""
    earlier = staged.alias("earlier")
    stood = select(1).where(
        _same_key(staged, earlier),
        earlier.c.seat == staged.c.seat,
        earlier.c.row_number < staged.c.row_number,
    )
    session.execute(delete(staged).where(stood.exists()))


def duplicates_in_store(session: Session) -> Iterator[tuple[int, str, str]]:
    """Rows whose key is a card already, whichever seat: (row, mask, code of its batch)."""
    batch_code = (
        select(func.min(batches.c.code))
        .join(cards, cards.c.batch_id == batches.c.id)
        .where(_same_key(staged, cards))
        .scalar_subquery()
    )
    query = (
        select(staged.c.row_number, staged.c.masked, batch_code)
        .where(staged.c.seat == 1, _in_store())
        .order_by(staged.c.row_number)
    )
    return _streamed(session, query)


def drop_duplicates_in_store(session: Session) -> None:
    """Keep only keys that no card has."""
    session.execute(delete(staged).where(_in_store()))


def totals(session: Session) -> Totals:
    """What would become cards now."""
    cost = staged.c.cost_fen
    row = session.execute(
        select(func.count(), func.coalesce(func.sum(cost), 0), func.count(cost)).select_from(staged)
    ).one()
    return Totals(cards=row[0], cost_fen=int(row[1]), cost_missing=row[0] - row[2])


def insert_cards(session: Session, *, batch_id: int, product_id: int, pool_id: int, at: int) -> int:
    """Turn everything staged into cards, in the order of their key; returns how many."""
    constants = {
        "batch_id": batch_id,
        "product_id": product_id,
        "pool_id": pool_id,
        "status": CardStatus.AVAILABLE.value,
        "status_at": at,
    }
    values = [literal(value, cards.c[name].type) for name, value in constants.items()]
    source = select(*(staged.c[name] for name in _CARRIED), *values).order_by(
        staged.c.bucket, staged.c.fingerprint, staged.c.seat
    )
    result: Any = session.execute(
        insert(cards).from_select([*_CARRIED, *constants], source, include_defaults=False)
    )
    return int(result.rowcount)


def _in_store() -> Any:
    # Not a join: SQLite would walk over all cards and look each up among the few that are staged.
    return select(1).where(_same_key(staged, cards)).exists()


def _same_key(one: Any, other: Any) -> Any:
    return and_(one.c.bucket == other.c.bucket, one.c.fingerprint == other.c.fingerprint)


def _streamed(session: Session, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield tuple(row)
