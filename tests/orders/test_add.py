"""One order on the command line: once, unchanged, paid later, in conflict; and two at once."""

import json

import pytest

from cardctl.errors import BadValue
from cardctl.orders.records import check_number

NOT_KEPT = {"reserved_until_at": None}


@pytest.fixture
def seeded(shop):
    """The seeded catalogue."""
    shop.seed_catalog()
    return shop


def add(shop, more="", *, number="1001", sku="VIP", paid="28.00", status=0):
    line = f"order add --channel TB --number {number} --sku {sku} --paid {paid} {more} --json"
    return shop.run(line, status=status)


def show(shop, name="TB:1001"):
    return shop.run(f"order show {name} --json").json


def test_an_order_is_recorded_once(seeded):
    assert add(seeded).json == {"order": "TB:1001", "status": "paid", "outcome": "new"} | NOT_KEPT
    before = seeded.sql("SELECT count(*) FROM audit_record")

    assert (
        add(seeded).json
        == {"order": "TB:1001", "status": "paid", "outcome": "unchanged"} | NOT_KEPT
    )
    assert seeded.sql("SELECT count(*) FROM audit_record") == before
    assert seeded.sql("SELECT count(*) FROM orders") == [(1,)]
    assert seeded.sql("SELECT count(*) FROM order_line") == [(1,)]


def test_all_that_was_told_is_shown(seeded):
    more = (
        "--qty 3 --buyer 张三 --ip 203.0.113.9 --device d-1 --region CN --phone 13800138000"
        " --email a@example.com --account WX --agent A1 --paid-at '2026-11-20 10:00:00' --note 急"
    )
    add(seeded, more, paid="84")
    order = show(seeded)

    assert order["paid_at"] == "2026-11-20T10:00:00+08:00"
    assert (order["paid_fen"], order["qty"], order["account"]) == (8400, 3, "WX")
    assert (order["buyer"], order["phone"], order["note"]) == ("张三", "13800138000", "急")
    assert (order["ip"], order["device"], order["region"]) == ("203.0.113.9", "d-1", "CN")
    assert (order["email"], order["agent"]) == ("a@example.com", "A1")
    [line] = order["lines"]
    assert (line["line"], line["sku"], line["name"]) == (1, "VIP", "视频会员")
    assert (line["qty"], line["issued_qty"], line["paid_fen"]) == (3, 0, 8400)
    assert (order["cards"], order["journal"]) == ([], [])
    (event,) = order["events"]
    assert (event["kind"], event["detail"]) == ("placed", {"status": "paid", "paid_fen": 8400})


@pytest.mark.parametrize("paid_at", ["9999-12-31T23:59:59Z", "0001-01-01", "1900-01-00"])
def test_a_time_beyond_the_calendar_does_not_spoil_the_list(seeded, paid_at):
    add(seeded, f"--paid-at {paid_at}", status=2)
    table = f"order,sku,paid,paid_at\n1002,VIP,28,{paid_at}\n"
    seeded.run("order import - --channel TB", stdin=table, status=8)

    assert seeded.run("order list --json").json == []


CONFLICTS = {
    "--qty 2": "lines",
    "--sku CARDP": "lines",
    "--paid 27.99": "paid",
    "--buyer 李四": "buyer",
    "--phone 13800138000": "phone",
    "--account ZFB": "account",
    "--paid-at 2026-11-21": "paid_at",
    "--qty 2 --paid 56": "lines, paid",
}


def test_another_content_is_a_conflict_and_the_stored_one_stands(seeded):
    seeded.run("account add ZFB --name x --kind alipay")
    add(seeded, "--buyer 张三 --phone 13900139000 --paid-at 2026-11-20")
    before = show(seeded)
    for more, differs in CONFLICTS.items():
        refused = add(seeded, more, status=5)
        assert refused.error["code"] == "conflict"
        assert refused.error["details"]["differs"] == differs
    assert show(seeded) == before


def test_what_was_empty_is_filled_in_by_whoever_tells_it(seeded):
    seeded.import_codes("VIP", ["K-0001"])
    add(seeded, "--buyer 张三")
    assert add(seeded, "--phone 13800138000 --note 急").json["outcome"] == "updated"
    before = seeded.sql("SELECT count(*) FROM audit_record")
    assert add(seeded, "--phone 13800138000").json["outcome"] == "unchanged"
    assert seeded.sql("SELECT count(*) FROM audit_record") == before
    # Who brought the buyer is a matter of money, and what is there is not written over.
    for more, field in (("--agent A1", "agent"), ("--phone 13900139000 --device d", "phone")):
        refused = add(seeded, more, status=5).error
        assert refused["details"]["differs"] == field
    order = show(seeded)
    assert (order["buyer"], order["phone"], order["note"]) == ("张三", "13800138000", "急")
    assert (order["device"], order["agent"]) == (None, None)
    facts = {"fields": ["phone", "note"], "was": "paid", "status": "paid"}
    assert (order["events"][-1]["kind"], order["events"][-1]["detail"]) == ("edited", facts)

    # Paid and told more of at once; and what stood still for want of it goes on.
    add(seeded, "--unpaid", number="1002")
    paid = add(seeded, "--ip 203.0.113.9", number="1002").json
    assert (paid["status"], paid["outcome"]) == ("paid", "updated")
    seeded.run("product edit VIP --region CN")
    seeded.run("order issue TB:1001", status=6)
    assert show(seeded)["status"] == "held"
    assert add(seeded, "--email a@example.com").json["status"] == "held"
    assert add(seeded, "--region CN").json["status"] == "paid"
    seeded.run("order issue TB:1001")
    assert add(seeded, "--device d").json["status"] == "issued"
    seeded.run("audit verify")


