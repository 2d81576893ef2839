"""Keys typed and shown at a real terminal: passphrases, recovery codes."""

import fcntl
import os
import re
import select
import subprocess
import termios

import pytest

PATIENCE_S = 60
WORDS = "made up 密语"


class Terminal:
    """One command at a terminal of its own: what it says, and what is typed."""

    def __init__(self, shop, line, **env):
        self.ours, theirs = os.openpty()
        self.process = shop.spawn(
            line,
            env=env,
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self.said = ""

    def answer(self, prompt, text):
        """Wait until the prompt stands there, then type."""
        while prompt not in self.said:
            assert self._hear(), self.said
        self.said = self.said.partition(prompt)[2]
        os.write(self.ours, f"{text}\n".encode())

    def end(self, status=0):
        """Everything said since the last answer, and stdout."""
        while self._hear():
            pass
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        os.close(self.ours)
        assert self.process.returncode == status, self.said
        return self.said, out

    def _hear(self):
        readable, _, _ = select.select([self.ours], [], [], PATIENCE_S)
        assert readable, self.said
        try:
            heard = os.read(self.ours, 65536)
        except OSError:  # The other side of the terminal is closed.
            return False
        self.said += heard.decode()
        return bool(heard)


def _take_terminal():
    """In the child: its standard input is its terminal, where getpass asks."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def code_in(text):
    return re.search(r"CARDCTL-KEY-1-[0-9A-Z-]+", text)[0]


# What is typed has nothing to do with the database, and every command is a process here.
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@on_sqlite
def test_a_passphrase_opens_what_it_was_set_for(shop):
    adding = Terminal(shop, "vault slot add passphrase --label 老板")
    adding.answer("New passphrase: ", WORDS)
    adding.answer("Once more: ", WORDS)
    said, out = adding.end()
    assert WORDS not in said + out
    (shop.home / "keys" / "cardctl.key").unlink()

    for words, status in ((WORDS, 0), ("something else", 7)):
        checking = Terminal(shop, "--key-source passphrase vault verify")
        checking.answer("Passphrase or recovery code: ", words)
        said, _ = checking.end(status)
    assert "error[wrong-key]" in said


@on_sqlite
def test_a_passphrase_mistyped_changes_nothing(shop):
    adding = Terminal(shop, "vault slot add passphrase")
    adding.answer("New passphrase: ", WORDS)
    adding.answer("Once more: ", WORDS + "x")
    said, _ = adding.end(2)
    assert "error[typed-differently]" in said
    assert len(shop.sql("SELECT code FROM slot")) == 1


@on_sqlite
def test_a_new_store_shows_its_recovery_code_once(bare_shop):
    said, out = Terminal(bare_shop, "init --json").end()
    code = code_in(said)
    assert code not in out
    (bare_shop.home / "keys" / "cardctl.key").unlink()
    (bare_shop.home / "config.toml").unlink()
    # Nothing names a key any more: the terminal asks.
    checking = Terminal(bare_shop, "vault verify")
    checking.answer("Passphrase or recovery code: ", code.lower())
    checking.end()
    files = [path for path in bare_shop.home.rglob("*") if path.is_file()]
    assert not any(code.encode() in path.read_bytes() for path in files)
    assert code not in Terminal(bare_shop, "init").end()[0]


@on_sqlite
def test_no_input_makes_and_shows_no_code(bare_shop):
    said, _ = Terminal(bare_shop, "init --no-input").end()
    assert "CARDCTL-KEY" not in said
    assert bare_shop.sql("SELECT kind FROM slot") == [("keyfile",)]
    said, _ = Terminal(bare_shop, "vault slot add recovery --no-input").end(2)
    assert "error[no-place]" in said


def test_a_home_that_cannot_be_written_does_not_lose_the_recovery_code(bare_shop, tmp_path):
    line = f"init --key-source file:{tmp_path}/shop.key"
    said, _ = Terminal(bare_shop, line, CARDCTL_HOME="/proc/none").end(status=2)
    assert re.search("shown only once: CARDCTL-KEY-1-", said)
    assert "error[config-unwritable]" in said
