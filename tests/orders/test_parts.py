"""What an order may consist of beside plain cards: bundles, goods, top-ups, limited products."""

import json

import pytest


@pytest.fixture
def catalog(shop):
    """Besides VIP and CARDP a bundle of both, goods, a top-up, and a product for two regions."""
    shop.seed_catalog()
    for line in (
        "product add PACK --name 套餐 --kind bundle --component VIP=2 --component CARDP=1",
        "product add BOX --name 礼盒 --kind goods --price 30",
        "product add GIFT --name 礼包 --kind bundle --component VIP=1 --component BOX=2",
        "product add CALL --name 话费 --kind topup --supplier SUP --price 50",
        "product add HERE --name 本地卡 --region CN --region HK --price 10",
    ):
        shop.run(line)
    return shop


def tell(shop, *rows, status=0):
    """Import orders told as (number, sku, qty, paid, …)."""
    names = ("order", "sku", "qty", "paid", "region", "topup_account")
    told = (dict(zip(names, row, strict=False)) for row in rows)
    lines = "\n".join(json.dumps(row) for row in told)
    return shop.run("order import - --channel TB --json", stdin=lines, status=status).json


def issue(shop, line, status=0):
    return shop.run(f"order issue {line} --json", status=status).json


def bundles_of(shop, name):
    return [line["bundle"] for line in shop.run(f"order show {name} --json").json["lines"]]


def lines_of(shop, name):
    return [
        (line["sku"], line["qty"], line["issued_qty"], line["paid_fen"])
        for line in shop.run(f"order show {name} --json").json["lines"]
    ]


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_a_bundle_gives_all_of_its_components_or_none(catalog):
    catalog.import_codes("VIP", [f"MADE-UP-{place}" for place in range(5)])
    tell(catalog, ("1", "PACK", 3, "400"))
    assert bundles_of(catalog, "TB:1") == ["PACK", "PACK"]
    assert lines_of(catalog, "TB:1") == [("VIP", 6, 0, 14359), ("CARDP", 3, 0, 25641)]

    short = issue(catalog, "TB:1 --partial", status=5)
    assert (short["cards"], short["orders"][0]["reason"]) == (0, "short: VIP 5/6, CARDP 0/3")
    catalog.import_codes("CARDP", [(f"990000{place}", f"made-up-{place}") for place in range(3)])
    assert issue(catalog, "TB:1", status=5)["cards"] == 0
    part = issue(catalog, "TB:1 --partial", status=5)
    assert (part["cards"], part["orders"][0]["status"]) == (6, "partly_issued")
    assert [line[2] for line in lines_of(catalog, "TB:1")] == [4, 2]
    levels = {row["product"]: row for row in catalog.run("stock levels --json").json}
    assert (levels["VIP"]["available"], levels["CARDP"]["available"]) == (1, 1)
    assert_whole(catalog)

    # What is told again is the bundle, whatever it is made of by now.
    catalog.run("product edit PACK --component VIP=1 --component CARDP=1")
    assert tell(catalog, ("1", "PACK", 3, "400"))["unchanged"] == 1
    assert tell(catalog, ("1", "PACK", 2, "400"), status=8)["conflicts"] == 1
    catalog.import_codes("VIP", ["MADE-UP-LAST"])
    assert issue(catalog, "--all")["cards"] == 3
    (revenue,) = catalog.sql("SELECT SUM(amount_fen) FROM journal_line WHERE account = 'revenue'")
    assert revenue == (-40_000,)
    assert_whole(catalog)


def test_frozen_stock_keeps_the_whole_bundle(catalog):
    catalog.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"])
    catalog.import_codes("CARDP", [("9900001", "made-up-1")])
    tell(catalog, ("1", "PACK", 1, "100"))
    catalog.run("stock freeze --product CARDP --reason x")
    assert issue(catalog, "TB:1 --partial", status=5)["orders"][0]["reason"] == "frozen"
    assert issue(catalog, "--all --partial", status=8)["frozen"] == 1
    catalog.run("stock unfreeze --product CARDP")
    catalog.run("stock freeze --product PACK --reason x")
    assert issue(catalog, "--all", status=8)["frozen"] == 1
    assert issue(catalog, "--all --partial", status=8)["cards"] == 0
    catalog.run("stock unfreeze --product PACK")
    catalog.run("product edit PACK --region HK")
    assert issue(catalog, "TB:1", status=6)["orders"][0]["reason"] == "held: region-unknown PACK"
    catalog.run("product edit PACK --clear region")
    catalog.run("order edit TB:1 --region US --reason asked")
    assert issue(catalog, "TB:1")["cards"] == 3


