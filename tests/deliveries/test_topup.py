"""Topping up: a signed request, and answers that count only when they are the supplier's."""

import hmac
import json

import pytest

from cardctl.deliveries import confirm as answer_lines
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


def hook(shop, server, *, supplier="SUP", key="KEY"):
    url = server.url("/topup")
    shop.run(f"supplier webhook set {supplier} --url {url} --secret-source env:{key}")


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
        "answer-unreadable": [answers("done"), answers([])],
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
        line(asking, {}),
        "not json\n",
        "[1]\n",
        '{"timestamp": 1}\n',
    ]
    told = confirm(asking, "".join(forged), status=8)
    assert [one["code"] for one in told["answers"]] == [
        *("answer-forged", "answer-unreadable", "answer-forged", "answer-stale"),
        *("answer-of-other", "answer-of-other", "answer-of-other"),
        *("answer-unreadable",) * 5,
    ]
    assert states(asking) == ("issued", "waiting")
    audited = asking.sql(
        "SELECT payload FROM audit_record WHERE verb = 'delivery.confirm.refused' ORDER BY seq"
    )
    refused = [json.loads(payload)["data"] for (payload,) in audited]
    # Lines that are no answers share a record.
    assert [(one["line"], one["lines"]) for one in refused] == [
        *((place, 1) for place in range(1, 8)),
        (8, 5),
    ]
    (asking.folder / "answers.jsonl").write_text(good + "\n" + good)
    first = asking.run("delivery confirm answers.jsonl --json").json
    assert (first["delivered"], first["unchanged"]) == (1, 1)
    assert states(asking) == ("delivered", "delivered")
    assert asking.run("delivery confirm answers.jsonl --json").json["unchanged"] == 2
    assert len(events(asking, "delivered")) == 1
    asking.run("audit verify")


def test_a_request_stays_with_whom_it_was_asked_of_and_only_its_answer_counts(asking):
    asking.run("supplier add OTHER --name x")
    write(asking, "setup.xlsx", {"products": [("sku", "topped up by"), ("CALL", "OTHER")]})
    with (
        http_server(answers("pending"), answers("failed")) as first,
        http_server(answers("success", key=f"{KEY}-of-another")) as second,
    ):
        hook(asking, first)
        hook(asking, second, supplier="OTHER", key="OTHER")
        assert asking.run(SEND).json["waiting"] == 1
        asking.run("setup import setup.xlsx")
        told = confirm(asking, line(asking, "success", key=f"{KEY}-of-another"), status=8)
        assert [one["code"] for one in told["answers"]] == ["answer-forged"]
        # Asked once more, it goes where it was; what nobody was asked for goes to the other.
        asking.run("order add --channel TB --number 2 --sku CALL --paid 49 --topup-account 1")
        asking.run("order issue TB:2")
        asking.run("delivery retry TB:1")
        sent = asking.run(SEND, status=8).json
        assert (sent["delivered"], sent["dead"]) == (1, 1)
        one, again = (request.json["request"] for request in first.requests)
        assert one == again
        asking.run("delivery retry TB:1")
        assert asking.run(SEND).json["delivered"] == 1
        assert [request.json["order"] for request in second.requests] == ["TB:2", "TB:1"]
        assert one not in {request.json["request"] for request in second.requests}
    asking.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_request_keeps_its_account_until_the_supplier_refuses_it(asking):
    edit = "order edit TB:1 --topup-account 13900000000 --reason x --json"
    told = "order,sku,qty,paid,topup_account\n1,CALL,2,98,139\n"
    asking.run("order import - --channel TB", stdin=told, status=8)

    def assert_kept():
        assert asking.run(edit, status=5).error["code"] == "too-late"
        taken = asking.run("order conflict resolve TB:1 --take file --json", status=5)
        assert taken.error["code"] == "sale-is-past"
        assert "was asked" in asking.run("order refund TB:1 --reason x --dry-run").stderr

    with http_server(answers("pending"), goes_away, answers("success")) as server:
        hook(asking, server)
        assert asking.run(SEND).json["waiting"] == 1
        asking.run("delivery retry TB:1")
        assert_kept()
        asking.execute("UPDATE delivery SET attempts = 11")
        assert asking.run(SEND, status=8).json["dead"] == 1
        assert_kept()
        refusal = line(asking, "failed")
        assert confirm(asking, refusal)["dead"] == 1
        assert confirm(asking, refusal)["unchanged"] == 1
        assert "was asked" not in asking.run("order refund TB:1 --reason x --dry-run").stderr
        asking.run(edit)
        asking.run("delivery retry TB:1")
        # Under its new id nobody was asked.
        told = confirm(asking, line(asking, "success"), status=8)
        assert [one["code"] for one in told["answers"]] == ["answer-of-other"]
        assert asking.run(SEND).json["delivered"] == 1
        asked = [(one.json["request"], one.json["account"]) for one in server.requests]
    assert asked[0] == asked[1]
    assert len({request for request, _ in asked}) == 2
    assert asked[2][1] == "13900000000"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_answers_are_fresh_as_of_the_command_or_as_of_their_reading(
    asking, monkeypatch, frozen_clock
):
    with http_server(answers("pending")) as server:
        hook(asking, server)
        assert asking.run(SEND).json["waiting"] == 1
    read = answer_lines._read_line

    def slowly(octets):
        frozen_clock.advance(seconds=200)
        return read(octets)

    monkeypatch.setattr(answer_lines, "_read_line", slowly)
    # A long file, and a pipe that stays open.
    lines = ["{}\n", line(asking, "failed"), line(asking, "success", at=NOW_S + 600)]
    told = confirm(asking, "".join(["{}\n", *lines]), status=8)
    assert [one["status"] for one in told["answers"]] == [*["refused"] * 2, "dead", "delivered"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_without_a_webhook_or_with_one_of_another_row_nothing_is_asked(asking):
    told = asking.run("delivery send TB:1 --via topup --json", status=9).json
    assert told["deliveries"][0]["error"].startswith("no-webhook: supplier SUP")
    # Nobody was asked: the account is still open, and is missing then.
    asking.run("order edit TB:1 --topup-account '' --reason x")
    asking.run("delivery retry TB:1")
    told = asking.run("delivery send TB:1 --via topup --json", status=9).json
    assert told["deliveries"][0]["error"].startswith("topup-unknown")
    asking.run(f"order edit TB:1 --topup-account {ACCOUNT} --reason x")
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
