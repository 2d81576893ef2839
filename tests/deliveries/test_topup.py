"""Topping up: a signed request, and answers that count only when they are the supplier's."""

import hmac
import json

import pytest

from cardctl.deliveries import post
from tests.setup.workbook import write
from tests.support.http_server import goes_away, hangs, http_server, says, says_what

KEY = "made-up-signing-key-0001"
ACCOUNT = "13800000000"
SEND = "delivery send --pending --via topup --json"
NOW_S = 1_795_315_620


@pytest.fixture
def asking(shop, monkeypatch, frozen_clock):
    """One issued order whose line the supplier tops up; the clock stands at NOW_S."""
    monkeypatch.setattr(post, "DEADLINE_S", 0.7)
    shop.seed_catalog()
    shop.env.update(KEY=KEY, OTHER=f"{KEY}-of-another")
    shop.run("product add CALL --name 话费 --kind topup --supplier SUP --face-value 50")
    shop.run("order add --channel TB --number 1 --sku CALL --qty 2 --paid 98")
    shop.run(f"order edit TB:1 --topup-account {ACCOUNT} --reason x")
    shop.run("order issue TB:1")
    return shop


def hook(shop, server, key="KEY"):
    line = f"supplier webhook set SUP --url {server.url('/topup')} --secret-source env:{key}"
    shop.run(line)


def signed(document, *, key=KEY, at=NOW_S):
    """A body and the two headers that make it the supplier's."""
    body = json.dumps(document).encode()
    mac = hmac.digest(key.encode(), f"{at}.".encode() + body, "sha256").hex()
    return body, {"Cardctl-Timestamp": str(at), "Cardctl-Signature": f"v1={mac}"}


def answers(result, *, key=KEY, at=NOW_S, **changed):
    """A supplier that answers what it is asked."""

    def make(request):
        named = {name: request.json[name] for name in ("request", "order")}
        told = named | {"result": result, "reference": "S-1", "message": "号码有误"} | changed
        return signed(told, key=key, at=at)

    return says_what(make)


def line(shop, result, *, key=KEY, at=NOW_S, **changed):
    """An answer as `delivery confirm` reads it."""
    [(request,)] = shop.sql("SELECT idempotency_key FROM delivery WHERE via = 'topup'")
    told = {"request": request, "order": "TB:1", "result": result} | changed
    body, headers = signed(told, key=key, at=at)
    parts = {"timestamp": headers["Cardctl-Timestamp"], "body": body.decode()}
    return json.dumps(parts | {"signature": headers["Cardctl-Signature"]}) + "\n"


def confirm(shop, text, *, status=0):
    return shop.run("delivery confirm - --json", stdin=text, status=status).json


def states(shop):
    """Of the order and of its top-up."""
    [(delivery,)] = shop.sql("SELECT status FROM delivery WHERE via = 'topup'")
    return shop.run("order show TB:1 --json").json["status"], delivery


def events(shop, kind):
    return shop.sql("SELECT detail FROM order_event WHERE kind = :kind", kind=kind)


