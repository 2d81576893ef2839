"""Alerts: what runs low, expires, lies in the wrong pool or is frozen, and what to buy."""

import json

import pytest

from cardctl.stock.alerts import Limits, cards_for, cover_days, decide
from cardctl.stock.positions import Position
from cardctl.stock.purchase import Offer, best_offer

LIMITS = Limits()
DAY_MS = 86_400_000


def at(pool, available, sold, *, safety=0, drawn_on=True, expiring=0):
    return Position("VIP", pool, drawn_on, safety, available, expiring, None, sold)


def kinds(*positions):
    return [(str(one.alert), one.pool, one.count) for one in decide(positions, limits=LIMITS)]


def test_days_of_cover_are_whole_days_at_the_recent_pace():
    assert cover_days(100, 0) is None
    assert cover_days(0, 5) == 0
    assert cover_days(13, 14) == 13
    assert cover_days(27, 28) == 13
    assert cards_for(30, 14) == 30
    assert cards_for(30, 1) == 3


def test_nothing_is_the_matter_with_enough():
    assert kinds(at("main", 100, 14, safety=100)) == []
    assert kinds(at("main", 7, 14)) == []
    assert kinds(at("main", 0, 0)) == []


def test_below_safety_counts_only_what_orders_draw_on():
    shelf, store_room = at("main", 3, 0, safety=10), at("room", 8, 0, safety=10, drawn_on=False)
    assert kinds(shelf, store_room) == [("below-safety", None, 7), ("hoarding", "room", 7)]


def test_low_cover_is_told_by_pool():
    assert kinds(at("live", 6, 14), at("main", 90, 14)) == [("low-cover", "live", None)]


def test_a_hoard_is_offered_to_who_lacks_most_each_card_once():
    hoard, low, lower = at("room", 50, 0), at("a", 20, 56), at("b", 10, 56)
    found = [one for one in decide([low, lower, hoard], limits=LIMITS) if one.to_pool]
    # 56 in 14 days are 120 in 30: b lacks 110, a 100.
    assert [(one.pool, one.to_pool, one.count) for one in found] == [("room", "b", 50)]
    assert found[0].command == "cardctl stock move --product VIP --from room --to b --qty 50"


def test_a_pool_that_sells_keeps_what_it_sells_itself():
    slow, low = at("slow", 100, 14), at("main", 0, 140)
    (hoard,) = [one for one in decide([low, slow], limits=LIMITS) if one.to_pool]
    assert hoard.count == 70
    assert [one for one in decide([low, at("slow", 90, 14)], limits=LIMITS) if one.to_pool] == []


def test_no_hoard_without_anybody_who_lacks():
    assert kinds(at("main", 50, 14), at("room", 5_000, 0)) == []


def test_the_best_offer_is_the_lowest_of_what_each_took_last():
    today = 200 * DAY_MS

    def offer(supplier, fen, day):
        return Offer("VIP", supplier, fen, day * DAY_MS)

    cheap_once = offer("A", 100, 150), offer("A", 300, 190)
    assert best_offer([*cheap_once, offer("B", 200, 160)], at=today).supplier == "B"
    assert best_offer([offer("A", 100, 50), offer("B", 200, 160)], at=today).supplier == "B"
    unknown = best_offer([offer("A", 100, 50), offer("B", None, 160)], at=today)
    assert (unknown.supplier, unknown.unit_cost_fen) == ("B", None)
    assert best_offer([], at=today) is None


def place(shop, channel, count, *, sku="VIP"):
    start = shop.sql("SELECT COUNT(*) FROM orders")[0][0]
    lines = [
        json.dumps({"order": str(start + number), "sku": sku, "paid": "28.00"})
        for number in range(count)
    ]
    shop.run(f"order import - --channel {channel}", stdin="\n".join(lines))


@pytest.fixture
def selling(shop, frozen_clock):
    """TB sells VIP from main, LIVE from live; the room is drawn on by nobody."""
    shop.seed_catalog()
    for pool in ("live", "room"):
        shop.run(f"pool add {pool}")
    shop.run("channel add LIVE --name 直播间 --kind douyin --account WX --pool live")
    shop.import_codes("VIP", [f"MADE-UP-M{place}" for place in range(30)], cost="10")
    shop.import_codes("VIP", [f"MADE-UP-L{place}" for place in range(16)], pool="live")
    shop.import_codes("VIP", [f"MADE-UP-R{place}" for place in range(40)], pool="room")
    place(shop, "TB", 14)
    place(shop, "LIVE", 14)
    shop.run("order issue --all")
    return shop


def alerts(shop, more="", *, status=8):
    return shop.run(f"stock alerts --json {more}", status=status).json