def test_the_list_that_led_to_an_order_agrees_with_it_afterwards(seeded):
    """What the hint of partly-refunded says: record it, pay back, import the list again."""
    add(seeded, "--qty 2", paid="50")
    seeded.run("order refund TB:1001 --amount 25 --refund-no R --reason x")
    table = "order,sku,qty,paid,buyer\n1001,VIP,2,50,张三\n"
    line = "order import - --channel TB --json"
    assert seeded.run(line, stdin=table).json["updated"] == 1
    assert seeded.run(line, stdin=table).json["unchanged"] == 1


def test_what_cannot_be_true_is_refused_where_a_person_tells_it(seeded):
    assert add(seeded, number="TB:1001", status=3).error["code"] == "number-with-channel"
    assert add(seeded, "--paid-at 2099-01-01", status=3).error["code"] == "paid-in-future"
    told = '{"order": "TB:1001", "sku": "VIP", "paid": 28}\n'
    answer = json.loads(seeded.run("order run - --channel TB --stream", stdin=told).stdout)
    assert answer["error"]["code"] == "number-with-channel"
    rejected = seeded.run("order import - --channel TB --json", stdin=told, status=8).json
    assert [one["code"] for one in rejected["rejects"]] == ["number-with-channel"]
    assert seeded.run("order list --json").json == []


def test_what_is_left_out_contradicts_nothing(seeded):
    add(seeded, "--buyer 张三 --paid-at 2026-11-20 --note 急")

    assert add(seeded).json["outcome"] == "unchanged"


def test_a_price_that_changed_since_is_no_conflict(seeded):
    add(seeded)
    seeded.run("product edit VIP --price 40")

    assert add(seeded).json["outcome"] == "unchanged"


def test_an_unpaid_order_is_paid_later_and_never_moves_back(seeded):
    assert add(seeded, "--unpaid").json["status"] == "unpaid"
    assert show(seeded)["paid_at"] is None
    paid = add(seeded, "--paid-at '2026-11-20 10:00'").json

    assert paid == {"order": "TB:1001", "status": "paid", "outcome": "updated"} | NOT_KEPT
    assert show(seeded)["paid_at"] == "2026-11-20T10:00:00+08:00"
    assert [event["kind"] for event in show(seeded)["events"]] == ["placed", "paid"]
    again = add(seeded, "--unpaid").json
    assert (again["status"], again["outcome"]) == ("paid", "unchanged")


def test_an_order_that_left_stays_unchanged(seeded):
    seeded.import_codes("VIP", ["K-0001"])
    add(seeded)
    seeded.run("order issue TB:1001")

    assert (
        add(seeded).json
        == {"order": "TB:1001", "status": "issued", "outcome": "unchanged"} | NOT_KEPT
    )


def test_a_payment_for_what_was_cancelled_unpaid_needs_a_person(seeded):
    add(seeded, "--unpaid")
    add(seeded, number="1002")
    seeded.run("order cancel TB:1001")
    seeded.run("order cancel TB:1002")

    assert add(seeded, status=5).error["details"]["differs"] == "status"
    # It was paid when it was cancelled: telling so again is no news.
    assert add(seeded, number="1002").json["outcome"] == "unchanged"


def test_a_dry_run_keeps_nothing(seeded):
    assert add(seeded, "--dry-run").json["dry_run"] is True
    seeded.run("order show TB:1001", status=4)


def test_unknown_codes_are_not_found(seeded):
    for option, noun in (("--channel", "channel"), ("--sku", "product"), ("--account", "account")):
        refused = add(seeded, f"{option} NO", status=4)
        assert refused.error["message"] == f"there is no {noun} NO"
    assert seeded.sql("SELECT count(*) FROM orders") == [(0,)]


@pytest.mark.parametrize("number", ["", " ", "a b", "a\tb", "x" * 129, "a\u200bb", "a\x00b"])
def test_a_number_that_could_not_be_named_is_refused(number):
    with pytest.raises(BadValue):
        check_number(number)


def test_control_characters_are_refused_before_a_database_chokes_on_them(seeded):
    line = ["order", "add", "--channel", "TB", "--sku", "VIP", "--paid", "1", "--number", "1"]
    for text in ("a\x00b", "a\x1bb"):
        assert "bad-value" in seeded.run([*line, "--note", text], status=2).stderr
    no_text = seeded.run([*line, "--note", "a\udcffb"], status=2)
    assert "argument-not-text" in no_text.stderr
    assert "bad-value" in seeded.run([*line, "--number", "a b"], status=2).stderr


def test_orders_and_colons(seeded):
    add(seeded, number="2026:11:22")

    assert show(seeded, "TB:2026:11:22")["number"] == "2026:11:22"
    assert seeded.run("order show 1001", status=2).stderr.startswith("error[usage]")


def test_two_processes_that_record_one_order_record_it_once(seeded):
    line = "order add --channel TB --number 7 --sku VIP --paid 28 --json"
    processes = [seeded.spawn(line) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0] * 3, results
    outcomes = sorted(json.loads(out)["outcome"] for out, _ in results)
    assert outcomes == ["new", "unchanged", "unchanged"]
    assert seeded.sql("SELECT count(*) FROM order_event") == [(1,)]
    seeded.run("audit verify")


def test_two_processes_that_record_one_order_differently_conflict(seeded):
    lines = [f"order add --channel TB --number 7 --sku VIP --paid {paid}" for paid in (28, 29)]
    processes = [seeded.spawn(line) for line in lines]
    for process in processes:
        process.communicate(timeout=60)

    assert sorted(process.returncode for process in processes) == [0, 5]
    assert seeded.sql("SELECT count(*) FROM orders") == [(1,)]
