"""Stores in every state a merchant may find one in: what is said, with which code and status."""

import os
import pwd
import resource
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from cardctl.errors import UsageRefused
from cardctl.storage.failures import OutcomeUnknown, StoreReadOnly, is_retryable
from cardctl.storage.store import open_store, parse_store_url

sqlite_only = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("backend", ["postgres"], indirect=True)

READING = "stock levels"
WRITING = "pool add vip"


def refused(shop, line, *, status, code, **options):
    """The error document of a command that must be refused so; it says so in words, too."""
    error = shop.run([*line.split(), "--json"], status=status, **options).error
    assert error["code"] == code
    told = shop.run(line, status=status, **options)
    assert told.stdout == ""
    assert told.stderr.startswith(f"error[{code}]: ")
    assert "\nhint: " in told.stderr
    return error


@pytest.mark.parametrize("line", [READING, WRITING, "store check"])
def test_a_store_that_is_not_there(bare_shop, line):
    error = refused(bare_shop, line, status=9, code="store-missing")

    assert error["hint"] == "cardctl init"
    assert not (bare_shop.home / "cardctl.db").exists()


@pytest.mark.parametrize("line", [READING, WRITING, "store check"])
def test_an_old_store_is_refused_until_it_is_migrated(shop, line):
    shop.execute("UPDATE alembic_version SET version_num = '0000'")

    error = refused(shop, line, status=9, code="store-outdated")

    assert error["hint"] == "run cardctl store migrate"


