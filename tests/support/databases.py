"""Empty databases and copies of the template store, on both backends.

Everything of a test run lies in one folder that all its processes share. What is made once is made
by the first that needs it, under a lock.
"""

import fcntl
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

BACKENDS = ("sqlite", "postgres")
DATABASE = "cardctl.db"
"""The file of a SQLite store within its CARDCTL_HOME."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """What the processes of one test run share: a folder, and the server's maintenance URL."""

    __test__ = False

    folder: Path
    server_url: str

    @property
    def token(self) -> str:
        """Names the databases of this run on a server that others use too."""
        return self.folder.name[-8:].lower()

    def empty_database(self, backend: str, home: Path) -> str:
        """The URL of a store yet to be made: a file that is not there, or an empty database."""
        if backend == "sqlite":
            return f"sqlite:///{home / DATABASE}"
        return self._create_database("template1")

    def copy_of(self, template: Path, backend: str, home: Path) -> str:
        """Copy a template's home and database; returns the URL of the new store."""
        url = self.copy_home(template, backend, home)
        self.copy_database(template, url, home)
        return url

    def copy_home(self, template: Path, backend: str, home: Path) -> str:
        """Copy a template's home; returns the URL of its store, which on a server is yet to be."""
        shutil.copytree(template / "home", home)
        _name_home(home, template / "home")
        return f"sqlite:///{home / DATABASE}" if backend == "sqlite" else self._new_url()

    def copy_of_store(self, url: str, folder: Path) -> str:
        """Copy a store that nobody is connected to; returns the URL of the copy."""
        if not url.startswith("sqlite"):
            return self._create_database(_database_of(url))
        path = Path(url.removeprefix("sqlite:///"))
        _settle(path)
        folder.mkdir(parents=True)
        shutil.copy(path, folder / DATABASE)
        return f"sqlite:///{folder / DATABASE}"

    def template(self, name: str, make: Callable[[Path], str]) -> Path:
        """A store to copy from; `make(home)` makes it once a test run and returns its URL."""
        folder = self.folder / f"template-{name}"
        with self._locked(name):
            if not (folder / "ready").exists():
                # What was left of one that failed: the next test is to see why, too.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                url = make(folder / "home")
                if url.startswith("sqlite"):
                    _settle(folder / "home" / DATABASE)
                else:
                    (folder / "database").write_text(_database_of(url))
                (folder / "ready").touch()
        return folder

    def copy_database(self, template: Path, url: str, home: Path) -> None:
        """Copy the database of a template to where a store is to be that nobody has opened."""
        if url.startswith("sqlite"):
            shutil.copy2(template / "home" / DATABASE, home / DATABASE)
        else:
            name = (template / "database").read_text()
            self._administer(
                "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", _database_of(url), name
            )

    def drop(self, url: str) -> None:
        """Remove a store's database from the server; a file goes with its folder."""
        if not url.startswith("sqlite"):
            self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", _database_of(url))

    def drop_all(self) -> None:
        """Remove every database of this run from the server."""
        with closing(psycopg.connect(self.server_url, autocommit=True)) as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._prefix()]
            )
            names = [name for (name,) in found]
        for name in names:
            self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _create_database(self, template: str) -> str:
        url = self._new_url()
        self._administer(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", _database_of(url), template
        )
        return url

    def _new_url(self) -> str:
        parts = psycopg.conninfo.conninfo_to_dict(self.server_url)
        return _url_of({**parts, "dbname": f"{self._prefix()}{secrets.token_hex(6)}"})

    def _prefix(self) -> str:
        return f"cardctl_{self.token}_"

    def _administer(self, statement: str, *names: str) -> None:
        with closing(psycopg.connect(self.server_url, autocommit=True)) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _settle(path: Path) -> None:
    """Move what is in the write-ahead log into the file, so that copying the file is enough."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _name_home(home: Path, template: Path) -> None:
    """Settings name files of the home (its key): let them name those of the copy."""
    for path in home.glob("*.toml"):
        path.write_text(path.read_text().replace(str(template), str(home)))


def _database_of(url: str) -> str:
    return make_url(url).database or ""


def _url_of(parts: dict) -> str:
    """A store URL of connection parameters, with those that no URL has a place for as a query."""
    named = {key: str(parts.pop(key)) for key in ("user", "password", "dbname") if parts.get(key)}
    return URL.create(
        "postgresql+psycopg",
        username=named.get("user"),
        password=named.get("password"),
        database=named["dbname"],
        query={key: str(value) for key, value in parts.items() if value is not None},
    ).render_as_string(hide_password=False)
