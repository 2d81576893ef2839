"""What the migrations make is what the metadata declare, by the words of the databases themselves.

Alembic's own comparison does not see a changed predicate of a partial index; this one does.
"""

import importlib
import pkgutil

import pytest
from sqlalchemy import text

import cardctl.schema
from cardctl.schema.base import metadata
from cardctl.storage.dialects import make_engine
from cardctl.storage.migrate import migrate
from cardctl.storage.store import parse_store_url, writing
from cardctl.storage.version import head_version
from tests.support.definitions import definitions

for module in pkgutil.iter_modules(cardctl.schema.__path__):
    importlib.import_module(f"cardctl.schema.{module.name}")


@pytest.fixture
def make(new_database):
    """An engine on another empty database, each time it is called."""
    engines = []

    def make_one():
        engines.append(make_engine(parse_store_url(new_database())))
        return engines[-1]

    yield make_one
    for engine in engines:
        engine.dispose()


@pytest.fixture
def migrated(make):
    """An engine on a database that went through every migration."""
    engine = make()
    assert migrate(engine, name="test") == (None, head_version())
    return engine


@pytest.fixture
def declared(make):
    """An engine on a database that was made from the metadata."""
    engine = make()
    with writing(engine) as session:
        metadata.create_all(session.connection())
    return engine


def test_the_migrations_make_what_the_metadata_declare(migrated, declared):
    found = definitions(migrated)

    assert len(found) > 100
    assert found == definitions(declared)


@pytest.mark.parametrize(
    "change",
    [
        [
            "DROP INDEX ix_card_order",
            "CREATE INDEX ix_card_order ON card (order_bucket, order_id) WHERE order_id IS NULL",
        ],
        [
            "DROP INDEX ix_card_batch",
            "CREATE INDEX ix_card_batch ON card (batch_id, id)",
        ],
        [
            "DROP INDEX ix_orders_recorded",
            "CREATE UNIQUE INDEX ix_orders_recorded ON orders (recorded_at, bucket, id)",
        ],
        ["ALTER TABLE product ADD COLUMN extra BIGINT"],
    ],
)
def test_the_comparison_notices_a_change(migrated, declared, change):
    with writing(migrated) as session:
        for statement in change:
            session.connection().execute(text(statement))

    assert definitions(migrated) != definitions(declared)


def test_a_migration_that_is_tried_leaves_nothing(make):
    engine = make()

    assert migrate(engine, name="test", dry_run=True) == (None, head_version())
    assert definitions(engine) == []


def test_migrating_again_does_nothing(migrated):
    before = definitions(migrated)

    assert migrate(migrated, name="test") == (head_version(), head_version())
    assert definitions(migrated) == before
