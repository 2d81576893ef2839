"""Mistakes on the command line: in our words, in both languages, with status 2."""

import re
import shlex
from typing import Annotated

import pytest
import typer

from cardctl.cli.options import days, rate, yuan
from tests.cli.conftest import every_verb

MISTAKES = {
    "nonsense": "cardctl has no command nonsense",
    "stor check": "cardctl has no command stor",
    "config shwo": "cardctl config has no command shwo",
    "config show --orgin": "cardctl config show has no option --orgin",
    "config show -x": "cardctl config show has no option -x",
    "--nonsense": "cardctl has no option --nonsense",
    "config show --format": "the option --format needs a value",
    "config show --format xml": "--format: 'xml' is none of table, plain, json, jsonl, csv",
    "config show --json=1": "the option --json takes no value",
    "config show 1 2": "too many arguments: 1 2",
    "config set language": "VALUE is missing",
    "--lang fr config show": "--lang: 'fr' is none of en, zh",
    "--store": "the option --store needs a value",
    "--quiet": "a command is missing after cardctl",
    "config --quiet": "a command is missing after cardctl config",
    "completion tcsh": "SHELL: 'tcsh' is none of bash, zsh, fish",
    "probe buy --count x": "--count: 'x' is not a whole number of at least 1",
    "probe buy --count 0": "--count: '0' is not a whole number of at least 1",
    "probe buy --count ١٢": "--count: '١٢' is not a whole number of at least 1",
    "probe buy --count 1_2": "--count: '1_2' is not a whole number of at least 1",
    "probe buy --rate ٧%": "--rate: '٧%' is not a rate in percent, such as 0.6%",
    "probe buy --days ٣d": "--days: '٣d' is not a number of days, such as 30d",
    "probe buy --seats 9": "--seats: '9' is not a whole number from 1 to 5",
    "probe buy --price 1.2.3": "--price: '1.2.3' is not an amount in yuan, such as 12.50",
    "probe buy --price -1": "--price: '-1' is not an amount that is not negative",
    "probe buy --rate 7": "--rate: '7' is not a rate in percent, such as 0.6%",
    "probe buy --days 3": "--days: '3' is not a number of days, such as 30d",
    "probe buy --count": "the option --count needs a value",
    "probe buy --seats 2": "--count is missing",
}
VERBS = dict(every_verb())
PAGES = ["", *sorted({path.rpartition(" ")[0] for path in VERBS}), *VERBS]


@pytest.fixture(autouse=True)
def _buying(probe):
    def buy(
        context,
        count: Annotated[int, typer.Option(min=1, help="How many.")],
        seats: Annotated[int, typer.Option(min=1, max=5, help="Seats.")] = 1,
        price: Annotated[int | None, yuan("Price.")] = None,
        share: Annotated[int | None, rate("Share.", "--rate")] = None,
        wait: Annotated[int | None, days("Days.", "--days")] = None,
    ) -> None:
        """Buy something."""

    probe.verb("buy", examples=("cardctl probe buy --count 1",))(buy)


@pytest.mark.parametrize(("line", "message"), MISTAKES.items())
def test_a_mistake_is_told_in_our_words(machine, line, message):
    result = machine.run(line, status=2)
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == f"error[usage]: {message}"


@pytest.mark.parametrize("line", MISTAKES)
def test_no_english_is_left_over_in_chinese(machine, line):
    told = machine.run(line, status=2, CARDCTL_LANG="zh").stderr
    typed = set(re.findall(r"[A-Za-z]+", line))
    ours = {"cardctl", "usage", "help"} | {"config", "show", "store", "stock", "status"}
    ours |= {"table", "plain", "json", "jsonl", "csv", "en", "zh", "bash", "fish", "zsh"}
    ours |= {"VALUE", "SHELL", "format", "out", "origin", "count"}
    assert re.search("[一-鿿]", told)
    assert not set(re.findall(r"[A-Za-z]{2,}", told)) - typed - ours, told


def test_a_slip_of_the_finger_is_guessed(machine):
    told = machine.run("stor check", status=2).stderr
    assert "hint: did you mean cardctl store" in told
    assert "--origin" in machine.run("config show --orgin", status=2).stderr


def test_a_noun_alone_shows_its_help_and_is_a_mistake(machine):
    result = machine.run("config", status=2)
    assert result.stdout == ""
    assert "cardctl config show" in result.stderr
    assert "Commands:" in machine.run("", status=2).stderr


def test_a_mistake_is_a_document_where_json_is_asked_for(machine):
    for line in ("config show --json --nonsense", "config show --format jsonl 1"):
        error = machine.run(line, status=2).error
        assert error["code"] == "usage"
        assert set(error) == {"code", "message", "hint", "details"}


def test_options_of_the_program_may_stand_anywhere(machine):
    for line in ("--lang zh config show", "config --lang zh show", "config show --lang zh"):
        assert machine.run(line).stdout.startswith("设置"), line


@pytest.mark.parametrize("line", ["probe buy", "--lang en probe buy", "probe --lang en buy"])
def test_the_way_out_is_the_help_of_the_verb_wherever_options_stand(machine, line):
    told = machine.run(f"{line} --count x", status=2).stderr
    assert told.splitlines()[1] == "hint: cardctl probe buy --help"


@pytest.mark.parametrize("line", [f"{page} --help" for page in PAGES])
def test_help_in_chinese_holds_no_english_sentence(machine, line):
    page = machine.run(line, CARDCTL_LANG="zh").stdout
    assert "示例:" in page.splitlines()
    for text in page.splitlines():
        words = re.findall(r"(?<![-\w/.|])[a-z]{2,}(?![-\w/.:|])", text)
        assert "cardctl" in text or len(words) < 3 or re.search("[一-鿿]", text), text


def test_help_begins_with_what_it_is_and_examples(machine):
    lines = machine.run("config show --help").stdout.splitlines()
    assert lines[0] == "Show the settings in force."
    assert lines[2] == "Examples:"
    assert shlex.split(lines[3])[:3] == ["cardctl", "config", "show"]


def test_help_fits_a_narrow_terminal(machine):
    from cardctl.cli.terminal import cells

    for lang in ("en", "zh"):
        page = machine.run("config set --help", CARDCTL_LANG=lang, COLUMNS="60").stdout
        long = [line for line in page.splitlines() if cells(line) > 60]
        assert all("cardctl" in line or "--format" in line for line in long), long


def test_the_version_is_the_package_s(machine):
    from cardctl import __version__

    assert machine.run("--version").stdout == f"cardctl {__version__}\n"
