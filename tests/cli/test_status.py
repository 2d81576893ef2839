"""status: what needs a person today."""

DAY_MS = 86_400_000


def alerts(shop):
    found = shop.run("status --json").json
    return {(item["kind"], item["about"]): item["count"] for item in found["alerts"]}


def test_a_quiet_shop_has_nothing_to_tell_but_its_last_run(shop):
    found = shop.run("status --json").json
    assert found["alerts"] == []
    assert found["orders"] == {"waiting": 0, "short": 0, "held": 0}
    assert [(run["verb"], run["finished"]) for run in found["last_runs"]] == [("init", True)]


def test_it_needs_no_key(shop):
    for path in shop.home.glob("*.key"):
        path.unlink()
    shop.run("status")


def test_stock_that_runs_out_or_out_of_date_is_told(shop, frozen_clock):
    shop.seed_catalog()
    shop.run("product edit VIP --safety-stock 2 --min-validity 10d")
    assert alerts(shop) == {("low-stock", "VIP"): 0}
    shop.import_codes("VIP", ["K-1", "K-2", "K-3"], expires="2026-12-31")
    assert alerts(shop) == {}
    shop.import_codes("VIP", ["K-4"], cost=None, expires="never")
    assert alerts(shop) == {("cost-missing", "VIP"): 1}
    frozen_clock.advance(days=15)
    assert alerts(shop) == {("cost-missing", "VIP"): 1, ("expiring-soon", "VIP"): 3}
    frozen_clock.advance(days=20)
    assert alerts(shop) == {
        ("cost-missing", "VIP"): 1,
        ("expiring-soon", "VIP"): 3,
        ("low-stock", "VIP"): 1,
    }
    frozen_clock.advance(days=10)
    assert alerts(shop) == {
        ("cost-missing", "VIP"): 1,
        ("expired-on-hand", "VIP"): 3,
        ("low-stock", "VIP"): 1,
    }


def test_orders_without_cards_are_told(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", ["K-1"])
    for number in ("1", "2", "3"):
        shop.run(f"order add --channel TB --number {number} --sku VIP --paid 28")
    assert shop.run("status --json").json["orders"] == {"waiting": 3, "short": 0, "held": 0}
    shop.run("order issue --all", status=8)
    found = shop.run("status --json").json
    assert found["orders"] == {"waiting": 2, "short": 2, "held": 0}
    assert ("orders-short", 2) in [(item["kind"], item["count"]) for item in found["alerts"]]


def test_a_run_that_was_broken_off_is_told_after_a_while(shop, frozen_clock):
    shop.run("pool add vip")
    newest = "(SELECT max(run_id) FROM audit_record)"
    shop.execute(f"DELETE FROM audit_record WHERE verb = 'end' AND run_id = {newest}")
    assert alerts(shop) == {}
    frozen_clock.advance(seconds=601)
    ((kind, about),) = alerts(shop)
    assert kind == "run-unfinished"
    assert about.startswith("pool.add R-")


def test_the_table_speaks_to_people(shop):
    shop.seed_catalog()
    shop.run("product edit VIP --safety-stock 2")
    shown = shop.run("status --lang zh --format table").stdout
    assert "库存不足" in shown
    assert "cardctl stock levels --product VIP" in shown
