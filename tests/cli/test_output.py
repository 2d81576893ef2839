"""Results: every format, fitted, escaped, and safe on any stream."""

import csv
import io
import json
import stat
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest

from cardctl.cli.output import Column
from cardctl.clock import NEVER
from cardctl.errors import ExitStatus

ZONE = ZoneInfo("Asia/Shanghai")
AT = 1_795_315_620_000


@dataclass(frozen=True)
class Part:
    line: int
    masked: str


@dataclass(frozen=True)
class Thing:
    code: str
    name: str | None = None
    price_fen: int | None = None
    fee_rate_bp: int = 60
    created_at: int = AT
    expires_on: int | None = AT
    status: str = "held"
    open: bool = True
    tags: tuple[str, ...] = ("a", "b")
    parts: tuple[Part, ...] = ()


PART = (Column("line", "line"), Column("masked", "masked"))
THING = (
    Column("code", "code"),
    Column("name", "name"),
    Column("price_fen", "price"),
    Column("fee_rate_bp", "fee rate"),
    Column("created_at", "created"),
    Column("expires_on", "expires"),
    Column("status", "status"),
    Column("open", "open"),
    Column("tags", "tags"),
    Column("parts", "parts", of=PART),
)


@pytest.fixture
def showing(probe, machine):
    """Run a verb that shows a value; what follows are its options."""

    def run(value, line="", *, columns=THING, status=0, end=ExitStatus.DONE, **variables):
        def show(context) -> None:
            """Show a value."""
            context.show(value, columns, zone=ZONE, status=end)

        probe.verbs.clear()
        probe.verb("show", examples=("cardctl probe show",), columns=columns)(show)
        return machine.run(f"probe show {line}", status=status, **variables)

    return run


def test_json_is_for_programs(showing):
    thing = Thing("A", "会员", 2800, parts=(Part(1, "…K7"),))
    assert showing(thing, "--json").json == {
        "code": "A",
        "name": "会员",
        "price_fen": 2800,
        "fee_rate_bp": 60,
        "created_at": "2026-11-22T10:47:00+08:00",
        "expires_on": "2026-11-22",
        "status": "held",
        "open": True,
        "tags": ["a", "b"],
        "parts": [{"line": 1, "masked": "…K7"}],
    }


def test_json_is_never_translated(showing):
    english, chinese = (
        showing(Thing("A"), f"--json --lang {lang}").stdout for lang in ("en", "zh")
    )
    assert english == chinese


def test_many_things_are_an_array_and_none_an_empty_one(showing):
    assert [thing["code"] for thing in showing([Thing("A"), Thing("B")], "--json").json] == [
        "A",
        "B",
    ]
    assert showing([], "--format json").json == []


def test_json_lines_are_one_line_each(showing):
    lines = showing([Thing("A"), Thing("B")], "--format jsonl").stdout.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["A", "B"]


def test_never_is_null_in_json_and_a_word_for_people(showing):
    things = [Thing("A", expires_on=NEVER), Thing("B", expires_on=None)]
    assert [thing["expires_on"] for thing in showing(things, "--json").json] == [None, None]
    shown = showing(things, "--fields expires_on --lang zh").stdout.splitlines()
    assert shown[1:] == ["永久", "永久"]


def test_plain_is_for_pipes_headings_and_tabs(showing):
    shown = showing([Thing("A", "n", 2800), Thing("B")], "--fields code,price_fen,status").stdout
    assert shown == "code\tprice\tstatus\nA\t28.00\theld\nB\t\theld\n"


def test_one_thing_in_plain_is_a_line_a_field_and_a_table_for_its_parts(showing):
    shown = showing(Thing("A", parts=(Part(1, "x"), Part(2, "y"))), "--fields code,parts").stdout
    assert shown == "code\tA\nparts\t2\n\nline\tmasked\n1\tx\n2\ty\n"


def test_a_thing_within_a_thing_is_told_in_its_line_and_its_parts_below(showing):
    columns = (Column("held", "held", of=(THING[0], THING[-1])),)
    shown = showing({"held": Thing("A", parts=(Part(1, "x"),))}, columns=columns).stdout
    assert shown == "held\tcode A, parts 1\n\nline\tmasked\n1\tx\n"


def test_people_read_yuan_percent_and_local_time(showing):
    shown = showing([Thing("A", price_fen=-1205)], "--fields price_fen,fee_rate_bp,created_at")
    assert shown.stdout.splitlines()[1] == "-12.05\t0.6%\t2026-11-22 10:47:00"


def test_words_are_translated_in_tables(showing):
    shown = showing([Thing("held")], "--fields code,status,open --lang zh").stdout.splitlines()
    assert shown == ["编码\t状态\topen", "held\t待审\t是"]


def test_csv_is_read_back_cell_by_cell(showing):
    odd = 'a,"b"\nc'
    rows = list(csv.reader(io.StringIO(showing([Thing(odd)], "--format csv").stdout)))
    assert rows[0][:2] == ["code", "name"]
    assert rows[1][0] == odd
    formula = showing([Thing("=1+1", name="@SUM(A1)", price_fen=-1205)], "--format csv").stdout
    assert next(csv.reader(formula.splitlines()[1:]))[:3] == ["'=1+1", "'@SUM(A1)", "-12.05"]


