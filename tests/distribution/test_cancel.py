"""What has not left the house is taken back: before a run, and after it."""

import pytest

from cardctl.distribution import run
from cardctl.distribution.cancel import find_recipient
from cardctl.distribution.progress import find_plan


def levels(shop):
    (level,) = [one for one in shop.run("stock levels --json").json if one["product"] == "VIP"]
    return level["available"], level["issued"]


@pytest.fixture
def planned(shop, staff):
    staff.codes(4, cost="10")
    staff.people(4)
    shop.run("distribute plan staff.csv --name spring --price 30 --channel TB")
    return shop


def test_a_recipient_who_is_cancelled_before_the_run_gets_nothing(planned, staff):
    line = "distribute cancel spring u0001 --reason 'left the company' --yes --json"
    assert planned.run(line.replace("--yes", "--dry-run")).json["cancelled"] == 1
    planned.run(line.replace("--yes", ""), status=2)
    assert planned.run(line).json["cancelled"] == 1
    again = planned.run(line).json
    assert (again["cancelled"], again["unchanged"]) == (0, 1)
    for option in ("", " --yes"):
        planned.run(line.replace("u0001", "nobody").replace(" --yes", option), status=4)

    told = planned.run("distribute run spring --json").json
    assert (told["assigned"], told["cancelled"], told["status"]) == (3, 1, "done")
    assert "spring/u0001" not in staff.given()


def test_after_the_run_orders_are_refunded_and_unseen_cards_sold_again(planned):
    planned.run("distribute run spring")
    planned.run("order show TB:spring/u0000 --reveal --reason x")
    assert levels(planned) == (0, 4)

    one = planned.run("distribute cancel spring u0003 --reason x --yes --json").json
    assert (one["cancelled"], one["restocked"], one["status"]) == (1, 1, "done")
    seen = planned.run("distribute cancel spring u0000 --reason x --yes --json", status=5)
    assert seen.error["code"] == "cards-were-seen"

    whole = planned.run("distribute cancel spring --reason wrong --yes --json", status=8).json
    assert whole == {
        "plan": "spring",
        "status": "cancelled",
        "cancelled": 2,
        "restocked": 2,
        "unchanged": 1,
        "left": 1,
        "orders": ["TB:spring/u0000"],
    }
    assert levels(planned) == (3, 1)
    planned.run("distribute run spring", status=5)
    told = planned.run("distribute status spring --json").json
    assert (told["assigned"], told["cancelled"], told["waiting"]) == (1, 3, 0)
    for check in ("ledger check", "stock check", "audit verify"):
        planned.run(check)


@pytest.mark.parametrize("first", [True, False])
def test_an_order_that_a_person_placed_is_never_taken_back(planned, staff, first):
    """Not even one of what the plan says, under the number of one of its recipients."""
    orders = "order add --channel TB --number spring/u000{} --sku VIP --paid 30 --email a@b.cn"
    for number in (1, 2):
        planned.run(orders.format(number))
    planned.run("order issue TB:spring/u0002")
    if not first:
        told = planned.run("distribute run spring --json", status=8).json
        assert told["conflicts"] == ["TB:spring/u0001"]
    planned.run("distribute cancel spring u0002 --reason x --yes")
    told = planned.run("distribute cancel spring --reason x --yes --json").json
    assert (told["cancelled"], told["restocked"]) == (3, 0 if first else 2)
    statuses = planned.sql("SELECT number, status FROM orders ORDER BY number")
    kept = [row for row in statuses if row[0] in ("spring/u0001", "spring/u0002")]
    assert kept == [("spring/u0001", "paid"), ("spring/u0002", "issued")]


def test_a_whole_plan_that_was_not_run_is_cancelled_once(planned):
    line = "distribute cancel spring --reason x --yes --json"
    assert planned.run(line).json["cancelled"] == 4
    again = planned.run(line).json
    assert (again["cancelled"], again["unchanged"]) == (0, 4)
    assert levels(planned) == (4, 0)


def test_a_plan_of_which_everything_is_delivered_stays_what_it_is(shop, staff):
    """One that has somebody left who is not is cancelled for them; nothing else changes."""
    staff.codes(2)
    staff.people(2)
    shop.run("distribute plan staff.csv --name spring --price 30 --via terminal")
    shop.run("distribute run spring --json")
    records = "SELECT count(*) FROM audit_record"
    before = shop.sql(records)
    line = "distribute cancel spring --reason x --yes --json"
    for option in (" --dry-run", ""):
        refused = shop.run(line + option, status=5).error
        assert (refused["code"], refused["details"]["left"]) == ("nothing-to-cancel", 2)
    assert (shop.sql("SELECT status FROM plan"), shop.sql(records)) == ([("done",)], before)
    assert shop.run("distribute run spring --json").json["outcome"] == "unchanged"

    one = line.replace("spring", "spring u0001")
    for refusing in (one, line):
        hint = shop.run(refusing, status=5).error["hint"]
        hinted = hint[hint.index("order refund") : hint.index(" TEXT pays")]
        shop.run(f"{hinted} x")
    told = shop.run(line).json
    assert (told["status"], told["cancelled"], told["unchanged"]) == ("cancelled", 0, 2)


def test_who_is_cancelled_while_the_plan_is_run_gets_nothing(planned, staff, monkeypatch):
    """The run has read its recipients already, and made no order so far."""
    give = run._give

    def cancelled_before(work, tasks):
        with planned.store.reading() as session:
            plan = find_plan(session, name="spring")
            found = find_recipient(session, plan=plan, recipient="u0002")
        sql = "UPDATE plan_recipient SET cancelled_at = 1 WHERE bucket = :bucket AND id = :id"
        planned.execute(sql, bucket=found.bucket, id=found.id)
        give(work, tasks)

    monkeypatch.setattr(run, "_give", cancelled_before)
    told = planned.run("distribute run spring --json").json
    assert (told["assigned"], told["cancelled"]) == (3, 1)
    assert sorted(staff.given()) == ["spring/u0000", "spring/u0001", "spring/u0003"]


def test_a_plan_that_is_cancelled_while_it_is_run_stays_cancelled(planned, monkeypatch):
    """The lock on the job keeps them apart; where there were none, the run would not undo it."""
    # SQLite's writer is alone: there it happens just before the run's last look.
    moment = "read_progress" if planned.backend == "postgres" else "_give"
    real, told = getattr(run, moment), []

    def cancelled_meanwhile(*arguments, **named):
        found = real(*arguments, **named)
        told.append(moment)
        if moment == "_give" or len(told) == 2:
            planned.execute("UPDATE plan SET status = 'cancelled'")
        return found

    monkeypatch.setattr(run, moment, cancelled_meanwhile)
    assert planned.run("distribute run spring --json").json["status"] == "cancelled"
    assert planned.sql("SELECT status FROM plan") == [("cancelled",)]
    planned.run("audit verify")
