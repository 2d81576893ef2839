"""Orders, their lines and their events; all in the bucket of (channel code, external number)."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
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
from cardctl.vocabulary import ISSUABLE, OrderStatus

_WAITING = sql_text(f"status IN ({', '.join(repr(str(status)) for status in ISSUABLE)})")


class Order(Row, table=True):
    """What a buyer paid for, known by (channel, external number) (订单)."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("bucket", "channel_id", "number"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        ForeignKeyConstraint(["account_id"], ["account.id"]),
        one_of("status", OrderStatus),
        at_least("paid_fen", 0),
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


orders = table_of(Order)
order_lines = table_of(OrderLine)
order_events = table_of(OrderEvent)
