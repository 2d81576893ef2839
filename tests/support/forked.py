"""Commands as processes of their own that need no new interpreter: forked from the test's process.

They are real: with a pid, streams and a fate of their own, to race and to be killed. But what they
import is there already, which is most of the time that a small command takes. A process that is to
start like a merchant's is made by `subprocess.Popen`.
"""

import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cardctl.clock
from cardctl.cli.main import main as run_command
from cardctl.workbooks import child

READER = "cardctl.workbooks.child"
_STATISTICS = Path("/proc/self/statm")
_OPEN_FILES = Path("/proc/self/fd")


class Forked(subprocess.Popen):
    """A `subprocess.Popen` of `python -m cardctl …` or of the reader of files, by a fork alone.

    It is started afresh all the same where a fork would not do: with an environment that speaks to
    the interpreter, with something to do before it starts, or while this process has a SQLite file
    open, since the library takes a fork's locks for those of the process it came from.
    """

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest):
        afresh = preexec_fn or pass_fds or not _STATISTICS.exists()
        if afresh or (READER not in args and (_speaks(env) or _has_sqlite_open())):
            super()._execute_child(
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest
            )
            return
        pipes, session = rest[3:9], rest[14]
        with warnings.catch_warnings():
            # A thread of the test's runner is not there in the fork, and not missed.
            warnings.simplefilter("ignore", DeprecationWarning)
            # What is set apart is not looked through, and so not copied, by the child's collector.
            gc.freeze()
            self.pid = os.fork()
        if self.pid:
            gc.unfreeze()
            self._child_created = True
            self._close_pipe_fds(*pipes)
            return
        stdin, _, _, stdout, _, stderr = pipes
        _live(args, (stdin, stdout, stderr), cwd=cwd, env=env, session=session)


def _speaks(env: Mapping[str, str]) -> bool:
    """Whether variables tell the interpreter itself something."""
    told = any(name.startswith(("PYTHON", "LC_")) for name in env)
    return told or env.get("LANG") != "C.UTF-8"


def _has_sqlite_open() -> bool:
    for place in _OPEN_FILES.iterdir():
        with suppress(OSError):
            if place.readlink().name.endswith((".db", ".db-wal", ".db-shm")):
                return True
    return False


def _live(args: Sequence[str], streams: Sequence[int], **options: Any) -> None:
    """The whole life of the child; it does not return."""
    status = 1
    try:
        _settle(streams, **options)
        _role(args)()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 -- as an interpreter that is left by an error
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _settle(streams: Sequence[int], *, cwd: Any, env: Any, session: bool) -> None:
    """Streams, signals, folder and variables of its own; no clock that a test has stopped."""
    if session:
        os.setsid()
    for number, stream in enumerate(streams):
        if stream >= 0:
            os.dup2(stream, number)
    os.closerange(3, 4096)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if cwd is not None:
        os.chdir(cwd)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    tempfile.tempdir = None
    os.umask(0o022)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, errors="backslashreplace")
    cardctl.clock.time = time


def _role(args: Sequence[str]) -> Callable[[], None]:
    """What the command line would run: the program, some code, or the reader."""
    if READER in args:
        # The limit is of what it takes itself; it came with all that the tests take.
        pages = int(_STATISTICS.read_text().split()[0])
        child.MEMORY_BYTES += pages * resource.getpagesize()
        return child.main
    where, what, *words = args[1:]
    sys.argv = ["cardctl", *words]
    if where == "-c":
        return lambda: exec(what, {"__name__": "__main__"})  # noqa: S102 -- the test's own code
    assert (where, what) == ("-m", "cardctl"), args
    return run_command


FORKING = SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
"""Stands in for the module `subprocess` where files are read."""