@pytest.mark.parametrize("line", [READING, WRITING, "store check", "store migrate"])
def test_a_store_of_a_newer_version_is_refused(shop, line):
    shop.execute("UPDATE alembic_version SET version_num = '9999'")

    refused(shop, line, status=9, code="store-newer")

    assert shop.sql("SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize("version", ["0000", "0001x", ""])
def test_a_store_of_a_version_that_no_program_wrote_is_not_migrated(shop, version):
    shop.execute("UPDATE alembic_version SET version_num = :version", version=version)

    error = refused(shop, "store migrate", status=9, code="store-version-unknown")

    assert repr(version) in error["message"]
    assert shop.sql("SELECT version_num FROM alembic_version") == [(version,)]


def test_a_migrated_store_is_left_as_it_is(shop):
    migration = shop.run("store migrate --json").json

    assert migration["status"] == "unchanged"
    assert migration["version_before"] == migration["version_after"]


def test_a_whole_store_checks_as_whole(shop):
    checked = shop.run("store check --json").json

    assert checked["status"] == "whole"
    assert checked["problems"] == []


@sqlite_only
@pytest.mark.parametrize(
    "content", [b"no database at all, but a note of some length" * 100, bytes(range(256)) * 32]
)
def test_a_file_that_is_no_database(bare_shop, content):
    path = bare_shop.home / "cardctl.db"
    path.write_bytes(content)

    refused(bare_shop, READING, status=9, code="store-damaged")
    refused(bare_shop, WRITING, status=9, code="store-damaged")

    assert path.read_bytes() == content


@sqlite_only
def test_an_empty_file_is_no_store(bare_shop):
    (bare_shop.home / "cardctl.db").touch()

    refused(bare_shop, READING, status=9, code="store-missing")


@sqlite_only
def test_a_folder_is_no_store(bare_shop):
    (bare_shop.home / "cardctl.db").mkdir()

    refused(bare_shop, READING, status=9, code="store-unreachable")


@sqlite_only
def test_a_damaged_store_is_found_damaged(shop):
    with closing(sqlite3.connect(shop.home / "cardctl.db")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_card_claim'")
        connection.commit()

    checked = shop.run("store check --json", status=8).json

    assert checked["status"] == "problems"


@sqlite_only
def test_a_store_another_program_keeps_busy(shop, monkeypatch):
    monkeypatch.setattr("cardctl.storage.dialects.BUSY_TIMEOUT_MS", 100)
    with closing(sqlite3.connect(shop.home / "cardctl.db")) as other:
        other.execute("BEGIN IMMEDIATE")

        refused(shop, WRITING, status=9, code="store-busy")
        shop.run(READING)

    shop.run(WRITING)


@postgres_only
def test_rows_another_program_keeps_locked(shop, monkeypatch):
    monkeypatch.setattr("cardctl.storage.dialects.BUSY_TIMEOUT_MS", 100)
    with shop.store.transaction() as other:
        other.connection().exec_driver_sql("LOCK TABLE pool IN ACCESS EXCLUSIVE MODE")

        refused(shop, WRITING, status=9, code="store-busy")

    shop.run(WRITING)


@postgres_only
def test_a_server_that_is_not_there(shop, tmp_path):
    env = {"CARDCTL_STORE": f"postgresql+psycopg://nobody:hush-hush@/none?host={tmp_path}"}

    error = refused(shop, READING, status=9, code="store-unreachable", env=env)

    assert "hush-hush" not in str(error)


@postgres_only
@pytest.mark.parametrize("line", [READING, WRITING, "store migrate", "init"])
def test_an_option_that_the_server_does_not_have(shop, line):
    named = {"CARDCTL_STORE": "postgresql+psycopg://u:hush-hush@h/db?foo=1"}
    hidden = {"CARDCTL_STORE": "postgresql+psycopg://u:hush@hush?hush-hush=1@h/db"}

    error = refused(shop, line, status=2, code="bad-store", env=named)
    untold = refused(shop, line, status=2, code="bad-store", env=hidden)

    assert error["details"] == {"option": "foo"}
    assert "hush" not in str(error) + str(untold)


@postgres_only
def test_an_option_with_a_value_that_makes_no_sense(shop):
    env = {"CARDCTL_STORE": "postgresql+psycopg://u:hush-hush@h/db?sslmode=foo"}

    error = refused(shop, READING, status=9, code="store-unreachable", env=env)

    assert "hush" not in str(error)


@postgres_only
def test_a_user_who_may_not_write(shop):
    name = f"reader_{os.getpid()}"
    shop.execute(f"CREATE ROLE {name} LOGIN")
    shop.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    env = {"CARDCTL_STORE": shop.url.replace("://postgres@", f"://{name}@")}
    try:
        shop.run(READING, env=env)
        refused(shop, WRITING, status=9, code="store-read-only", env=env)
    finally:
        shop.execute(f"DROP OWNED BY {name}")
        shop.execute(f"DROP ROLE {name}")


@postgres_only
def test_a_connection_that_breaks_leaves_the_outcome_unknown(shop):
    with pytest.raises(OutcomeUnknown), shop.store.transaction() as session:
        session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@sqlite_only
def test_a_store_on_a_full_disk(shop):
    """SQLite refuses pages beyond a limit in the words with which it refuses a full disk."""
    [(pages,)] = shop.sql("PRAGMA page_count")
    written = 0
    with _every_connection(f"PRAGMA max_page_count = {pages + 2}"):
        while shop.run(f"pool add pool-{written}", status=None).status == 0:
            written += 1
        refused(shop, f"pool add pool-{written}", status=9, code="store-full")
        shop.run(READING)

    assert shop.sql("SELECT count(*) FROM pool") == [(1 + written,)]
    shop.run("store check")
    shop.run("audit verify")
    shop.run(f"pool add pool-{written}")


@contextmanager
def _every_connection(statement):
    """Say something to the driver whenever an engine connects."""

    def say(connection, _record):
        connection.execute(statement)

    event.listen(Engine, "connect", say)
    try:
        yield
    finally:
        event.remove(Engine, "connect", say)


@sqlite_only
def test_no_room_even_to_open_the_store(shop):
    """A disk that is full to the last byte, as the limit on a file's size shows it."""
    # Python would leave its own compiled modules cut off, for everybody to trip over.
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    process = shop.spawn(READING, env=env, preexec_fn=_let_no_file_grow)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (9, "")
    assert err.startswith("error[store-full]: ")


def _let_no_file_grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.fixture
def read_only_home(shop):
    """A copy of the home that its user may read but not write, outside of folders closed to them.

    Root may write everywhere, so a root's tests become somebody else while they use it.
    """
    home = Path(tempfile.mkdtemp(prefix="cardctl-read-only-")) / "home"
    shutil.copytree(shop.home, home)
    home.parent.chmod(0o755)
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    for path in [home, *home.rglob("*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    (home / "cardctl.db").chmod(0o444)
    (home / "config.toml").write_text(f'key_source = "file:{home}/keys/cardctl.key"\n')
    home.chmod(0o555)
    was = os.geteuid()
    os.seteuid(nobody.pw_uid)
    yield home
    os.seteuid(was)
    home.chmod(0o755)
    shutil.rmtree(home.parent)


@sqlite_only
def test_a_store_that_cannot_be_written(shop, read_only_home):
    path = read_only_home / "cardctl.db"
    before = path.read_bytes()
    env = {"CARDCTL_HOME": str(read_only_home), "CARDCTL_STORE": f"sqlite:///{path}"}
    shop.folder = read_only_home

    refused(shop, WRITING, status=9, code="store-read-only", env=env)

    assert path.read_bytes() == before


def test_nothing_can_be_written_while_reading(shop):
    with pytest.raises(StoreReadOnly), shop.store.reading() as session:
        session.connection().execute(text("DELETE FROM pool"))


def test_a_dry_run_keeps_nothing(shop):
    with shop.store.transaction(dry_run=True) as session:
        session.connection().execute(text("DELETE FROM pool"))

    assert shop.sql("SELECT code FROM pool") == [("main",)]


def test_an_error_keeps_nothing(shop):
    def fail_after_deleting():
        with shop.store.transaction() as session:
            session.connection().execute(text("DELETE FROM pool"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_deleting()

    assert shop.sql("SELECT code FROM pool") == [("main",)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cardctl.db",
        "mysql://localhost/cards",
        "sqlite://",
        "sqlite:///:memory:",
        "://",
        "http:x",
        "postgresql://u:hush@h:port/db",
        "postgresql://u:hush@[::/db",
        "sqlite:////srv/cardctl.db?mode=ro",
    ],
)
def test_what_is_no_store_is_refused(url):
    with pytest.raises(UsageRefused):
        parse_store_url(url)


def test_a_password_in_the_query_is_not_printed(shop, tmp_path):
    url = f"postgresql://nobody@/none?host={tmp_path}&password=hush-hush"
    for line in (READING, "config show --origin", "init"):
        told = shop.run(line, status=None, env={"CARDCTL_STORE": url})
        assert "hush-hush" not in told.stdout + told.stderr


@pytest.mark.parametrize("name", ["a?b", "a%20b", "我的 店", "a#b"])
def test_a_home_of_any_name_holds_its_store(bare_shop, tmp_path, name):
    home = tmp_path / name
    env = {"CARDCTL_HOME": str(home), "CARDCTL_STORE": ""}
    made = bare_shop.run("init --json", env=env).json

    assert (home / "cardctl.db").exists()
    bare_shop.run(["--store", made["store"], "store", "check"], env=env)


def test_the_name_of_a_store_hides_its_password(shop):
    assert parse_store_url("postgresql://a:hush@b/c").password == "hush"
    assert "hush" not in open_store(shop.url).name


def test_a_race_may_be_run_again_and_a_typing_error_may_not(shop):
    with shop.store.engine.connect() as connection, pytest.raises(DBAPIError) as told:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")

    assert not is_retryable(told.value)
