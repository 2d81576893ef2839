"""A plan with a way out delivers what it has given, and one recipient's cards again."""

import json
import os
import re

import pytest

from cardctl.deliveries import send
from tests.distribution.test_report import opened
from tests.support.certificates import self_made
from tests.support.smtp_server import PASSWORD, USER, mail_server


@pytest.fixture
def by_file(shop, staff):
    staff.codes(3)
    staff.people(3)
    shop.env["PW"] = "made-up-pass"
    shop.run("distribute plan staff.csv --name spring --via file")
    return shop


def test_cards_leave_by_way_of_a_file_once(by_file):
    line = "distribute run spring"
    by_file.run(line, status=2)
    assert by_file.sql("SELECT count(*) FROM orders") == [(0,)]

    told = by_file.run(f"{line} --out cards.xlsx --password-source env:PW --json").json
    assert (told["assigned"], told["delivered"], told["status"]) == (3, 3, "done")
    _heading, *rows = opened(by_file.folder / "cards.xlsx", "made-up-pass")
    assert len(rows) == 3
    assert by_file.run(f"{line} --json").json["outcome"] == "unchanged"

    refused = by_file.run("distribute cancel spring u0000 --reason x --yes --json", status=5)
    assert refused.error["code"] == "cards-were-seen"
    again = "distribute resend spring u0001 --reason lost --password-source env:PW --json"
    assert by_file.run(f"{again} --out again.xlsx").json["delivered"] == 1
    (_, row) = opened(by_file.folder / "again.xlsx", "made-up-pass")
    assert row in rows
    assert by_file.run("distribute status spring --json").json["delivered"] == 3
    by_file.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_plan_by_way_of_the_terminal_shows_its_cards(shop, staff):
    staff.codes(2)
    staff.people(2)
    shop.run("distribute plan staff.csv --name spring --via terminal")
    told = shop.run("distribute run spring --json").json
    assert told["delivered"] == 2
    assert "MADE-UP-00000" in "".join(one["text"] for one in told["messages"])
    shown = shop.run("distribute resend spring u0000 --reason x")
    assert "MADE-UP-0000" in shown.stdout


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_texts_that_nobody_reads_are_an_error(shop, staff):
    """The other end of the pipe is closed: nothing is delivered, but in JSON it is too late."""
    staff.codes(2)
    staff.people(2)
    shop.run("distribute plan staff.csv --name spring --via terminal")
    for option, delivered in (("", 0), (" --json", 2)):
        reader, writer = os.pipe()
        os.close(reader)
        sender = shop.spawn(f"distribute run spring{option}", stdout=writer)
        os.close(writer)
        assert "stdout" in sender.communicate(timeout=60)[1]
        assert sender.returncode == 3
        assert shop.run("distribute status spring --json").json["delivered"] == delivered


def test_nothing_is_sent_again_to_who_has_nothing(shop, staff):
    staff.codes(1)
    staff.people(4)
    shop.run("distribute plan staff.csv --name spring", status=8)
    shop.run("distribute cancel spring u0000 --reason x --yes")
    shop.run("distribute resend spring u0000 --reason x", status=2)
    shop.run("distribute run spring", status=8)
    (given,) = staff.given()
    shop.run(f"distribute cancel {given.replace('/', ' ')} --reason x --yes")

    line = "distribute resend spring {} --via terminal --reason x --json"
    refused = {
        f"u000{n}": shop.run(line.format(f"u000{n}"), status=5).error["hint"] for n in range(4)
    }
    gone = {"u0000", given.removeprefix("spring/")}
    assert {one for one, hint in refused.items() if "distribute plan" in hint} == gone
    assert {one for one, hint in refused.items() if "distribute run" in hint} == {*refused} - gone
    shop.run(line.format("nobody"), status=4)


@pytest.fixture
def mailing(shop, staff, tmp_path):
    """A shop that mails, and a plan by e-mail for two."""
    staff.codes(2)
    staff.people(2)
    certificate = self_made(tmp_path)
    shop.env.update(
        MAIL_PASSWORD=PASSWORD,
        SSL_CERT_FILE=str(certificate.certificate),
        CARDCTL_SMTP_HOST="localhost",
        CARDCTL_SMTP_FROM="cards@shop.example.test",
        CARDCTL_SMTP_USER=USER,
        CARDCTL_SMTP_PASSWORD_SOURCE="env:MAIL_PASSWORD",
    )
    shop.run("distribute plan staff.csv --name spring --via email")
    with mail_server(
        "550 no such mailbox", "250 OK", context=certificate.server_context()
    ) as server:
        shop.env["CARDCTL_SMTP_PORT"] = str(server.port)
        yield shop


PARTS = ("assigned", "delivered", "unsent", "retrying", "failed")
"""Everybody who has their cards is in one of the others."""


def test_a_plan_whose_server_is_down_says_so_and_what_goes_on(mailing, monkeypatch):
    port = mailing.env["CARDCTL_SMTP_PORT"]
    mailing.env["CARDCTL_SMTP_PORT"] = "1"
    # The run stops at the first who is not reached: the other one was not tried.
    monkeypatch.setattr(send, "FAILURES_IN_A_ROW", 1)
    monkeypatch.setattr(send, "LEASE_MS", 1)
    for line, status in (("run", 8), ("status", 0)):
        told = mailing.run(f"distribute {line} spring --json", status=status).json
        assert [told[name] for name in PARTS] == [2, 0, 1, 1, 0]
        assert told["last_error"].startswith("unreachable: localhost cannot be reached")
        assert told["hint"] == "cardctl distribute run spring"
    assert mailing.run("distribute run spring --dry-run --json").json["retrying"] == 0

    monkeypatch.setattr(send, "FAILURES_IN_A_ROW", 25)
    mailing.env["CARDCTL_SMTP_PORT"] = port
    told = mailing.run("distribute run spring --json", status=8).json
    assert [told[name] for name in PARTS] == [2, 1, 0, 0, 1]
    assert told["last_error"].startswith("rejected: localhost")
    edit = "cardctl order edit DIST:spring/u0000 --email ADDRESS --reason TEXT"
    assert told["hint"] == f"{edit}; cardctl distribute run spring --retry-failed"
    assert mailing.run("distribute run spring --json", status=8).json["failed"] == 1


