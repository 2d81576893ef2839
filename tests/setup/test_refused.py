"""What is wrong with a setup workbook is told with sheet, row and column, and nothing is kept."""

import time
import zipfile

import openpyxl
import pytest
from sqlalchemy import text

from cardctl.storage.store import writing
from tests.setup.workbook import write

PRODUCTS = ("SKU", "name", "kind", "price", "floor price", "seats", "fields", "pattern")


def rejects(shop, sheets):
    """What is told of a workbook, which must leave nothing behind."""
    write(shop, "bad.xlsx", sheets)
    before = shop.sql("SELECT count(*) FROM audit_record")
    read = shop.run("setup import bad.xlsx --json", status=3).json
    assert (read["status"], read["changes"]) == ("refused", [])
    assert read["rejected"] == len(read["rejects"])
    assert shop.sql("SELECT count(*) FROM audit_record") == before
    return [
        (reject["sheet"], reject["row"], reject["column"], reject["code"])
        for reject in read["rejects"]
    ]


def test_every_mistake_of_every_sheet_is_told_at_once(shop):
    shop.seed_catalog()
    told = rejects(
        shop,
        {
            "products": [
                PRODUCTS,
                ("A B", "x", "", "", "", "", "", ""),
                ("P1", "", "", "", "", "", "", ""),
                ("P2", "x", "voucher", "1.005", "", "", "", ""),
                ("P3", "x", "", "", "", "5000", "", ""),
                ("P4", "x", "", "20", "25", "", "", ""),
                ("P5", "x", "code", "", "", "", "密保", ""),
                ("P6", "x", "", "", "", "", "", "(a+)+"),
                ("P7", "-", "", "", "", "", "", ""),
                ("P8", "good", "", "", "", "", "", ""),
                ("P8", "again", "", "", "", "", "", ""),
                ("", "no code", "", "", "", "", "", ""),
                ("P9", "x", "", "", "", "١٢", "", ""),
            ],
            "渠道": [("编码", "名称", "资金账户", "费率"), ("C", "x", "WX,NONE", "7")],
            "maps": [("supplier", "their name", "sku"), ("NOBODY", "a", "P8"), ("SUP", "*", "VIP")],
        },
    )
    assert told == [
        ("products", 2, "SKU", "bad-value"),
        ("products", 3, "name", "missing"),
        ("products", 4, "kind", "bad-value"),
        ("products", 4, "price", "bad-value"),
        ("products", 5, "seats", "bad-value"),
        ("products", 6, "", "usage"),
        ("products", 7, "fields", "usage"),
        ("products", 8, "pattern", "bad-value"),
        ("products", 9, "name", "not-clearable"),
        ("products", 11, "", "duplicate-in-file"),
        ("products", 12, "SKU", "missing"),
        ("products", 13, "seats", "bad-value"),
        ("渠道", 2, "费率", "bad-value"),
        ("渠道", 2, "资金账户", "not-found"),
        ("maps", 2, "supplier", "not-found"),
        ("maps", 3, "their name", "bad-value"),
    ]
    assert {row["sku"] for row in shop.run("product list --json").json} == {"VIP", "CARDP"}


def test_what_a_refused_row_adds_is_not_missed_elsewhere(shop):
    told = rejects(
        shop,
        {
            "suppliers": [("code", "name", "tier"), ("S", "x", "nobody")],
            "products": [("sku", "name"), ("P", "x")],
            "maps": [("supplier", "their name", "sku"), ("S", "a", "P")],
        },
    )
    assert told == [("suppliers", 2, "tier", "bad-value")]


def test_sheets_and_columns_that_mean_nothing_are_refused(shop):
    told = rejects(
        shop,
        {
            "Sheet1": [("sku", "name"), ("P", "x")],
            "products": [("sku", "name", "prize", "note"), ("P", "x", "28", "my own")],
            "商品": [("商品编码", "名称"), ("P", "x")],
            "pools": [("name",), ("x",)],
            "notes": [("whatever",)],
        },
    )
    assert told == [
        ("Sheet1", 0, "", "unknown-sheet"),
        ("商品", 0, "", "sheet-twice"),
        ("pools", 0, "", "header-missing"),
        ("products", 1, "prize", "unknown-column"),
    ]


def test_cells_that_are_no_text(shop):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "products"
    for row in (
        ("sku", "name", "price", "safety stock", "fold case"),
        ("P1", "x", 28.5, 3, True),
        (1234567890123456, "x", None, None, None),
        ("P3", "=1+1", "#N/A", 2.5, None),
        (1001, "numbers are text enough", 1e9, None, False),
    ):
        sheet.append(row)
    sheet["C4"].data_type = "e"
    book.save(shop.folder / "cells.xlsx")

    read = shop.run("setup import cells.xlsx --json", status=3).json

    assert [(reject["row"], reject["column"], reject["code"]) for reject in read["rejects"]] == [
        (3, "sku", "bad-value"),
        (4, "name", "formula"),
        (4, "price", "error-cell"),
        (4, "safety stock", "bad-value"),
    ]
    sheet.delete_rows(3, 2)
    book.save(shop.folder / "cells.xlsx")
    shop.run("setup import cells.xlsx")
    first, second = shop.run("product list --json").json
    assert (first["sku"], second["sku"], second["price_fen"]) == ("1001", "P1", 2850)