def test_goods_and_topups_become_messages_of_their_line(catalog):
    catalog.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"])
    tell(
        catalog, ("1", "GIFT", 2, "88"), ("2", "CALL", 1, "50"), ("3", "CALL", 1, "50", None, "138")
    )
    done = issue(catalog, "--all", status=8)
    assert (done["issued"], done["cards"], done["held"]) == (2, 2, 1)
    reasons = {one["order"]: (one["status"], one["reason"]) for one in done["orders"]}
    assert reasons == {
        "TB:1": ("issued", ""),
        "TB:2": ("held", "held: topup-account-missing CALL"),
        "TB:3": ("issued", ""),
    }
    messages = catalog.sql(
        "SELECT p.sku, d.via, d.status FROM delivery d"
        " JOIN order_line l ON l.bucket = d.bucket AND l.id = d.order_line_id"
        " JOIN product p ON p.id = l.product_id ORDER BY p.sku"
    )
    assert messages == [("BOX", "shipment", "waiting"), ("CALL", "topup", "pending")]
    assert_whole(catalog)
    (stopped,) = issue(catalog, "TB:2", status=6)["orders"]
    assert stopped["reason"] == "held: topup-account-missing"
    assert stopped["hint"] == "cardctl order edit TB:2 --topup-account ACCOUNT --reason TEXT"
    catalog.run("order edit TB:2 --topup-account 139 --reason asked")
    assert issue(catalog, "TB:2")["issued"] == 1
    assert issue(catalog, "TB:1 TB:2 TB:3")["unchanged"] == 3
    assert catalog.sql("SELECT COUNT(*) FROM delivery") == [(3,)]
    assert_whole(catalog)


def test_a_limited_product_is_sold_where_it_may_be(catalog):
    catalog.import_codes("HERE", [f"MADE-UP-{place}" for place in range(4)])
    tell(
        catalog,
        *((str(at), "HERE", 1, "10", region) for at, region in enumerate(["CN", "us", " hk"])),
    )
    tell(catalog, ("3", "HERE", 1, "10"), ("4", "HERE", 1, "10", "US"))
    said = issue(catalog, "--all --dry-run", status=8)["orders"]
    done = issue(catalog, "--all", status=8)
    assert said == done["orders"]
    assert (done["issued"], done["held"], done["blocked"]) == (2, 1, 2)
    reasons = {one["order"]: one["reason"] for one in done["orders"]}
    assert (reasons["TB:1"], reasons["TB:3"]) == (
        "blocked: region-not-sold HERE",
        "held: region-unknown HERE",
    )
    events = catalog.run("order show TB:3 --json").json["events"]
    assert events[-1]["detail"] == {"reason": "region-unknown", "status": "held"}
    # Nothing is looked at twice, and nothing is issued past it.
    assert issue(catalog, "--all")["orders"] == []
    assert issue(catalog, "TB:4", status=6)["blocked"] == 1
    catalog.run("order edit TB:3 --region CN --reason asked")
    catalog.run("order edit TB:4 --region HK --reason 'a typing error'")
    assert issue(catalog, "--all")["issued"] == 2
    assert_whole(catalog)


def test_an_order_that_has_a_part_of_its_cards_is_never_held_as_if_it_had_none(catalog):
    catalog.import_codes("VIP", ["MADE-UP-1"])
    tell(catalog, ("1", "VIP", 2, 56))
    catalog.run("order issue TB:1 --partial", status=None)
    catalog.import_codes("VIP", ["MADE-UP-2"])
    catalog.run("product edit VIP --region CN")
    for _ in range(2):
        stopped = catalog.run("order issue --all --json", status=None).json
        assert (stopped["issued"], stopped["cards"]) == (0, 0)
        assert "region-unknown" in stopped["orders"][0]["reason"]
        assert catalog.run("order show TB:1 --json").json["status"] == "partly_issued"
    catalog.run("order cancel TB:1 --yes", status=5)
    catalog.run("order edit TB:1 --region CN --reason asked")
    assert issue(catalog, "--all")["issued"] == 1
    for check in ("stock check", "ledger check", "audit verify"):
        catalog.run(check)
