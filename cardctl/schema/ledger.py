"""The journal: entries that sum to zero, append-only."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    big_column,
    bucket_column,
    code_column,
    id_column,
    one_of,
    small_column,
    table_of,
)
from cardctl.vocabulary import LedgerAccount


class JournalEntry(Row, table=True):
    """One event in the books, posted in the transaction of the event."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        # The same event of the same thing is posted once.
        UniqueConstraint("bucket", "event", "source_id"),
        Index("ix_journal_entry_posted", "posted_at", "bucket", "id"),
    )

    bucket: int = Field(sa_column=bucket_column())
    """The bucket of the order; 0 for what belongs to no order."""
    id: int = Field(sa_column=id_column())
    event: str = Field(sa_column=code_column(32))
    """import, issue, undo, void, correct …: a row of the table of posting rules."""
    source_id: int = Field(sa_column=big_column())
    """What the event happened to: a batch, an order event, a run; an id of its own where a run
    posts many of a kind."""
    order_id: int | None = Field(default=None, sa_column=big_column(null=True))
    posted_at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())


class JournalLine(Row, table=True):
    """One side of an entry; debit positive."""

    __tablename__ = "journal_line"
    __table_args__ = (
        PrimaryKeyConstraint("bucket", "entry_id", "position"),
        ForeignKeyConstraint(["bucket", "entry_id"], ["journal_entry.bucket", "journal_entry.id"]),
        one_of("account", LedgerAccount),
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
    )

    bucket: int = Field(sa_column=small_column())
    entry_id: int = Field(sa_column=big_column())
    position: int = Field(sa_column=small_column())
    account: str = Field(sa_column=code_column(24))
    party: str = Field(default="", sa_column=code_column())
    """The code of the supplier or money account that qualifies it; empty for none."""
    product_id: int | None = Field(default=None, sa_column=big_column(null=True))
    amount_fen: int = Field(sa_column=big_column())


journal_entries = table_of(JournalEntry)
journal_lines = table_of(JournalLine)
