"""demo: the whole tour, as a merchant takes it."""

import os

from cardctl.cli.tour import FILES, steps


def test_the_tour_prints_each_command_before_its_result_and_says_what_it_left(machine):
    before = dict(os.environ)
    told = machine.run("demo --home tour", CARDCTL_LANG="en").stdout
    assert dict(os.environ) == before
    place = -1
    for step in steps():
        place = told.index(f"$ {step.line}\n", place + 1)
    folder = machine.folder / "tour"
    closing = told[told.index("What the tour left in") :]
    left = "cardctl.db", "demo.key", "recovery.txt", "config.toml", "cards.xlsx", "staff-cards.xlsx"
    for name in (*left, *FILES):
        assert name in closing
        assert (folder / name).exists()


def test_the_merchant_s_own_store_and_key_are_not_touched(machine):
    (machine.folder / "cardctl.toml").write_text('store = "sqlite:////nowhere/mine.db"')
    machine.run(
        "demo --home tour --lang zh",
        CARDCTL_STORE="postgresql://nobody@nowhere/mine",
        CARDCTL_KEY="a key of another store",
        CARDCTL_PROFILE="mine",
    )
    assert not machine.home.exists()


def test_a_folder_that_holds_something_is_not_used(machine):
    folder = machine.folder / "tour"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    told = machine.run("demo --home tour", status=5).stderr
    assert "error[folder-in-use]" in told
    assert list(folder.iterdir()) == [folder / "mine.txt"]
