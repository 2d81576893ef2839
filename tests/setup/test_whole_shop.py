"""A shop from nothing: sheets refer to each other, everything or nothing, many rows at once."""

import pytest

from tests.setup.workbook import write

SHOP = {
    "渠道": [
        ("编码", "名称", "种类", "费率", "资金账户", "库存池"),
        ("TB", "淘宝店", "淘宝", "0.6%", "WX，ALI", "main、大客户"),
        ("OWN", "官网", "own", "", "WX", ""),
    ],
    "库存池": [("编码", "渠道"), ("大客户", ""), ("kept", "OWN")],
    "资金账户": [("编码", "名称", "种类"), ("WX", "微信商户", "微信"), ("ALI", "支付宝", "alipay")],
    "商品": [
        ("商品编码", "名称", "种类", "售价", "最短有效天数", "字段"),
        ("VIP", "视频会员", "兑换码", "¥28.00", "30", ""),
        ("GAME", "游戏账号", "账号", "", "7d", "密保，邮箱"),
    ],
    "供应商": [("编码", "名称", "级别", "成本比例"), ("SUP", "批发商", "授权", "92%")],
    "商品对照": [("供应商", "对方名称", "商品编码"), ("SUP", "视频会员月卡", "VIP")],
    "说明": [("什么都可以写",), ("这里不读",)],
}


@pytest.fixture
def whole(shop):
    write(shop, "shop.xlsx", SHOP)
    return shop


def test_sheets_refer_to_each_other_in_any_order(whole):
    read = whole.run("setup import shop.xlsx --json").json

    assert (read["status"], read["rejected"]) == ("imported", 0)
    counts = [(noun["noun"], noun["added"], noun["changed"]) for noun in read["nouns"]]
    assert counts == [
        *(("supplier", 1, 0), ("product", 2, 0), ("account", 2, 0)),
        *(("channel", 2, 0), ("pool", 2, 0), ("map", 1, 0)),
    ]
    taobao, own = (whole.run(f"channel show {code} --json").json for code in ("TB", "OWN"))
    assert (taobao["kind"], taobao["fee_rate_bp"]) == ("taobao", 60)
    assert (taobao["accounts"], taobao["pools"]) == (["WX", "ALI"], ["main", "大客户"])
    assert (own["accounts"], own["pools"]) == (["WX"], ["main", "kept"])
    assert whole.run("pool show kept --json").json["channel"] == "OWN"
    game = whole.run("product show GAME --json").json
    assert (game["kind"], game["fields"], game["min_validity_days"]) == (
        *("account", ["密保", "邮箱"]),
        7,
    )
    assert whole.sql("SELECT their_name FROM supplier_map") == [("视频会员月卡",)]
    verbs = [event["verb"] for event in whole.run("audit list --json").json]
    assert sorted(set(verbs)) == [
        *("account.add", "channel.add", "init", "pool.add", "product.add"),
        *("supplier.add", "supplier.map.add"),
    ]
    whole.run("audit verify")
    whole.run("store check")

    again = whole.run("setup import shop.xlsx --json").json
    assert (again["status"], again["changes"]) == ("unchanged", [])
    assert len(whole.run("audit list --json").json) == len(verbs)


def test_a_dry_run_keeps_nothing(whole):
    read = whole.run("setup import shop.xlsx --dry-run --json").json

    assert (read["status"], read["dry_run"]) == ("imported", True)
    assert whole.run("product list --json").json == []


def test_what_was_added_can_be_used_at_once(whole):
    whole.run("setup import shop.xlsx")
    whole.import_codes("VIP", ["K-1"], pool="大客户")
    whole.run("order add --channel TB --number 1 --sku VIP --paid 28")

    assert whole.run("order issue TB:1 --json").json["issued"] == 1


def test_a_pool_that_is_kept_later_is_drawn_on_last(whole):
    whole.run("setup import shop.xlsx")
    write(whole, "more.xlsx", {"pools": [("code", "channel"), ("大客户", "OWN")]})
    # TB still draws on it.
    refused = whole.run("setup import more.xlsx --json", status=3).json
    assert [reject["code"] for reject in refused["rejects"]] == ["pool-kept"]

    channels = [("code", "pools"), ("TB", "-")]
    pools = [("code", "channel"), ("大客户", "OWN"), ("kept", "-")]
    write(whole, "more.xlsx", {"pools": pools, "channels": channels})
    read = whole.run("setup import more.xlsx --json").json

    assert [(change["noun"], change["name"]) for change in read["changes"]] == [
        *(("channel", "TB"), ("channel", "OWN")),
        *(("pool", "大客户"), ("pool", "kept")),
    ]
    assert whole.run("channel show OWN --json").json["pools"] == ["main", "kept", "大客户"]
    assert whole.run("channel show TB --json").json["pools"] == ["main"]
    assert whole.run("pool show kept --json").json["channel"] is None
    assert whole.run("setup import more.xlsx --json").json["status"] == "unchanged"


def test_a_name_can_be_given_another_meaning_or_none(whole):
    whole.run("setup import shop.xlsx")
    rows = [("supplier", "their name", "sku"), ("SUP", "视频会员 月卡", "GAME"), ("SUP", "x", "-")]
    write(whole, "maps.xlsx", {"maps": rows})
    read = whole.run("setup import maps.xlsx --json").json
    assert [change["fields"] for change in read["changes"]] == [{"sku": ["VIP", "GAME"]}]
    assert whole.sql("SELECT their_name FROM supplier_map") == [("视频会员月卡",)]

    write(whole, "maps.xlsx", {"maps": [rows[0], ("SUP", "视频会员月卡", "-")]})
    assert whole.run("setup import maps.xlsx --json").json["status"] == "imported"
    assert whole.run("setup import maps.xlsx --json").json["status"] == "unchanged"
    assert whole.sql("SELECT their_name FROM supplier_map") == []


def test_many_products_take_one_statement_each(shop, count_statements):
    def products(price):
        rows = [(f"P{number:05}", f"商品{number}", price) for number in range(1_000)]
        return {"products": [("sku", "name", "price"), *rows]}

    for price, status in (("28", "imported"), ("29", "imported"), ("29", "unchanged")):
        write(shop, "many.xlsx", products(price))
        with count_statements() as statements:
            assert shop.run("setup import many.xlsx --json").json["status"] == status
        # Each change is audited; nothing else is done a row.
        assert len(statements) < 60 + (1_000 if status == "imported" else 0)
    assert shop.sql("SELECT count(*) FROM product WHERE price_fen = 2900") == [(1_000,)]
