"""The rules that every table follows, held over the metadata.

A growing table is spread by its bucket, one day over several machines: what is unique or referred
to must lead with it. A small table has no bucket, and nothing on the claim path updates it.
"""

import importlib
import inspect
import pkgutil

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

import cardctl.schema
from cardctl import vocabulary
from cardctl.schema.base import metadata
from tests.support.statements import APPEND_ONLY, BUCKETED

for module in pkgutil.iter_modules(cardctl.schema.__path__):
    importlib.import_module(f"cardctl.schema.{module.name}")

SMALL = {
    *("store", "product", "supplier", "account", "channel", "pool"),
    *("channel_account", "channel_pool", "batch", "data_key", "slot"),
    *("supplier_map", "supplier_column", "supplier_password", "stock_freeze", "redeem_try"),
    *("supplier_webhook", "channel_webhook", "channel_map", "bundle_component", "plan"),
}
ADDED = {
    *("batch.sheet", "batch.already_sold", "product.secret_in_text"),
    *("orders.refunded_fen", "order_line.refunded_fen"),
}
"""Columns that a migration gave to rows that were there: only these have a default of their own."""
BY_RUN = {"audit_record"}
"""A chain a run: spread by the run that leads its key."""

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)
GROWING = [table for table in TABLES if table.name not in SMALL | BY_RUN]
OPEN_WORDS = {"order_event.kind"}
"""Words of which later issues make new ones without a migration."""

TYPES = (BigInteger, Integer, SmallInteger, String, Text, LargeBinary, Boolean)
ENDINGS = {
    "_fen": (BigInteger,),
    "_at": (BigInteger,),
    "_since": (BigInteger,),
    "_bp": (BigInteger, Integer),
    "_id": (BigInteger,),
    "_count": (Integer, BigInteger),
    "bucket": (SmallInteger,),
}

by_name = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
growing_by_name = pytest.mark.parametrize("table", GROWING, ids=lambda table: table.name)


def test_every_table_is_small_or_growing():
    named = SMALL | BY_RUN | APPEND_ONLY

    assert {table.name for table in GROWING} == BUCKETED
    assert named.issubset(metadata.tables)


@growing_by_name
def test_the_bucket_leads_every_key(table):
    unique = [
        [column.name for column in constraint.columns]
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    unique += [[column.name for column in index.columns] for index in table.indexes if index.unique]

    assert next(iter(table.primary_key)).name == "bucket"
    assert [columns for columns in unique if columns[0] != "bucket"] == []


@by_name
def test_a_reference_to_a_bucket_stays_within_it(table):
    for constraint in table.foreign_key_constraints:
        if constraint.referred_table.name in BUCKETED:
            assert constraint.column_keys[0] == "bucket"
            assert constraint.elements[0].column.name == "bucket"


@by_name
def test_every_table_has_a_key_that_the_program_makes(table):
    assert list(table.primary_key)
    assert table.autoincrement_column is None
    filled = {str(column) for column in table.columns if column.identity or column.server_default}
    assert filled <= ADDED
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        statement = str(CreateTable(table).compile(dialect=dialect)).upper()
        for word in ("SERIAL NOT NULL", "IDENTITY", "AUTOINCREMENT", "NEXTVAL", "WITHOUT ROWID"):
            assert word not in statement


@by_name
def test_columns_have_types_that_both_databases_keep_exactly(table):
    odd = {column.name: column.type for column in table.columns if type(column.type) not in TYPES}

    assert odd == {}


@by_name
def test_the_ending_of_a_name_says_its_type(table):
    wrong = {
        column.name: column.type
        for column in table.columns
        for ending, types in ENDINGS.items()
        if column.name.endswith(ending) and type(column.type) not in types
        # The store's own id is a text; so is nothing else.
        if f"{table.name}.{column.name}" != "store.store_id"
    }

    assert wrong == {}


@by_name
def test_never_is_a_number_not_an_absence(table):
    # NULLs sort first in SQLite and last in Postgres.
    for column in table.columns:
        assert column.name != "expires_at" or not column.nullable


@by_name
def test_every_constraint_has_a_name_that_fits(table):
    named = [*table.constraints, *table.indexes]

    assert [str(item) for item in named if not isinstance(item.name, str)] == []
    assert [item.name for item in named if len(item.name) > 63] == []


def test_names_of_constraints_are_not_used_twice():
    names = [item.name for table in TABLES for item in [*table.constraints, *table.indexes]]

    assert sorted(names) == sorted(set(names))


@by_name
def test_a_word_is_checked_against_its_enumeration(table):
    """An enumeration is stored as text: only a check keeps other words out."""
    enumerations = [
        ", ".join(f"'{word}'" for word in enumeration)
        for _name, enumeration in inspect.getmembers(vocabulary, inspect.isclass)
        if enumeration is not vocabulary.StrEnum
    ]
    checks = {
        constraint.name: str(constraint.sqltext)
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    for column in table.columns:
        if column.name not in ("status", "kind", "tier", "scope"):
            continue
        if f"{table.name}.{column.name}" in OPEN_WORDS:
            continue
        check = checks[f"ck_{table.name}_{column.name}_known"]
        assert check.removeprefix(f"{column.name} IN (").removesuffix(")") in enumerations


@by_name
def test_partial_indexes_are_partial_on_both_databases(table):
    for index in table.indexes:
        where = {
            dialect: str(index.dialect_options[dialect]["where"])
            for dialect in ("sqlite", "postgresql")
        }
        assert where["sqlite"] == where["postgresql"]