def test_a_success_delivers_the_line_once(asking):
    asking.run("vault slot add keyfile --scope import --out import.key")
    with http_server(answers("success")) as server:
        hook(asking, server)
        # It opens no card: whoever may import may ask a supplier.
        scheduled = f"{SEND} --key-source file:import.key"
        assert asking.run(scheduled).json["delivered"] == 1
        assert asking.run(SEND).json["delivered"] == 0
        [request] = server.requests
    asked = request.json
    assert asked.pop("request") == request.headers["idempotency-key"]
    assert asked == {
        "type": "topup.request",
        "order": "TB:1",
        "product": "CALL",
        "name": "话费",
        "qty": 2,
        "face_value_fen": 5000,
        "account": ACCOUNT,
    }
    mac = hmac.digest(KEY.encode(), f"{NOW_S}.".encode() + request.body, "sha256").hex()
    assert request.headers["cardctl-signature"] == f"v1={mac}"
    assert states(asking) == ("delivered", "delivered")
    assert asking.sql("SELECT reference FROM delivery") == [("S-1",)]
    assert confirm(asking, line(asking, "success"))["unchanged"] == 1
    assert confirm(asking, line(asking, "failed"), status=8)["refused"] == 1
    assert len(events(asking, "delivered")) == 1
    asking.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_not_the_supplier_s_answer_counts_for_nothing(asking):
    bad = {
        "answer-forged": [
            answers("success", key=f"{KEY}x"),
            says(200, b'{"request":"x","order":"TB:1","result":"success"}'),
            answers("failed", key=f"{KEY}x"),
        ],
        "answer-stale": [answers("success", at=NOW_S - 301), answers("success", at=NOW_S + 301)],
        "answer-of-other": [answers("success", order="TB:2"), answers("success", request="x")],
        "answer-unreadable": [answers("done"), answers(None)],
        "rejected": [says(500), says(404, "no such page")],
        "too-slow": [hangs],
        "unreachable": [goes_away],
    }
    flat = [answer for several in bad.values() for answer in several]
    with http_server(*flat, answers("pending"), answers("success")) as server:
        hook(asking, server)
        for code in (code for code, several in bad.items() for _ in several):
            sent = asking.run("delivery send TB:1 --via topup --json", status=9).json
            assert sent["deliveries"][0]["error"].startswith(f"{code}:")
            if sent["dead"]:
                asking.run("delivery retry TB:1")
        assert asking.run("delivery send TB:1 --via topup --json").json["waiting"] == 1
        assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
        assert states(asking) == ("issued", "waiting")
        for via in ("topup", "terminal"):
            told = asking.run(f"delivery send TB:1 --via {via} --json", status=5).json
            [told] = told["deliveries"]
            assert (told["status"], "delivery confirm" in told["hint"]) == ("to-confirm", True)
            assert "delivery retry TB:1" in told["hint"]
        # A supplier who stays silent is asked once more, under the same id.
        asking.run("delivery retry TB:1")
        assert asking.run("delivery send TB:1 --via topup --json").json["delivered"] == 1
        assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
    assert states(asking) == ("delivered", "delivered")
    audited = asking.sql("SELECT payload FROM audit_record WHERE verb = 'delivery.settle'")
    assert sum('"answer-forged":1' in payload for (payload,) in audited) == 3


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_failure_is_dead_in_the_supplier_s_words_and_final_for_its_request(asking):
    with http_server(answers("failed"), answers("pending")) as server:
        hook(asking, server)
        refused = asking.run("delivery send TB:1 --via topup --json", status=9).json
        assert refused["dead"] == 1
        assert "号码有误" in refused["deliveries"][0]["error"]
        assert states(asking) == ("issued", "dead")
        for via in ("topup", "terminal"):
            again = asking.run(f"delivery send TB:1 --via {via} --json", status=5).json
            [told] = again["deliveries"]
            assert told["status"] == "topup-given-up"
            assert told["hint"] == "cardctl delivery retry TB:1"
        overheard = line(asking, "failed")
        assert confirm(asking, overheard)["unchanged"] == 1
        asking.run("order edit TB:1 --topup-account 13900000000 --reason x")
        asking.run("delivery retry TB:1")
        asking.run("delivery send TB:1 --via topup")
        first, second = (request.json for request in server.requests)
    assert first["request"] != second["request"]
    assert second["account"] == "13900000000"
    # The refusal of the first request, told once more.
    told = confirm(asking, overheard, status=8)
    assert [one["code"] for one in told["answers"]] == ["answer-replayed"]
    assert states(asking) == ("issued", "waiting")
    assert confirm(asking, line(asking, "failed"))["dead"] == 1
    assert states(asking) == ("issued", "dead")