def test_what_was_given_up_of_a_plan_alone_is_sent_again(mailing):
    """Whatever else the shop has given up stays so; a dry run foresees the whole of it."""
    mailing.import_codes("VIP", ["MADE-UP-OTHER"])
    mailing.run("order add --channel TB --number 1 --sku VIP --paid 1")
    mailing.run("order issue TB:1")
    mailing.run("delivery send TB:1 --via terminal")
    mailing.execute("UPDATE delivery SET status = 'dead'")
    mailing.run("distribute run spring", status=8)
    mailing.run("order edit DIST:spring/u0000 --email right@made-up.cn --reason x")

    line = "distribute run spring --retry-failed --json"
    would = mailing.run(f"{line} --dry-run").json
    told = mailing.run(line).json
    assert would == told | {"dry_run": True}
    assert [told[name] for name in PARTS] == [2, 2, 0, 0, 0]
    assert (told["outcome"], told["last_error"], told["hint"]) == ("updated", None, None)
    assert mailing.sql("SELECT count(*) FROM delivery WHERE status = 'dead'") == [(1,)]
    assert mailing.run(line).json["outcome"] == "unchanged"


def replace(shop, name):
    """Give another card for the first one of an order that is not void."""
    cards = shop.run(f"order show {name} --json").json["cards"]
    (old, *_) = [card["id"] for card in cards if card["status"] == "issued"]
    shop.run(f"order replace {name} --card {old} --reason dead")


def keys_sent(told):
    """The keys in the message to u1."""
    (text,) = [one["text"] for one in told["messages"] if "spring/u1" in one["order"]]
    return set(re.findall("MADE-UP-[0-9]+", text))


def test_a_card_that_was_given_for_another_is_delivered_by_the_next_run(shop, staff):
    staff.codes(5)
    staff.table("u1,VIP,2,,,,", "u2,VIP,1,,,,")
    shop.run("distribute plan staff.csv --name spring --via terminal")
    run, resend = "distribute run spring --json", "distribute resend spring u1 --reason x --json"
    both = keys_sent(shop.run(run).json)
    replace(shop, "DIST:spring/u1")

    told = shop.run("distribute status spring --json").json
    assert [told[name] for name in PARTS] == [2, 1, 1, 0, 0]
    assert (told["status"], told["hint"]) == ("running", "cardctl distribute run spring")
    shop.run("distribute report spring --out before.json")
    assert shop.run(f"{run} --dry-run").json["delivered"] == 2
    told = shop.run(run).json
    assert ([told[name] for name in PARTS], told["status"]) == ([2, 2, 0, 0, 0], "done")
    new = keys_sent(told)
    assert len(new - both) == len(new) == 1
    assert shop.run(run).json["outcome"] == "unchanged"

    # Sent again are those that are theirs now; a report names no others.
    again = keys_sent(shop.run(resend).json)
    assert (len(again & both), again - both) == (1, new)
    assert shop.run("distribute report spring --out after.json --json").json["cards"] == 3
    rows = [
        json.loads((shop.folder / f"{name}.json").read_text())[0] for name in ("before", "after")
    ]
    found = [(row["state"], len(row["masked"]), bool(row["delivered_at"])) for row in rows]
    assert found == [("assigned", 2, False), ("delivered", 2, True)]

    replace(shop, "DIST:spring/u1")
    assert len(keys_sent(shop.run(resend).json) - both - new) == 1
    shop.run("audit verify")


def test_a_card_that_was_given_for_one_that_did_not_arrive_is_delivered(mailing):
    """What the bad card waited in is over: the new one leaves at once, by another delivery."""
    mailing.import_codes("VIP", ["MADE-UP-A", "MADE-UP-B"])
    port = mailing.env["CARDCTL_SMTP_PORT"]
    mailing.env["CARDCTL_SMTP_PORT"] = "1"
    mailing.run("distribute run spring", status=8)
    mailing.env["CARDCTL_SMTP_PORT"] = port
    replace(mailing, "DIST:spring/u0000")
    told = mailing.run("distribute run spring --json", status=8).json
    assert [told[name] for name in PARTS] == [2, 1, 0, 0, 1]

    replace(mailing, "DIST:spring/u0000")
    told = mailing.run("distribute run spring --json").json
    assert ([told[name] for name in PARTS], told["status"]) == ([2, 2, 0, 0, 0], "done")
    statuses = mailing.sql("SELECT status, count(*) FROM delivery GROUP BY status ORDER BY status")
    assert statuses == [("cancelled", 2), ("delivered", 2)]
    mailing.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_mail_that_is_refused_is_told_and_sent_again(mailing):
    told = mailing.run("distribute run spring --json", status=8).json
    assert (told["assigned"], told["delivered"], told["failed"]) == (2, 1, 1)
    mailing.run("distribute report spring --out r.json")
    rows = json.loads((mailing.folder / "r.json").read_text())
    (failed,) = [row for row in rows if row["state"] == "failed"]
    assert "550" in failed["failure"]

    name = failed["recipient"]
    again = mailing.run(f"distribute resend spring {name} --reason 'put right' --json").json
    assert again["delivered"] == 1
    told = mailing.run("distribute run spring --json").json
    assert (told["delivered"], told["failed"], told["status"]) == (2, 0, "done")
