"""`order run --stream`: a script sends orders and is told their cards, whatever happens."""

import json
import signal
import time

import pytest

from cardctl.deliveries.channels import email
from tests.batches.books import check_all
from tests.deliveries.channels import Scripted
from tests.support.certificates import self_made
from tests.support.smtp_server import HANG, PASSWORD, USER, mail_server

KEYS = [f"MADEUP-{place:04d}" for place in range(12)]
LINE = "order run - --channel TB --stream"
REVEALING = f"{LINE} --reveal --reason 'shop 7'"
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def order(number, **fields):
    return {"order": number, "sku": "VIP", "paid": "28.00"} | fields


def sent(*lines):
    """What a script sends: an object as a JSON line, bytes as they are."""
    octets = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return b"".join(line + b"\n" for line in octets)


def answers(shop, *lines, line=LINE, **options):
    """What a stream answers that gets these lines and then ends."""
    result = shop.run(line, stdin=sent(*lines), **options)
    return [json.loads(answer) for answer in result.stdout.splitlines()]


class Script:
    """A shop's script with a stream of its own."""

    def __init__(self, shop, line=LINE):
        self.process = shop.spawn(line)

    def ask(self, *lines):
        self.process.stdin.write(sent(*lines).decode())
        self.process.stdin.flush()
        return [json.loads(self.process.stdout.readline()) for _ in lines]

    def stop(self, number):
        """Its exit status, and what it said last."""
        self.process.send_signal(number)
        rest = self.process.stdout.read()
        return self.process.wait(60), rest, self.process.stderr.read()


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", KEYS)
    return shop


def test_each_order_is_answered_with_its_cards_however_often_it_is_sent(stocked):
    first, second, again, changed = answers(
        stocked, order("1"), order("2", qty=2, paid=56), order("1"), order("2", paid="99")
    )
    assert (first["line"], first["order"], first["status"]) == (1, "TB:1", "issued")
    assert (first["outcome"], first["reason"], first["error"]) == ("new", "", None)
    assert set(first["cards"][0]) == {"id", "line", "masked", "status", "expires_on"}
    assert [card["line"] for card in second["cards"]] == [1, 1]
    assert (again["line"], again["outcome"], again["cards"]) == (3, "unchanged", first["cards"])
    assert (changed["error"]["code"], changed["cards"]) == ("conflict", [])
    assert stocked.run("order show TB:1 --json").json["cards"] == first["cards"]
    assert [one["order"] for one in stocked.run("order conflict list --json").json] == ["TB:2"]
    stocked.run("order conflict resolve TB:2 --take store")
    assert answers(stocked, order("2", paid="99"))[0]["cards"] == second["cards"]
    check_all(stocked)


@ON_SQLITE
def test_a_bad_line_is_answered_with_its_error_and_the_stream_goes_on(stocked):
    told = answers(
        stocked,
        b"no json",
        b" ",
        b"x" * 70_000,
        order("1", sku="GONE"),
        order("2", account="GONE"),
        order("3", quantety=2),
        b"",
        {"order": "4", "lines": [{"sku": "VIP", "line_paid": 1}, {"sku": "VIP", "line_paid": 2}]},
    )
    assert [one["line"] for one in told] == [1, 3, 4, 5, 6, 8]
    codes = ["not-json", "line-too-long", "unmapped", "not-found", "unknown-field"]
    assert [one["error"]["code"] for one in told[:-1]] == codes
    assert [one["order"] for one in told] == [None, None, "TB:1", "TB:2", "TB:3", "TB:4"]
    assert "channel map add TB GONE SKU" in told[2]["error"]["hint"]
    assert (told[2]["order"], told[2]["cards"]) == ("TB:1", [])
    assert [card["line"] for card in told[-1]["cards"]] == [1, 2]
    slips = answers(
        stocked, order("5", qty=0), order("6", paid="x"), {"order": "7", "sku": "VIP"}, {}
    )
    assert [(one["order"], one["error"]["hint"]) for one in slips] == [
        ("TB:5", "correct qty and send the line again"),
        ("TB:6", "correct paid and send the line again"),
        ("TB:7", "add paid to the line and send it again"),
        (None, "add sku to the line and send it again"),
    ]
    stocked.run("channel map add TB GONE VIP")
    # The last line needs no line break; a byte order mark is none of it.
    last = stocked.run(LINE, stdin=b"\xef\xbb\xbf" + sent(order("1", sku="GONE")).rstrip())
    assert json.loads(last.stdout)["status"] == "issued"
    assert stocked.sql("SELECT COUNT(*) FROM orders") == [(2,)]
    chinese = answers(stocked, b"x", line=f"{LINE} --lang zh")
    assert "JSON" in chinese[0]["error"]["message"]
    assert not chinese[0]["error"]["message"].isascii()