def test_a_later_answer_is_held_against_key_time_request_and_order(asking):
    asking.run("order add --channel TB --number 2 --sku CALL --paid 49")
    with http_server(answers("pending")) as server:
        hook(asking, server)
        assert asking.run(SEND).json["waiting"] == 1
    good = line(asking, "success")
    forged = [
        line(asking, "success", key=f"{KEY}x"),
        good.replace("success", "success "),
        good.replace(str(NOW_S), str(NOW_S + 1), 1),
        line(asking, "success", at=NOW_S - 301),
        line(asking, "success", order="TB:2"),
        line(asking, "success", order="XX:1"),
        line(asking, "success", request="another"),
        line(asking, "maybe"),
        "not json\n",
        "[1]\n",
        '{"timestamp": 1}\n',
    ]
    told = confirm(asking, "".join(forged), status=8)
    assert [one["code"] for one in told["answers"]] == [
        *("answer-forged", "answer-unreadable", "answer-forged", "answer-stale"),
        *("answer-of-other", "answer-of-other", "answer-of-other"),
        *("answer-unreadable",) * 4,
    ]
    assert states(asking) == ("issued", "waiting")
    audited = asking.sql(
        "SELECT payload FROM audit_record WHERE verb = 'delivery.confirm.refused' ORDER BY seq"
    )
    refused = [json.loads(payload)["data"] for (payload,) in audited]
    # Lines that are no answers share a record.
    assert [(one["line"], one["lines"]) for one in refused] == [
        *((place, 1) for place in range(1, 8)),
        (8, 4),
    ]
    (asking.folder / "answers.jsonl").write_text(good + "\n" + good)
    first = asking.run("delivery confirm answers.jsonl --json").json
    assert (first["delivered"], first["unchanged"]) == (1, 1)
    assert states(asking) == ("delivered", "delivered")
    assert asking.run("delivery confirm answers.jsonl --json").json["unchanged"] == 2
    assert len(events(asking, "delivered")) == 1
    asking.run("audit verify")


def test_who_was_asked_to_top_up_stays_until_the_request_is_over(asking):
    asking.run("supplier add OTHER --name x")
    asking.run("product add DATA --name x --kind topup --supplier SUP")
    edit = "product edit CALL --supplier OTHER"
    write(asking, "setup.xlsx", {"products": [("sku", "topped up by"), ("CALL", "OTHER")]})

    def assert_refused():
        refused = asking.run(edit, status=5)
        assert "error[topup-open]" in refused.stderr
        assert "cardctl delivery list --via topup" in refused.stderr
        [reject] = asking.run("setup import setup.xlsx --json", status=3).json["rejects"]
        assert (reject["column"], reject["code"]) == ("topped up by", "topup-open")

    assert_refused()
    with http_server(answers("pending")) as server:
        hook(asking, server)
        assert asking.run(SEND).json["waiting"] == 1
    assert_refused()
    # What does not change who answers, and what nobody was asked for.
    asking.run("product edit CALL --name 充值")
    assert asking.run("product edit DATA --supplier OTHER --json").json["supplier"] == "OTHER"
    assert confirm(asking, line(asking, "success"))["delivered"] == 1
    assert asking.run(f"{edit} --json").json["supplier"] == "OTHER"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_without_a_webhook_or_with_one_of_another_row_nothing_is_asked(asking):
    told = asking.run("delivery send TB:1 --via topup --json", status=9).json
    assert told["deliveries"][0]["error"].startswith("no-webhook: supplier SUP")
    with http_server(answers("success")) as server:
        hook(asking, server)
        asking.run("supplier add OTHER --name x")
        asking.run("supplier webhook set OTHER --url http://127.0.0.1:9/ --secret-source env:OTHER")
        asking.execute(
            "UPDATE supplier_webhook SET sealed = (SELECT sealed FROM supplier_webhook w"
            " JOIN supplier s ON s.id = w.supplier_id WHERE s.code = 'OTHER')"
        )
        asking.run("delivery retry TB:1")
        refused = asking.run("delivery send TB:1 --via topup --json", status=7)
        assert refused.error["code"] == "webhook-tampered"
        assert server.requests == []
