"""The two dialects, and the statements that differ between them.

The only place that asks "SQLite or Postgres?": a test greps for it elsewhere. Each function says
the same thing in both languages, set-based, in a constant number of round trips.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Select, Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlmodel import Session

from cardctl.storage.failures import BadStoreUrl, UnknownStoreOption

BUSY_TIMEOUT_MS = 60_000
_CONNECT_TIMEOUT_S = 10
_CHUNK = 20_000
_POSTGRES = "postgresql+psycopg"


def make_engine(url: URL) -> Engine:
    """An engine whose transactions begin as their execution options ask (see `transaction`)."""
    return _sqlite_engine(url) if is_sqlite(url) else _postgres_engine(url)


def is_sqlite(url: URL) -> bool:
    """Whether a URL names a SQLite file."""
    return url.get_backend_name() == "sqlite"


def file_of(url: URL) -> Path | None:
    """The file of a SQLite store; None where a server keeps the store."""
    return Path(url.database or "") if is_sqlite(url) else None


def check_url(url: URL) -> None:
    """Refuse what can name no store; raises `BadStoreUrl` for all but SQLite files and Postgres."""
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadStoreUrl(problem="a store is sqlite:///… or postgresql+psycopg://…")
    if is_sqlite(url) and url.database in (None, "", ":memory:"):
        raise BadStoreUrl(problem="a SQLite store needs a file: sqlite:////path/cardctl.db")
    if is_sqlite(url) and url.query:
        raise BadStoreUrl(problem="a SQLite store takes no options after its path")
    if not is_sqlite(url):
        _check_options(url)


def _check_options(url: URL) -> None:
    """Refuse options that libpq does not know; the driver would end in an error of its own."""
    driver: Any = url.set(drivername=_POSTGRES).get_dialect().import_dbapi()
    known = {option.keyword.decode() for option in driver.pq.Conninfo.get_defaults()}
    # The rest of a password with @ and ? in it is taken for an option, too.
    may_be_secret = "@" in repr(url.query)
    for option in url.query:
        if option not in known:
            raise UnknownStoreOption(option="***" if may_be_secret else option)


def _sqlite_engine(url: URL) -> Engine:
    # The driver must not open transactions of its own: ours say IMMEDIATE when they will write.
    engine = create_engine(
        url.set(drivername="sqlite"),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "foreign_keys = ON",
            # A card that was shown must not come back after a power cut.
            "synchronous = FULL",
            "cache_size = -65536",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        writing, staging = options.get("writing", False), options.get("staging", False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writing or staging else 'ON'}")
        # What only fills temporary tables keeps nobody else from writing.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername=_POSTGRES),
        poolclass=NullPool,
        hide_parameters=True,
        # No server-side prepare: it does not survive a connection pooler.
        connect_args={"prepare_threshold": None, "connect_timeout": _CONNECT_TIMEOUT_S},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # SET LOCAL only: a pooled connection carries nothing into the next transaction.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
        options = connection.get_execution_options()
        if not (options.get("writing", False) or options.get("staging", False)):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine


def prepare_new_store(engine: Engine) -> None:
    """What a new store needs before its tables: SQLite readers beside one writer."""
    if is_sqlite(engine.url):
        with engine.connect() as connection, _wrapped_errors(connection):
            # Outside a transaction: a journal mode cannot be changed within one.
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA journal_mode = WAL")


def lock_rows(
    session: Session, statement: Select[Any], *, table: Table, skip_locked: bool
) -> Select[Any]:
    """Lock what a select finds, in the order it finds it.

    SQLite's writer is alone, so there is nothing to lock. On Postgres rows that others hold are
    waited for, or passed over with `skip_locked`.
    """
    if _is_sqlite(session):
        return statement
    return statement.with_for_update(of=table, skip_locked=skip_locked)


def hold_table(session: Session, table: Table) -> None:
    """Keep others from changing a table until this transaction ends; many may hold it at once.

    Whoever wants to change it waits, and those who come to hold it later wait for him.
    """
    if not _is_sqlite(session):
        session.connection().exec_driver_sql(f'LOCK TABLE "{table.name}" IN SHARE MODE')


@contextmanager
def server_lock(engine: Engine, key: bytes) -> Iterator[bool]:
    """Hold a key of 8 bytes on the server until the block ends; whether nobody else held it.

    The lock is a transaction's, on a connection of its own: it goes with either.
    """
    with engine.execution_options(staging=True).connect() as connection:
        # It is idle while the job is at work; it reads nothing, and so keeps nothing from a vacuum.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        query = text("SELECT pg_try_advisory_xact_lock(:key)")
        yield connection.execute(query, {"key": int.from_bytes(key, signed=True)}).scalar_one()


def insert_new(session: Session, table: Table, row: dict[str, object]) -> bool:
    """Insert a row unless its key is taken; whether it was inserted.

    A key that another transaction is about to take is waited for.
    """
    names = ", ".join(f'"{column}"' for column in row)
    marks = ", ".join(f":{column}" for column in row)
    statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING'
    result: Any = session.connection().execute(text(statement), row)
    return bool(result.rowcount)


def insert_many(
    session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Insert rows whose values stand in the order of `columns`: COPY, or the driver's own loop.

    Raises SQLAlchemy's IntegrityError for a violated constraint, as a statement of its would.
    """
    names = ", ".join(f'"{column}"' for column in columns)
    driver = _driver(session)
    if _is_sqlite(session):
        marks = ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
        with _wrapped_errors(session.connection()):
            driver.executemany(statement, rows)
        return
    with (
        _wrapped_errors(session.connection()),
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)') as copy,
    ):
        copy.set_types([_type_name(session, table, column) for column in columns])
        for row in rows:
            copy.write_row(row)


