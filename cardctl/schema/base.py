"""The column types of the house, and the metadata that all tables share."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)
from sqlmodel import SQLModel

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Row(SQLModel):
    """The base of every stored row."""

    metadata = metadata


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a model, for everything plural."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]


def one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    """A check that a column holds one of the words of an enumeration."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=f"{column}_known")


def at_least(column: str, least: int) -> CheckConstraint:
    """A check that a number is not below a bound (an absent one passes)."""
    return CheckConstraint(f"{column} >= {least}", name=f"{column}_least")


def bucket_column() -> Column[Any]:
    """The leading column of a growing table's key, 0 to 1023."""
    return Column("bucket", SmallInteger, primary_key=True, autoincrement=False)


def id_column(name: str = "id") -> Column[Any]:
    """A key made in the program, never by a sequence."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def big_column(*, null: bool = False) -> Column[Any]:
    """Fen, epoch ms, or the id of another row."""
    return Column(BigInteger, nullable=null)


def count_column(default: int | None = None) -> Column[Any]:
    """A small whole number."""
    return Column(Integer, nullable=False, default=default)


def small_column(*, null: bool = False) -> Column[Any]:
    """A bucket, a seat or a position."""
    return Column(SmallInteger, nullable=null)


def code_column(length: int = 64) -> Column[Any]:
    """A short name or word that is always there."""
    return Column(String(length), nullable=False)


def word_column() -> Column[Any]:
    """A word of an enumeration, or none."""
    return Column(String(16), nullable=True)


def added_text_column() -> Column[Any]:
    """Text that a later migration gave to rows that were there: empty in those."""
    return Column(Text, nullable=False, server_default="")


def added_sum_column() -> Column[Any]:
    """Fen that a later migration gave to rows that were there: none in those."""
    return Column(BigInteger, nullable=False, server_default="0")


def added_flag_column() -> Column[Any]:
    """A yes or no that a later migration gave to rows that were there: no in those."""
    return Column(Boolean, nullable=False, server_default=false())


def text_column(*, null: bool = False) -> Column[Any]:
    """Free text."""
    return Column(Text, nullable=null)


def octets_column(*, null: bool = False) -> Column[Any]:
    """Bytes: what is sealed, a fingerprint, a mac."""
    return Column(LargeBinary, nullable=null)
