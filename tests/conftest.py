"""The fixtures of every test: shops on both databases, a standing clock, counted statements."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from cardctl.storage import dialects
from cardctl.workbooks import read
from tests.support import engines, statements
from tests.support.databases import BACKENDS, TestRun
from tests.support.forked import FORKING
from tests.support.postgres import Server, start_server
from tests.support.shop import Shop, environment
from tests.support.terminal import run_in_process

INIT = "init --timezone Asia/Shanghai --lang en --yes"

settings.register_profile("suite", deadline=None, database=None, max_examples=60, print_blob=True)
settings.load_profile("suite")

IN_MEMORY = Path("/dev/shm")  # noqa: S108 -- what is made there has names nobody guesses
ROOM_NEEDED = 4 << 30
"""Bytes; a run was seen to take 1.5 GB at most."""

_server = pytest.StashKey[Server]()
_run = pytest.StashKey[TestRun]()


def pytest_configure(config):
    """What a run writes outlives nothing: where there is room, it is kept in memory.

    Half of the time that thousands of small stores take is the file system's.
    """
    own = not hasattr(config, "workerinput") and "TMPDIR" not in os.environ
    if own and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_NEEDED:
        tempfile.tempdir = str(IN_MEMORY)


def _test_run(config: pytest.Config) -> TestRun:
    """What this test run shares: handed down by xdist's controller, else made here, once."""
    if _run not in config.stash:
        handed = getattr(config, "workerinput", {}).get("cardctl")
        if handed:
            config.stash[_run] = TestRun(Path(handed["folder"]), handed["server_url"])
        else:
            config.stash[_server] = start_server()
            folder = Path(tempfile.mkdtemp(prefix="cardctl-tests-"))
            config.stash[_run] = TestRun(folder, config.stash[_server].url)
    return config.stash[_run]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Xdist: one server for all workers, which belongs to the controller."""
    run = _test_run(node.config)
    node.workerinput["cardctl"] = {"folder": str(run.folder), "server_url": run.server_url}


def pytest_unconfigure(config):
    """The end of the run, however it came: the server goes, and so does the shared folder."""
    if _server in config.stash:
        run = config.stash[_run]
        try:
            run.drop_all()
        finally:
            config.stash[_server].stop()
            shutil.rmtree(run.folder)


@pytest.fixture(scope="session")
def test_run(request):
    """The shared folder and server of this test run."""
    return _test_run(request.config)


@pytest.fixture(params=BACKENDS)
def backend(request):
    """The database of a test: each in turn, the same for everything the test asks for.

    `@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)` keeps a test to one.
    """
    return request.param


@pytest.fixture
def shop(backend, tmp_path, test_run):
    """A fresh initialised store on each database, with its own home and key file."""
    home = tmp_path / "home"
    url = test_run.copy_home(_initialised(test_run, backend), backend, home)

    def prepare(*, seeded):
        # A file has come with its home already.
        if seeded or backend != "sqlite":
            make = _seeded if seeded else _initialised
            test_run.copy_database(make(test_run, backend), url, home)

    shop = Shop(backend=backend, url=url, home=home, root=tmp_path, prepare=prepare)
    yield shop
    shop.close()
    test_run.drop(url)


@pytest.fixture
def bare_shop(backend, tmp_path, test_run):
    """A machine before `cardctl init`: an empty home, no store, an empty database."""
    home = tmp_path / "home"
    home.mkdir()
    url = test_run.empty_database(backend, home)
    shop = Shop(backend=backend, url=url, home=home, root=tmp_path)
    yield shop
    shop.close()
    test_run.drop(url)


@pytest.fixture
def new_database(backend, tmp_path, test_run):
    """Makes the URL of one more store yet to be made: no file, or an empty database."""
    urls = []

    def make():
        home = tmp_path / f"database-{len(urls)}"
        home.mkdir()
        urls.append(test_run.empty_database(backend, home))
        return urls[-1]

    yield make
    for url in urls:
        test_run.drop(url)


@pytest.fixture
def database_url(new_database):
    """The URL of a store yet to be made."""
    return new_database()


@pytest.fixture
def frozen_clock(monkeypatch):
    """A clock that stands at 2026-11-22 10:47 in Shanghai until it is told to move."""
    clock = FrozenClock()
    monkeypatch.setattr("cardctl.clock.time", clock)
    return clock


@pytest.fixture
def count_statements():
    """The list of the statements that were executed within a `with` block."""
    return statements.count_statements


@pytest.fixture(scope="session", autouse=True)
def _compiled_once():
    """Let commands that run in this process share what they compile; see the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialects, "create_engine", engines.sharing(dialects.create_engine))
        patch.setattr(read, "subprocess", FORKING)
        yield


@pytest.fixture(scope="session")
def statement_recorder():
    """Hears every statement of the suite; the rules are in tests/support/statements.py."""
    recorder = statements.Recorder()
    with statements.listening(recorder.hear):
        yield recorder


@pytest.fixture(autouse=True)
def _statements_keep_the_rules(statement_recorder):
    """Fail the test that made the program say what no statement may."""
    yield
    problems = statement_recorder.take_problems()
    assert not problems, "\n\n".join(problems)


class FrozenClock:
    """Stands in for the module `time` within `cardctl.clock`."""

    def __init__(self) -> None:
        self.now_ms = 1_795_315_620_000

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000

    def advance(self, *, days: int = 0, seconds: int = 0) -> None:
        self.now_ms += (days * 86_400 + seconds) * 1000


def _initialised(test_run: TestRun, backend: str) -> Path:
    """The template that every shop is a copy of, made with the command a merchant makes it with."""

    def make(home: Path) -> str:
        home.mkdir()
        url = test_run.empty_database(backend, home)
        with tempfile.TemporaryDirectory() as user_home:
            variables = environment(home=home, url=url, user_home=Path(user_home))
            result = run_in_process(INIT.split(), environment=variables, folder=home)
        assert result.status == 0, f"cardctl {INIT}: {result}"
        return url

    return _made(test_run, backend, make)


def _seeded(test_run: TestRun, backend: str) -> Path:
    """The template of a shop with a catalogue: the same store, as its keys are the same."""

    def make(home: Path) -> str:
        url = test_run.copy_of(_initialised(test_run, backend), backend, home)
        shop = Shop(backend=backend, url=url, home=home, root=home.parent)
        shop.seed_catalog()
        shop.close()
        return url

    return _made(test_run, f"{backend}-seeded", make)


def _made(test_run: TestRun, name: str, make: Callable[[Path], str]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        # Every test starts from it: one whose clock stands still must not date it.
        patch.setattr("cardctl.clock.time", time)
        return test_run.template(name, make)
