"""What is remembered of a supplier's files: names of products, columns, the password."""

import json

import pytest

from tests.batches.files import CODES, PASSWORD, sealed_xlsx, text

IMPORT = "batch import {file} --product VIP --supplier SUP --expires never --json"


@pytest.fixture
def supplied(shop):
    shop.seed_catalog()
    return shop


def records(shop):
    return shop.sql("SELECT count(*) FROM audit_record")[0][0]


def code_of(result):
    return json.loads(result.stderr)["error"]["code"]


def test_a_name_is_mapped_once_however_it_is_written(supplied):
    new = supplied.run("supplier map add SUP '视频会员 月卡' VIP --json").json
    assert new == {
        "status": "new",
        "supplier": "SUP",
        "their_name": "视频会员 月卡",
        "sku": "VIP",
        "was_sku": None,
    }
    before = records(supplied)
    assert (
        supplied.run("supplier map add SUP '视频会员　月卡：' VIP --json").json["status"]
        == "unchanged"
    )
    assert records(supplied) == before
    changed = supplied.run("supplier map add SUP 视频会员月卡 CARDP --json").json
    assert (changed["status"], changed["sku"], changed["was_sku"]) == ("updated", "CARDP", "VIP")
    listed = supplied.run("supplier map list SUP --json").json
    assert [(row["their_name"], row["sku"]) for row in listed] == [("视频会员 月卡", "CARDP")]
    assert supplied.run("supplier show SUP --json").json["maps"] == 1
    removed = supplied.run("supplier map remove SUP 视频会员月卡 --json").json
    assert (removed["status"], removed["sku"], removed["was_sku"]) == ("updated", None, "CARDP")
    assert supplied.run("supplier map remove SUP 视频会员月卡 --json").json["status"] == "unchanged"
    assert supplied.run("supplier map list SUP --json").json == []
    supplied.run("audit verify")


def test_what_cannot_be_mapped_says_why(supplied):
    supplied.run("supplier map add NONE 月卡 VIP", status=4)
    supplied.run("supplier map add SUP 月卡 NONE", status=4)
    supplied.run("supplier map add SUP '*' VIP", status=2)
    supplied.run("supplier map list NONE", status=4)
    supplied.run("supplier map add SUP 月卡 VIP --dry-run")
    assert supplied.run("supplier map list SUP --json").json == []


def test_columns_are_remembered_from_the_import_that_named_them(supplied):
    (supplied.folder / "a.csv").write_bytes(text([["串", "价"], ["A-1", "2"]]))
    (supplied.folder / "b.csv").write_bytes(text([["串", "价"], ["B-1", "3"]]))
    (supplied.folder / "c.csv").write_bytes(text([["兑换码", "价"], ["C-1", "4"]]))
    mapping = "--map secret=串 --map cost=价"
    supplied.run(f"{IMPORT.format(file='a.csv')} {mapping} --dry-run")
    assert supplied.run("supplier column list SUP --json").json == []
    assert code_of(supplied.run(IMPORT.format(file="b.csv"), status=3)) == "header-missing"
    supplied.run(f"{IMPORT.format(file='a.csv')} {mapping}")
    assert supplied.run("supplier show SUP --json").json["columns"] == {
        "cost": "价",
        "secret": "串",
    }
    second = supplied.run(IMPORT.format(file="b.csv"))
    assert second.json["cost_fen"] == 300
    assert "column 串 was taken as secret" in second.stderr
    third = supplied.run(IMPORT.format(file="c.csv"))
    assert third.json["cost_fen"] == 400
    assert "secret" not in third.stderr
    forgotten = supplied.run("supplier column forget SUP --json").json
    assert forgotten["forgotten"] == {"cost": "价", "secret": "串"}
    before = records(supplied)
    assert supplied.run("supplier column forget SUP --json").json["status"] == "unchanged"
    assert records(supplied) == before
    supplied.run("audit verify")


def test_a_column_named_again_takes_the_place_of_the_one_before(supplied):
    (supplied.folder / "a.csv").write_bytes(text([["串", "码"], ["A-1", "A-2"]]))
    (supplied.folder / "b.csv").write_bytes(text([["串", "码"], ["B-1", "B-2"]]))
    supplied.run(f"{IMPORT.format(file='a.csv')} --map secret=串")
    supplied.run(f"{IMPORT.format(file='b.csv')} --map secret=码")
    assert supplied.run("supplier show SUP --json").json["columns"] == {"secret": "码"}
    assert supplied.run("card find - --json", stdin="B-2").json


def test_a_refused_import_teaches_nothing(supplied):
    (supplied.folder / "a.csv").write_bytes(text([["串"], [" bad"]]))
    supplied.run(f"{IMPORT.format(file='a.csv')} --map secret=串", status=3)
    assert supplied.run("supplier column list SUP --json").json == []


