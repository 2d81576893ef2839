"""Talk on stderr: notes, warnings and progress; and times on the line."""

import pytest


@pytest.fixture
def talking(probe, machine):
    def talk(context) -> None:
        """Talk."""
        context.note("Said to {name}.", name="\x1b[2J")
        context.warn("Mind the {thing}.", thing="gap")
        with context.progress("Working", total=3) as bar:
            for _ in range(3):
                bar.advance()
        context.write("done\n")

    probe.verb("talk", examples=("cardctl probe talk",))(talk)
    return lambda line="": machine.run(f"probe talk {line}")


def test_talk_goes_to_stderr_and_is_escaped(talking):
    result = talking()
    assert result.stdout == "done\n"
    assert result.stderr == "Said to \\x1b[2J.\nwarning: Mind the gap.\n"


def test_quiet_keeps_warnings_only(talking):
    assert talking("--quiet").stderr == "warning: Mind the gap.\n"


def test_nothing_is_drawn_where_there_is_no_terminal(talking):
    assert "Working" not in talking().stderr


TIMES = (
    "ledger journal --from someday",
    "order list --since yesterday-ish",
    "audit list --since 99",
    "stock expire --as-of never",
    "batch import x.csv --product VIP --supplier SUP --expires someday",
    "order add --channel TB --number 1 --sku VIP --paid 28 --paid-at soon",
)


def test_a_time_that_is_none_is_a_mistake_on_the_line(shop):
    shop.seed_catalog()
    (shop.folder / "x.csv").write_text("兑换码\nK-1\n")
    for line in TIMES:
        error = shop.run(f"{line} --json", status=2).error
        assert error["code"] == "usage", line
        assert error["message"].startswith("--"), line
