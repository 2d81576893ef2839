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
    planned.run(line.replace("u0001", "nobody"), status=4)

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


def test_a_whole_plan_that_was_not_run_is_cancelled_once(planned):
    line = "distribute cancel spring --reason x --yes --json"
    assert planned.run(line).json["cancelled"] == 4
    again = planned.run(line).json
    assert (again["cancelled"], again["unchanged"]) == (0, 4)
    assert levels(planned) == (4, 0)


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
