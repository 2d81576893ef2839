"""Levels, expiry, release and the proof that cards and orders agree."""

import pytest


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(4)])
    shop.run("order add --channel TB --number 1 --sku VIP --qty 2 --paid 56.00")
    shop.run("order issue TB:1")
    return shop


def levels(shop, more=""):
    return shop.run(f"stock levels --json {more}").json


def test_levels_count_by_product_pool_and_status(stocked):
    assert levels(stocked) == [
        {
            "product": "VIP",
            "pool": "main",
            "available": 2,
            "reserved": 0,
            "issued": 2,
            "redeemed": 0,
            "quarantined": 0,
            "void": 0,
            "expired": 0,
            "already_sold": 0,
            "frozen": False,
            "cost_fen": 2_500,
            "cost_missing": 0,
        }
    ]
    assert levels(stocked, "--product CARDP") == []
    assert len(levels(stocked, "--pool main")) == 1


@pytest.mark.parametrize("line", ["--product NOPE", "--pool nope"])
def test_levels_of_what_is_not_there(stocked, line):
    stocked.run(f"stock levels {line}", status=4)


def test_cards_expire_on_the_day_after_their_last(shop, frozen_clock):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"], expires="2026-11-23")
    shop.import_codes("VIP", ["MADE-UP-3"], expires="never")
    frozen_clock.advance(days=1)
    assert shop.run("stock expire --json").json == []
    frozen_clock.advance(days=1)
    assert shop.run("stock expire --dry-run --json").json[0]["cards"] == 2
    # Counted as what they are, whether they have been marked so or not.
    assert (levels(shop)[0]["available"], levels(shop)[0]["expired"]) == (1, 2)
    assert shop.run("stock expire --json").json == [
        {"product": "VIP", "cards": 2, "cost_fen": 2_500}
    ]
    assert shop.run("stock expire --json").json == []
    assert (levels(shop)[0]["available"], levels(shop)[0]["expired"]) == (1, 2)
    shop.run("ledger check")
    shop.run("audit verify")


def test_nothing_expires_before_its_time(stocked):
    stocked.run("stock expire --as-of 2199-01-01", status=2)
    assert levels(stocked)[0]["expired"] == 0


def test_issuing_all_clears_the_shelves_of_what_is_over(shop, frozen_clock):
    shop.seed_catalog()
    shop.run("pool add live")
    shop.import_codes("VIP", ["MADE-UP-1"], expires="2026-11-23")
    shop.import_codes("VIP", ["MADE-UP-2"], expires="2026-11-23", pool="live")
    shop.import_codes("VIP", ["MADE-UP-3"], expires="never")
    shop.run("order issue --all")
    assert shop.sql("SELECT COUNT(*) FROM card WHERE status = 'expired'") == [(0,)]
    frozen_clock.advance(days=2)
    shop.run("order issue --all --dry-run")
    assert shop.sql("SELECT COUNT(*) FROM card WHERE status = 'expired'") == [(0,)]
    shop.run("order issue --all")
    assert shop.sql("SELECT COUNT(*) FROM card WHERE status = 'expired'") == [(2,)]
    verbs = [row[0] for row in shop.sql("SELECT verb FROM audit_record ORDER BY at, seq")]
    assert verbs[-3:] == ["begin", "stock.expire", "end"]
    shop.run("order issue --all")
    shop.run("audit verify")


def test_a_cancelled_order_gives_back_what_was_kept_for_it(stocked):
    stocked.run("order add --channel TB --number 2 --sku VIP --paid 28 --unpaid")
    stocked.execute(
        "UPDATE card SET status = 'reserved',"
        " order_id = (SELECT id FROM orders WHERE number = '2'),"
        " order_bucket = (SELECT bucket FROM orders WHERE number = '2')"
        " WHERE status = 'available'"
    )
    stocked.run("order cancel TB:2")
    assert (levels(stocked)[0]["available"], levels(stocked)[0]["reserved"]) == (2, 0)


def test_an_expired_card_is_never_sold_even_before_expire_has_run(shop, frozen_clock):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1"], expires="2026-11-23")
    frozen_clock.advance(days=2)
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order issue TB:1", status=5)


def test_release_frees_what_was_reserved_for_a_cancelled_order(stocked):
    stocked.run("order add --channel TB --number 2 --sku VIP --paid 28 --unpaid")
    ((bucket, order_id),) = stocked.sql("SELECT bucket, id FROM orders WHERE number = '2'")
    stocked.execute(
        "UPDATE card SET status = 'reserved', order_bucket = :bucket, order_id = :order_id"
        " WHERE status = 'available'",
        bucket=bucket,
        order_id=order_id,
    )
    assert stocked.run("stock release --json").json == []
    stocked.execute("UPDATE orders SET status = 'cancelled' WHERE number = '2'")
    assert stocked.run("stock release --json").json[0]["cards"] == 2
    assert levels(stocked)[0]["available"] == 2


def test_check_holds_when_nothing_was_touched(stocked):
    found = stocked.run("stock check --json").json
    assert (found["cards"], found["order_lines"], found["drifts"]) == (4, 1, [])


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE order_line SET issued_qty = 1", "cards-of-line"),
        (
            "UPDATE card SET status = 'available', order_id = NULL WHERE status = 'issued'",
            "cards-of-line",
        ),
        ("UPDATE card SET order_line_id = 7 WHERE status = 'issued'", "cards-of-line"),
        (
            "UPDATE order_line SET product_id = (SELECT id FROM product WHERE sku = 'CARDP')",
            "product-of-card",
        ),
        ("UPDATE orders SET status = 'paid'", "status-paid"),
        ("UPDATE orders SET status = 'cancelled'", "status-cancelled"),
        ("UPDATE orders SET status = 'delivered'", "status-delivered"),
        (
            "INSERT INTO card_delivery SELECT bucket, id, 0, 1, 1, 1 FROM card",
            "handed-card-for-sale",
        ),
        ("UPDATE card SET status = 'void' WHERE status = 'issued'", "void-card-of-order"),
        ("UPDATE card SET status = 'reserved' WHERE status = 'issued'", "reserved-for-none"),
        ("DELETE FROM card WHERE status = 'available'", "cards-of-batch"),
    ],
)
def test_drift_is_found(stocked, tampering, check):
    stocked.execute(tampering)
    found = stocked.run("stock check --json", status=8).json
    assert check in {one["check"] for one in found["drifts"]}