def test_what_cannot_be_given_is_told_and_given_when_it_can_be(stocked):
    stocked.run("product add TEAM --name x --price 9")
    wanted = order("1", sku="TEAM", paid=9)
    short, unpaid, closed = answers(
        stocked, wanted, order("2", status="unpaid"), order("3", status="closed")
    )
    assert (short["status"], short["reason"]) == ("short", "short: TEAM 0/1")
    assert (unpaid["status"], unpaid["cards"], unpaid["reason"]) == ("unpaid", [], "")
    assert (closed["outcome"], closed["cards"]) == ("not-taken", [])
    stocked.import_codes("TEAM", ["TEAM-1"])
    stocked.run("stock freeze --product VIP --reason x")
    filled, frozen = answers(stocked, wanted, order("2", status="paid"))
    assert (filled["status"], len(filled["cards"])) == ("issued", 1)
    assert (frozen["outcome"], frozen["status"], frozen["reason"]) == ("updated", "paid", "frozen")
    stocked.run("stock unfreeze --product VIP")
    assert answers(stocked, order("2"))[0]["status"] == "issued"
    check_all(stocked)


def test_cards_are_revealed_to_who_says_why_and_never_of_an_order_whose_money_went_back(stocked):
    stocked.import_codes("CARDP", [("0001234", "=1+1")])
    given, pair = answers(
        stocked, order("1", qty=2, paid=56), order("2", sku="CARDP", paid=100), line=REVEALING
    )
    assert {card["secret"] for card in given["cards"]} <= set(KEYS)
    assert [(card["number"], card["secret"]) for card in pair["cards"]] == [("0001234", "=1+1")]
    events = stocked.sql("SELECT detail FROM order_event WHERE kind = 'revealed' ORDER BY id")
    assert sorted(json.loads(detail)["cards"] for (detail,) in events) == [1, 2]
    [(record,)] = stocked.sql("SELECT payload FROM audit_record WHERE verb = 'order.reveal'")
    told = json.loads(record)["data"]
    assert (told["cards"], told["orders"], told["reason"]) == (3, 2, "shop 7")

    old, kept = given["cards"]
    stocked.run(f"order replace TB:1 --card {old['id']} --reason dead")
    replaced = answers(stocked, order("1", qty=2, paid=56), line=REVEALING)[0]
    by_id = {card["id"]: card for card in replaced["cards"]}
    assert (by_id[old["id"]]["status"], by_id[old["id"]]["secret"]) == ("void", None)
    assert by_id[kept["id"]]["secret"] == kept["secret"]
    assert len(by_id) == 3

    stocked.run("order refund TB:2 --reason x")
    refunded = answers(stocked, order("2", sku="CARDP", paid=100), line=REVEALING)[0]
    assert (refunded["status"], refunded["cards"][0]["secret"]) == ("refunded", None)
    check_all(stocked)


