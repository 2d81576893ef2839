"""What goes wrong: exit statuses, documents, bugs, interruptions, closed pipes, other encodings."""

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys

import pytest

from cardctl.errors import (
    AlreadyExists,
    BadValue,
    CardctlError,
    ExitStatus,
    InputRefused,
    NotFound,
    ServiceUnavailable,
    StateForbids,
    UsageRefused,
    VaultError,
)
from cardctl.workbooks.failures import FileUnreadable

SECRET = "K3Y-0F-A-CARD"


@pytest.fixture
def failing(probe, machine):
    """Run a verb that ends with an exception."""

    def run(error, line="", *, status, **variables):
        def fail(context) -> None:
            """Fail."""
            raise error

        probe.verbs.clear()
        probe.verb("fail", examples=("cardctl probe fail",))(fail)
        return machine.run(f"probe fail {line}", status=status, **variables)

    return run


def test_exit_statuses_are_these_forever():
    assert {status.name: int(status) for status in ExitStatus} == {
        "DONE": 0,
        "BUG": 1,
        "USAGE": 2,
        "INPUT_REFUSED": 3,
        "NOT_FOUND": 4,
        "STATE_FORBIDS": 5,
        "RISK_STOPPED": 6,
        "VAULT": 7,
        "NEEDS_PERSON": 8,
        "UNAVAILABLE": 9,
        "JOB_RUNNING": 10,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageRefused(problem="x"), 2),
        (InputRefused(problem="x"), 3),
        (BadValue(value="x", expected="a whole number"), 2),
        (NotFound(noun="product", name="X"), 4),
        (StateForbids(problem="x"), 5),
        (AlreadyExists(noun="pool", name="X", differs="name"), 5),
        (VaultError(problem="x"), 7),
        (ServiceUnavailable(problem="x"), 9),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_ends_with_the_status_of_its_class(failing, error, status):
    assert "Traceback" not in failing(error, status=status).stderr


def test_an_error_names_its_code_and_the_next_command(failing):
    told = failing(NotFound(noun="product", name="X"), status=4).stderr
    assert told == "error[not-found]: there is no product X\nhint: cardctl product list\n"


def test_in_chinese_the_code_and_the_command_stay(failing):
    told = failing(NotFound(noun="product", name="product"), "--lang zh", status=4).stderr
    assert told == "错误[not-found]: 没有商品 product\n提示: cardctl product list\n"


@pytest.mark.parametrize(
    "number",
    [
        *(errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOSPC, errno.EROFS, errno.EPERM),
        *(errno.ENOTDIR, errno.EMFILE, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO),
    ],
)
def test_what_the_system_says_is_said_in_chinese_too(failing, number):
    reason = os.strerror(number)
    error = FileUnreadable(file="x", reason=reason)

    assert reason in failing(error, status=error.exit_status).stderr
    told = failing(error, "--lang zh", status=error.exit_status).stderr
    assert reason not in told
    assert re.search("x.*[一-鿿]{3}", told)


def test_what_the_system_seldom_says_stays_as_it_is(failing):
    reason = os.strerror(errno.EXDEV)
    error = FileUnreadable(file="x", reason=reason)

    assert reason in failing(error, "--lang zh", status=error.exit_status).stderr


def test_with_json_the_error_is_a_document_on_stderr(failing):
    result = failing(NotFound(noun="product", name="X"), "--json", status=4)
    assert result.stdout == ""
    assert json.loads(result.stderr) == {
        "error": {
            "code": "not-found",
            "message": "there is no product X",
            "hint": "cardctl product list",
            "details": {"noun": "product", "name": "X"},
        }
    }


def test_what_somebody_named_cannot_move_the_cursor(failing):
    assert "\x1b" not in failing(NotFound(noun="pool", name="\x1b[2J"), status=4).stderr


def test_a_bug_leaves_its_place_in_a_file_and_no_secret_anywhere(failing, machine):
    result = failing(KeyError(SECRET), status=1)
    assert "error[bug]" in result.stderr
    assert "Traceback" not in result.stderr
    (log,) = (machine.home / "logs").iterdir()
    assert str(log) in result.stderr
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    told = log.read_text()
    assert "builtins.KeyError" in told
    assert "raise error" in told
    assert SECRET not in told + result.stderr


def test_a_bug_is_shown_in_place_when_asked(failing):
    result = failing(KeyError(SECRET), "--verbose", status=1)
    assert "builtins.KeyError" in result.stderr
    assert SECRET not in result.stderr


def test_the_cause_of_a_bug_is_told_too(failing, machine):
    error = ValueError(SECRET)
    error.__cause__ = OSError(28, "No space left on device")
    failing(error, status=1)
    (log,) = (machine.home / "logs").iterdir()
    assert "No space left" in log.read_text()


