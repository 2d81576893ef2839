"""Bring a store's schema to this program's version; Alembic is configured in code."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine
from sqlmodel import Session

from cardctl.storage.failures import (
    StoreMissing,
    StoreNewer,
    StoreVersionUnknown,
    named_failures,
)
from cardctl.storage.store import connect
from cardctl.storage.version import MIGRATIONS, head_version, known_versions, stored_version


def migrate_store(url: str, *, dry_run: bool = False) -> tuple[str, str]:
    """Bring the store at a URL to this program's version; returns the versions before and after.

    Raises `StoreMissing` where there is none yet: `init` makes stores, this does not.
    """
    engine, name = connect(url)
    with named_failures(name), Session(engine) as session:
        found = stored_version(session)
    if found is None:
        raise StoreMissing(store=name)
    _, after = migrate(engine, name=name, dry_run=dry_run)
    return found, after


def migrate(engine: Engine, *, name: str, dry_run: bool = False) -> tuple[str | None, str]:
    """Run the missing migrations in one transaction; returns the versions before and after.

    Raises `StoreNewer` for a store that a later program wrote, and `StoreVersionUnknown` for one
    of a version that none of the migrations leads to.
    """
    needed = head_version()
    with named_failures(name), engine.execution_options(writing=True).connect() as connection:
        with Session(connection) as session:
            found = stored_version(session)
        connection.rollback()
        if found is not None and found > needed:
            raise StoreNewer(found=found, needed=needed)
        if found is not None and found not in known_versions():
            raise StoreVersionUnknown(found=found)
        with connection.begin() as transaction:
            upgrade(connection)
            if dry_run:
                transaction.rollback()
    return found, needed


def upgrade(connection: Connection) -> None:
    """Run the missing migrations in the transaction that the connection is in."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
