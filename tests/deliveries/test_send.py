"""Sending: nothing is lost, repeats carry the same key, and no card that may have left is sold."""

import json
import os
import time

import pytest

from cardctl.deliveries.backoff import ATTEMPTS_MOST, delay_ms
from cardctl.deliveries.channel import DELIVERED
from cardctl.deliveries.lease import LEASE_MS
from tests.deliveries.channels import assert_whole, listed

SEND = "delivery send --pending --via webhook --json"
SHOW = "delivery send --pending --via terminal --json"


def test_what_was_delivered_is_unchanged_and_a_reprint_says_why(sold):
    told = sold.run("delivery send TB:1 --via terminal").stdout
    assert "Code: " in told
    assert "Order: 1" in told
    shown = sold.run("order show TB:1 --json").json
    assert shown["status"] == "delivered"
    assert [(one["via"], one["status"]) for one in shown["deliveries"]] == [
        ("terminal", "delivered")
    ]
    card = sold.run(f"card show {shown['cards'][0]['id']} --json").json
    assert card["delivered_at"] == shown["deliveries"][0]["delivered_at"] is not None

    again = sold.run("delivery send TB:1 --via terminal --json").json
    assert (again["unchanged"], again["delivered"], again["messages"]) == (1, 0, [])
    line = "cardctl delivery send TB:1 --via terminal --reprint --reason TEXT"
    assert again["deliveries"][0]["hint"].endswith(line)
    sold.run("delivery send TB:1 --via terminal --reprint", status=2)
    nothing = sold.run("delivery send TB:2 --via terminal --reprint --reason x --json", status=5)
    [nothing] = nothing.json["deliveries"]
    assert nothing["status"] == "not-delivered"
    assert nothing["hint"] == "cardctl delivery send TB:2 --via terminal"
    # No supplier is asked for cards, once more or at all.
    line = "delivery send TB:1 --via topup --reprint --reason x --json"
    [nothing] = sold.run(line, status=5).json["deliveries"]
    assert (nothing["status"], nothing["hint"]) == ("not-delivered", "cardctl order show TB:1")
    more = sold.run("delivery send TB:1 --via terminal --reprint --reason 丢了 --json").json
    assert more["delivered"] == 1
    assert told.split("Code: ")[1][:4] in more["messages"][0]["text"]
    assert len(set(listed(sold, "idempotency_key"))) == 2
    [reason] = sold.sql("SELECT payload FROM audit_record WHERE verb = 'delivery.reprint'")
    assert json.loads(reason[0])["data"]["reason"] == "丢了"

    # Nobody named is nobody, never everybody.
    assert sold.run("delivery send - --via terminal --json").json["delivered"] == 0
    assert sold.run(f"{SHOW} --dry-run").json["pending"] == 1
    rest = sold.run(SHOW).json
    assert [one["order"] for one in rest["deliveries"]] == ["TB:2"]
    assert sold.run(SHOW).json["delivered"] == 0
    assert_whole(sold)


