"""Batches and the cards they brought."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    added_flag_column,
    added_text_column,
    at_least,
    big_column,
    bucket_column,
    code_column,
    count_column,
    id_column,
    octets_column,
    one_of,
    small_column,
    table_of,
    text_column,
    word_column,
)
from cardctl.vocabulary import BatchStatus, CardStatus, Quarantine


class Batch(Row, table=True):
    """One import: one supplier, one product, one file (批次)."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("code"),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
        ForeignKeyConstraint(["supplier_id"], ["supplier.id"]),
        ForeignKeyConstraint(["pool_id"], ["pool.id"]),
        one_of("status", BatchStatus),
        # Two shells that import one file at once meet here: the second finds it unchanged.
        Index(
            "uq_batch_file_standing",
            "file_sha256",
            "sheet",
            "product_id",
            "supplier_id",
            unique=True,
            sqlite_where=sql_text("status <> 'undone'"),
            postgresql_where=sql_text("status <> 'undone'"),
        ),
    )

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column())
    product_id: int = Field(sa_column=big_column())
    supplier_id: int = Field(sa_column=big_column())
    pool_id: int = Field(sa_column=big_column())
    status: str = Field(sa_column=code_column(16))
    file_name: str = Field(sa_column=text_column())
    file_sha256: str = Field(sa_column=code_column())
    """64 hex digits of the file as it came, before any password."""
    row_count: int = Field(sa_column=count_column())
    imported_count: int = Field(sa_column=count_column())
    """Cards made; a shared card makes one per seat."""
    rejected_count: int = Field(sa_column=count_column())
    duplicate_count: int = Field(sa_column=count_column())
    cost_missing_count: int = Field(sa_column=count_column())
    """Cards whose cost is not known."""
    cost_fen: int = Field(sa_column=big_column())
    """The sum of the known costs."""
    imported_at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())
    sheet: str = Field(default="", sa_column=added_text_column())
    """The sheet it was read from, where the file has several; else empty."""
    already_sold: bool = Field(default=False, sa_column=added_flag_column())
    """Whether its keys had been sold before it came: only their fingerprints are kept."""


class DataKey(Row, table=True):
    """The data key of a batch, sealed to the public sealing key of a version."""

    __tablename__ = "data_key"
    __table_args__ = (
        ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        Index("ix_data_key_batch_id", "batch_id"),
    )

    id: int = Field(sa_column=id_column())
    batch_id: int = Field(sa_column=big_column())
    sealing_version: int = Field(sa_column=count_column())
    sealed: bytes = Field(sa_column=octets_column())
    commitment: bytes = Field(sa_column=octets_column())


class Card(Row, table=True):
    """One key, or one seat of a shared key (卡密)."""

    __tablename__ = "card"
    __table_args__ = (
        UniqueConstraint("bucket", "fingerprint", "seat"),
        ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
        ForeignKeyConstraint(["pool_id"], ["pool.id"]),
        one_of("status", CardStatus),
        one_of("quarantined_for", Quarantine),
        at_least("cost_fen", 0),
        CheckConstraint("bucket BETWEEN 0 AND 1023", name="bucket_range"),
        # A card that left names its order; a card on hand names none.
        CheckConstraint(
            "(status IN ('issued', 'redeemed')) = (order_id IS NOT NULL)"
            " OR status IN ('void', 'quarantined', 'reserved')",
            name="order_named",
        ),
        CheckConstraint(
            "(sealed_secret IS NULL) = (status = 'already_sold')", name="secret_sealed"
        ),
        CheckConstraint(
            "(quarantined_for IS NOT NULL) = (status = 'quarantined')", name="quarantine_named"
        ),
        # Exactly the filter and the order of the claim, else it walks over sold rows.
        Index(
            "ix_card_claim",
            "product_id",
            "pool_id",
            "expires_at",
            "id",
            "bucket",
            sqlite_where=sql_text("status = 'available'"),
            postgresql_where=sql_text("status = 'available'"),
        ),
        Index(
            "ix_card_order",
            "order_bucket",
            "order_id",
            sqlite_where=sql_text("order_id IS NOT NULL"),
            postgresql_where=sql_text("order_id IS NOT NULL"),
        ),
        Index("ix_card_batch", "batch_id"),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    fingerprint: bytes = Field(sa_column=octets_column())
    """16 bytes, keyed; the bucket is its first 10 bits."""
    seat: int = Field(sa_column=small_column())
    batch_id: int = Field(sa_column=big_column())
    product_id: int = Field(sa_column=big_column())
    pool_id: int = Field(sa_column=big_column())
    status: str = Field(sa_column=code_column(16))
    sealed_number: bytes | None = Field(default=None, sa_column=octets_column(null=True))
    """The card number or user name, where the kind has one."""
    sealed_secret: bytes | None = Field(default=None, sa_column=octets_column(null=True))
    """The code, password or link; None only of what was sold before it came here."""
    sealed_fields: bytes | None = Field(default=None, sa_column=octets_column(null=True))
    """A JSON object of the further fields of an account."""
    masked: str = Field(sa_column=text_column())
    serial: str | None = Field(default=None, sa_column=text_column(null=True))
    """序列号: plain, for talking with the supplier."""
    note: str | None = Field(default=None, sa_column=text_column(null=True))
    cost_fen: int | None = Field(default=None, sa_column=big_column(null=True))
    """None: not known, which is never 0."""
    expires_at: int = Field(sa_column=big_column())
    """The last instant it is good; never is the maximum."""
    order_bucket: int | None = Field(default=None, sa_column=small_column(null=True))
    order_id: int | None = Field(default=None, sa_column=big_column(null=True))
    order_line_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """The order line that holds it: another bucket, so no foreign key; `stock check` proves it."""
    status_at: int = Field(sa_column=big_column())
    """Since when the status holds."""
    quarantined_for: str | None = Field(default=None, sa_column=word_column())
    """Why it is quarantined, a word of `Quarantine`; None while it is not."""


batches = table_of(Batch)
data_keys = table_of(DataKey)
cards = table_of(Card)
