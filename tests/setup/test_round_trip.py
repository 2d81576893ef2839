"""A setup workbook on whole command lines: out, edited, in again; only what changed changes."""

import openpyxl
import pytest

from cardctl.locale.catalogue import read_translations
from cardctl.locale.collect import WORD, Text
from cardctl.setup.nouns import SHEETS
from cardctl.setup.sheets import accounts, channels, products, suppliers
from tests.setup.workbook import write


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
        "product edit GAME --key-space game --email-secret text",
        "product add TOPUP --name 话费 --kind topup --supplier SUP",
        "product add PACK --name 套餐 --kind bundle --component VIP=2 --component GAME=1",
        "pool add kept --channel TB",
        "channel edit TB --fee-rate 1%",
    ):
        shop.run(line)
    rows = [("supplier", "their name", "SKU"), ("SUP", "视频 会员", "VIP"), ("SUP", "=1+1", "GAME")]
    theirs = [("channel", "their name", "variant", "SKU"), ("TB", "会员", "月卡", "VIP")]
    theirs += [("TB", "会员", "", "GAME"), ("TB", "=2+2", "-1", "GAME")]
    write(shop, "maps.xlsx", {"maps": rows, "channel maps": theirs})
    shop.run("setup import maps.xlsx")
    return shop


def everything(shop):
    return {
        noun: shop.run(f"{noun} list --json").json
        for noun in ("supplier", "product", "account", "channel", "pool")
    } | {
        table: shop.sql(f"SELECT * FROM {table} ORDER BY 2, 3")
        for table in ("supplier_map", "channel_map")
    }


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
        *("supplier", "product", "account", "channel", "pool", "map", "channel map")
    ]

    read = seeded.run("setup import all.xlsx --json").json

    assert (read["status"], read["changes"], read["rejects"]) == ("unchanged", [], [])
    assert {noun["noun"]: noun["unchanged"] for noun in read["nouns"]} == {
        sheet["noun"]: sheet["entries"] for sheet in written["sheets"]
    }
    assert everything(seeded) == before
    assert records(seeded) == told


def test_an_edited_cell_changes_that_field_and_nothing_else(seeded):
    seeded.run("setup template --out all.xlsx --lang en")
    before = everything(seeded)
    edit(seeded.folder / "all.xlsx", "products", "E3", "26.80")
    edit(seeded.folder / "all.xlsx", "products", "C3", None)

    assert seeded.run("setup import all.xlsx --dry-run --json").json["status"] == "imported"
    assert everything(seeded) == before
    read = seeded.run("setup import all.xlsx --json").json
    again = seeded.run("setup import all.xlsx --json").json

    assert read["changes"] == [
        {
            "name": "GAME",
            "noun": "product",
            "outcome": "updated",
            "fields": {"price_fen": [None, 2680]},
        }
    ]
    assert [noun for noun in read["nouns"] if noun["changed"]] == [
        {"noun": "product", "sheet": "products", "added": 0, "changed": 1, "unchanged": 4}
    ]
    assert (again["status"], again["changes"]) == ("unchanged", [])
    after = everything(seeded)
    [product] = [one for one in after["product"] if one["sku"] == "GAME"]
    assert product["price_fen"] == 2680
    product["price_fen"] = None
    assert after == before
    assert records(seeded)[-1] == ("product.edit",)


def test_a_dash_clears_and_an_empty_cell_leaves_alone(seeded):
    rows = [
        ("SKU", "name", "price", "floor price", "regions", "least validity in days", "guide"),
        ("VIP", "", "", "-", "-", "-", "-"),
    ]
    write(seeded, "clear.xlsx", {"products": rows})

    seeded.run("setup import clear.xlsx")

    product = seeded.run("product show VIP --json").json
    assert (product["name"], product["price_fen"]) == ("视频会员", 2800)
    assert (product["floor_price_fen"], product["regions"], product["guide"]) == (None, [], None)
    assert product["min_validity_days"] == 0
    # What a text says that would clear it is not written: read back it changes nothing.
    seeded.run(["product", "edit", "VIP", "--guide", "-"])
    seeded.run("setup template --out all.xlsx")
    assert seeded.run("setup import all.xlsx --json").json["status"] == "unchanged"


def test_the_template_of_an_empty_shop_says_what_its_columns_are_for(shop):
    written = shop.run("setup template --out empty.xlsx --lang zh --json").json
    # Every store has the pool main.
    assert [sheet["entries"] for sheet in written["sheets"]] == [0, 0, 0, 0, 1, 0, 0]

    book = openpyxl.load_workbook(shop.folder / "empty.xlsx")
    assert book.sheetnames == [
        *("供应商", "商品", "资金账户", "渠道", "库存池", "商品对照", "渠道商品对照")
    ]
    for sheet in book:
        notes = sheet.data_validations.dataValidation
        assert [note.promptTitle for note in notes] == [cell.value for cell in sheet[1]]
        assert all(note.prompt.endswith("。") for note in notes)
    assert shop.run("setup import empty.xlsx --json").json["status"] == "unchanged"


def test_a_template_is_written_over_only_with_yes_and_is_a_workbook(shop):
    shop.run("setup template --out a.xlsx")
    assert "output-exists" in shop.run("setup template --out a.xlsx", status=5).stderr
    before = (shop.folder / "a.xlsx").read_bytes()
    shop.run("supplier add FRESH --name new")
    assert shop.run("setup template --out a.xlsx --yes --json").json["file"] == "a.xlsx"
    assert (shop.folder / "a.xlsx").read_bytes() != before
    shop.run("setup template --out a.csv", status=2)


def test_the_sheets_speak_as_the_lists_do():
    """What a table heads and says in Chinese stands in the workbook in the same words."""
    catalogue = read_translations()
    for sheet in SHEETS:
        for column in sheet.fields:
            english, chinese = column.names[:2]
            assert catalogue.get(Text(english), chinese) == chinese, (sheet.noun, english)
            assert len(column.note[0]) <= 255
    for words in (suppliers.TIERS, accounts.KINDS, channels.KINDS, products.KINDS):
        for value, chinese in words.items():
            assert catalogue[Text(str(value), WORD)] == chinese
        assert set(words) == set(type(next(iter(words))))
