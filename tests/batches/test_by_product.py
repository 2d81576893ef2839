"""A file of several products: a batch of each, all or nothing, and run again as one."""

import json

import pytest

from tests.batches.files import text, xlsx, zipped

ROWS = [
    ["商品", "卡号", "卡密", "成本"],
    ["月卡", "", "M-1", "10"],
    ["礼品卡", "0001", "pw1", "90"],
    ["VIP", "", "M-2", ""],
    ["礼品卡 ", "0002", "pw2", "90.50"],
]


@pytest.fixture
def mapped(shop):
    shop.seed_catalog()
    shop.run("supplier map add SUP 月卡 VIP")
    shop.run("supplier map add SUP 礼品卡 CARDP")
    (shop.folder / "mixed.csv").write_bytes(text(ROWS))
    return shop


def run(shop, *more, file="mixed.csv", status=0):
    line = ["batch", "import", file, "--supplier", "SUP", "--expires", "never", "--json", *more]
    return shop.run(line, status=status)


def brought(result):
    """What came of each product."""
    names = ("product", "status", "rows", "imported", "cost_missing", "cost_fen")
    return [tuple(batch[name] for name in names) for batch in result["batches"]]


def test_each_product_gets_a_batch(mapped):
    result = run(mapped).json
    assert brought(result) == [
        ("CARDP", "imported", 2, 2, 0, 18050),
        ("VIP", "imported", 2, 2, 1, 1000),
    ]
    totals = ("batch", "product", "status", "rows", "imported", "cost_missing", "cost_fen")
    assert [result[name] for name in totals] == [None, None, "imported", 4, 4, 1, 19050]
    assert set(result["batches"][0]) == set(result) - {"batches", "skipped", "skipped_lines"}
    listed = {row["product"]: row["cost_fen"] for row in mapped.run("batch list --json").json}
    assert listed == {"CARDP": 18050, "VIP": 1000}
    balances = mapped.run("ledger balance --json").json
    assert {row["account"]: row["balance_fen"] for row in balances} == {
        "stock": 19050,
        "payable:SUP": -19050,
    }
    mapped.run("ledger check")
    mapped.run("stock check")
    mapped.run("audit verify")
    mapped.run("vault verify")


def test_again_it_is_unchanged_and_an_undone_part_comes_in_again(mapped):
    first = run(mapped).json
    records = mapped.sql("SELECT count(*) FROM audit_record")
    again = run(mapped)
    assert (again.json["status"], again.json["imported"]) == ("unchanged", 0)
    codes = [batch["batch"] for batch in first["batches"]]
    assert [batch["batch"] for batch in again.json["batches"]] == codes
    assert all(code in again.stderr for code in codes)
    assert mapped.sql("SELECT count(*) FROM audit_record") == records
    mapped.run(f"batch undo {codes[0]} --reason wrong --yes")
    anew = run(mapped).json
    assert [(one[0], one[1]) for one in brought(anew)] == [
        ("CARDP", "imported"),
        ("VIP", "unchanged"),
    ]
    assert (anew["status"], anew["imported"]) == ("imported", 2)
    assert mapped.sql("SELECT count(*) FROM card") == [(4,)]
    mapped.run("ledger check")


def test_one_bad_row_refuses_every_product(mapped):
    rows = [*ROWS, ["年卡", "", "Y-1", ""], ["礼品卡", "0003", "", ""]]
    (mapped.folder / "bad.csv").write_bytes(text(rows))
    told = run(mapped, file="bad.csv", status=3)
    assert [(row["row"], row["code"]) for row in told.json["rejects"]] == [
        (6, "unmapped-product"),
        (7, "missing"),
    ]
    assert told.json["batches"] == []
    assert "cardctl supplier map add SUP '年卡' SKU" in told.stderr
    assert mapped.sql("SELECT count(*) FROM batch") == [(0,)]
    partial = run(mapped, "--skip-bad-rows", file="bad.csv", status=8).json
    assert [
        (batch["product"], batch["status"], batch["rejected"]) for batch in partial["batches"]
    ] == [
        ("CARDP", "partial", 1),
        ("VIP", "imported", 0),
    ]
    assert [row["row"] for row in partial["batches"][0]["rejects"]] == [7]
    assert run(mapped, "--skip-bad-rows", file="bad.csv").json["status"] == "unchanged"
    mapped.run("supplier map add SUP 年卡 VIP")


