"""Questions: asked on a terminal, refused at once where nobody can answer."""

import os
import subprocess
import sys
import time

import pytest

ASKING = """
import sys
from cardctl.cli import main
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.clock import load_zone
noun = Noun("probe")
def drop(context) -> None:
    "Drop it."
    context.confirm("Drop {count} cards?", count=3)
    sys.stdout.write("dropped\\n")
def shred(context) -> None:
    "Shred it."
    context.confirm_by_typing("B-1", "This cannot be undone.")
    sys.stdout.write("shredded\\n")
def secret(context) -> None:
    "Ask."
    sys.stdout.write(str(len(context.ask_secret("Password"))) + "\\n")
for verb in (drop, shred, secret):
    noun.verb(verb.__name__, destroys=True, examples=("cardctl probe",))(verb)
class Row:
    name, summary = "probe", "Try."
    load = staticmethod(lambda: noun.build("Try."))
main.NOUNS = (*main.NOUNS, Row)
main.main()
"""


def typing(machine, line, answer):
    """Run on a terminal and type an answer; returns status and all that the terminal showed."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASKING, *line],
        env=machine.env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while not shown.rstrip().endswith((b":", b"]")):
        shown += os.read(master, 4096)
    time.sleep(0.2)  # getpass turns the echo off after it has shown its prompt
    os.write(master, answer.encode() + b"\n")
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    return process.wait(), shown.decode()


@pytest.mark.parametrize(
    ("verb", "answer", "status", "done"),
    [
        ("drop", "y", 0, True),
        ("drop", "YES", 0, True),
        ("drop", "是", 0, True),
        ("drop", "n", 2, False),
        ("drop", "", 2, False),
        ("shred", "B-1", 0, True),
        ("shred", "y", 2, False),
        ("shred", "", 2, False),
    ],
)
def test_only_a_yes_goes_on(machine, verb, answer, status, done):
    ended, shown = typing(machine, ["probe", verb], answer)
    assert ended == status, shown
    assert ("dropped" in shown or "shredded" in shown) is done


def test_a_secret_is_not_shown_while_it_is_typed(machine):
    ended, shown = typing(machine, ["probe", "secret"], "hunter2")
    assert ended == 0
    assert "hunter2" not in shown
    assert "7" in shown.splitlines()[-1]


@pytest.mark.parametrize("verb", ["drop", "shred", "secret"])
@pytest.mark.parametrize("closed", [True, False])
def test_without_a_terminal_it_ends_at_once(machine, verb, closed):
    done = subprocess.run(
        [sys.executable, "-c", ASKING, "probe", verb, "--json"],
        env=machine.env,
        stdin=subprocess.DEVNULL if closed else subprocess.PIPE,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert b'"nobody-to-ask"' in done.stderr or b'"no-secret"' in done.stderr


def test_a_yes_on_the_line_is_enough(machine):
    for verb, flag in (("drop", "--yes"), ("shred", "-y"), ("drop", "--dry-run")):
        done = subprocess.run(
            [sys.executable, "-c", ASKING, "probe", verb, flag],
            env=machine.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_no_input_asks_nothing_on_a_terminal_either(machine):
    master, slave = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", ASKING, "probe", "drop", "--no-input"],
        env=machine.env,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    os.close(slave)
    os.close(master)
