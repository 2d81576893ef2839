"""Frozen stock: nothing of it is issued, and it stands in nobody's way."""

import json

import pytest

from cardctl.orders import issue as issuing


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"])
    shop.import_codes("CARDP", [("001", "made-up-password"), ("002", "made-up-password")])
    return shop


def place(shop, *orders):
    """Orders as (number, SKU…), a line each."""
    lines = [
        json.dumps({"order": number, "sku": sku, "line_paid": "28.00"})
        for number, *skus in orders
        for sku in skus
    ]
    shop.run("order import - --channel TB", stdin="\n".join(lines))


def statuses(shop):
    return dict(shop.sql("SELECT number, status FROM orders"))


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_a_named_order_of_a_frozen_product_stays_paid(stocked):
    place(stocked, ("1", "VIP"))
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    for more in ("", "--partial", "--dry-run"):
        result = stocked.run(f"order issue TB:1 --json {more}", status=5).json
        assert (result["frozen"], result["issued"], result["short"]) == (1, 0, 0)
        assert result["orders"] == [
            {"order": "TB:1", "status": "paid", "cards": 0, "reason": "frozen", "hint": None}
        ]
    assert statuses(stocked) == {"1": "paid"}
    stocked.run("stock unfreeze --product VIP")
    assert stocked.run("order issue TB:1 --json").json["issued"] == 1
    assert_whole(stocked)


def test_all_passes_frozen_orders_by_and_counts_them(stocked):
    place(stocked, ("1", "VIP"), ("2", "CARDP"), ("3", "VIP", "CARDP"), ("4", "CARDP"))
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    result = stocked.run("order issue --all --limit 2 --json", status=8).json
    assert (result["issued"], result["frozen"]) == (2, 2)
    assert {one["order"]: one["reason"] for one in result["orders"]} == {
        "TB:1": "frozen",
        "TB:2": "",
        "TB:3": "frozen",
        "TB:4": "",
    }
    assert statuses(stocked) == {"1": "paid", "2": "issued", "3": "paid", "4": "issued"}
    assert_whole(stocked)


def test_partial_gives_the_lines_that_are_not_frozen(stocked):
    place(stocked, ("1", "VIP", "CARDP"), ("2", "VIP"))
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    told = stocked.run("order issue --all --partial --dry-run --json", status=8).json
    result = stocked.run("order issue --all --partial --json", status=8).json
    for one in (told, result):
        assert (one["issued"], one["cards"], one["short"], one["frozen"]) == (0, 1, 0, 2)
        assert one["orders"] == [
            {
                "order": "TB:1",
                "status": "partly_issued",
                "cards": 1,
                "reason": "frozen",
                "hint": None,
            },
            {"order": "TB:2", "status": "paid", "cards": 0, "reason": "frozen", "hint": None},
        ]
    again = stocked.run("order issue --all --partial --json", status=8).json
    assert (again["cards"], again["frozen"]) == (0, 2)
    assert_whole(stocked)
    stocked.run("stock unfreeze --product VIP")
    stocked.run("order issue --all")
    assert set(statuses(stocked).values()) == {"issued"}
    assert_whole(stocked)


def test_what_is_short_beside_what_is_frozen_is_short(stocked):
    place(stocked, ("1", "VIP", "CARDP", "CARDP", "CARDP"))
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    (one,) = stocked.run("order issue TB:1 --partial --json", status=5).json["orders"]
    assert (one["status"], one["cards"]) == ("partly_issued", 2)
    assert one["reason"].startswith("short: CARDP")


def test_everything_frozen(stocked):
    place(stocked, ("1", "VIP"), ("2", "CARDP"))
    stocked.run("stock freeze --reason stocktaking")
    result = stocked.run("order issue --all --json", status=8).json
    assert (result["issued"], result["frozen"]) == (0, 2)
    stocked.run("order issue TB:2", status=5)
    assert {one["frozen"] for one in stocked.run("stock levels --json").json} == {True}
    stocked.run("pool add live")
    stocked.run("stock move --product VIP --from main --to live --qty 1")
    stocked.import_codes("VIP", ["MADE-UP-3"])
    stocked.run("stock unfreeze")
    stocked.run("order issue --all")
    assert_whole(stocked)


def test_freezing_twice_changes_nothing_the_second_time(stocked):
    first = stocked.run("stock freeze --product VIP --reason one --json").json
    again = stocked.run("stock freeze --product VIP --reason two --json").json
    assert (first["outcome"], again["outcome"]) == ("new", "unchanged")
    assert (again["reason"], again["frozen_at"]) == ("one", first["frozen_at"])
    assert stocked.run("stock unfreeze --product VIP --json").json["outcome"] == "updated"
    assert stocked.run("stock unfreeze --product VIP --json").json["outcome"] == "unchanged"
    verbs = stocked.sql("SELECT verb FROM audit_record WHERE verb LIKE 'stock.%' ORDER BY at")
    assert [row[0] for row in verbs] == ["stock.freeze", "stock.unfreeze"]


def test_unfreezing_a_product_says_when_everything_is_frozen_still(stocked):
    stocked.run("stock freeze --product VIP --reason one")
    stocked.run("stock freeze --reason all")
    freed = stocked.run("stock unfreeze --product VIP --json").json
    assert (freed["outcome"], freed["frozen"], freed["reason"]) == ("updated", True, "all")
    assert stocked.run("stock unfreeze --json").json["frozen"] is False


def test_a_freeze_of_what_is_not_there_and_a_dry_run(stocked):
    stocked.run("stock freeze --product NOPE --reason x", status=4)
    stocked.run("stock freeze --product VIP --reason x --dry-run")
    assert stocked.sql("SELECT COUNT(*) FROM stock_freeze") == [(0,)]


def test_levels_and_status_tell_of_it(stocked):
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    frozen = {one["product"]: one["frozen"] for one in stocked.run("stock levels --json").json}
    assert frozen == {"VIP": True, "CARDP": False}
    kinds = {one["kind"]: one for one in stocked.run("status --json").json["alerts"]}
    assert kinds["stock-frozen"]["command"] == "cardctl stock unfreeze --product VIP"


def test_many_frozen_orders_are_counted_and_few_are_named(stocked, monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 7)
    monkeypatch.setattr(issuing, "FROZEN_NAMED", 5)
    place(stocked, *((f"V{number}", "VIP") for number in range(60)), ("C", "CARDP"))
    stocked.run("stock freeze --product VIP --reason 'dead keys'")
    result = stocked.run("order issue --all --limit 1 --json", status=8).json
    assert (result["issued"], result["frozen"]) == (1, 60)
    assert len(result["orders"]) == 6


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_freeze_waits_for_what_is_being_issued(stocked):
    """The one who issues has looked and not committed yet: the freeze is not in force before."""
    from cardctl.stock.freeze import read_frozen

    with stocked.store.transaction() as session:
        assert not read_frozen(session, holding=True)
        freezing = stocked.spawn("stock freeze --product VIP --reason 'dead keys'")
        waiting = False
        while not waiting and freezing.poll() is None:
            waiting = stocked.sql("SELECT COUNT(*) FROM pg_locks WHERE NOT granted") != [(0,)]
        assert freezing.poll() is None
        assert stocked.sql("SELECT COUNT(*) FROM stock_freeze") == [(0,)]
    assert freezing.wait(timeout=60) == 0
    assert stocked.sql("SELECT COUNT(*) FROM stock_freeze") == [(1,)]