def test_a_name_that_is_learned_later_brings_its_rows_in(mapped):
    mapped.run("product add YEAR --name 年卡")
    (mapped.folder / "bad.csv").write_bytes(text([*ROWS, ["年卡", "", "Y-1", ""]]))
    run(mapped, "--skip-bad-rows", file="bad.csv", status=8)
    mapped.run("supplier map add SUP 年卡 YEAR")
    later = run(mapped, file="bad.csv").json
    assert [(one[0], one[1], one[3]) for one in brought(later)] == [
        ("CARDP", "unchanged", 0),
        ("VIP", "unchanged", 0),
        ("YEAR", "imported", 1),
    ]


def test_a_dry_run_says_the_same_and_keeps_nothing(mapped):
    tried = run(mapped, "--dry-run").json
    assert tried["imported"] == 4
    assert mapped.sql("SELECT count(*) FROM batch") == [(0,)]


def test_two_shells_with_one_file_make_each_batch_once(mapped):
    rows = [["商品", "兑换码"], *(["月卡", f"K-{at:05d}"] for at in range(3000))]
    rows += [["YEAR", f"Y-{at:05d}"] for at in range(100)]
    mapped.run("product add YEAR --name 年卡")
    (mapped.folder / "both.csv").write_bytes(text(rows))
    line = "batch import both.csv --supplier SUP --expires never --json"
    shells = [mapped.spawn(line) for _ in range(2)]
    found = sorted(json.loads(shell.communicate()[0])["status"] for shell in shells)
    assert found == ["imported", "unchanged"]
    assert mapped.sql("SELECT count(*) FROM batch") == [(2,)]
    mapped.run("stock check")


def test_rejects_of_a_zip_name_their_file(mapped):
    members = {"a_csv": text(ROWS), "b_csv": text([ROWS[0], ["月卡", "", "M-1", ""]])}
    (mapped.folder / "both.zip").write_bytes(zipped(**members))
    told = run(mapped, "--rejects", "rejects.csv", file="both.zip", status=3).json
    assert [(row["member"], row["row"], row["code"]) for row in told["rejects"]] == [
        ("b.csv", 2, "duplicate-in-file")
    ]
    assert "row 2 of a.csv" in told["rejects"][0]["message"]
    assert "b.csv" in (mapped.folder / "rejects.csv").read_text("utf-8-sig")


def test_sheets_of_one_file_are_imports_of_their_own(mapped):
    from tests.batches.files import sheets

    one, two = [["兑换码"], ["A-1"]], [["兑换码"], ["B-1"], ["B-2"]]
    (mapped.folder / "two.xlsx").write_bytes(sheets(甲=one, 乙=two))
    results = [
        run(mapped, "--product", "VIP", "--sheet", name, file="two.xlsx").json
        for name in ("甲", "乙", "甲", "乙")
    ]
    assert [(result["status"], result["sheet"]) for result in results] == [
        ("imported", "甲"),
        ("imported", "乙"),
        ("unchanged", "甲"),
        ("unchanged", "乙"),
    ]
    (mapped.folder / "one.xlsx").write_bytes(xlsx([["兑换码"], ["C-1"]]))
    alone = run(mapped, "--product", "VIP", "--sheet", "Sheet1", file="one.xlsx").json
    assert (alone["status"], alone["sheet"]) == ("imported", "")
    assert run(mapped, "--product", "VIP", file="one.xlsx").json["status"] == "unchanged"
    assert {row["sheet"] for row in mapped.run("batch list --json").json} == {"甲", "乙", ""}


def test_lines_without_a_key_are_listed(mapped):
    content = "老板您好，请查收：\nA001----pw1\n谢谢\n"
    result = mapped.run(
        "batch import - --product CARDP --supplier SUP --expires never --json", stdin=content
    )
    assert result.json["skipped_lines"] == 2
    assert [line["row"] for line in result.json["skipped"]] == [1, 3]
    assert "line 1 holds no key" in result.stderr
