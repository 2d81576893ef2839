"""The report has a row a recipient: masked, or with the cards in a workbook that is encrypted."""

import csv
import io
import json

import msoffcrypto
import openpyxl
import pytest

from tests.support.clear_text import files_holding

KEYS = ["=1+1", "007-MADE-UP", "MADE-UP-3", "MADE-UP-4"]


@pytest.fixture
def given(shop, staff):
    """Three who have their cards, one who is short, one who is cancelled."""
    shop.import_codes("VIP", KEYS)
    (shop.folder / "keys-0.csv").unlink()
    staff.table(
        "u1,VIP,2,u1@made-up.cn,,张三,", "u2,VIP,,,,=cmd,", "u3,VIP,,,,,", "u4,VIP,,,,,", "u5,VIP"
    )
    shop.run("distribute plan staff.csv --name spring --price 30", status=8)
    shop.run("distribute cancel spring u4 --reason x --yes")
    shop.run("distribute run spring", status=8)
    return shop


def opened(path, password):
    """The rows of an encrypted workbook."""
    clear = io.BytesIO()
    with path.open("rb") as stream:
        book = msoffcrypto.OfficeFile(stream)
        book.load_key(password=password, verify_password=True)
        book.decrypt(clear, verify_integrity=True)
    return [list(row) for row in openpyxl.load_workbook(clear).active.iter_rows(values_only=True)]


def test_a_masked_report_tells_what_became_of_everybody(given):
    told = given.run("distribute report spring --out r.json --json").json
    assert told == {
        "plan": "spring",
        "file": "r.json",
        "recipients": 5,
        "cards": 4,
        "revealed": False,
    }
    rows = json.loads((given.folder / "r.json").read_text())
    assert [(row["recipient"], row["state"], len(row["masked"])) for row in rows][:1] == [
        ("u1", "assigned", 2)
    ]
    assert sorted(row["state"] for row in rows) == ["assigned"] * 3 + ["cancelled", "short"]
    assert rows[0]["order"] == "DIST:spring/u1"
    assert rows[0]["assigned_at"]
    assert rows[0]["delivered_at"] is None
    assert list(files_holding(KEYS[1:], [given.folder])) == []

    given.run("distribute report spring --out r.csv")
    text = (given.folder / "r.csv").read_text("utf-8-sig")
    heading, first, second, *_rest = csv.reader(text.splitlines())
    assert second[:2] == ["u2", "'=cmd"]
    assert (heading[:2], first[:2]) == (["recipient", "name"], ["u1", "张三"])
    given.run("distribute report spring --out r.csv", status=2)
    chinese = given.run("--lang zh distribute report spring --out r.xlsx --yes")
    assert "收件人" in chinese.stdout


def test_cards_in_clear_need_a_reason_and_a_password_and_are_audited(given):
    line = "distribute report spring --out cards.xlsx --reveal"
    given.env["PW"] = "made-up-pass"
    given.run(line, status=2)
    given.run(f"{line.removesuffix(' --reveal')} --password-source env:PW", status=2)
    given.run(f"{line} --reason x", status=2)
    given.run(f"{line.replace('xlsx', 'csv')} --reason x --password-source env:PW", status=2)
    revealed = "SELECT count(*) FROM order_event WHERE kind = 'revealed'"
    assert given.sql(revealed) == [(0,)]

    short = given.run(
        f"{line} --reason x --password-source env:PW", env={"PW": "made-up"}, status=2
    )
    assert "password-too-short" in short.stderr
    told = given.run(f"{line} --reason x --password-source env:PW --json").json
    assert (told["cards"], told["revealed"]) == (4, True)
    heading, *rows = opened(given.folder / "cards.xlsx", "made-up-pass")
    assert heading[13:] == [
        *("card number 1", "secret 1", "fields 1"),
        *("card number 2", "secret 2", "fields 2"),
    ]
    shown = [cell for row in rows for cell in (row[14], row[17]) if cell]
    assert sorted(shown) == sorted(KEYS)
    assert given.sql(revealed) == [(3,)]
    given.run("audit verify")
    found = files_holding(KEYS[1:], [given.folder, given.temporary, given.home])
    assert list(found) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_who_is_in_dispute_is_in_no_report_in_clear_nor_sent_again(given):
    told = "order,sku,qty,paid,status\nspring/u1,VIP,2,60,refunded\n"
    given.run("order import - --channel DIST", stdin=told, status=8)
    given.env["PW"] = "made-up-pass"
    line = "--reason x --password-source env:PW"
    given.run(f"distribute report spring --out c.xlsx --reveal {line}")
    heading, *rows = opened(given.folder / "c.xlsx", "made-up-pass")
    kept, *others = [(bool(row[14]), row[heading.index("failure")]) for row in rows]
    assert kept == (False, "conflict")
    assert sum(shown for shown, _ in others) == 2
    again = f"distribute resend spring u1 --via file --out u1.xlsx {line} --json"
    (refused,) = given.run(again, status=5).json["deliveries"]
    assert refused["status"] == "conflict"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_who_has_many_cards_has_several_rows(shop, staff, monkeypatch):
    monkeypatch.setattr("cardctl.cli.distribute_report.CARDS_A_ROW", 2)
    staff.codes(4)
    staff.table("u1,VIP,3,,,,", "u2,VIP,1,,,,")
    shop.run("distribute plan staff.csv --name spring")
    shop.run("distribute run spring")
    shop.env["PW"] = "made-up-pass"
    shop.run("distribute report spring --out c.xlsx --reveal --reason x --password-source env:PW")
    _heading, *rows = opened(shop.folder / "c.xlsx", "made-up-pass")
    assert [(row[0], bool(row[14]), len(row) > 17 and bool(row[17])) for row in rows] == [
        ("u1", True, True),
        ("u1", True, False),
        ("u2", True, False),
    ]
