"""A store that is open: which one it is, and its transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, inspect, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from cardctl.clock import load_zone
from cardctl.schema.store import StoreRow
from cardctl.settings import hide_password
from cardctl.storage.dialects import check_url, file_of, make_engine
from cardctl.storage.failures import (
    BadStoreUrl,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    named_failures,
)
from cardctl.storage.version import head_version, stored_version


@dataclass(frozen=True, slots=True)
class Store:
    """An engine on a store of this program's version, and what the store says of itself."""

    engine: Engine | Connection
    name: str
    store_id: str
    zone: ZoneInfo
    language: str

    @contextmanager
    def transaction(self, *, dry_run: bool = False) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on an error or a dry run."""
        with named_failures(self.name), writing(self.engine, dry_run=dry_run) as session:
            yield session

    @contextmanager
    def one_connection(self) -> Iterator["Store"]:
        """The same store on a single connection, so that temporary tables outlive a transaction."""
        assert isinstance(self.engine, Engine)
        with named_failures(self.name), self.engine.connect() as connection:
            yield replace(self, engine=connection)

    @contextmanager
    def rehearsal(self) -> Iterator["Store"]:
        """The same store within one transaction that nothing remains of: all others are its steps.

        What was written by one step is there for the next one, as it would be.
        """
        with self.one_connection() as store:
            assert isinstance(store.engine, Connection)
            with store.engine.execution_options(writing=True, staging=False).begin() as whole:
                yield store
                whole.rollback()

    @contextmanager
    def staging(self) -> Iterator[Session]:
        """A transaction that fills temporary tables and, on SQLite, lets others write meanwhile."""
        staging = self.engine.execution_options(writing=False, staging=True)
        with named_failures(self.name), Session(staging) as session:
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view for reading; nothing can be written through it."""
        # Said each time: a single connection keeps what its last transaction was told.
        reading = self.engine.execution_options(writing=False, staging=False)
        with named_failures(self.name), _step(reading) as session:
            yield session


@contextmanager
def writing(engine: Engine | Connection, *, dry_run: bool = False) -> Iterator[Session]:
    """A session in one writing transaction; rollback is the default, commit the last step."""
    options = engine.execution_options(writing=True, staging=False)
    with _step(options) as session:
        yield session
        if dry_run:
            session.rollback()
        else:
            session.commit()


def _step(engine: Engine | Connection) -> Session:
    """A session with a transaction of its own, also within a rehearsal."""
    return Session(engine, expire_on_commit=False, join_transaction_mode="create_savepoint")


def parse_store_url(text: str) -> URL:
    """The URL of a store; raises `BadStoreUrl` for anything but SQLite files and Postgres."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadStoreUrl(
            problem="the store is not a URL such as sqlite:////path/cardctl.db"
        ) from None
    check_url(url)
    return url


def connect(text: str) -> tuple[Engine, str]:
    """An engine for a store URL, and the store's name for people: no password in it.

    Raises `StoreMissing` for a SQLite file that is not there: connecting would make it.
    """
    url = parse_store_url(text)
    name = hide_password(text)
    path = file_of(url)
    if path is not None and not path.exists():
        raise StoreMissing(store=name)
    return make_engine(url), name


def open_store(text: str) -> Store:
    """Open a store of this program's version.

    Raises `StoreMissing`, `StoreOutdated`, `StoreNewer`, and whatever `named_failures` names.
    """
    engine, name = connect(text)
    with named_failures(name), Session(engine) as session:
        found, needed = stored_version(session), head_version()
        if found is None:
            raise StoreMissing(store=name)
        if found < needed:
            raise StoreOutdated(found=found, needed=needed)
        if found > needed:
            raise StoreNewer(found=found, needed=needed)
        row = session.get(StoreRow, 1)
        if row is None:
            raise StoreMissing(store=name)
        return Store(
            engine=engine,
            name=name,
            store_id=row.store_id,
            zone=load_zone(row.timezone),
            language=row.language,
        )


def is_empty(engine: Engine) -> bool:
    """Whether a database holds no table at all."""
    return not inspect(engine).get_table_names()
