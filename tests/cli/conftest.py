"""What tests of the frame share: command lines without a store, and nouns made for a test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cardctl.cli import main
from cardctl.cli.verbs import Noun
from tests.support.shop import environment, words
from tests.support.terminal import run_in_process


@pytest.fixture
def machine(tmp_path):
    """Run command lines on a machine without any store."""
    return Machine(tmp_path)


@pytest.fixture
def probe(monkeypatch):
    """A noun `probe` that a test fills with verbs and runs like any other."""
    noun = Noun("probe")
    monkeypatch.setattr(main, "NOUNS", (*main.NOUNS, ProbeRow(noun)))
    return noun


@dataclass(frozen=True)
class ProbeRow:
    """A row of the table of nouns whose module is the test."""

    noun: Noun
    name: str = "probe"
    summary: str = "What a test tries."

    def load(self):
        return self.noun.build(self.summary)


class Machine:
    """An empty home, an empty folder, and command lines."""

    def __init__(self, root):
        self.home = root / "home"
        self.folder = root / "work"
        self.folder.mkdir()
        self.env = environment(home=self.home, url=None, user_home=root)

    def run(self, line, *, status=0, stdin=b"", **variables):
        result = run_in_process(
            words(line),
            environment={**self.env, **variables},
            folder=self.folder,
            stdin=stdin,
        )
        assert result.status == status, f"cardctl {line}: expected {status}, got {result}"
        return result


def every_verb() -> Iterator[tuple[str, Any]]:
    """Every verb of every noun, with the words that name it."""
    for row in main.NOUNS:
        yield from _verbs_of(row.name, row.load())


def _verbs_of(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _verbs_of(f"{path} {name}", inner)
