"""Running a plan gives every recipient exactly their cards, once, however often it is run."""


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

    shop.import_codes("VIP", ["MADE-UP-LATE"])
    told = shop.run("distribute run spring --json").json
    assert (told["assigned"], told["short"], told["status"]) == (3, 0, "done")
    assert set(staff.given().values()) == {1}


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


def test_a_plan_that_is_not_there(shop, staff):
    refused = shop.run("distribute run none --json", status=4)
    assert refused.error["hint"] == "cardctl distribute list"
    shop.run("distribute status none", status=4)