@ON_SQLITE
def test_no_card_is_shown_whose_order_a_file_tells_as_refunded(stocked):
    stocked.run("product edit VIP --region CN")
    lines = order("1", region="CN"), order("2", region="CN"), order("3"), order("4", region="CN")
    given = [one["cards"] for one in answers(stocked, *lines[:3])]
    stocked.run("order add --channel TB --number 4 --sku VIP --paid 28 --region CN")
    told = "order,sku,qty,paid,status\n" + "".join(f"{n},VIP,1,28.00,refunded\n" for n in "14")
    stocked.run("order import - --channel TB", stdin=told, status=8)
    assert len(stocked.run("order conflict list --json").json) == 2

    for line in (LINE, REVEALING):
        kept, free, held, never = answers(stocked, *lines, line=line)
        assert (kept["status"], kept["reason"], kept["error"]) == ("issued", "conflict", None)
        assert [card["masked"] for card in kept["cards"]] == [one["masked"] for one in given[0]]
        assert kept["cards"][0].get("secret") is None
        assert (free["reason"], free["cards"][0].get("secret") in (None, *KEYS)) == ("", True)
        assert (held["status"], held["reason"]) == ("held", "held: region-unknown")
        assert (never["status"], never["reason"], never["cards"]) == ("held", "held: conflict", [])
    revealed = "SELECT count(*) FROM order_event WHERE kind = 'revealed'"
    assert stocked.sql(revealed) == [(1,)]

    stocked.run("order conflict resolve TB:1 --take store")
    [again] = answers(stocked, lines[0], line=REVEALING)
    assert (again["reason"], again["cards"][0]["secret"] in KEYS) == ("", True)
    check_all(stocked)


@ON_SQLITE
def test_a_card_that_does_not_open_is_the_trouble_of_its_order_alone(stocked):
    answers(stocked, order("1"), order("2"))
    stocked.execute(
        "UPDATE card SET sealed_secret = x'01' WHERE order_id ="
        " (SELECT id FROM orders WHERE number = '1')"
    )
    broken, whole = answers(stocked, order("1"), order("2"), line=REVEALING)
    assert (broken["error"]["code"], broken["status"]) == ("card-tampered", "issued")
    assert broken["cards"][0]["secret"] is None
    assert (whole["error"], whole["cards"][0]["secret"] in KEYS) == (None, True)


@ON_SQLITE
def test_a_rehearsal_keeps_nothing_and_shows_no_secret(stocked):
    line = f"{REVEALING} --dry-run"
    told = answers(stocked, order("1"), order("2", sku="CARDP"), line=line)
    assert [(one["status"], one["cards"], one["dry_run"]) for one in told] == [
        ("issued", [], True),
        ("short", [], True),
    ]
    assert stocked.sql("SELECT COUNT(*) FROM orders") == [(0,)]
    assert stocked.sql("SELECT COUNT(*) FROM audit_record WHERE verb = 'order.import'") == [(0,)]


@ON_SQLITE
def test_a_stream_says_at_once_what_it_cannot_do(stocked):
    def refused(line, status):
        return stocked.run(f"{line} --json", stdin=sent(order("1")), status=status).error["code"]

    assert refused("order run orders.csv --channel TB --stream", 2) == "stream-options"
    assert refused(f"{LINE} --strict", 2) == "stream-options"
    assert refused("order run - --channel TB --reveal --reason x", 2) == "stream-options"
    assert refused(f"{LINE} --reveal", 2) == "reason-missing"
    assert refused("order run - --channel GONE --stream", 4) == "not-found"
    stocked.run("vault slot add keyfile --scope import --label x --out import.key")
    assert refused(f"{REVEALING} --key-source file:import.key", 7) == "needs-full-key"
    assert stocked.run(f"{LINE} --format csv", status=2).stdout == ""
    assert stocked.sql("SELECT COUNT(*) FROM orders") == [(0,)]


def test_a_stream_lives_through_what_happens_around_it(stocked):
    script = Script(stocked)
    [first] = script.ask(order("1"))
    stocked.run("product add TEAM --name x --price 9")
    stocked.import_codes("TEAM", ["TEAM-1"])
    assert script.ask(order("2", sku="TEAM", paid=9))[0]["status"] == "issued"
    if stocked.backend == "postgres":
        stocked.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    # At rest its chain is closed, so that nothing is unfinished when it is killed there.
    time.sleep(2.5)
    found = stocked.run("audit verify --json").json
    assert len(found["unfinished"]) == (stocked.backend == "postgres")
    assert script.ask(order("1"), order("3"))[0]["cards"] == first["cards"]
    status, rest, said = script.stop(signal.SIGTERM)
    assert (status, rest, said) == (0, "", "")
    check_all(stocked)


