"""0002 keeps what stood there: cards with their orders, and why some are put aside."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cardctl.storage.dialects import make_engine
from cardctl.storage.migrate import migrate
from cardctl.storage.store import parse_store_url, writing
from cardctl.storage.version import MIGRATIONS, head_version

BEFORE = """
INSERT INTO product (id, sku, name, kind, regions, min_validity_days, safety_stock, seats,
                     key_space, fold_case, fold_hyphens, fields, created_at)
VALUES (1, 'VIP', 'VIP', 'code', '', 0, 0, 1, 'shared', '0', '1', '', 1);
INSERT INTO supplier (id, code, name, tier, created_at) VALUES (1, 'SUP', 'SUP', 'brand', 1);
INSERT INTO pool (id, code, created_at) VALUES (7, 'side', 1);
INSERT INTO batch (id, code, product_id, supplier_id, pool_id, status, file_name, file_sha256,
                   row_count, imported_count, rejected_count, duplicate_count, cost_missing_count,
                   cost_fen, imported_at, run_id)
VALUES (1, 'B-1', 1, 1, 7, 'imported', 'a.csv', 'ff', 4, 4, 0, 0, 0, 0, 1, 1)
"""
STATUSES = ("available", "issued", "quarantined", "void")


def card(number, status):
    order = "NULL" if status != "issued" else "5"
    octets = "X'01'" if number is None else f"X'0{number}'"
    return (
        "INSERT INTO card (bucket, id, fingerprint, seat, batch_id, product_id, pool_id, status,"
        " sealed_secret, masked, expires_at, order_id, status_at)"
        f" VALUES (0, {number}, {octets}, 1, 1, 1, 7, '{status}', {octets}, '*', 9, {order}, 1)"
    )


@pytest.fixture
def engine(new_database):
    """A database of version 0001 with a batch of four cards, each in another state."""
    engine = make_engine(parse_store_url(new_database()))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    postgres = engine.dialect.name == "postgresql"
    with writing(engine) as session:
        connection = session.connection()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        inserts = [
            *BEFORE.split(";"),
            *(card(place, status) for place, status in enumerate(STATUSES, 1)),
        ]
        for statement in inserts:
            plain = statement.replace("X'0", "'\\x0") if postgres else statement
            connection.execute(text(plain))
    yield engine
    engine.dispose()


def test_cards_keep_their_state_and_learn_why_they_are_put_aside(engine):
    assert migrate(engine, name="test") == ("0001", head_version())
    with writing(engine) as session:
        found = session.connection().execute(
            text("SELECT status, quarantined_for, order_id, masked FROM card ORDER BY id")
        )
        assert [tuple(row) for row in found] == [
            ("available", None, None, "*"),
            ("issued", None, 5, "*"),
            ("quarantined", "recall", None, "*"),
            ("void", None, None, "*"),
        ]
        batches = session.connection().execute(text("SELECT sheet, already_sold FROM batch"))
        assert [tuple(row) for row in batches] == [("", False)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE card SET quarantined_for = 'freeze' WHERE id = 1",
        "UPDATE card SET quarantined_for = NULL WHERE id = 3",
        "UPDATE card SET sealed_secret = NULL WHERE id = 1",
        "UPDATE card SET status = 'lost' WHERE id = 1",
        "UPDATE card SET batch_id = 2 WHERE id = 1",
    ],
)
def test_the_new_checks_hold(engine, change):
    migrate(engine, name="test")
    with pytest.raises(IntegrityError), writing(engine) as session:
        session.connection().execute(text(change))
