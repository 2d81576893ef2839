"""What a channel calls our products: never guessed, told with the command that maps it."""

import shlex

TITLE = "视频会员 (自动发货)"
HEADER = "订单号,订单状态,售后状态,商品,商品规格,商家编码-规格维度,商品数量(件),商家实收金额(元)"


def take(shop, *rows, status=0):
    lines = [f"{number},待发货,无售后,{told},1,28.00" for number, told in enumerate(rows, 1)]
    text = "\n".join((HEADER, *lines))
    return shop.run("order import - --channel PDD --json", stdin=text, status=status).json


def products(shop):
    rows = shop.sql(
        "SELECT number, sku FROM orders JOIN order_line ON order_line.bucket = orders.bucket"
        " AND order_id = orders.id JOIN product ON product.id = product_id"
    )
    return dict(rows)


def test_names_lead_to_products_by_variant_title_and_sku(shop):
    shop.seed_catalog()
    shop.run("channel add PDD --name 拼多多 --kind pdd")
    shop.run("product add YEAR --name 年卡 --price 198")
    told = (
        f"{TITLE},月卡,",
        f"{TITLE},年卡,",
        f"{TITLE},季卡,",
        "别的,,THEIRS",
        "别的,,VIP",
        "别的,,",
    )
    first = take(shop, *told, status=8)
    # Their SKU is our own one: that is enough.
    assert (first["new"], first["rejected"]) == (1, 5)
    assert [(one["row"], one["code"]) for one in first["rejects"]] == [
        *((row, "unmapped") for row in (2, 3, 4, 5, 7)),
    ]
    hints = [one["hint"] for one in first["rejects"]]
    assert hints[0] == f"cardctl channel map add PDD '{TITLE}' --variant '月卡' SKU"
    assert hints[3] == "cardctl channel map add PDD THEIRS SKU"

    # What is told is what is typed next.
    for hint, sku in zip(hints, ("VIP", "YEAR", None, "CARDP", None), strict=True):
        if sku is not None:
            assert shop.run([*shlex.split(hint)[:-1], sku, "--json"]).json["status"] == "new"
    second = take(shop, *told, status=8)
    assert (second["new"], second["unchanged"], second["rejected"]) == (3, 1, 2)
    assert products(shop) == {"1": "VIP", "2": "YEAR", "4": "CARDP", "5": "VIP"}

    # A name without a variant is that of all others; width, case and blanks mean nothing.
    shop.run(["channel", "map", "add", "PDD", "视频会员（自动发货）", "CARDP"])
    assert take(shop, *told, status=8)["new"] == 1
    assert products(shop)["3"] == "CARDP"
    listed = shop.run("channel map list PDD --json").json
    assert [(one["their_name"], one["variant"], one["sku"]) for one in listed] == [
        ("THEIRS", "", "CARDP"),
        ("视频会员（自动发货）", "", "CARDP"),
        (TITLE, "月卡", "VIP"),
        (TITLE, "年卡", "YEAR"),
    ]

    # Mapped otherwise, what stands is contradicted; the map comes before our own SKU.
    changed = shop.run("channel map add PDD vip CARDP --json").json
    assert (changed["status"], changed["was_sku"]) == ("new", None)
    assert take(shop, *told, status=8)["conflicts"] == 1
    again = shop.run("channel map add PDD VIP YEAR --json").json
    assert (again["status"], again["their_name"], again["was_sku"]) == ("updated", "vip", "CARDP")
    assert shop.run("channel map remove PDD VIP --json").json["was_sku"] == "YEAR"
    assert take(shop, *told, status=8)["conflicts"] == 0
    shop.run("channel map list NO", status=4)
    shop.run("channel map add PDD x NO", status=4)
    shop.run("channel map add PDD * VIP", status=2)
    verbs = [event["verb"] for event in shop.run("audit list --json").json]
    assert [verbs.count(f"channel.map.{what}") for what in ("add", "edit", "remove")] == [5, 1, 1]
    shop.run("audit verify")
