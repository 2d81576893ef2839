"""Orders and what happens to them; all in the bucket of (channel code, external number)."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    added_sum_column,
    at_least,
    big_column,
    bucket_column,
    code_column,
    count_column,
    id_column,
    one_of,
    small_column,
    table_of,
    text_column,
)
from cardctl.vocabulary import ISSUABLE, UNDELIVERED, ConflictState, OrderStatus, RefundKind

_WAITING = sql_text(f"status IN ({', '.join(repr(str(status)) for status in ISSUABLE)})")
_UNDELIVERED = sql_text(
    f"status IN ({', '.join(repr(str(status)) for status in UNDELIVERED)}) AND delivered_at IS NULL"
)
_RESERVED = sql_text("reserved_until IS NOT NULL")
_OPEN = sql_text(f"state = '{ConflictState.OPEN}'")


class Order(Row, table=True):
    """What a buyer paid for, known by (channel, external number) (订单)."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("bucket", "channel_id", "number"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        ForeignKeyConstraint(["account_id"], ["account.id"]),
        one_of("status", OrderStatus),
        at_least("paid_fen", 0),
        CheckConstraint("refunded_fen BETWEEN 0 AND paid_fen", name="refunded_within"),
        CheckConstraint("bucket BETWEEN 0 AND 1023", name="bucket_range"),
        # The queue of issuing: the longest wait first.
        Index(
            "ix_orders_waiting",
            "waiting_since",
            "bucket",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_orders_recorded", "recorded_at", "bucket", "id"),
        # The queue of delivering, in the same order.
        Index(
            "ix_orders_undelivered",
            "waiting_since",
            "bucket",
            "id",
            sqlite_where=_UNDELIVERED,
            postgresql_where=_UNDELIVERED,
        ),
        # What is reserved and may have to go back on the shelf.
        Index(
            "ix_orders_reserved",
            "reserved_until",
            sqlite_where=_RESERVED,
            postgresql_where=_RESERVED,
        ),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    channel_id: int = Field(sa_column=big_column())
    number: str = Field(sa_column=code_column(128))
    status: str = Field(sa_column=code_column(16))
    paid_fen: int = Field(sa_column=big_column())
    """What was paid, or for an unpaid order what is to be paid: the whole order."""
    paid_at: int | None = Field(default=None, sa_column=big_column(null=True))
    recorded_at: int = Field(sa_column=big_column())
    waiting_since: int = Field(sa_column=big_column())
    """`paid_at`, else `recorded_at`: the place in the queue."""
    account_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """Where the money arrived."""
    buyer: str | None = Field(default=None, sa_column=text_column(null=True))
    phone: str | None = Field(default=None, sa_column=text_column(null=True))
    email: str | None = Field(default=None, sa_column=text_column(null=True))
    ip: str | None = Field(default=None, sa_column=text_column(null=True))
    device: str | None = Field(default=None, sa_column=text_column(null=True))
    region: str | None = Field(default=None, sa_column=text_column(null=True))
    agent: str | None = Field(default=None, sa_column=text_column(null=True))
    """The code of the agent who brought it, as the channel named it."""
    note: str | None = Field(default=None, sa_column=text_column(null=True))
    reserved_until: int | None = Field(default=None, sa_column=big_column(null=True))
    """Until when (epoch ms) cards are kept for it while it is unpaid."""
    topup_account: str | None = Field(default=None, sa_column=text_column(null=True))
    """The buyer's account that is to be topped up (充值号码)."""
    refunded_fen: int = Field(default=0, sa_column=added_sum_column())
    """What was paid back so far: the sum of its refunds."""
    delivered_at: int | None = Field(default=None, sa_column=big_column(null=True))
    """When the last it was owed was delivered (epoch ms), also where a part of the money went back;
    None again when a card replaces another."""


class OrderLine(Row, table=True):
    """A product and how many of it."""

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("bucket", "order_id", "position"),
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
        at_least("qty", 1),
        # An order gets exactly its quantities: never more, whoever issues.
        CheckConstraint("issued_qty BETWEEN 0 AND qty", name="issued_within"),
        CheckConstraint("refunded_fen BETWEEN 0 AND paid_fen", name="refunded_within"),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    position: int = Field(sa_column=small_column())
    product_id: int = Field(sa_column=big_column())
    qty: int = Field(sa_column=count_column())
    paid_fen: int = Field(sa_column=big_column())
    """Its share of what was paid; the lines of an order sum to the order."""
    issued_qty: int = Field(sa_column=count_column())
    bundle_place: int | None = Field(default=None, sa_column=small_column(null=True))
    """For a component of a bundle: which of the lines that were told, from 0, it came from."""
    bundle_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """That bundle's product."""
    bundle_qty: int | None = Field(default=None, sa_column=big_column(null=True))
    """How many of that bundle; the same in all of its components."""
    refunded_fen: int = Field(default=0, sa_column=added_sum_column())
    """Its share of what was paid back; the lines of an order sum to the order."""


class OrderEvent(Row, table=True):
    """What happened to an order, a word of `OrderEventKind`; append-only."""

    __tablename__ = "order_event"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        Index("ix_order_event_order", "bucket", "order_id"),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    kind: str = Field(sa_column=code_column(32))
    at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())
    """The audited command run that caused it."""
    detail: str = Field(default="{}", sa_column=text_column())
    """A JSON object of words and numbers; never a secret."""