@ON_SQLITE
def test_signals_and_closed_pipes_end_a_stream_and_lose_nothing(stocked):
    script = Script(stocked)
    script.ask(order("1"))
    script.process.stdin.write('{"order": "half')
    script.process.stdin.flush()
    assert script.stop(signal.SIGINT) == (130, "", "")

    script = Script(stocked)
    [before] = script.ask(order("2"))
    status, _, _ = script.stop(signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert answers(stocked, order("2"))[0]["cards"] == before["cards"]

    # Nobody reads its answers any more: it does not wait for another line to notice.
    script = Script(stocked)
    script.ask(order("3"))
    script.process.stdout.close()
    assert script.process.wait(30) == 0
    assert script.process.stderr.read() == ""

    script = Script(stocked)
    script.process.stdout.close()
    script.process.stdin.write(sent(order("4")).decode())
    script.process.stdin.close()
    assert script.process.wait(30) == 0
    check_all(stocked)
    assert stocked.sql("SELECT COUNT(*) FROM orders WHERE number IN ('1', '2', '3')") == [(3,)]


def wait_for(found, expected):
    until = time.monotonic() + 30
    while found() != expected and time.monotonic() < until:
        time.sleep(0.1)
    assert found() == expected


@ON_SQLITE
def test_a_bug_in_sending_ends_no_stream(stocked, monkeypatch):
    channel = Scripted().instead_of_webhook(monkeypatch)
    send = channel.send

    def breaks(message):
        if message.order == "TB:1":
            raise RecursionError
        return send(message)

    channel.send = breaks
    script = Script(stocked, f"{LINE} --via webhook")
    script.ask(order("1"))
    tried = "SELECT status, attempts FROM delivery ORDER BY created_at"
    wait_for(lambda: stocked.sql(tried), [("pending", 1)])
    assert script.ask(order("2"))[0]["status"] == "issued"
    wait_for(lambda: stocked.sql(tried), [("pending", 1), ("delivered", 1)])
    status, _, told = script.stop(signal.SIGTERM)
    assert (status, told.count("error[bug]")) == (1, 2)


def test_mails_go_out_beside_the_answers_and_hold_nobody_up(stocked, monkeypatch, tmp_path):
    monkeypatch.setattr(email, "DEADLINE_S", 2)
    certificate = self_made(tmp_path)
    stocked.env.update(
        MAIL_PASSWORD=PASSWORD,
        SSL_CERT_FILE=str(certificate.certificate),
        CARDCTL_SMTP_HOST="localhost",
        CARDCTL_SMTP_FROM="cards@shop.example.test",
        CARDCTL_SMTP_USER=USER,
        CARDCTL_SMTP_PASSWORD_SOURCE="env:MAIL_PASSWORD",
    )
    mailing = f"{LINE} --via email"
    assert stocked.run(f"{LINE} --via terminal --json", status=2).error["code"] == "stream-options"
    with mail_server(HANG, "250 OK", context=certificate.server_context()) as server:
        stocked.env["CARDCTL_SMTP_PORT"] = str(server.port)
        script = Script(stocked, mailing)
        [first] = script.ask(order("1", email="one@example.test"))
        wait_for(lambda: len(server.mails), 1)
        begun = time.monotonic()
        [second] = script.ask(order("2", email="two@example.test"))
        assert time.monotonic() - begun < 1.5, "it waited for the mail server"
        assert first["status"] == second["status"] == "issued"
        tried = "SELECT number, delivery.status, attempts FROM delivery JOIN orders"
        tried += " ON orders.bucket = delivery.bucket AND orders.id = order_id ORDER BY number"
        wait_for(lambda: stocked.sql(tried), [("1", "pending", 1), ("2", "delivered", 1)])
        assert script.stop(signal.SIGTERM)[0] == 0
    [again] = answers(stocked, order("2", email="two@example.test"), line=LINE)
    assert (again["status"], again["cards"]) == ("delivered", second["cards"])
    check_all(stocked)