def update_many(
    session: Session,
    table: Table,
    *,
    key: Sequence[str],
    changed: Sequence[str],
    rows: Iterable[Sequence[object]],
    guard: str = "",
    constants: dict[str, object] | None = None,
) -> int:
    """Update many rows by key and say how many were; the caller compares that with its intent.

    A row holds the new values of `changed`, then those of `key`. `guard` is a condition over the
    table's own columns, written ``table.column``, that must still hold; `constants` sets columns
    alike in every row.
    """
    return sum(
        _update_chunk(session, table, key, changed, chunk, guard, constants or {})
        for chunk in _chunks(rows)
    )


def _update_chunk(  # noqa: PLR0917 -- the parts of one UPDATE
    session: Session,
    table: Table,
    key: Sequence[str],
    changed: Sequence[str],
    rows: list[Sequence[object]],
    guard: str,
    constants: dict[str, object],
) -> int:
    also = f" AND ({guard})" if guard else ""
    if _is_sqlite(session):
        sets = ", ".join([f'"{name}" = ?' for name in [*constants, *changed]])
        where = " AND ".join(f'"{name}" = ?' for name in key)
        fixed = tuple(constants.values())
        statement = f'UPDATE "{table.name}" SET {sets} WHERE {where}{also}'
        with _wrapped_errors(session.connection()):
            cursor = _driver(session).executemany(statement, [(*fixed, *row) for row in rows])
        return int(cursor.rowcount)
    names = [*changed, *key]
    arrays = ", ".join(
        f"CAST(:v{place} AS {_type_name(session, table, name)}[])"
        for place, name in enumerate(names)
    )
    sets = ", ".join(
        [f'"{name}" = :c{place}' for place, name in enumerate(constants)]
        + [f'"{name}" = given."{name}"' for name in changed]
    )
    where = " AND ".join(f'"{table.name}"."{name}" = given."{name}"' for name in key)
    columns = ", ".join(f'"{name}"' for name in names)
    statement = (
        f'UPDATE "{table.name}" SET {sets} FROM unnest({arrays}) AS given({columns})'
        f" WHERE {where}{also}"
    )
    values: dict[str, object] = {
        f"c{place}": value for place, value in enumerate(constants.values())
    }
    values |= {f"v{place}": list(column) for place, column in enumerate(zip(*rows, strict=True))}
    result: Any = session.connection().execute(text(statement), values)
    return int(result.rowcount)