class OrderConflict(Row, table=True):
    """What a source told of an order against what is stored, until a person decides."""

    __tablename__ = "order_conflict"
    __table_args__ = (
        # The same contradiction is met once, however often its file is imported.
        UniqueConstraint("bucket", "order_id", "digest"),
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        one_of("state", ConflictState),
        Index("ix_order_conflict_open", "found_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    digest: str = Field(sa_column=code_column())
    """64 hex digits of what was told."""
    told: str = Field(sa_column=text_column())
    """A JSON object: the order as it was told, only in what an order keeps."""
    differs: str = Field(sa_column=text_column())
    """Comma-separated names of the fields that differ."""
    file_name: str = Field(sa_column=text_column())
    found_at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())
    state: str = Field(sa_column=code_column(16))
    withdrawn_at: int | None = Field(default=None, sa_column=big_column(null=True))
    """When (epoch ms) another status or another sum paid back was told of the order since: told
    so again it is news. None: not since it was found."""
    resolved_at: int | None = Field(default=None, sa_column=big_column(null=True))
    note: str | None = Field(default=None, sa_column=text_column(null=True))


class Refund(Row, table=True):
    """Money that went back to the buyer, once a refund number; append-only."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("bucket", "order_id", "refund_no"),
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        one_of("kind", RefundKind),
        at_least("amount_fen", 0),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    refund_no: str = Field(sa_column=code_column(128))
    kind: str = Field(sa_column=code_column(16))
    amount_fen: int = Field(sa_column=big_column())
    reason: str = Field(sa_column=text_column())
    restocked: int = Field(sa_column=count_column())
    """How many cards went back on the shelf with it."""
    at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())


class Replacement(Row, table=True):
    """A card that was given for another one of the same order (补发); append-only."""

    __tablename__ = "replacement"
    __table_args__ = (
        # A card is replaced once, whoever asks again.
        UniqueConstraint("bucket", "order_id", "old_card_bucket", "old_card_id"),
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        at_least("cost_fen", 0),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    order_line_id: int = Field(sa_column=big_column())
    old_card_bucket: int = Field(sa_column=small_column())
    old_card_id: int = Field(sa_column=big_column())
    new_card_bucket: int = Field(sa_column=small_column())
    new_card_id: int = Field(sa_column=big_column())
    cost_fen: int | None = Field(default=None, sa_column=big_column(null=True))
    """What the new card cost; None: not known, which is never 0."""
    reason: str = Field(sa_column=text_column())
    at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())


orders = table_of(Order)
order_lines = table_of(OrderLine)
order_events = table_of(OrderEvent)
order_conflicts = table_of(OrderConflict)
refunds = table_of(Refund)
replacements = table_of(Replacement)
