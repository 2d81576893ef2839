"""A merchant's machine in a test: a store and a home of its own, and whole command lines."""

import csv
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from cardctl import clock
from cardctl.storage.store import Store, open_store
from tests.support.forked import Forked
from tests.support.statements import BY_TEST
from tests.support.terminal import Result, run_in_process

Line = str | Sequence[str]

CATALOG = (
    "supplier add SUP --name 批发商",
    "account add WX --name 微信商户 --kind wechat",
    "channel add TB --name 淘宝店 --kind taobao --account WX",
    "product add VIP --name 视频会员 --price 28",
    "product add CARDP --name 礼品卡 --kind card --price 100",
)


class Shop:
    """One store on one backend, and the command lines run on it.

    `home` is CARDCTL_HOME, `folder` the current folder of every command, `temporary` its TMPDIR.
    """

    def __init__(
        self,
        *,
        backend: str,
        url: str,
        home: Path,
        root: Path,
        prepare: Callable[..., None] | None = None,
    ) -> None:
        self.backend = backend
        self._url = url
        self.home = home
        self.folder = _folder(root / "work")
        self.temporary = _folder(root / "temporary")
        self._env = environment(home=home, url=url, user_home=_folder(root / "user"))
        self._env["TMPDIR"] = str(self.temporary)
        self._prepare = prepare
        self._spawned: list[subprocess.Popen[str]] = []

    @property
    def url(self) -> str:
        """The URL of its store."""
        self._make_ready()
        return self._url

    @property
    def env(self) -> dict[str, str]:
        """The variables that its commands see."""
        self._make_ready()
        return self._env

    def _make_ready(self, *, seeded: bool = False) -> None:
        """Make the database when it is first asked for: which one it is, is known then."""
        if self._prepare is not None:
            prepare, self._prepare = self._prepare, None
            prepare(seeded=seeded)

    def run(
        self,
        line: Line,
        *,
        status: int | None = 0,
        stdin: str | bytes = "",
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a whole command line in this process; its exit status must be as expected.

        `status=None` expects nothing: the test looks at `result.status`.
        """
        result = run_in_process(
            words(line),
            environment={**self.env, **(env or {})},
            folder=self.folder,
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
        )
        if status is not None and result.status != status:
            told = f"cardctl {line}: expected {status}, got {result}"
            raise AssertionError(told) from result.bug
        return result

    def spawn(
        self,
        line: Line,
        *,
        env: Mapping[str, str] | None = None,
        afresh: bool = False,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a command line as a process of its own, its streams pipes of text.

        It is killed with the test if the test has not waited for it. `afresh` starts it like a
        merchant's, where a fork would not tell what is asked: memory, time, what is imported.
        """
        pipe = subprocess.PIPE
        given = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "encoding": "utf-8"}
        process = (subprocess.Popen if afresh else Forked)(
            [sys.executable, "-m", "cardctl", *words(line)],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            **(given | options),
        )
        self._spawned.append(process)
        return process

    @cached_property
    def store(self) -> Store:
        """The open store."""
        return open_store(self.url)

    def sql(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""
        with self.store.reading() as session:
            return [tuple(row) for row in session.connection().execute(text(statement), parameters)]

    def execute(self, statement: str, **parameters: object) -> int:
        """Change the store behind cardctl's back; returns how many rows were.

        The lint over executed statements overlooks what comes from here.
        """
        engine = self.store.engine.execution_options(writing=True, **{BY_TEST: True})
        with Session(engine) as session:
            result = session.connection().execute(text(statement), parameters)
            session.commit()
            return result.rowcount

    def seed_catalog(self) -> None:
        """Supplier SUP; channel TB paying into account WX; products VIP (code) and CARDP (card).

        A store that nothing was done to yet is a copy of one that was seeded before.
        """
        # Where the clock stands, it stands for the catalogue, too.
        if self._prepare is not None and clock.time is time:
            self._make_ready(seeded=True)
            return
        for line in CATALOG:
            self.run(line)

    def import_codes(
        self,
        product: str,
        keys: Sequence[str | tuple[str, str]],
        *,
        cost: str | None = "12.50",
        expires: str = "2099-12-31",
        supplier: str = "SUP",
        pool: str = "main",
    ) -> dict[str, Any]:
        """Import codes, or pairs of number and password, from a file; returns the result document.

        Each call writes a file of its own into `folder`.
        """
        path = self.folder / f"keys-{len(list(self.folder.glob('keys-*.csv')))}.csv"
        write_keys(path, keys)
        line = ["batch", "import", path.name, "--product", product, "--supplier", supplier]
        line += ["--pool", pool, "--expires", expires, "--json"]
        line += ["--cost", cost] if cost is not None else []
        return self.run(line).json

    def close(self) -> None:
        """End what was spawned and let go of the database."""
        for process in self._spawned:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if "store" in self.__dict__:
            self.store.engine.dispose()


def environment(*, home: Path, url: str | None, user_home: Path) -> dict[str, str]:
    """All the variables that a command sees: nothing of the machine but its PATH."""
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(user_home),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "CARDCTL_HOME": str(home),
        "CARDCTL_LANG": "en",
    }
    return variables if url is None else variables | {"CARDCTL_STORE": url}


def words(line: Line) -> list[str]:
    """The arguments of a command line, with or without `cardctl` before them."""
    found = shlex.split(line) if isinstance(line, str) else [str(word) for word in line]
    return found[1:] if found[:1] == ["cardctl"] else found


def write_keys(path: Path, keys: Sequence[str | tuple[str, str]]) -> None:
    """A csv of codes (兑换码), or of numbers with their passwords (卡号, 密码)."""
    rows = [key if isinstance(key, tuple) else (key,) for key in keys]
    paired = bool(rows) and len(rows[0]) > 1
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("卡号", "密码") if paired else ("兑换码",))
        writer.writerows(rows)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
