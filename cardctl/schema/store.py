"""The store itself: one row."""

from sqlalchemy import CheckConstraint, Column, SmallInteger
from sqlmodel import Field

from cardctl.schema.base import Row, big_column, code_column, table_of


class StoreRow(Row, table=True):
    """Which store this is, and how it speaks and counts days."""

    __tablename__ = "store"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    store_id: str = Field(sa_column=code_column(32))
    """32 hex digits, bound into everything that is sealed."""
    timezone: str = Field(sa_column=code_column())
    language: str = Field(sa_column=code_column(8))
    created_at: int = Field(sa_column=big_column())


store = table_of(StoreRow)
