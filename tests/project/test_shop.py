"""The shop itself: a command within this process is what it is as a process of its own."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.shop import Shop


def test_in_process_and_as_a_process_are_alike(shop):
    for line in ("stock levels --json", "card show A"):
        spawned = shop.spawn(line, afresh=True)
        out, err = spawned.communicate(timeout=60)
        within = shop.run(line, status=spawned.returncode)

        assert (within.stdout, within.stderr) == (out, err)


def test_nothing_leaks_into_or_out_of_a_command(shop, monkeypatch):
    monkeypatch.setenv("CARDCTL_OPERATOR", "somebody-else")
    before = dict(os.environ), Path.cwd(), sys.argv, sys.stdout, tempfile.gettempdir()

    [operator] = [
        setting["value"]
        for setting in shop.run("config show --json").json
        if setting["key"] == "operator"
    ]

    assert operator is None
    assert before == (dict(os.environ), Path.cwd(), sys.argv, sys.stdout, tempfile.gettempdir())


def test_shops_do_not_share_a_store(shop, test_run, tmp_path):
    shop.execute("INSERT INTO pool (id, code, created_at) VALUES (99, 'mine', 0)")

    home = tmp_path / "other"
    url = test_run.copy_of(test_run.folder / f"template-{shop.backend}", shop.backend, home)
    other = Shop(backend=shop.backend, url=url, home=home, root=tmp_path / "others")

    assert other.sql("SELECT code FROM pool") == [("main",)]
    assert str(home) in (home / "config.toml").read_text()
    other.close()
    test_run.drop(url)


def test_an_unexpected_status_shows_everything(shop):
    with pytest.raises(AssertionError) as told:
        shop.run("card show no-such-card")

    assert "expected 0, got exit status" in str(told.value)
    assert "error[" in str(told.value)
