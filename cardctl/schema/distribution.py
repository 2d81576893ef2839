"""Distribution plans and their recipients."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
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
    table_of,
    text_column,
    word_column,
)
from cardctl.vocabulary import DeliveryVia, PlanStatus


class Plan(Row, table=True):
    """Cards for many recipients at once, from one table (批量发放)."""

    __tablename__ = "plan"
    __table_args__ = (
        UniqueConstraint("name"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        one_of("status", PlanStatus),
        one_of("via", DeliveryVia),
        at_least("price_fen", 0),
    )

    id: int = Field(sa_column=id_column())
    name: str = Field(sa_column=code_column())
    content_sha256: str = Field(sa_column=code_column())
    """64 hex digits of its recipients and terms: another content under the name is a conflict."""
    file_name: str = Field(sa_column=text_column())
    channel_id: int = Field(sa_column=big_column())
    customer: str | None = Field(default=None, sa_column=text_column(null=True))
    price_fen: int = Field(sa_column=big_column())
    """What the customer pays for each piece: a card, or a whole bundle."""
    via: str | None = Field(default=None, sa_column=word_column())
    """How the cards are delivered; None: issued only."""
    region: str | None = Field(default=None, sa_column=text_column(null=True))
    """Where its recipients are, as far as is known: some products are not sold everywhere."""
    status: str = Field(sa_column=code_column(16))
    recipient_count: int = Field(sa_column=count_column())
    card_count: int = Field(sa_column=count_column())
    composition: str = Field(sa_column=text_column())
    """What its products were made of when it was planned: JSON, see `Offer.composition`."""
    planned_at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())


class PlanRecipient(Row, table=True):
    """Who gets what; running the plan makes an order of the plan's channel of it.

    It lives in the bucket of that order, which is found by its number.
    """

    __tablename__ = "plan_recipient"
    __table_args__ = (
        UniqueConstraint("bucket", "plan_id", "recipient"),
        ForeignKeyConstraint(["plan_id"], ["plan.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
        at_least("qty", 1),
        CheckConstraint("bucket BETWEEN 0 AND 1023", name="bucket_range"),
        Index("ix_plan_recipient_place", "plan_id", "place"),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    plan_id: int = Field(sa_column=big_column())
    place: int = Field(sa_column=count_column())
    """Its place in the table, from 1."""
    recipient: str = Field(sa_column=code_column(128))
    order_number: str = Field(sa_column=code_column(128))
    product_id: int = Field(sa_column=big_column())
    qty: int = Field(sa_column=count_column())
    name: str | None = Field(default=None, sa_column=text_column(null=True))
    email: str | None = Field(default=None, sa_column=text_column(null=True))
    phone: str | None = Field(default=None, sa_column=text_column(null=True))
    note: str | None = Field(default=None, sa_column=text_column(null=True))
    cancelled_at: int | None = Field(default=None, sa_column=big_column(null=True))
    """Set when it was cancelled before it became an order."""


plans = table_of(Plan)
plan_recipients = table_of(PlanRecipient)
