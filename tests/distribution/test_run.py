"""Running a plan gives every recipient exactly their cards, once, however often it is run."""

import pytest

from cardctl.distribution import run
from cardctl.distribution.hold import plan_lock
from cardctl.storage.failures import TransactionRaced
from cardctl.storage.job_lock import job_lock


def test_every_recipient_gets_their_cards_once(shop, staff):
    staff.codes(7, cost="10")
    staff.table("u1,VIP,2,,,张三,送给你", "u2,VIP,,u2@made-up.cn,,,", "u3,VIP,3,,,,")
    shop.run("distribute plan staff.csv --name spring --price 30")
    told = shop.run("distribute run spring --json").json
    figures = {
        "recipients": 3,
        "assigned": 3,
        "delivered": 0,
        "short": 0,
        "failed": 0,
        "held": 0,
        "waiting": 0,
        "cancelled": 0,
    }
    assert told.items() >= (figures | {"status": "done", "outcome": "updated"}).items()
    assert staff.given() == {"spring/u1": 2, "spring/u2": 1, "spring/u3": 3}
    order = shop.run("order show DIST:spring/u1 --json").json
    assert (order["paid_fen"], order["buyer"], order["note"]) == (6000, "张三", "送给你")

    records = shop.sql("SELECT count(*) FROM audit_record")
    again = shop.run("distribute run spring --json").json
    assert again == told | {"outcome": "unchanged"}
    assert shop.sql("SELECT count(*) FROM audit_record") == records
    assert shop.run("distribute status spring --json").json.items() >= figures.items()
    for check in ("ledger check", "stock check", "audit verify"):
        shop.run(check)


def test_what_is_short_is_told_and_given_when_it_has_come(shop, staff):
    staff.codes(2)
    staff.people(3)
    planned = shop.run("distribute plan staff.csv --name spring --json", status=8).json
    assert planned["short"] == 1
    told = shop.run("distribute run spring --json", status=8).json
    assert (told["assigned"], told["short"], told["status"]) == (2, 1, "running")
    more = "cardctl batch import FILE --supplier CODE; cardctl distribute run spring"
    assert told["hint"] == more

    shop.import_codes("VIP", ["MADE-UP-LATE"])
    told = shop.run("distribute run spring --json").json
    assert (told["assigned"], told["short"], told["status"]) == (3, 0, "done")
    assert set(staff.given().values()) == {1}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_frozen_stock_lets_recipients_wait(shop, staff):
    staff.codes(2)
    staff.people(2)
    shop.run("stock freeze --product VIP --reason x")
    planned = shop.run("distribute plan staff.csv --name spring --json").json
    assert planned["stock"][0]["frozen"] is True
    told = shop.run("distribute run spring --json", status=8).json
    assert (told["assigned"], told["waiting"]) == (0, 2)
    shop.run("stock unfreeze --product VIP")
    assert shop.run("distribute run spring --json").json["assigned"] == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_plan_that_is_not_there(shop, staff):
    refused = shop.run("distribute run none --json", status=4)
    assert refused.error["hint"] == "cardctl distribute list"
    shop.run("distribute status none", status=4)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_plan_is_run_by_one_at_a_time(shop, staff):
    staff.codes(1)
    staff.people(1)
    shop.run("distribute plan staff.csv --name spring")
    with job_lock(shop.store, plan_lock("spring")):
        refused = shop.run("distribute run spring --json", status=10)
        shop.run("distribute cancel spring --reason x --yes", status=10)
    assert refused.error["details"] == {"job": "distribute run spring"}
    assert shop.run("distribute run spring --json").json["assigned"] == 1


def foreseen_and_run(shop):
    """What a run came to, which a dry run had foreseen to the last field, keeping nothing."""
    stored = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM audit_record)"
    before = shop.sql(stored)
    would = shop.run("distribute run spring --dry-run --json", status=8).json
    assert would.pop("dry_run")
    assert shop.sql(stored) == before
    told = shop.run("distribute run spring --json", status=8).json
    assert would == told
    counts = ("assigned", "short", "held", "waiting", "cancelled")
    return [told[name] for name in counts], told["conflicts"]


