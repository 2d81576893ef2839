"""Moving cards between pools: exactly so many, the earliest expiry first, or none."""

import pytest


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.run("pool add live")
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"], expires="2099-12-31")
    shop.import_codes("VIP", ["MADE-UP-3"], expires="2098-12-31")
    return shop


def in_pool(shop, pool):
    found = shop.run(f"stock levels --pool {pool} --json").json
    return found[0]["available"] if found else 0


def expiries(shop, pool):
    return shop.sql(
        "SELECT card.expires_at FROM card JOIN pool ON pool.id = card.pool_id"
        " WHERE pool.code = :pool ORDER BY 1",
        pool=pool,
    )


def test_what_expires_first_goes_first(stocked):
    before = expiries(stocked, "main")
    line = "stock move --product VIP --from main --to live --qty 2 --json"
    assert stocked.run(f"{line} --dry-run").json["dry_run"] is True
    assert in_pool(stocked, "live") == 0
    assert stocked.run(line).json == {
        "product": "VIP",
        "from_pool": "main",
        "to_pool": "live",
        "cards": 2,
    }
    assert expiries(stocked, "live") == before[:2]
    assert in_pool(stocked, "main") == 1
    for check in ("stock check", "ledger check", "audit verify"):
        stocked.run(check)


def test_too_few_moves_none_and_says_how_many_there_are(stocked):
    line = "stock move --product VIP --from main --to live --qty 4 --json"
    refused = stocked.run(line, status=5).error
    assert (refused["code"], refused["details"]["found"]) == ("too-few", 3)
    assert in_pool(stocked, "live") == 0
    assert stocked.sql("SELECT COUNT(*) FROM audit_record WHERE verb = 'stock.move'") == [(0,)]


def test_only_what_could_be_sold_is_moved(stocked, frozen_clock):
    stocked.import_codes("VIP", ["MADE-UP-4"], expires="2026-11-23")
    stocked.run("order add --channel TB --number 1 --sku VIP --paid 28")
    stocked.run("order issue TB:1")
    frozen_clock.advance(days=2)
    refused = stocked.run(
        "stock move --product VIP --from main --to live --qty 4 --json", status=5
    ).error
    assert refused["details"]["found"] == 3
    stocked.run("stock move --product VIP --from main --to live --qty 3")
    assert in_pool(stocked, "live") == 3


def test_moved_cards_are_sold_from_their_new_pool(stocked):
    stocked.run("channel add LIVE --name 直播间 --kind douyin --account WX --pool live")
    stocked.run("order add --channel LIVE --number 1 --sku VIP --paid 28")
    stocked.run("order issue LIVE:1", status=5)
    stocked.run("stock move --product VIP --from main --to live --qty 1")
    stocked.run("order issue LIVE:1")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("--product VIP --from main --to main --qty 1", 2),
        ("--product VIP --from main --to live --qty 0", 2),
        ("--product VIP --from main --to nowhere --qty 1", 4),
        ("--product NOPE --from main --to live --qty 1", 4),
    ],
)
def test_what_cannot_be_moved(stocked, line, status):
    stocked.run(f"stock move {line}", status=status)


def test_however_many_a_constant_number_of_statements(shop, count_statements):
    shop.seed_catalog()
    shop.run("pool add live")
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(600)])
    counts = []
    for qty in (3, 500):
        with count_statements() as heard:
            shop.run(f"stock move --product VIP --from main --to live --qty {qty}")
        counts.append(len(heard))
    assert counts[0] == counts[1]
