"""Webhooks: signed JSON, the bots of chat groups, and what a server does to them."""

import hmac
import json
import time

import pytest

from cardctl.deliveries import post
from tests.support.http_server import goes_away, hangs, http_server, says, trickles_headers

KEY = "made-up-signing-key-0001"
SEND = "delivery send --pending --via webhook --json"


@pytest.fixture
def wired(shop, monkeypatch):
    """One issued order of two cards."""
    monkeypatch.setattr(post, "DEADLINE_S", 0.7)
    shop.seed_catalog()
    shop.env["KEY"] = KEY
    shop.import_codes("VIP", ["=1+1", "007"])
    shop.run("product edit VIP --guide 在APP内兑换")
    shop.run("order add --channel TB --number 1 --sku VIP --qty 2 --paid 56 --buyer 小王")
    shop.run("order issue TB:1")
    shop.env.update(CARDCTL_SHOP_NAME="卡铺", CARDCTL_SHOP_CONTACT="微信 made-up")
    return shop


def hook(shop, server):
    shop.run(f"channel webhook set TB --url {server.url('/cards')} --secret-source env:KEY")


def bot(shop, server, shape):
    shop.env["BOT"] = server.url("/send?key=made-up-bot-key")
    shop.run(f"channel webhook set TB --shape {shape} --url-source env:BOT")


def status(shop):
    return shop.run("order show TB:1 --json").json["status"]