def test_a_dry_run_tells_what_the_run_will_come_to(shop, staff, frozen_clock, monkeypatch):
    """Bundles, regions that changed, frozen stock, what is kept for others, a part of an order."""
    monkeypatch.setattr(run, "CHUNK", 2)
    shop.run("product add SET --name x --kind bundle --component VIP=2 --component CARDP=1")
    shop.run("product add COLD --name x")
    shop.run("product add LIMITED --name x")
    staff.codes(6)
    shop.import_codes("CARDP", [("MADE-UP-1", "made-up")])
    shop.import_codes("COLD", ["MADE-UP-COLD"])
    shop.import_codes("LIMITED", ["MADE-UP-LIMITED"])
    shop.run("order add --channel TB --number r --sku VIP --qty 2 --paid 1 --unpaid --reserve 30m")
    rows = ("a,VIP,1", "b,SET,1", "c,COLD,1", "d,LIMITED,1", "e,VIP,5", "f,SET,1", "g,VIP,1")
    staff.table(*rows, "h,VIP,1", "i,VIP,1")
    shop.run("distribute plan staff.csv --name spring --channel TB --region US", status=8)
    shop.run("stock freeze --product COLD --reason x")
    shop.run("product edit LIMITED --region CN")
    shop.run("order add --channel TB --number spring/g --sku CARDP --paid 1")
    shop.run("distribute cancel spring h --reason x --yes")
    frozen_clock.advance(seconds=31 * 60)

    counts, conflicts = foreseen_and_run(shop)
    assert (counts, conflicts) == ([3, 2, 1, 2, 1], ["TB:spring/g"])
    assert staff.given() == {"spring/a": 1, "spring/b": 3, "spring/i": 1}

    shop.run("order issue TB:spring/e --partial", status=5)
    shop.run("stock unfreeze --product COLD")
    shop.run("product edit LIMITED --region CN --region US")
    shop.import_codes("VIP", [f"MADE-UP-LATE-{n}" for n in range(3)])
    counts, conflicts = foreseen_and_run(shop)
    assert counts == [5, 1, 1, 1, 1]


def test_what_a_killed_run_was_sending_is_left_until_its_lease_ends(shop, staff, monkeypatch):
    staff.codes(3)
    staff.people(3)
    shop.run("distribute plan staff.csv --name spring --via terminal")
    with monkeypatch.context() as killed:
        killed.setattr(run, "_send", lambda *_: False)
        shop.run("distribute run spring", status=8)
    sending = "UPDATE delivery SET status = 'sending', attempts = 1, due_at = 9999999999999"
    shop.execute(f"{sending} WHERE id = (SELECT min(id) FROM delivery)")

    told = {}
    for option in (" --dry-run", ""):
        ran = shop.run(f"distribute run spring{option} --json", status=8)
        told[option] = {name: ran.json.get(name) for name in ("delivered", "retrying", "status")}
        assert "1 are being sent by another command" in ran.stderr
    assert told[" --dry-run"] == told[""] == {"delivered": 2, "retrying": 1, "status": "running"}
    cancel = "distribute cancel spring --reason x --yes --dry-run --json"
    assert shop.run(cancel, status=8).json["status"] == "cancelled"
    shop.execute("UPDATE delivery SET due_at = 1 WHERE status = 'sending'")
    assert shop.run("distribute run spring --json").json["status"] == "done"


@pytest.mark.parametrize("changed", ["VIP=3", "CARDP=2"])
def test_a_bundle_that_changed_since_the_plan_gives_nobody_other_cards(shop, staff, changed):
    shop.run("product add SET --name x --kind bundle --component VIP=2")
    staff.codes(3)
    staff.table("u1,VIP,1,,,,", "u2,SET,1,,,,", "u3,SET,1,,,,")
    shop.run("distribute plan staff.csv --name spring", status=8)
    shop.run(f"product edit SET --component {changed}")
    for option in ("", " --dry-run"):
        refused = shop.run(f"distribute run spring{option} --json", status=5).error
        assert refused["code"] == "plan-outdated"
        told = {"plan": "spring", "planned": "VIP=2", "now": changed, "left": 2, "product": "SET"}
        assert refused["details"] == told
        assert "cardctl product show SET" in refused["hint"]
    assert shop.sql("SELECT count(*) FROM orders") == [(0,)]
    assert shop.sql("SELECT status FROM plan") == [("planned",)]

    shop.run("product edit SET --component VIP=2")
    assert shop.run("distribute run spring --json", status=8).json["assigned"] == 2
    # Those who have an order get what it says.
    shop.run("product edit SET --component VIP=3")
    shop.import_codes("VIP", ["MADE-UP-LATE-1", "MADE-UP-LATE-2"])
    assert shop.run("distribute run spring --json").json["assigned"] == 3
    assert staff.given() == {"spring/u1": 1, "spring/u2": 2, "spring/u3": 2}


def test_an_order_that_is_not_what_the_plan_says_is_left_alone(shop, staff, monkeypatch):
    staff.codes(2)
    staff.people(2)
    shop.run("distribute plan staff.csv --name spring --channel TB")
    shop.run("order add --channel TB --number spring/u0001 --sku CARDP --paid 1")
    place, races = run.place_orders, []

    def raced(*arguments, **named):
        placed = place(*arguments, **named)
        if not races:
            races.append(placed)
            raise TransactionRaced
        return placed

    monkeypatch.setattr(run, "place_orders", raced)
    told = shop.run("distribute run spring --json", status=8).json
    assert races
    assert (told["assigned"], told["conflicts"]) == (1, ["TB:spring/u0001"])
    assert staff.given() == {"spring/u0000": 1}