def set_password(shop, word, *more, status=0):
    line = ["supplier", "password", "set", "SUP", "--password-source", "env:PW", "--json", *more]
    return shop.run(line, env={"PW": word}, status=status)


def test_the_password_is_kept_sealed_and_used(supplied):
    (supplied.folder / "sealed.xlsx").write_bytes(sealed_xlsx(CODES))
    assert code_of(supplied.run(IMPORT.format(file="sealed.xlsx"), status=3)) == "password-needed"
    set_password(supplied, PASSWORD, "--dry-run")
    assert supplied.run("supplier show SUP --json").json["file_password"] is False
    assert set_password(supplied, PASSWORD).json["status"] == "new"
    before = records(supplied)
    assert set_password(supplied, PASSWORD).json["status"] == "unchanged"
    assert records(supplied) == before
    assert supplied.run("supplier show SUP --json").json["file_password"] is True
    assert supplied.run(IMPORT.format(file="sealed.xlsx")).json["imported"] == 2
    supplied.run("vault verify")
    for table in ("supplier_password", "audit_record", "batch"):
        assert "sesame" not in str(supplied.sql(f"SELECT * FROM {table}"))
    supplied.run("supplier password remove SUP")
    assert supplied.run("supplier password remove SUP --json").json["status"] == "unchanged"
    supplied.run("audit verify")


def test_a_remembered_password_that_is_wrong_says_so(supplied):
    set_password(supplied, "another")
    (supplied.folder / "sealed.xlsx").write_bytes(sealed_xlsx(CODES))
    told = supplied.run(IMPORT.format(file="sealed.xlsx"), status=3)
    error = json.loads(told.stderr)["error"]
    assert error["code"] == "wrong-password"
    assert "remembered" in error["message"]
    assert "supplier password set SUP" in error["hint"]
    given = f"{IMPORT.format(file='sealed.xlsx')} --password-source env:PW"
    assert supplied.run(given, env={"PW": PASSWORD}).json["imported"] == 2
    assert set_password(supplied, PASSWORD).json["status"] == "updated"


def test_a_key_that_only_imports_opens_it_before_and_after_a_rotation(supplied):
    set_password(supplied, PASSWORD)
    key = supplied.folder / "import.key"
    supplied.run(["vault", "slot", "add", "keyfile", "--scope", "import", "--out", str(key)])
    supplied.run("vault rotate --yes")
    (supplied.folder / "sealed.xlsx").write_bytes(sealed_xlsx(CODES))
    line = f"{IMPORT.format(file='sealed.xlsx')} --key-source file:{key} --no-input"
    assert supplied.run(line).json["imported"] == 2
    supplied.run("vault verify")


def test_a_password_of_another_supplier_does_not_open(supplied):
    supplied.run("supplier add OTHER --name 别家")
    set_password(supplied, PASSWORD)
    supplied.execute(
        "INSERT INTO supplier_password (supplier_id, sealed, set_at)"
        " SELECT s.id, p.sealed, 0 FROM supplier_password p, supplier s WHERE s.code = 'OTHER'"
    )
    (supplied.folder / "sealed.xlsx").write_bytes(sealed_xlsx(CODES))
    line = "batch import sealed.xlsx --product VIP --supplier OTHER --expires never --json"
    assert code_of(supplied.run(line, status=7)) == "file-password-tampered"
    given = f"{line} --dry-run --password-source env:PW"
    assert supplied.run(given, env={"PW": PASSWORD}).json["imported"] == 2
    found = supplied.run("vault verify --json", status=None)
    assert found.status in (7, 8)
    assert {"kind": "supplier-changed", "subject": "OTHER", "field": ""} in found.json["findings"]


def test_a_column_means_one_thing(supplied):
    (supplied.folder / "a.csv").write_text("卡号,密码\n0001,pw-1\n", "utf-8")
    line = "batch import a.csv --product CARDP --supplier SUP --expires never --json"
    for mapped in ("number=密码", "secret=卡号"):
        told = supplied.run(f"{line} --map {mapped}", status=3).error
        assert (told["code"], told["details"]["found"]) == ("header-missing", "卡号, 密码")
    swapped = supplied.run(f"{line} --map number=密码 --map secret=卡号").json
    assert swapped["imported"] == 1
    # Remembered by now; what the command says comes first, and its column means nothing else.
    (supplied.folder / "a.csv").write_text("卡号,密码\n0002,pw-2\n", "utf-8")
    assert supplied.run(f"{line} --map secret=密码").json["imported"] == 1
    assert len(supplied.run("card find - --json", stdin="0002").json) == 1
    for mapped in ("--map secret=密码 --map secret=卡号", "--map secret=密码 --map serial=密码"):
        assert supplied.run(f"{line} {mapped}", status=2).error["code"] == "usage"
