"""The outbox: what is to leave the house, and which cards have left it."""

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint
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
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

_DUE = sql_text(f"status IN ('{DeliveryStatus.PENDING}', '{DeliveryStatus.SENDING}')")

_STOPPED = sql_text(f"status IN ('{DeliveryStatus.WAITING}', '{DeliveryStatus.DEAD}')")


class Delivery(Row, table=True):
    """One message of an order: its cards to the buyer, a request to a supplier, a shipment (发货).

    It lives in the order's bucket. What is sent is made anew at each try from the order and its
    cards; nothing secret and nothing personal is kept here.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # Asked for twice, it is one delivery; every try of it carries this key.
        UniqueConstraint("bucket", "idempotency_key"),
        ForeignKeyConstraint(["bucket", "order_id"], ["orders.bucket", "orders.id"]),
        one_of("via", DeliveryVia),
        one_of("status", DeliveryStatus),
        at_least("attempts", 0),
        # The queue of the outbox: what is due first comes first.
        Index(
            "ix_delivery_due", "due_at", "bucket", "id", sqlite_where=_DUE, postgresql_where=_DUE
        ),
        Index("ix_delivery_order", "bucket", "order_id"),
        # What waits for a person or an answer.
        Index(
            "ix_delivery_stopped",
            "status",
            "via",
            sqlite_where=_STOPPED,
            postgresql_where=_STOPPED,
        ),
    )

    bucket: int = Field(sa_column=bucket_column())
    id: int = Field(sa_column=id_column())
    order_id: int = Field(sa_column=big_column())
    order_line_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """The line that is topped up or shipped; None: the cards of the order."""
    via: str = Field(sa_column=code_column(16))
    status: str = Field(sa_column=code_column(16))
    idempotency_key: str = Field(sa_column=code_column())
    """Stays the same in every try; a reprint has another one."""
    reprint: int = Field(sa_column=count_column())
    """0 for the first delivery, then counted up; so are requests after a refusal."""
    attempts: int = Field(sa_column=count_column())
    """Since it was put out, or since a person had it tried again."""
    asked_at: int | None = Field(default=None, sa_column=big_column(null=True))
    """When its first try began (epoch ms): it may have arrived since. None: nothing has left."""
    supplier_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """Whom a top-up was asked of: his answer counts, whoever tops up the product by then."""
    due_at: int = Field(sa_column=big_column())
    """When it is tried next (epoch ms); while it is being sent, when its lease ends."""
    last_error: str | None = Field(default=None, sa_column=text_column(null=True))
    """Why the last try failed, a code of the error tree and its words; never a secret."""
    carrier: str | None = Field(default=None, sa_column=text_column(null=True))
    reference: str | None = Field(default=None, sa_column=text_column(null=True))
    """The waybill of a shipment, or the supplier's own number of a top-up."""
    refused_at: int | None = Field(default=None, sa_column=big_column(null=True))
    """When the supplier signed its refusal of a top-up (epoch ms, its clock): tried again, the
    request has another id, and nobody was asked under that one."""
    created_at: int = Field(sa_column=big_column())
    delivered_at: int | None = Field(default=None, sa_column=big_column(null=True))
    run_id: int = Field(sa_column=big_column())


class CardDelivery(Row, table=True):
    """A card that was handed over, or was about to be: it is never sold again.

    Written before anything leaves, in the card's bucket; it stays when a try fails.
    """

    __tablename__ = "card_delivery"
    __table_args__ = (PrimaryKeyConstraint("bucket", "card_id"),)

    bucket: int = Field(sa_column=small_column())
    card_id: int = Field(sa_column=big_column())
    order_bucket: int = Field(sa_column=small_column())
    order_id: int = Field(sa_column=big_column())
    """The order it went to: another bucket, so no foreign key."""
    delivery_id: int = Field(sa_column=big_column())
    """What took it last while it was not delivered; a reprint does not count."""
    handed_at: int = Field(sa_column=big_column())
    """When it was taken first."""


deliveries = table_of(Delivery)
card_deliveries = table_of(CardDelivery)