def test_merged_cells_are_refused(shop):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "products"
    for row in (("my products", ""), ("sku", "name"), ("P1", "x"), ("P2", "")):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("B3:B4")
    book.save(shop.folder / "merged.xlsx")

    read = shop.run("setup import merged.xlsx --json", status=3).json

    assert [(one["row"], one["code"]) for one in read["rejects"]] == [
        (3, "merged-cells"),
        (4, "missing"),
    ]


def test_rules_that_cards_rest_on_stay(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", ["K-1"])
    told = rejects(
        shop,
        {"products": [("sku", "name", "kind", "fold case"), ("VIP", "new name", "link", "yes")]},
    )
    assert told == [("products", 2, "kind", "in-use"), ("products", 2, "fold case", "in-use")]


def test_bundles_are_made_of_what_is_there_and_no_bundle(shop):
    shop.seed_catalog()
    header = ("sku", "name", "kind", "components")
    big, pack = ("BIG", "x", "bundle", "PACK=1"), ("PACK", "x", "组合", "VIP=2，CARDP=1")
    assert rejects(shop, {"products": [header, big, pack]}) == [
        ("products", 2, "components", "bundle-in-bundle")
    ]
    assert rejects(shop, {"products": [header, ("PACK", "x", "bundle", "NONE=1, VIP=1")]}) == [
        ("products", 2, "components", "not-found")
    ]
    write(shop, "pack.xlsx", {"products": [header, pack]})
    shop.run("setup import pack.xlsx")
    assert shop.run("setup import pack.xlsx --json").json["status"] == "unchanged"
    turned = {"products": [header, ("VIP", "x", "bundle", "CARDP=1")]}
    assert rejects(shop, turned) == [("products", 2, "kind", "bundle-in-bundle")]


@pytest.mark.parametrize(
    ("channels", "pools", "told"),
    [
        ((), ("main", "TB"), ("pools", 2, "channel", "pool-main")),
        ((), ("kept", "OWN"), ("pools", 2, "channel", "pool-kept")),
        (("OWN", "kept"), (), ("channels", 2, "pools", "pool-kept")),
        (("TB", "main"), ("new", "TB"), ("pools", 2, "channel", "pool-unlisted")),
        ((), ("new", "NONE"), ("pools", 2, "channel", "not-found")),
        (("TB", "main,none"), (), ("channels", 2, "pools", "not-found")),
    ],
)
def test_pools_are_drawn_on_by_those_they_are_kept_for(shop, channels, pools, told):
    shop.seed_catalog()
    shop.run("channel add OWN --name 官网 --kind own")
    shop.run("pool add kept --channel TB")
    sheets = {}
    if channels:
        sheets["channels"] = [("code", "pools"), channels]
    if pools:
        sheets["pools"] = [("code", "channel"), pools]

    assert rejects(shop, sheets) == [told]


def test_files_that_are_no_workbook(shop):
    (shop.folder / "a.csv").write_text("sku,name\nP,x\n")
    (shop.folder / "b.xlsx").write_bytes(b"PK\x03\x04 no zip at all" * 100)
    with zipfile.ZipFile(shop.folder / "c.zip", "w") as archive:
        archive.writestr("a.csv", "sku,name\nP,x\n")

    assert "no-workbook" in shop.run("setup import a.csv", status=3).stderr
    shop.run("setup import b.xlsx", status=3)
    shop.run("setup import c.zip", status=3)
    shop.run("setup import none.xlsx", status=4)


def test_too_many_rows_are_refused_before_they_are_held(shop, monkeypatch):
    monkeypatch.setattr("cardctl.setup.read.ROWS_MAX", 3)
    rows = [("sku", "name"), *((f"P{number}", "x") for number in range(4))]
    write(shop, "many.xlsx", {"products": rows[:3], "suppliers": [("code", "name"), ("S", "x")]})
    shop.run("setup import many.xlsx --dry-run")
    write(shop, "many.xlsx", {"products": rows[:3], "suppliers": [("code", "name"), *rows[3:]]})

    assert "too-many-rows" in shop.run("setup import many.xlsx", status=3).stderr


def test_chinese_says_it_in_chinese(shop):
    write(shop, "bad.xlsx", {"商品": [("商品编码", "名称", "种类"), ("P", "x", "券")]})

    told = shop.run("setup import bad.xlsx --lang zh", status=3).stdout

    assert "'券' 不是" in told


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_what_another_changes_meanwhile_is_not_taken_back(shop):
    shop.seed_catalog()
    write(shop, "price.xlsx", {"products": [("sku", "price"), ("VIP", "30")]})
    with writing(shop.store.engine) as session:
        session.connection().execute(text("UPDATE product SET name = 'x' WHERE sku = 'VIP'"))
        process = shop.spawn("setup import price.xlsx --json")
        while shop.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, "store-busy" in stderr) == (9, True), stderr
    assert shop.run("product show VIP --json").json["price_fen"] == 2800
    shop.run("setup import price.xlsx")
    assert shop.run("product show VIP --json").json["name"] == "x"