def test_cards_are_posted_once_in_json_that_the_receiver_can_check(wired):
    with http_server(says(200)) as server:
        hook(wired, server)
        wired.import_codes("VIP", ["MADE-UP-1"])
        wired.run("channel add OTHER --name x --account WX")
        wired.run("order add --channel OTHER --number 1 --sku VIP --paid 28")
        wired.run("order issue OTHER:1")
        told = wired.run(f"{SEND} --channel OTHER", status=8).json
        assert (told["skipped"], told["deliveries"][0]["status"]) == (1, "no-webhook")
        assert told["deliveries"][0]["hint"] == "cardctl channel webhook set OTHER"
        wired.run("delivery send OTHER:1 --via terminal")
        assert wired.run(SEND).json["delivered"] == 1
        assert wired.run(SEND).json["delivered"] == 0
        [request] = server.requests
    timestamp = request.headers["cardctl-timestamp"]
    mac = hmac.digest(KEY.encode(), timestamp.encode() + b"." + request.body, "sha256")
    assert request.headers["cardctl-signature"] == f"v1={mac.hex()}"
    assert request.headers["idempotency-key"] == request.json["idempotency_key"]
    assert len(request.headers["cardctl-key-id"]) == 8
    [product] = request.json["products"]
    cards = product.pop("cards")
    assert {card["secret"] for card in cards} == {"=1+1", "007"}
    assert {card["expires_on"] for card in cards} == {"2099-12-31"}
    assert (product["sku"], product["qty"], product["guide"]) == ("VIP", 2, "在APP内兑换")
    assert request.json["shop"] == {"name": "卡铺", "contact": "微信 made-up"}
    assert (request.json["order"], request.json["buyer"]) == ("TB:1", "小王")
    assert status(wired) == "delivered"
    wired.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_whatever_a_server_does_nothing_is_lost_and_repeats_have_the_same_key(wired):
    """It fails, hangs, trickles, takes it and says nothing, and comes back."""
    bad = [says(503, "over\x1b[31mloaded"), hangs, trickles_headers, goes_away, says(302)]
    with http_server(*bad, says(201)) as server:
        hook(wired, server)
        for place in range(len(bad)):
            sent = wired.run(SEND if not place else SEND.replace("--pending", "TB:1"), status=None)
            assert (sent.json["failed"], sent.json["delivered"]) == (1, 0), place
            assert status(wired) == "issued"
            assert "\x1b" not in sent.json["deliveries"][0]["error"]
        assert wired.run(SEND).json["delivered"] == 0, "it waits before it is tried again"
        assert wired.run("delivery send TB:1 --via webhook --json").json["delivered"] == 1
        keys = {request.headers["idempotency-key"] for request in server.requests}
        bodies = {request.body for request in server.requests}
    assert (len(keys), len(bodies), len(server.requests)) == (1, 1, 6)
    assert status(wired) == "delivered"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_receiver_that_repeats_what_it_was_sent_is_not_kept(wired):
    """As frameworks do that name the input which they refuse."""

    def repeats(request, connection):
        says(422, request.body)(request, connection)

    with http_server(repeats) as server:
        hook(wired, server)
        failed = wired.run(SEND, status=8)
        assert b"=1+1" in server.requests[0].body
    assert "422 Unprocessable" in failed.json["deliveries"][0]["error"]
    kept = str(wired.sql("SELECT last_error FROM delivery"))
    assert "422" in kept
    for text in (failed.stdout, failed.stderr, kept):
        assert "=1+1" not in text
        assert "007" not in text


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_killed_after_the_server_took_it_the_same_message_is_sent_again(wired, frozen_clock):
    with http_server(hangs, says(200)) as server:
        hook(wired, server)
        process = wired.spawn("delivery send TB:1 --via webhook")
        until = time.monotonic() + 30
        while not server.requests and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.wait()
        frozen_clock.now_ms = max(frozen_clock.now_ms, time.time_ns() // 1_000_000)
        busy = wired.run("delivery send TB:1 --via webhook --json", status=5).json
        assert busy["skipped"] == 1, "it may still be sent by whoever leased it"
        frozen_clock.advance(seconds=301)
        assert wired.run(SEND).json["delivered"] == 1
        first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body
    assert status(wired) == "delivered"
    wired.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_without_a_server_everything_waits(wired):
    with http_server(says(200)) as server:
        hook(wired, server)
    sent = wired.run(SEND, status=8).json
    assert sent["failed"] == 1
    assert sent["deliveries"][0]["error"].startswith("unreachable: 127.0.0.1")
    wired.run("channel webhook remove TB")
    assert wired.run(SEND, status=2).error["code"] == "no-webhooks"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_bot_is_told_of_an_order_without_its_cards(wired):
    bad, good = '{"errcode":93000,"errmsg":"invalid webhook url"}', '{"errcode":0}'
    with http_server(says(200, bad), says(200, good)) as server:
        bot(wired, server, "wecom")
        failed = wired.run(SEND, status=8).json
        assert failed["failed"] == 1
        assert "rejected" in failed["deliveries"][0]["error"]
        assert "made-up-bot-key" not in json.dumps(failed)
        by_hand = "cardctl delivery send TB:1 --via terminal"
        for line, ends, code in (
            ("TB:1 --via webhook", 0, "waiting"),
            ("TB:1 --via webhook", 5, "told"),
            ("--pending --via terminal", 8, "told"),
        ):
            told = wired.run(f"delivery send {line} --json", status=ends).json["deliveries"]
            assert [(one["status"], one["hint"]) for one in told] == [(code, by_hand)]
        assert wired.run(SEND).json["deliveries"] == []
        alerts = wired.run("status --json").json["alerts"]
        assert ("orders-to-hand-over", 1) in {(one["kind"], one["count"]) for one in alerts}
        text = server.requests[1].body.decode()
    assert "TB:1" in text
    assert "视频会员 × 2" in text
    assert "=1+1" not in text
    assert "007" not in text
    # The buyer has got nothing yet: a person hands the cards over.
    assert status(wired) == "issued"
    assert "=1+1" in wired.run("delivery send TB:1 --via terminal").stdout
    assert status(wired) == "delivered"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_bot_made_into_something_that_gets_cards_does_not_open(wired):
    with http_server(says(200, '{"errcode":0}')) as server:
        bot(wired, server, "wecom")
        wired.execute("UPDATE channel_webhook SET shape = 'json'")
        assert wired.run(SEND, status=7).error["code"] == "webhook-tampered"
        assert server.requests == []
    assert status(wired) == "issued"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_receiver_that_refuses_everything_keeps_no_other_waiting(wired, monkeypatch):
    monkeypatch.setattr("cardctl.deliveries.send.FAILURES_IN_A_ROW", 2)
    monkeypatch.setattr(post, "DEADLINE_S", 30)
    wired.import_codes("VIP", [f"MADE-UP-{place}" for place in range(9)])
    wired.run("channel add OTHER --name x --account WX")
    for name in ("TB:2", "TB:3", "TB:4", "TB:5", "TB:6", "TB:7", "TB:8", "OTHER:1"):
        channel, number = name.split(":")
        wired.run(f"order add --channel {channel} --number {number} --sku VIP --paid 28")
    wired.run("order issue --all")
    with http_server(says(500)) as down, http_server(says(200)) as other:
        hook(wired, down)
        wired.run(f"channel webhook set OTHER --url {other.url('/cards')} --secret-source env:KEY")
        told = wired.run(SEND, status=8).json
        assert (told["delivered"], told["stopped"]) == (1, True)
        assert len(down.requests) < 8
        assert len(other.requests) == 1
    tried = dict(wired.sql("SELECT attempts, COUNT(*) FROM delivery GROUP BY attempts"))
    assert tried[0] == 8 - len(down.requests)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nor_does_a_supplier_who_answers_nothing_that_counts(wired, monkeypatch):
    monkeypatch.setattr("cardctl.deliveries.send.FAILURES_IN_A_ROW", 2)
    monkeypatch.setattr(post, "DEADLINE_S", 30)
    wired.run("supplier add SECOND --name y")
    wired.run("product add CALL --name 话费 --kind topup --supplier SUP")
    wired.run("product add DATA --name 流量 --kind topup --supplier SECOND")
    rows = "".join(f"{place},CALL,9,13800000000\n" for place in range(2, 9))
    (wired.folder / "orders.csv").write_text(
        f"order,sku,paid,topup_account\n{rows}9,DATA,9,13800000001\n"
    )
    wired.run("order import orders.csv --channel TB")
    wired.run("order issue --all")
    with http_server(says(200, "{}")) as down, http_server(says(200, "{}")) as other:
        for supplier, server in (("SUP", down), ("SECOND", other)):
            url = f"--url {server.url('/topup')} --secret-source env:KEY"
            wired.run(f"supplier webhook set {supplier} {url}")
        assert wired.run(SEND.replace("webhook", "topup"), status=8).json["stopped"]
        assert len(down.requests) < 7
        assert len(other.requests) == 1
