"""A setup workbook on whole command lines: out, edited, in again; only what changed changes."""

import openpyxl
import pytest

from cardctl.workbooks.write import SheetPage, write_sheets


@pytest.fixture
def seeded(shop):
    """A shop in which every field of every noun holds something."""
    shop.seed_catalog()
    for line in (
        "supplier edit SUP --tier brand --cost-rate 92%",
        "account edit WX --fee-rate 0.6% --settle-days 3 --statement wechat-trade",
        "product edit VIP --face-value 30 --floor-price 20.50 --duration 1m --region CN",
        "product edit VIP --region CN --region HK --min-validity 30d --safety-stock 5 --fold-case",
        "product edit VIP --pattern [A-Z0-9-]+ --guide '=1+1, 第一步'",
        "product add GAME --name 游戏 --kind account --field 密保 --field 邮箱 --seats 3",
        "product edit GAME --key-space game",
        "pool add kept --channel TB",
        "channel edit TB --fee-rate 1%",
    ):
        shop.run(line)
    rows = [("supplier", "their name", "SKU"), ("SUP", "视频 会员", "VIP"), ("SUP", "=1+1", "GAME")]
    write(shop, "maps.xlsx", {"maps": rows})
    shop.run("setup import maps.xlsx")
    return shop


def write(shop, name, sheets):
    """Write a workbook of sheets, each a list of rows, the header first."""
    path = shop.folder / name
    path.unlink(missing_ok=True)
    write_sheets(path, [SheetPage(title, rows[0], rows[1:]) for title, rows in sheets.items()])


def everything(shop):
    return {
        noun: shop.run(f"{noun} list --json").json
        for noun in ("supplier", "product", "account", "channel", "pool")
    } | {"map": shop.sql("SELECT * FROM supplier_map ORDER BY folded_name")}


def records(shop):
    return shop.sql("SELECT verb FROM audit_record WHERE verb NOT IN ('begin', 'end')")


def edit(path, sheet, cell, text):
    book = openpyxl.load_workbook(path)
    book[sheet][cell] = text
    book.save(path)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_was_written_is_unchanged_when_it_is_read(seeded, lang):
    before, told = everything(seeded), records(seeded)
    written = seeded.run(f"setup template --out all.xlsx --lang {lang} --json").json
    assert [sheet["noun"] for sheet in written["sheets"]] == [
        *("supplier", "product", "account", "channel", "pool", "map")
    ]

    read = seeded.run("setup import all.xlsx --json").json

    assert (read["status"], read["changes"], read["rejects"]) == ("unchanged", [], [])
    assert {noun["noun"]: noun["unchanged"] for noun in read["nouns"]} == {
        sheet["noun"]: sheet["entries"] for sheet in written["sheets"]
    }
    assert everything(seeded) == before
    assert records(seeded) == told
