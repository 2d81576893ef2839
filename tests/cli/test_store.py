"""store: checking what is there, and bringing an old one up."""

import pytest
from sqlalchemy import text
from sqlmodel import Session

from cardctl.storage.version import head_version
from tests.support.statements import BY_TEST


def behind_its_back(shop, *statements):
    engine = shop.store.engine.execution_options(writing=True, **{BY_TEST: True})
    with Session(engine) as session:
        for statement in statements:
            session.connection().execute(text(statement))
        session.commit()


def test_a_whole_store_says_who_it_is(shop):
    found = shop.run("store check --json").json
    assert found["status"] == "whole"
    assert found["problems"] == []
    assert found["store_id"] == shop.store.store_id
    assert found["version"] == head_version()
    assert (found["timezone"], found["language"]) == ("Asia/Shanghai", "en")
    assert found["created_at"].endswith("+08:00")


def test_what_is_missing_is_named_and_needs_a_person(shop):
    behind_its_back(shop, "DROP INDEX ix_card_claim", "DROP TABLE order_event")
    found = shop.run("store check --json", status=8).json
    assert found["status"] == "problems"
    assert {(item["code"], item["about"]) for item in found["problems"]} == {
        ("missing-part", "card: ix_card_claim"),
        ("missing-table", "order_event"),
    }
    assert "ix_card_claim" in shop.run("store check", status=8).stdout


def test_a_reference_to_nothing_is_found_on_sqlite(shop):
    if shop.backend == "postgres":
        return  # It keeps references by itself; `damages` says what it looks at instead.
    shop.seed_catalog()
    behind_its_back(shop, "PRAGMA foreign_keys = OFF")
    import sqlite3

    with sqlite3.connect(shop.url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM account")
    connection.close()
    found = shop.run("store check --json", status=8).json
    assert found["problems"][0]["code"] == "damaged"
    assert "channel_account" in found["problems"][0]["about"]


def test_a_constraint_that_was_never_checked_is_found_on_postgres(shop):
    if shop.backend == "sqlite":
        return  # It has no such constraints.
    behind_its_back(shop, "ALTER TABLE card ADD CONSTRAINT later CHECK (seat < 9) NOT VALID")
    found = shop.run("store check --json", status=8).json
    assert [item["code"] for item in found["problems"]] == ["damaged"]


def test_a_store_of_this_version_stays_as_it_is(shop):
    for line in ("store migrate", "store migrate --dry-run"):
        found = shop.run(f"{line} --json").json
        assert found["status"] == "unchanged"
        assert found["version_before"] == found["version_after"] == head_version()


def test_a_store_of_a_later_version_is_refused(shop):
    behind_its_back(shop, "UPDATE alembic_version SET version_num = '9999'")
    for line in ("store migrate", "store check", "status", "product list"):
        assert shop.run(f"{line} --json", status=9).error["code"] == "store-newer"


def test_an_old_store_is_refused_with_the_command_that_helps(shop):
    behind_its_back(shop, "UPDATE alembic_version SET version_num = '0000'")
    error = shop.run("status --json", status=9).error
    assert error["code"] == "store-outdated"
    assert "cardctl store migrate" in error["hint"]


def test_migrating_makes_no_store(bare_shop):
    assert bare_shop.run("store migrate --json", status=9).error["code"] == "store-missing"
    assert bare_shop.run("store check --json", status=9).error["code"] == "store-missing"


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_a_store_that_can_be_none_is_a_mistake(shop, url):
    shop.run(["status", "--store", url], status=2)


def test_the_store_s_language_is_spoken_where_nobody_chose_another(shop):
    behind_its_back(shop, "UPDATE store SET language = 'zh'")
    (shop.home / "config.toml").unlink(missing_ok=True)
    said = shop.run("store check", env={"CARDCTL_LANG": "", "LANG": "C"}).stdout
    assert said.startswith("账库")
    assert shop.run("store check", env={"CARDCTL_LANG": "en"}).stdout.startswith("store")
