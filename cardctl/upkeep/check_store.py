"""Check a store: who it is, whether its file is whole, whether its schema is ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, inspect
from sqlmodel import Session

import cardctl.schema.audit
import cardctl.schema.cards
import cardctl.schema.catalog
import cardctl.schema.ledger
import cardctl.schema.orders
import cardctl.schema.vault  # noqa: F401 -- with it every table is declared
from cardctl.schema.base import metadata
from cardctl.schema.store import StoreRow
from cardctl.storage.dialects import damages
from cardctl.storage.version import stored_version


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a store: a code, and what it is about."""

    code: str
    about: str


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a store is, and what is wrong with it."""

    store_id: str
    version: str
    timezone: str
    language: str
    created_at: int
    tables: int
    problems: tuple[Problem, ...]


def check_store(session: Session) -> StoreCheck:
    """Look at the store itself; what lies in it is checked by `stock check` and `ledger check`."""
    row = session.get_one(StoreRow, 1)
    problems = [Problem("damaged", words) for words in damages(session)]
    problems += _schema_problems(session.connection())
    return StoreCheck(
        store_id=row.store_id,
        version=stored_version(session) or "",
        timezone=row.timezone,
        language=row.language,
        created_at=row.created_at,
        tables=len(metadata.tables),
        problems=tuple(problems),
    )


def _schema_problems(connection: Connection) -> Iterator[Problem]:
    """Every table, column, index and named constraint of ours that the database lacks."""
    found = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in found:
            yield Problem("missing-table", table.name)
            continue
        for name in sorted(_expected(table) - _present(connection, table.name)):
            yield Problem("missing-part", f"{table.name}: {name}")


def _expected(table: Table) -> set[str]:
    constraints = {str(item.name) for item in table.constraints if item.name}
    return constraints | {str(index.name) for index in table.indexes} | set(table.columns.keys())


def _present(connection: Connection, table: str) -> set[str]:
    look = inspect(connection)
    named = [
        *look.get_columns(table),
        *look.get_indexes(table),
        *look.get_unique_constraints(table),
        *look.get_check_constraints(table),
        *look.get_foreign_keys(table),
        look.get_pk_constraint(table),
    ]
    return {str(item["name"]) for item in named if item.get("name")}
