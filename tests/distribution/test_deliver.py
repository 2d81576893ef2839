"""A plan with a way out delivers what it has given, and one recipient's cards again."""

import json
import os

import pytest

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


def test_a_plan_whose_server_is_down_says_so_and_what_goes_on(mailing):
    port = mailing.env["CARDCTL_SMTP_PORT"]
    mailing.env["CARDCTL_SMTP_PORT"] = "1"
    for line, status in (("run", 8), ("status", 0)):
        told = mailing.run(f"distribute {line} spring --json", status=status).json
        counts = [told[name] for name in ("assigned", "delivered", "retrying", "failed")]
        assert counts == [2, 0, 2, 0]
        assert told["last_error"].startswith("unreachable: localhost cannot be reached")
        assert told["hint"] == "cardctl distribute run spring"
    assert mailing.run("distribute run spring --dry-run --json").json["retrying"] == 0

    mailing.env["CARDCTL_SMTP_PORT"] = port
    told = mailing.run("distribute run spring --json", status=8).json
    assert (told["delivered"], told["retrying"], told["failed"]) == (1, 0, 1)
    assert told["last_error"].startswith("rejected: localhost")
    assert told["hint"] == "cardctl delivery retry --all-dead"
    mailing.run(told["hint"].removeprefix("cardctl "))
    told = mailing.run("distribute run spring --json").json
    assert (told["delivered"], told["last_error"], told["hint"]) == (2, None, None)


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