def select_many(
    session: Session,
    table: Table,
    *,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Iterable[Sequence[object]],
    alike: Sequence[str] = (),
    lock_order: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Read the rows with some keys, in no order; a key that is not there yields nothing.

    `alike` reads all rows that agree in these columns with one that has a key. `lock_order` locks
    what is found, in the order of these columns some thousand keys at a time: keys that come in
    that order are locked in it.
    """
    found: list[tuple[Any, ...]] = []
    for chunk in _chunks(rows):
        found += _select_chunk(session, table, columns, key, chunk, alike, lock_order)
    return found


def _select_chunk(  # noqa: PLR0917 -- the parts of one SELECT
    session: Session,
    table: Table,
    columns: Sequence[str],
    key: Sequence[str],
    rows: list[Sequence[object]],
    alike: Sequence[str],
    lock_order: Sequence[str],
) -> list[tuple[Any, ...]]:
    wanted = ", ".join(f'"{table.name}"."{column}"' for column in columns)
    names = ", ".join(f'"{name}"' for name in key)
    # CROSS JOIN keeps SQLite's planner from reading the whole table for every key; so does IN with
    # pairs of values.
    join = "CROSS JOIN" if _is_sqlite(session) else "JOIN"
    joined = f'{join} "{table.name}" ON {_equal(table.name, "given", key)}'
    if alike:
        joined = f'{join} "{table.name}" AS named ON {_equal("named", "given", key)}'
        joined += f' {join} "{table.name}" ON {_equal(table.name, "named", alike)}'
    if _is_sqlite(session):
        values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(key)))
        statement = (
            f"WITH given({names}) AS (SELECT {values} FROM json_each(:keys))"
            f" SELECT {wanted} FROM given {joined}"
        )
        keys: dict[str, object] = {"keys": json.dumps([list(row) for row in rows])}
    else:
        arrays = ", ".join(
            f"CAST(:v{place} AS {_type_name(session, table, name)}[])"
            for place, name in enumerate(key)
        )
        statement = f"SELECT {wanted} FROM unnest({arrays}) AS given({names}) {joined}"
        if lock_order:
            order = ", ".join(f'"{table.name}"."{name}"' for name in lock_order)
            statement += f' ORDER BY {order} FOR UPDATE OF "{table.name}"'
        keys = {f"v{place}": list(column) for place, column in enumerate(zip(*rows, strict=True))}
    # At once: row by row, fetching takes longer than the database does.
    return [tuple(row) for row in session.connection().execute(text(statement), keys).all()]


def _equal(one: str, other: str, columns: Sequence[str]) -> str:
    return " AND ".join(f'"{one}"."{name}" = "{other}"."{name}"' for name in columns)


def hides_locked_rows(session: Session) -> bool:
    """Whether a look that skips locked rows may miss stock that comes back with a rollback."""
    return not _is_sqlite(session)


def analyze(session: Session, name: str) -> None:
    """Tell the planner what a staging table holds; a fresh one looks empty to Postgres."""
    if not _is_sqlite(session):
        session.connection().exec_driver_sql(f'ANALYZE "{name}"')


def damages(session: Session) -> list[str]:
    """What the database finds wrong with itself, in its own words.

    SQLite reads the whole file. Postgres keeps references and keys by itself and has no such
    check, so there every constraint that was switched off or never checked is told.
    """
    if _is_sqlite(session):
        found = session.connection().exec_driver_sql("PRAGMA integrity_check").scalars()
        broken = session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        references = [f"row {row[1]} of {row[0]} refers to no {row[2]}" for row in broken]
        return [line for line in found if line != "ok"] + references
    unchecked = session.connection().exec_driver_sql(
        "SELECT conname FROM pg_constraint WHERE NOT convalidated"
        " AND connamespace = current_schema()::regnamespace"
    )
    return [f"the constraint {name} was never checked" for name in unchecked.scalars()]


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _driver(session: Session) -> Any:
    return session.connection().connection.driver_connection


@contextmanager
def _wrapped_errors(connection: Connection) -> Iterator[None]:
    """The driver's own errors as those that SQLAlchemy makes of them; no parameter in any."""
    dialect: Any = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        broken = dialect.is_disconnect(error, connection.connection, None)
        wrapped = DBAPIError.instance(
            None,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=broken,
            dialect=dialect,
        )
        raise wrapped from error


def _type_name(session: Session, table: Table, column: str) -> str:
    compiled = table.c[column].type.compile(session.get_bind().dialect).lower()
    return "text" if compiled.startswith("varchar") else compiled


def _chunks(rows: Iterable[Sequence[object]]) -> Iterable[list[Sequence[object]]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