def test_what_fails_is_tried_again_later_with_the_same_key_until_it_is_dead(
    sold, channel, frozen_clock
):
    channel.failing = True
    for attempt in range(1, ATTEMPTS_MOST + 1):
        result = sold.run(SEND, status=8).json
        assert (result["failed"], result["dead"]) == ((2, 0), (0, 2))[attempt == ATTEMPTS_MOST]
        # Not before its time; and somebody who names the order need not wait for it.
        assert sold.run(SEND).json["deliveries"] == []
        frozen_clock.advance(seconds=3 * 3600)
    keys = {key for _, key, _, _ in channel.tries}
    assert len(keys) == 2
    assert len(channel.tries) == 2 * ATTEMPTS_MOST
    assert (
        listed(sold, "status", "attempts", "last_error")
        == [("dead", ATTEMPTS_MOST, "down: it is down")] * 2
    )
    assert len(sold.run("delivery list --status dead --json").json) == 2
    seen = sold.run("status --json").json
    assert seen["deliveries"]["dead"] == 2
    assert "deliveries-dead" in {alert["kind"] for alert in seen["alerts"]}
    # Its cards may have left, however often it failed.
    sold.run("order refund TB:1 --restock --reason x --yes", status=5)

    assert sold.run("delivery retry --all-dead --json").json["retried"] == 2
    channel.failing = False
    assert sold.run(SEND).json["delivered"] == 2
    assert {key for _, key, _, _ in channel.tries} == keys
    assert sold.run("order list --status delivered --json").json[1]["qty"] == 2
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_named_order_is_tried_at_once_and_by_another_way_if_that_is_asked_for(sold, channel):
    channel.failing = True
    sold.run(SEND, status=8)
    failed = sold.run("delivery send TB:1 --via webhook --json", status=9).json
    assert failed["deliveries"][0]["attempts"] == 2
    sold.env["PW"] = "made-up-pass"
    way = "--via file --out one.xlsx --password-source env:PW --json"
    told = sold.run(f"delivery send --pending {way}", status=8).json
    assert {(one["order"], one["status"]) for one in told["deliveries"]} == {
        ("TB:1", "other-way"),
        ("TB:2", "other-way"),
    }
    assert sold.run(f"delivery send TB:1 {way}").json["delivered"] == 1
    assert set(listed(sold, "order", "via", "status")) == {
        ("TB:1", "webhook", "cancelled"),
        ("TB:2", "webhook", "pending"),
        ("TB:1", "file", "delivered"),
    }
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_only_what_was_not_delivered_is_delivered(sold, channel):
    """A part of an order, then the rest; a card that replaces another one; never a void one."""
    sold.run("order add --channel TB --number 3 --sku VIP --qty 3 --paid 84")
    sold.run("order issue TB:3 --partial", status=None)
    sold.run("delivery send TB:3 --via webhook")
    assert sold.run("order show TB:3 --json").json["status"] == "partly_issued"
    sold.import_codes("VIP", ["MADE-UP-6", "MADE-UP-7"])
    sold.run("order issue TB:3")
    sold.run("delivery send TB:3 --via webhook")
    shown = sold.run("order show TB:3 --json").json
    assert shown["status"] == "delivered"
    bad = shown["cards"][0]["id"]
    sold.run(f"order replace TB:3 --card {bad} --reason bad --yes")
    sold.run("delivery send TB:3 --via webhook")
    parts = [cards for *_, cards in channel.tries]
    assert [len(part) for part in parts] == [2, 1, 1]
    assert len({card for part in parts for card in part}) == 4
    assert sold.run("order show TB:3 --json").json["status"] == "delivered"
    again = sold.run("delivery send TB:3 --via webhook --reprint --reason x --json").json
    assert (again["delivered"], len(channel.tries[-1][3])) == (1, 3)
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_was_paid_back_in_part_is_looked_at_until_it_is_delivered_and_no_longer(sold, channel):
    """Before it is delivered, after, and when a card is replaced then."""

    def queue():
        return sold.sql(
            "SELECT number FROM orders WHERE delivered_at IS NULL"
            " AND status IN ('issued', 'partly_issued', 'partly_refunded') ORDER BY number"
        )

    sold.run("order refund TB:1 --amount 5 --reason late --yes")
    assert queue() == [("1",), ("2",)]
    assert sold.run(SEND).json["delivered"] == 2
    sold.run("order refund TB:2 --amount 5 --reason late --yes")
    assert queue() == []
    assert sold.run("order show TB:1 --json").json["status"] == "partly_refunded"
    bad = sold.run("order show TB:1 --json").json["cards"][0]["id"]
    sold.run(f"order replace TB:1 --card {bad} --reason bad --yes")
    assert queue() == [("1",)]
    assert sold.run(SEND).json["delivered"] == 1
    assert queue() == []
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_may_have_arrived_is_never_sent_as_something_else_under_its_key(sold, channel):
    """A receiver that took it, and whose answer was lost, passes over what has the same key."""
    sold.run("order add --channel TB --number 3 --sku VIP --qty 3 --paid 84")
    sold.run("order issue TB:3 --partial", status=None)
    channel.failing = True
    sold.run("delivery send TB:3 --via webhook", status=9)
    sold.import_codes("VIP", ["MADE-UP-6", "MADE-UP-7"])
    sold.run("order issue TB:3")
    channel.failing = False
    for _ in range(2):
        sold.run("delivery send TB:3 --via webhook")
    assert [len(cards) for *_, cards in channel.tries] == [2, 2, 1]
    assert sold.run("order show TB:3 --json").json["status"] == "delivered"

    # Replaced before it arrived: the new card leaves by a delivery of its own.
    channel.failing = True
    sold.run("delivery send TB:1 --via webhook", status=9)
    sold.execute("UPDATE delivery SET status = 'dead' WHERE status = 'pending'")
    bad = sold.run("order show TB:1 --json").json["cards"][0]["id"]
    sold.run(f"order replace TB:1 --card {bad} --reason bad --yes")
    sold.run("delivery retry TB:1")
    channel.failing = False
    sold.run("delivery send TB:1 --via webhook")
    assert sold.run("order show TB:1 --json").json["status"] == "delivered"
    contents = {(key, tuple(cards)) for _, key, _, cards in channel.tries}
    assert len(contents) == len({key for key, _ in contents}) == 4
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_was_paid_back_does_not_leave(sold, channel):
    channel.failing = True
    sold.run(SEND, status=8)
    channel.failing = False
    sold.run("order refund TB:1 --reason x --yes")
    assert [one[0] for one in channel.tries] == ["TB:1", "TB:2"]
    told = sold.run("delivery send TB:1 --via webhook --json", status=5).json
    assert told["deliveries"][0]["status"] == "refunded"
    assert sold.run("delivery send TB:2 --via webhook --json").json["delivered"] == 1
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_without_a_full_key_nothing_is_leased(sold):
    sold.run("vault slot add keyfile --scope import --out import.key")
    told = sold.run(f"{SHOW} --key-source file:import.key", status=7)
    assert told.error["code"] == "needs-full-key"
    assert listed(sold, "status") == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_staged_stays_leased_however_long_the_rest_takes(
    sold, channel, frozen_clock, monkeypatch
):
    monkeypatch.setattr("cardctl.deliveries.send.CHUNK", 1)
    sold.run("order add --channel TB --number 3 --sku VIP --paid 28")
    sold.run("order issue TB:3")
    channel.staged = True
    free = []

    def slowly(message):
        frozen_clock.advance(seconds=LEASE_MS // 1000 * 2 // 3)
        now = frozen_clock.now_ms
        free.append(
            sold.sql(f"SELECT COUNT(*) FROM delivery WHERE due_at < {now} AND attempts > 0")
        )
        return DELIVERED

    channel.send = slowly
    assert sold.run(SEND).json["delivered"] == 3
    assert free == [[(0,)]] * 3


def test_back_off_doubles_up_to_two_hours_and_spreads():
    waits = [delay_ms("key", attempts=attempts) for attempts in range(1, ATTEMPTS_MOST + 1)]
    for attempts, wait in enumerate(waits, 1):
        whole = min(30_000 * 2 ** (attempts - 1), 7_200_000)
        assert whole * 3 // 4 <= wait <= whole * 5 // 4
    assert waits == [delay_ms("key", attempts=attempts) for attempts in range(1, ATTEMPTS_MOST + 1)]
    first = {delay_ms(f"key {number}", attempts=1) for number in range(100)}
    assert len(first) > 80


def many(shop, count, guide=""):
    """So many issued orders of one card each."""
    shop.seed_catalog()
    if guide:
        shop.run(["product", "edit", "VIP", "--guide", guide])
    shop.import_codes("VIP", [f"MADE-UP-{place:03}" for place in range(count)])
    rows = "".join(f"{number},VIP,28\n" for number in range(count))
    (shop.folder / "orders.csv").write_text(f"order,sku,paid\n{rows}")
    shop.run("order import orders.csv --channel TB")
    shop.run("order issue --all")


def test_two_senders_at_once_send_each_order_once(shop):
    many(shop, 60)
    shop.env["PW"] = "made-up-pass"
    line = "delivery send --pending --via file --password-source env:PW --json --out"
    senders = [shop.spawn(f"{line} {name}.xlsx") for name in ("a", "b", "c")]
    results = [json.loads(sender.communicate(timeout=60)[0]) for sender in senders]
    assert {sender.returncode for sender in senders} <= {0, 8}
    assert sum(one["delivered"] for one in results) == 60
    orders = [row["order"] for one in results for row in one["deliveries"]]
    assert len(orders) == len(set(orders)) == 60
    assert set(listed(shop, "status", "attempts")) == {("delivered", 1)}
    assert_whole(shop)


def test_killed_while_the_cards_leave_nothing_is_lost_nor_sold_again(shop, frozen_clock):
    """A terminal that nobody reads holds the sender up between its lease and the outcome."""
    frozen_clock.now_ms = time.time_ns() // 1_000_000
    many(shop, 40, guide="读我" * 1500)
    reader, writer = os.pipe()
    sender = shop.spawn(SHOW, stdout=writer)
    os.close(writer)
    while os.read(reader, 1) == b"":
        time.sleep(0.05)
    sender.kill()
    sender.wait()
    os.close(reader)
    assert set(listed(shop, "status", "attempts")) == {("sending", 1)}
    keys = listed(shop, "order", "idempotency_key")
    assert shop.sql("SELECT COUNT(*) FROM card_delivery") == [(40,)]
    shop.run("order refund TB:1 --restock --reason x --yes", status=5)
    frozen_clock.now_ms = time.time_ns() // 1_000_000
    held = shop.run("delivery send TB:2 --via terminal --json", status=5).json
    assert held["deliveries"][0]["status"] == "sending"
    assert shop.run(SHOW).json["delivered"] == 0

    frozen_clock.now_ms += LEASE_MS
    result = shop.run(SHOW).json
    assert (result["delivered"], len(result["messages"])) == (40, 40)
    assert set(listed(shop, "status", "attempts")) == {("delivered", 2)}
    assert listed(shop, "order", "idempotency_key") == keys
    assert_whole(shop)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_nobody_reads_is_not_delivered(sold):
    """The other end of the pipe is closed: text or JSON, it stays in the outbox."""
    for line in (SHOW.removesuffix(" --json"), SHOW):
        reader, writer = os.pipe()
        os.close(reader)
        sender = sold.spawn(line, stdout=writer)
        os.close(writer)
        assert "stdout" in sender.communicate(timeout=60)[1]
        assert sender.returncode == 3
        assert set(listed(sold, "status", "attempts")) == {("pending", 0)}
    assert sold.run(SHOW).json["delivered"] == 2


def test_the_queues_are_read_by_their_indexes(shop):
    shop.run("status")
    due = (
        "SELECT id FROM delivery WHERE delivery.status IN ('pending', 'sending')"
        " AND due_at <= 5 AND (due_at, bucket, id) > (0, 0, 0) ORDER BY due_at, bucket, id LIMIT 9"
    )
    waiting = (
        "SELECT id FROM orders"
        " WHERE orders.status IN ('issued', 'partly_issued', 'partly_refunded')"
        " AND orders.delivered_at IS NULL"
        " AND (waiting_since, bucket, id) > (0, 0, 0) ORDER BY waiting_since, bucket, id LIMIT 9"
    )
    for query, index in ((due, "ix_delivery_due"), (waiting, "ix_orders_undelivered")):
        explain = "EXPLAIN QUERY PLAN" if shop.backend == "sqlite" else "EXPLAIN"
        plan = str(shop.sql(f"{explain} {query}"))
        assert index in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
