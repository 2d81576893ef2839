"""What goes wrong with one message or receiver: nobody else waits for it, and no try is lost."""

import pytest

from cardctl.deliveries import deliver
from cardctl.deliveries.backoff import ATTEMPTS_MOST
from cardctl.deliveries.lease import LEASE_MS
from cardctl.deliveries.send import FAILURES_IN_A_ROW
from tests.deliveries.channels import Down, assert_whole, listed

SEND = "delivery send --pending --via webhook --json"
SHOW = "delivery send --pending --via terminal --json"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_one_card_that_was_tampered_with_keeps_no_other_from_leaving(sold, channel):
    sold.execute(
        "UPDATE card SET sealed_secret = (SELECT sealed_secret FROM card AS other"
        " WHERE other.id <> card.id AND other.status = 'available')"
        " WHERE order_id = (SELECT id FROM orders WHERE number = '1')"
    )
    result = sold.run(SEND, status=8).json
    assert (result["delivered"], result["dead"]) == (1, 1)
    assert "card-tampered" in str(result["deliveries"])
    assert [order for order, *_ in channel.tries] == ["TB:2"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_way_that_is_down_is_left_alone_after_a_while(shop, channel):
    shop.seed_catalog()
    count = FAILURES_IN_A_ROW * 2
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(count)])
    for number in range(count):
        shop.run(f"order add --channel TB --number {number} --sku VIP --paid 28")
    shop.run("order issue --all")
    channel.failing = True
    result = shop.run(SEND, status=8).json
    assert result["stopped"]
    assert FAILURES_IN_A_ROW <= len(channel.tries) < count
    assert set(listed(shop, "status", "attempts")) == {("pending", 0), ("pending", 1)}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_message_that_meets_a_bug_keeps_no_other_from_leaving(sold, channel):
    """It is tried again later, as what failed, and the run ends as a bug when the rest has left."""
    send = channel.send

    def breaks(message):
        if message.order == "TB:1":
            raise RecursionError
        return send(message)

    channel.send = breaks
    assert isinstance(sold.run(SEND, status=1).bug, RecursionError)
    [(order, status, attempts, error), other] = sorted(
        listed(sold, "order", "status", "attempts", "last_error")
    )
    assert (order, status, attempts) == ("TB:1", "pending", 1)
    assert error.startswith("bug")
    assert other[:3] == ("TB:2", "delivered", 1)
    assert sold.run(SEND).json["deliveries"] == [], "not before its time"
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_was_not_handed_over_loses_no_try_and_what_was_lost_is_told(sold, channel):
    sold.run(SEND)
    sold.run("order add --channel TB --number 3 --sku VIP --paid 28")
    sold.run("order issue TB:3")
    channel.send, send = channel.finish, channel.send

    def refuses(_message):
        raise Down

    def is_interrupted(_message):
        raise KeyboardInterrupt

    for channel.send, attempts in ((refuses, 0), (refuses, 0), (is_interrupted, 1)):
        sold.run(SEND, status=None)
        assert listed(sold, "status", "attempts")[2] == ("pending", attempts)
    # Killed time and again.
    sold.execute(
        "UPDATE delivery SET status = 'sending', attempts = :most, due_at = 1"
        " WHERE status = 'pending'",
        most=ATTEMPTS_MOST,
    )
    channel.send = send
    told = sold.run(SEND, status=8).json
    assert (told["dead"], told["skipped"]) == (1, 0)
    assert [(one["order"], one["status"]) for one in told["deliveries"]] == [("TB:3", "dead")]
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_order_whose_sender_was_killed_goes_another_way_once_the_lease_has_ended(
    sold, channel, frozen_clock
):
    channel.failing = True
    sold.run(SEND, status=8)
    sold.execute(
        "UPDATE delivery SET status = 'sending', due_at = :end",
        end=frozen_clock.now_ms + LEASE_MS,
    )
    way = "delivery send TB:1 --via terminal --json"
    assert sold.run(way, status=5).json["deliveries"][0]["status"] == "sending"
    frozen_clock.advance(seconds=LEASE_MS // 1000)
    assert sold.run(way).json["delivered"] == 1
    assert ("TB:1", "webhook", "cancelled") in listed(sold, "order", "via", "status")
    assert_whole(sold)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_outbox_looks_at_nothing_that_has_no_cards_to_deliver(
    sold, monkeypatch, count_statements
):
    """No run locks orders that wait for a waybill or a top-up; what is dead has an index."""
    sold.run("product add CUP --name 杯 --kind goods")
    sold.run("order add --channel TB --number 3 --sku CUP --paid 9")
    sold.run("order issue TB:3")
    looked = []
    put_out = deliver._put_out_waiting

    def recorded(session, *, found, **options):
        looked.extend(name for name, _ in found)
        return put_out(session, found=found, **options)

    monkeypatch.setattr(deliver, "_put_out_waiting", recorded)
    assert sold.run(SHOW).json["delivered"] == 2
    assert sold.run(SHOW).json["delivered"] == 0
    assert looked == ["TB:1", "TB:2"]
    with count_statements() as heard:
        sold.run("delivery retry --all-dead")
    # As the condition of its partial index stands, or SQLite reads all that was ever delivered.
    assert any("delivery.status IN ('waiting', 'dead')" in statement for statement in heard)