def test_alerts_of_a_shop(selling):
    low, hoard = alerts(selling)
    assert (low["alert"], low["product"], low["pool"]) == ("low-cover", "VIP", "live")
    assert (low["available"], low["sold"], low["cover_days"]) == (2, 14, 2)
    assert (hoard["alert"], hoard["pool"], hoard["to_pool"]) == ("hoarding", "room", "live")
    assert (hoard["count"], hoard["cover_days"]) == (28, None)
    selling.run(hoard["command"])
    assert alerts(selling, status=0) == []


def test_the_pace_is_of_the_last_fourteen_days(selling, frozen_clock):
    frozen_clock.advance(days=15)
    assert alerts(selling, status=0) == []


def test_what_was_redeemed_was_sold_when_it_was_issued(selling, frozen_clock):
    shown = selling.run("order show LIVE:14 --reveal --reason test --json").json
    selling.run("card redeem -", stdin=shown["cards"][0]["secret"])
    assert alerts(selling)[0]["sold"] == 14
    frozen_clock.advance(days=15)
    shown = selling.run("order show LIVE:15 --reveal --reason test --json").json
    selling.run("card redeem -", stdin=shown["cards"][0]["secret"])
    assert alerts(selling, status=0) == []


def test_below_safety_and_the_purchase_list(selling):
    selling.run("product edit VIP --safety-stock 20")
    below = alerts(selling)[0]
    assert (below["alert"], below["available"], below["count"]) == ("below-safety", 18, 2)
    selling.run("supplier add CHEAP --name 便宜的")
    selling.import_codes("VIP", ["MADE-UP-C1", "MADE-UP-C2"], cost="9.99", supplier="CHEAP")
    selling.run("product edit VIP --safety-stock 100")
    (buy,) = alerts(selling, "--purchase")
    # 28 sold in 14 days are 60 in 30, and 100 for safety; 60 are there, in the wrong pools or not.
    assert buy == {
        "supplier": "CHEAP",
        "product": "VIP",
        "qty": 100,
        "unit_cost_fen": 999,
        "cost_fen": 99_900,
        "available": 60,
        "waiting": 0,
        "safety_stock": 100,
        "sold": 28,
        "cover_days": 30,
    }


def test_what_orders_wait_for_is_bought(selling):
    selling.run("product add NEW --name 新品 --price 1")
    place(selling, "TB", 3, sku="NEW")
    (buy,) = alerts(selling, "--purchase")
    assert (buy["product"], buy["qty"], buy["supplier"], buy["cost_fen"]) == ("NEW", 3, None, None)


def test_a_product_with_a_safety_stock_and_no_card_is_below_it(shop):
    shop.seed_catalog()
    shop.run("product edit CARDP --safety-stock 5")
    (below,) = alerts(shop)
    assert (below["alert"], below["product"], below["available"]) == ("below-safety", "CARDP", 0)


def test_expiring_counts_what_can_no_longer_be_sold_too(shop, frozen_clock):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1"], expires="2026-12-01")
    shop.import_codes("VIP", ["MADE-UP-2"], expires="2027-03-01")
    shop.import_codes("VIP", ["MADE-UP-3"], expires="never")
    (soon,) = alerts(shop)
    assert (soon["count"], soon["expires_first_at"], soon["available"]) == (
        1,
        "2026-12-01T23:59:59+08:00",
        3,
    )
    assert alerts(shop, "--expiring-days 5", status=0) == []
    shop.run("product edit VIP --min-validity 180d")
    (unsellable,) = alerts(shop, "--expiring-days 5")
    assert (unsellable["count"], unsellable["available"]) == (2, 1)
    frozen_clock.advance(days=30)
    assert alerts(shop, "--expiring-days 5")[0]["count"] == 1


def test_frozen_stock_is_told(shop):
    shop.seed_catalog()
    shop.run("stock freeze --product VIP --reason 'dead keys'")
    shop.run("stock freeze --reason all")
    found = alerts(shop)
    assert [(one["alert"], one["product"], one["reason"]) for one in found] == [
        ("frozen", "VIP", "dead keys"),
        ("frozen", None, "all"),
    ]
    assert all(one["frozen_at"] and one["expires_first_at"] is None for one in found)
    assert "冻结\tVIP" in shop.run("--lang zh stock alerts --format plain", status=8).stdout


def test_as_many_statements_for_many_products(shop, count_statements):
    shop.seed_catalog()
    with count_statements() as few:
        alerts(shop, status=0)
    for number in range(5):
        shop.run(f"product add P{number} --name x --price 1 --safety-stock 5")
    with count_statements() as many:
        alerts(shop)
    assert len(many) == len(few)