def test_a_home_that_cannot_be_written_still_tells_the_bug(failing, machine):
    machine.home.write_text("a file in the way")
    result = failing(KeyError("x"), status=1)
    assert "error[bug]" in result.stderr


def test_every_error_fills_its_templates_from_its_details():
    """A template that its raiser cannot fill would end in a bug instead of a message."""
    for kind in every_error():
        assert kind.code == kind.code.lower()
        assert " " not in kind.code
        assert isinstance(kind.exit_status, ExitStatus)
        assert not kind.message.endswith("."), kind


def every_error(kind=CardctlError):
    yield kind
    for inner in kind.__subclasses__():
        yield from every_error(inner)


MANY = """
import sys
from cardctl.cli import main
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.clock import load_zone
noun = Noun("probe")
def show(context) -> None:
    "Show many."
    context.show([{"name": "会员🎴" * 20}] * 1000, (Column("name", "name"),), zone=load_zone("UTC"))
def wait(context) -> None:
    "Wait."
    import time
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    time.sleep(60)
noun.verb("show", examples=("cardctl probe show",))(show)
def work(context) -> None:
    "Work."
    with context.progress("Importing keys", total=2) as bar:
        bar.advance(2)
        import time
        time.sleep(0.3)
    context.write("done\\n")
noun.verb("work", examples=("cardctl probe work",))(work)
noun.verb("wait", examples=("cardctl probe wait",))(wait)
class Row:
    name, summary = "probe", "Try."
    load = staticmethod(lambda: noun.build("Try."))
main.NOUNS = (*main.NOUNS, Row)
main.main()
"""


def spawn(machine, *line, **options):
    return subprocess.Popen(
        [sys.executable, "-c", MANY, *line],
        env=machine.env | options.pop("env", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_a_closed_pipe_ends_quietly(machine):
    process = spawn(machine, "probe", "show", "--format", "plain")
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "utf-8"])
@pytest.mark.parametrize("form", ["table", "plain", "json", "csv"])
def test_no_encoding_of_stdout_raises(machine, encoding, form):
    process = spawn(machine, "probe", "show", "--format", form, env={"PYTHONIOENCODING": encoding})
    out, err = process.communicate()
    assert process.returncode == 0, err
    text = out.decode(encoding)
    if form == "json":
        assert json.loads(text)[0] == {"name": "会员🎴" * 20}
    elif encoding == "gbk":
        assert "会员\\U0001f3b4" in text


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["config show", "config nonsense"])
def test_a_stream_that_came_closed_leads_nowhere(machine, line, streams):
    done = in_a_shell(machine, f"cardctl {line} {streams}")
    assert done.returncode == (0 if line == "config show" else 2)
    assert not (machine.home / "logs").exists()


def test_an_output_that_takes_nothing_is_named(machine):
    done = in_a_shell(machine, "cardctl config show --json >/dev/full")
    assert done.returncode == 3
    assert json.loads(done.stderr)["error"]["code"] == "output-unwritable"
    assert in_a_shell(machine, "cardctl config nonsense 2>/dev/full").returncode == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bytes_that_are_no_text_are_refused(machine, lang):
    done = in_a_shell(machine, f"cardctl --lang {lang} config set operator $'\\xff'")
    assert done.returncode == 2
    assert "[argument-not-text]" in done.stderr
    assert in_a_shell(machine, "printf '\\xff\\n' | cardctl order issue -").returncode == 3


def in_a_shell(machine, script):
    return subprocess.run(
        ["bash", "-c", script],
        env=machine.env,
        cwd=machine.folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_folder_that_was_deleted_under_one_s_feet_is_no_bug(machine):
    done = subprocess.run(
        [
            "sh",
            "-c",
            f'mkdir gone && cd gone && rmdir ../gone && "{sys.executable}" -m cardctl config show',
        ],
        cwd=machine.folder,
        env=machine.env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def heed_interrupts():
    """Where this test was started in the background SIGINT is ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interruption_ends_with_130_and_no_traceback(machine):
    process = spawn(machine, "probe", "wait", preexec_fn=heed_interrupts)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out == b""


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(machine, variables, coloured):
    out = on_a_terminal(machine, ["config", "show"], {"TERM": "xterm", **variables})
    assert ("\x1b[" in out) is coloured
    assert "\x1b[" not in on_a_terminal(
        machine, ["config", "show", "--no-color"], {"TERM": "xterm"}
    )


def test_progress_is_drawn_on_a_terminal_in_the_language_of_the_run(machine):
    variables = {"TERM": "xterm", "CARDCTL_LANG": "zh"}
    out = on_a_terminal(machine, ["probe", "work"], variables, program=("-c", MANY))
    assert "正在导入卡密" in out
    assert "2/2" in out
    assert out.endswith("done\r\n")


def on_a_terminal(machine, line, variables, *, program=("-m", "cardctl")):
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, *program, *line],
        env={**machine.env, **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    assert process.wait() == 0
    return b"".join(parts).decode()
