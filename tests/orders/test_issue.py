"""Issuing on whole command lines: exactly once, all or nothing, earliest expiry first."""

import json

import pytest
from sqlalchemy import text

from cardctl.storage.store import writing


@pytest.fixture
def stocked(shop):
    """The seeded catalogue with five VIP codes."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(5)])
    return shop


def add_order(shop, number, *, qty=1, paid="28.00", sku="VIP", more=""):
    shop.run(
        f"order add --channel TB --number {number} --sku {sku} --qty {qty} --paid {paid} {more}"
    )


def held_cards(shop, name):
    return [card["id"] for card in shop.run(f"order show {name} --json").json["cards"]]


def assert_whole(shop):
    """The proofs that every change must leave standing."""
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_an_order_gets_its_quantity_once_however_often_it_is_issued(stocked):
    add_order(stocked, 1, qty=3)
    first = stocked.run("order issue TB:1 --json").json
    assert (first["issued"], first["cards"], first["unchanged"]) == (1, 3, 0)
    held = held_cards(stocked, "TB:1")
    again = stocked.run("order issue TB:1 TB:1 --json").json
    assert (again["issued"], again["cards"], again["unchanged"]) == (0, 0, 1)
    assert again["orders"] == [
        {"order": "TB:1", "status": "issued", "cards": 0, "reason": "unchanged", "hint": None}
    ]
    assert held_cards(stocked, "TB:1") == held
    assert_whole(stocked)


def test_too_little_stock_gives_nothing_and_is_issuable_later(stocked):
    add_order(stocked, 1, qty=6)
    result = stocked.run("order issue TB:1 --json", status=5).json
    assert (result["issued"], result["short"], result["cards"]) == (0, 1, 0)
    assert result["orders"][0]["status"] == "short"
    assert "VIP" in result["orders"][0]["reason"]
    assert held_cards(stocked, "TB:1") == []
    stocked.import_codes("VIP", ["MADE-UP-LATE"])
    assert stocked.run("order issue --all --json").json["issued"] == 1
    assert_whole(stocked)


def test_partial_gives_what_there_is_and_the_rest_later(stocked):
    add_order(stocked, 1, qty=7, paid="100.01")
    result = stocked.run("order issue TB:1 --partial --json", status=5).json
    assert result["orders"][0]["status"] == "partly_issued"
    assert result["cards"] == 5
    stocked.run("ledger check")
    stocked.import_codes("VIP", ["MADE-UP-A", "MADE-UP-B"])
    stocked.run("order issue --all --partial")
    shown = stocked.run("order show TB:1 --json").json
    assert (shown["status"], len(shown["cards"])) == ("issued", 7)
    (revenue,) = stocked.sql("SELECT SUM(amount_fen) FROM journal_line WHERE account = 'revenue'")
    assert revenue == (-10_001,)
    assert_whole(stocked)


def test_partial_gives_to_the_longest_wait_first_as_a_dry_run_says(stocked):
    add_order(stocked, "LARGE", qty=8, more="--paid-at 2026-01-01")
    add_order(stocked, "SMALL", qty=2, more="--paid-at 2026-01-02")
    line = "order issue --all --partial --json"
    said = stocked.run(f"{line} --dry-run", status=8).json["orders"]
    done = stocked.run(line, status=8).json["orders"]
    assert said == done
    assert [(one["order"], one["cards"]) for one in done] == [("TB:LARGE", 5), ("TB:SMALL", 0)]
    assert_whole(stocked)


def test_of_named_orders_the_longest_wait_is_served_first(stocked):
    names = [f"TB:{number}" for number in range(8)]
    for number in range(8):
        add_order(stocked, number, more=f"--paid-at 2026-01-0{8 - number}")
    done = stocked.run(["order", "issue", *names, "--json"], status=8).json["orders"]
    issued = {one["order"] for one in done if one["cards"]}
    assert issued == {f"TB:{number}" for number in (3, 4, 5, 6, 7)}


def test_every_line_is_filled_or_none(stocked):
    stocked.import_codes("CARDP", [("9900001", "made-up-1")])
    rows = [
        {"order": "1", "sku": "VIP", "qty": 2, "paid": "156.00"},
        {"order": "1", "sku": "CARDP", "qty": 2, "paid": "156.00"},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    stocked.run("order import - --channel TB", stdin=lines)
    stocked.run("order issue TB:1", status=5)
    assert held_cards(stocked, "TB:1") == []
    levels = {row["product"]: row for row in stocked.run("stock levels --json").json}
    assert (levels["VIP"]["available"], levels["CARDP"]["available"]) == (5, 1)


def test_the_earliest_expiry_goes_first_and_never_stock_goes_last(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-NEVER"], expires="never")
    shop.import_codes("VIP", ["MADE-UP-2031"], expires="2031-01-01")
    shop.import_codes("VIP", ["MADE-UP-2030"], expires="2030-01-01")
    for number in (1, 2, 3):
        add_order(shop, number)
        shop.run(f"order issue TB:{number}")
    expiries = [
        shop.run(f"order show TB:{number} --json").json["cards"][0]["expires_on"]
        for number in (1, 2, 3)
    ]
    assert expiries == ["2030-01-01", "2031-01-01", None]


def test_nothing_is_sold_below_the_products_minimum_validity(shop):
    shop.seed_catalog()
    shop.run("product edit VIP --min-validity 30d")
    shop.import_codes("VIP", ["MADE-UP-SOON"], expires="+10d")
    add_order(shop, 1)
    shop.run("order issue TB:1", status=5)
    shop.import_codes("VIP", ["MADE-UP-LATER"], expires="+31d")
    shop.run("order issue TB:1")
    assert shop.run("stock levels --json").json[0]["available"] == 1


def test_a_channels_pools_are_tried_in_their_order(shop):
    shop.seed_catalog()
    shop.run("pool add gold")
    shop.run("channel add XY --name 闲鱼 --kind xianyu --account WX --pool gold --pool main")
    shop.import_codes("VIP", ["MADE-UP-MAIN"], expires="2030-01-01")
    shop.import_codes("VIP", ["MADE-UP-GOLD"], expires="2031-01-01", pool="gold")
    for number in (1, 2):
        shop.run(f"order add --channel XY --number {number} --sku VIP --paid 28")
    shop.run("order issue XY:1")
    levels = {row["pool"]: row["available"] for row in shop.run("stock levels --json").json}
    assert levels == {"gold": 0, "main": 1}
    shop.run("order issue XY:2")
    levels = {row["pool"]: row["available"] for row in shop.run("stock levels --json").json}
    assert levels == {"gold": 0, "main": 0}


def test_a_pool_that_is_not_the_channels_is_not_touched(shop):
    shop.seed_catalog()
    shop.run("pool add kept")
    shop.import_codes("VIP", ["MADE-UP-KEPT"], pool="kept")
    add_order(shop, 1)
    shop.run("order issue TB:1", status=5)


def test_all_issues_the_longest_wait_first_and_ends_with_8_when_some_are_short(stocked):
    for number in range(7):
        add_order(stocked, number, more=f"--paid-at '2026-11-0{7 - number} 12:00'")
    result = stocked.run("order issue --all --json", status=8).json
    assert (result["issued"], result["short"], result["cards"]) == (5, 2, 5)
    short = {row["order"] for row in result["orders"] if row["reason"]}
    assert short == {"TB:0", "TB:1"}
    assert_whole(stocked)


def test_limit_takes_only_so_many(stocked):
    for number in range(4):
        add_order(stocked, number)
    assert stocked.run("order issue --all --limit 3 --json").json["issued"] == 3
    assert stocked.run("order issue --all --json").json["issued"] == 1
    assert stocked.run("order issue --all --json").json["issued"] == 0


def test_names_from_stdin(stocked):
    for number in range(3):
        add_order(stocked, number)
    result = stocked.run("order issue - --json", stdin="TB:0\n\nTB:2\n").json
    assert result["issued"] == 2
    assert stocked.run("order show TB:1 --json").json["status"] == "paid"


def test_a_dry_run_says_the_same_and_keeps_nothing(stocked):
    for number in range(6):
        add_order(stocked, number)
    before = stocked.sql("SELECT COUNT(*) FROM audit_record")
    dry = stocked.run("order issue --all --dry-run --json", status=8).json
    assert dry["dry_run"] is True
    assert (dry["issued"], dry["short"], dry["cards"]) == (5, 1, 5)
    assert stocked.sql("SELECT COUNT(*) FROM audit_record") == before
    assert stocked.run("stock levels --json").json[0]["available"] == 5
    real = stocked.run("order issue --all --json", status=8).json
    assert (real["issued"], real["short"], real["cards"]) == (5, 1, 5)


def test_what_is_not_there_stops_everything_before_it_begins(stocked):
    add_order(stocked, 1)
    refused = stocked.run("order issue TB:1 TB:404 --json", status=4)
    assert "TB:404" in refused.stderr
    assert stocked.run("order show TB:1 --json").json["status"] == "paid"
    stocked.run("order issue NOPE:1", status=4)


@pytest.mark.parametrize(("before", "reason"), [("--unpaid", "unpaid"), ("", "cancelled")])
def test_what_may_not_be_issued_says_why(stocked, before, reason):
    add_order(stocked, 1, more=before)
    if not before:
        stocked.run("order cancel TB:1 --yes")
    result = stocked.run("order issue TB:1 --json", status=5).json
    assert result["orders"] == [
        {"order": "TB:1", "status": reason, "cards": 0, "reason": reason, "hint": None}
    ]
    assert result["cards"] == 0


@pytest.mark.parametrize("line", ["order issue", "order issue TB:1 --all", "order issue TB"])
def test_usage(stocked, line):
    stocked.run(line, status=2)


def test_a_thousand_orders_take_as_many_statements_as_ten(shop, count_statements):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(1_010)])

    def statements_for(first, count):
        rows = (
            json.dumps({"order": str(number), "sku": "VIP", "paid": "28.00"})
            for number in range(first, first + count)
        )
        shop.run("order import - --channel TB", stdin="\n".join(rows))
        with count_statements() as counted:
            assert shop.run("order issue --all --json").json["issued"] == count
        return len(counted)

    assert statements_for(0, 10) == statements_for(10, 1_000)


def test_the_claim_reads_its_index_past_any_number_of_sold_cards(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(300)])
    shop.execute(
        "UPDATE card SET status = 'issued', order_bucket = 0, order_id = 1, order_line_id = 1"
        " WHERE masked <> (SELECT MAX(masked) FROM card)"
    )
    claim = (
        "SELECT bucket, id FROM card WHERE product_id = 1 AND pool_id = 1"
        " AND card.status = 'available' AND (expires_at, id) > (0, 0)"
        " ORDER BY expires_at, id LIMIT 3"
    )
    if shop.backend == "sqlite":
        plan = shop.sql(f"EXPLAIN QUERY PLAN {claim}")
        assert "ix_card_claim" in str(plan)
        assert "TEMP B-TREE" not in str(plan)
    else:
        shop.execute("ANALYZE card")
        plan = shop.sql(f"EXPLAIN {claim}")
        assert "ix_card_claim" in str(plan)
        assert "Sort" not in str(plan)


def test_bad_plans_do_not_change_what_a_limit_takes(stocked):
    """A claim whose LIMIT sits in a subquery is run again per outer row by a bad plan."""
    if stocked.backend == "postgres":
        name = stocked.sql("SELECT current_database()")[0][0]
        for setting in (
            "enable_hashjoin",
            "enable_mergejoin",
            "enable_indexscan",
            "enable_material",
        ):
            stocked.execute(f'ALTER DATABASE "{name}" SET {setting} = off')
    add_order(stocked, 1, qty=3)
    assert stocked.run("order issue TB:1 --json").json["cards"] == 3
    assert stocked.run("stock levels --json").json[0]["available"] == 2
    assert_whole(stocked)


def test_short_is_said_only_after_waiting_for_cards_that_come_back(stocked):
    """Somebody holds all cards in a transaction that rolls back: the order is not short."""
    add_order(stocked, 1, qty=5)
    with writing(stocked.store.engine, dry_run=True) as session:
        session.connection().execute(text("UPDATE card SET status_at = status_at"))
        issuing = stocked.spawn("order issue TB:1 --json")
        with pytest.raises(TimeoutError):
            wait(issuing, seconds=3)
    stdout, stderr = issuing.communicate(timeout=60)
    assert issuing.returncode == 0, stderr
    assert json.loads(stdout)["cards"] == 5


def wait(process, *, seconds):
    import subprocess

    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