def test_fields_are_picked_in_their_order(showing):
    assert list(showing(Thing("A"), "--json --fields status,code").json) == ["status", "code"]


def test_an_unknown_field_names_the_known_ones(showing):
    error = showing(Thing("A"), "--json --fields codes", status=2).error
    assert error["code"] == "unknown-field"
    assert error["details"]["known"].startswith("code, name, price_fen")


def test_a_mistaken_field_or_file_is_found_before_the_work_is_done(probe, machine):
    worked = []

    def work(context) -> None:
        """Do something."""
        worked.append(True)

    probe.verb("work", examples=("cardctl probe work",), writes=True, columns=THING)(work)
    machine.run("probe work --fields nonsense", status=2)
    machine.run("probe work --out result.doc", status=2)
    assert not worked


def test_the_result_is_shown_whatever_the_status_is(showing):
    assert showing(Thing("A"), "--json", end=ExitStatus.NEEDS_PERSON, status=8).json["code"] == "A"


def test_what_could_move_the_cursor_is_spelled_out(showing):
    name = "\x1b[2J[bold]\u202etxt\x00\r\x9b\udc80"
    for form in ("table", "plain"):
        shown = showing([Thing("A", name)], f"--format {form} --fields name").stdout
        assert "\\x1b[2J[bold]\\u202etxt\\x00\\r\\x9b\\udc80" in shown
    assert "\\u001b[2J" in showing([Thing("A", name)], "--json").stdout


def test_a_cell_stays_one_cell(showing):
    shown = showing([Thing("A", "x\ty\nz")], "--fields code,name").stdout
    assert shown.splitlines()[1] == "A\tx\\ty\\nz"


def test_a_table_fits_the_terminal_and_loses_nothing(showing):
    name = "视频会员月卡" * 6
    shown = showing([Thing("A" * 30, name)], "--format table --fields code,name", COLUMNS="40")
    from cardctl.cli.terminal import cells

    lines = shown.stdout.splitlines()
    assert max(map(cells, lines)) <= 40
    assert "".join("".join(line.split()) for line in lines).count("视频") + 1 >= 6
    assert sum(line.count("会") for line in lines) == 6


def test_columns_stand_under_their_headings_in_chinese_too(showing):
    from cardctl.cli.terminal import cells

    shown = showing(
        [Thing("会员", "x"), Thing("A", "x")], "--format table --fields code,name --lang zh"
    )
    heading, first, second = shown.stdout.splitlines()
    assert (
        len(
            {cells(heading.split("名")[0]), cells(first.split("x")[0]), cells(second.split("x")[0])}
        )
        == 1
    )


def test_a_file_is_written_by_its_ending_for_its_owner_only(showing, machine):
    things = [Thing("0012", "会员", 2800)]
    assert showing(things, "--out result.csv").stdout == ""
    path = machine.folder / "result.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbfcode,")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    showing(things, "--out result.json")
    assert json.loads((machine.folder / "result.json").read_text())[0]["name"] == "会员"
    showing(things, "--out result.xlsx --lang zh")
    from openpyxl import load_workbook

    sheet = load_workbook(machine.folder / "result.xlsx").active
    assert [cell.value for cell in sheet[1]][:3] == ["编码", "名称", "售价"]
    assert [cell.value for cell in sheet[2]][:3] == ["0012", "会员", "28.00"]


def test_a_file_is_not_written_over_without_a_yes(showing, machine):
    path = machine.folder / "result.json"
    path.write_text("mine")
    error = showing([Thing("A")], "--json --out result.json", status=2).error
    assert error["code"] == "file-in-the-way"
    assert path.read_text() == "mine"
    showing([Thing("A")], "--out result.json --yes")
    assert json.loads(path.read_text())[0]["code"] == "A"
    assert list(machine.folder.iterdir()) == [path]


@pytest.mark.parametrize("path", ["none/result.json", "folder.json"])
def test_a_file_that_cannot_be_is_refused_before_the_work(probe, machine, path):
    def work(_context) -> None:
        """Work that must not begin."""
        raise AssertionError

    (machine.folder / "folder.json").mkdir()
    probe.verb("work", examples=("cardctl probe work",), writes=True, columns=THING)(work)
    told = machine.run(f"probe work --out {path} --yes", status=3)
    assert f"error[output-unwritable]: {path} cannot be written" in told.stderr


def test_a_dry_run_says_so(probe, machine):
    def show(context) -> None:
        """Show a value."""
        context.show(Thing("A"), THING, zone=ZONE)

    probe.verb("show", examples=("cardctl probe show",), writes=True, columns=THING)(show)
    assert machine.run("probe show --json --dry-run").json["dry_run"] is True
    assert "dry_run" not in machine.run("probe show --json").json
    assert "nothing was kept" in machine.run("probe show --dry-run").stderr
