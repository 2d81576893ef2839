"""The README is executed: what it shows works, in the order it shows it.

Its blocks marked `sh` and `console` are one session in a throw-away home beside a copy of the
sample data. Commands that fetch or build the project itself are checked by what they name.
"""

import re
import shlex
import shutil
import subprocess
import sys
from itertools import takewhile

import pytest

from cardctl.deliveries.signed import signed_headers
from cardctl.errors import ExitStatus
from cardctl.vault.secret import Secret
from tests.project.readme import Shown, shown_commands, shown_programs
from tests.project.sources import ROOT
from tests.support.shop import environment
from tests.support.terminal import Result, run_in_process

README = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
BUILDING = re.compile(r"(git|make|cd|sudo|apt|pip|pipx|python3?|\. |source|\.ci/run)\b")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
SHELL = re.compile(r"[|<>;&]|\$\(|`")
"""What only a shell can carry out; every other command runs within this process."""


@pytest.fixture
def reader(tmp_path):
    """Somebody who types what they read; yields a function that gives a line's exit status."""
    home, folder = tmp_path / "user", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    variables = environment(home=tmp_path / "cardctl", url=None, user_home=home)

    def read(line):
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in takewhile(ASSIGNMENT.match, words))
        if words[len(given)] == "cardctl" and not SHELL.search(line):
            arguments = words[len(given) + 1 :]
            return run_in_process(arguments, environment=variables | given, folder=folder)
        return typed("sh", "-c", line)

    def typed(*line):
        ended = subprocess.run(
            line,
            check=False,
            capture_output=True,
            cwd=folder,
            env=variables,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        return Result(ended.returncode, ended.stdout, ended.stderr)

    read.typed = typed
    return read


def test_what_the_readme_shows_works(reader):
    shown = [
        command for command in shown_commands(README) if not BUILDING.match(command.line.strip())
    ]

    assert sum("cardctl " in command.line for command in shown) >= 8
    for command in shown:
        result = reader(command.line)
        assert result.status == command.status, f"{command.line}\n{result}"
    sold = reader.typed(sys.executable, "-c", shown_programs(README)[0])
    assert re.fullmatch(r"\['DEMO-\S+', 'DEMO-\S+'\]\n", sold.stdout), sold


def test_the_receiver_that_the_readme_shows_knows_our_messages_from_others():
    shown: dict = {}
    exec(shown_programs(README)[1], shown)  # noqa: S102 -- our own text
    key, body = "made-up-signing-key-0001", b'{"order":"TB:1"}'
    headers = signed_headers(Secret(key), body, idempotency_key="1")

    assert shown["is_genuine"](key, headers, body)
    assert not shown["is_genuine"](key, headers, body + b" ")
    assert not shown["is_genuine"]("another key than that one", headers, body)
    old = headers | {"Cardctl-Timestamp": str(int(headers["Cardctl-Timestamp"]) - 301)}
    assert not shown["is_genuine"](key, old, body)


def test_what_the_readme_builds_with_is_there():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    for command in shown_commands(README):
        for wanted in re.findall(r"\bmake ([a-z][a-z-]*)", command.line):
            assert wanted in targets


def test_both_languages_show_the_same_commands():
    assert shown_commands(README) == shown_commands(CHINESE)
    assert [_without_texts(one) for one in shown_programs(README)] == [
        _without_texts(one) for one in shown_programs(CHINESE)
    ]


@pytest.mark.parametrize("path", [README, CHINESE], ids=["en", "zh"])
def test_the_readme_lists_every_exit_status(path):
    listed = re.findall(r"^\|\s*`?(\d+)`?\s*\|", path.read_text("utf-8"), re.MULTILINE)

    assert [int(number) for number in listed] == [int(status) for status in ExitStatus]


def _without_texts(program):
    """A program without what stands in quotes, which each language has its own words for."""
    return re.sub(r'"[^"]*"', '""', program)


def test_commands_are_found_as_they_stand(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(
        "```sh\n# why\ncardctl init   # once\ncardctl a \\\n  b   # ends with exit status 8\n```\n"
        "```console\n$ cardctl status\nall is well\n```\n```json\ncardctl no\n```\n"
    )

    assert shown_commands(path) == [
        Shown("cardctl init", 0),
        Shown("cardctl a    b", 8),
        Shown("cardctl status", 0),
    ]
