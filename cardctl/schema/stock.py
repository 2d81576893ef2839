"""What stands in the way of cards: stock that is frozen, and keys that were tried in vain."""

from sqlalchemy import Index
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    big_column,
    id_column,
    table_of,
    text_column,
)

EVERYTHING = 0
"""The product id of a freeze of the whole stock."""


class StockFreeze(Row, table=True):
    """Nothing of a product, or of the whole stock, is issued while its row is there."""

    __tablename__ = "stock_freeze"

    product_id: int = Field(sa_column=id_column("product_id"))
    """`EVERYTHING` names no product, so this is no foreign key."""
    reason: str = Field(sa_column=text_column())
    frozen_at: int = Field(sa_column=big_column())
    run_id: int = Field(sa_column=big_column())


class RedeemTry(Row, table=True):
    """One failed try to redeem; too many of somebody lock them out for a while."""

    __tablename__ = "redeem_try"
    __table_args__ = (Index("ix_redeem_try_actor", "actor", "at"),)

    id: int = Field(sa_column=id_column())
    actor: str = Field(sa_column=text_column())
    """Who tried: the user of the operating system at a host."""
    at: int = Field(sa_column=big_column())


stock_freezes = table_of(StockFreeze)
redeem_tries = table_of(RedeemTry)
