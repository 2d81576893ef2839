"""E-mail against a real server: private, for the buyer alone, never lost, twice the same."""

import smtplib
import socket
import threading
import time
from contextlib import contextmanager, suppress
from email.header import decode_header, make_header
from email.headerregistry import Address
from io import BytesIO

import msoffcrypto
import pytest
from openpyxl import load_workbook

from cardctl.deliveries import patience
from cardctl.deliveries.channels import email
from cardctl.deliveries.mail_refusals import Refusal, refusal_of
from cardctl.deliveries.patience import Patience
from cardctl.deliveries.smtp import MailServer, connect
from cardctl.settings import MailTls
from cardctl.vault.secret import Secret
from tests.support.certificates import self_made
from tests.support.smtp_server import DROP, HANG, PASSWORD, USER, mail_server
from tests.support.written import Written

SEND = "delivery send --pending --via email --json"
AGAIN = "delivery send TB:1 --via email --json"


@pytest.fixture
def mailing(shop, monkeypatch, tmp_path):
    """One issued order of two cards, a shop with a name, and a server that it trusts."""
    monkeypatch.setattr(email, "DEADLINE_S", 1.5)
    shop.certificate = self_made(tmp_path)
    shop.seed_catalog()
    shop.import_codes("VIP", ["=1+1", "007"])
    shop.run("product edit VIP --guide 在APP内兑换")
    order = "order add --channel TB --number 1 --sku VIP --qty 2 --paid 56"
    shop.run(f"{order} --buyer 小王 --email buyer@example.test")
    shop.run("order issue TB:1")
    shop.env.update(
        MAIL_PASSWORD=PASSWORD,
        SSL_CERT_FILE=str(shop.certificate.certificate),
        CARDCTL_SMTP_HOST="localhost",
        CARDCTL_SMTP_FROM="卡铺 <cards@shop.example.test>",
        CARDCTL_SMTP_USER=USER,
        CARDCTL_SMTP_PASSWORD_SOURCE="env:MAIL_PASSWORD",
        CARDCTL_SHOP_NAME="卡铺",
        CARDCTL_SHOP_CONTACT="微信 made-up",
    )
    return shop


@contextmanager
def served(shop, *answers, **options):
    context = shop.certificate.server_context()
    with mail_server(*answers, **({"context": context} | options)) as server:
        shop.env["CARDCTL_SMTP_PORT"] = str(server.port)
        yield server


def status(shop):
    return shop.run("order show TB:1 --json").json["status"]


def attached(mail):
    [part] = mail.iter_attachments()
    return part


def cells(octets, password):
    book = msoffcrypto.OfficeFile(BytesIO(octets))
    book.load_key(password=password)
    opened = BytesIO()
    book.decrypt(opened, verify_integrity=True)
    return list(load_workbook(opened).active.iter_rows(values_only=True))


def test_the_cards_are_in_a_workbook_whose_password_goes_another_way(mailing):
    with served(mailing) as server:
        with Written() as written:
            assert mailing.run(SEND).json["delivered"] == 1
        assert written.beside_the_store() == set()
        assert mailing.run(AGAIN).json["unchanged"] == 1
        [mail], [octets] = server.mails, server.octets
    assert server.recipients == [["buyer@example.test"]]
    assert server.private == [True]
    assert server.logins == [(USER.encode(), PASSWORD.encode())]
    assert str(make_header(decode_header(mail["Subject"]))) == "Your order TB:1 · 卡铺"
    text = mail.get_body().get_content()
    for said in ("小王", "视频会员 × 2", "在APP内兑换", "微信 made-up"):
        assert said in text
    assert b"=1+1" not in octets
    assert "007" not in text
    [told] = mailing.run("delivery password TB:1 --reason asked --json").json
    assert told["password"] not in text
    workbook = attached(mail).get_content()
    # Hashed as often as its many bits need: mails by the hundred thousand are not held up.
    assert b'spinCount="1000"' in workbook
    rows = cells(workbook, told["password"])
    assert {row[4] for row in rows[1:]} == {"=1+1", "007"}
    assert status(mailing) == "delivered"
    mailing.run("audit verify")


def test_a_mail_that_was_given_up_goes_another_way_when_somebody_says_so(mailing):
    """Never by itself: it may have arrived. The list of such orders can be handed on as it is."""
    refused = mailing.run("delivery password TB:1 --reason asked --json", status=5)
    assert refused.error["code"] == "never-mailed"
    with served(mailing, "554 mailbox unknown"):
        dead = mailing.run(AGAIN, status=9).json["deliveries"]
    assert [(one["status"], one["hint"]) for one in dead] == [
        ("dead", "cardctl delivery retry TB:1")
    ]
    mailing.run("delivery password TB:1 --reason 'it may have arrived'")
    mailing.run("delivery retry TB:1")
    mailing.run("delivery password TB:1 --reason 'so it may have still'")
    mailing.execute("UPDATE delivery SET status = 'dead'")
    mailing.env["PW"] = "made-up-pass"
    by_file = "--via file --out cards.xlsx --password-source env:PW"
    for line in (f"--pending {by_file} --dry-run", f"--pending {by_file}"):
        told = mailing.run(f"delivery send {line} --json", status=8).json
        assert (told["skipped"], told["pending"]) == (1, 0)
        assert [(one["order"], one["status"], one["hint"]) for one in told["deliveries"]] == [
            ("TB:1", "given-up", "cardctl delivery send TB:1 --via file --out NAME.xlsx")
        ]
    assert mailing.run(SEND).json["deliveries"] == [], "told when it died, and by status"

    listed = mailing.run("delivery list --status dead --via email --fields order --format plain")
    sent = mailing.run(f"delivery send - {by_file} --json", stdin=listed.stdout.encode()).json
    assert sent["delivered"] == 1
    mailing.run("delivery send - --via terminal", stdin=b"TB:1\norders\n", status=3)
    assert status(mailing) == "delivered"
    mailing.run("audit verify")


def test_an_order_without_an_address_is_left_to_another_way(mailing):
    mailing.import_codes("VIP", [f"MADE-UP-{place}" for place in range(4)])
    for number in ("2", "3"):
        mailing.run(f"order add --channel TB --number {number} --sku VIP --paid 28")
        mailing.run(f"order issue TB:{number}")
    mailing.execute("UPDATE orders SET email = 'not-an-address' WHERE number = '3'")
    lacking = {
        (
            f"TB:{number}",
            "no-address",
            f"cardctl order edit TB:{number} --email ADDRESS --reason TEXT",
        )
        for number in (2, 3)
    }

    def left_out(told):
        rows = [one for one in told["deliveries"] if one["delivery"] is None]
        return {(one["order"], one["status"], one["hint"]) for one in rows}

    foreseen = mailing.run(f"{SEND} --dry-run", status=8).json
    assert (foreseen["pending"], foreseen["skipped"], left_out(foreseen)) == (1, 2, lacking)
    with served(mailing):
        told = mailing.run(SEND, status=8).json
        assert (told["delivered"], told["skipped"], left_out(told)) == (1, 2, lacking)
        named = mailing.run("delivery send TB:2 TB:3 --via email --json", status=8).json
        assert (named["skipped"], left_out(named)) == (2, lacking)
        assert len(mailing.run("delivery list --json").json) == 1

        mailing.run("order edit TB:2 --email other@example.test --reason asked")
        assert mailing.run(AGAIN.replace("TB:1", "TB:2")).json["delivered"] == 1
    other = mailing.run("delivery send --pending --via terminal --json").json
    assert [one["order"] for one in other["deliveries"]] == ["TB:3"]
    mailing.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_product_may_have_its_secret_in_the_text_and_words_of_its_own(mailing):
    mailing.run("product edit VIP --email-secret text")
    folder = mailing.home / "templates"
    folder.mkdir()
    own = "Subject: {{ shop.name }}\r\n\r\n{% for p in products %}{% for c in p.cards %}"
    (folder / "VIP.zh.txt").write_text("Subject: x\n{{ nothing.here }}")
    own += "{{ c.secret }};"
    (folder / "VIP.en.txt").write_text(own + "{% endfor %}{% endfor %}{{ order }}\r\n")
    with served(mailing, "451 not with =1+1 in it", "250 OK") as server:
        # What the server says of a text that it has seen is not kept.
        assert mailing.run(AGAIN, status=9).json["failed"] == 1
        [(error,)] = mailing.sql("SELECT last_error FROM delivery")
        assert error.strip() == "rejected: localhost did not take the message: 451"
        mailing.run(AGAIN)
        mail = server.mails[-1]
    assert list(mail.iter_attachments()) == []
    assert sorted(mail.get_content().strip().split(";")) == ["007", "=1+1", "TB:1"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_broken_template_refuses_before_anything_is_leased(mailing):
    (mailing.home / "templates").mkdir()
    (mailing.home / "templates" / "other.en.txt").write_text("Subject: x\n{{ ordr }}")
    with served(mailing) as server:
        assert mailing.run(SEND, status=2).error["code"] == "bad-template"
        assert server.mails == []
    assert mailing.sql("SELECT count(*) FROM card_delivery") == [(0,)]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_whatever_a_server_does_nothing_is_lost_and_repeats_have_the_same_id(mailing, monkeypatch):
    """It says not now, takes it and goes away, takes it and says nothing, and comes back."""
    monkeypatch.setattr(patience, "SILENCE_S", 1.0)
    with served(mailing, "451 later", DROP, HANG, "250 OK") as server:
        for code in ("rejected", "unreachable", "too-slow"):
            began = time.monotonic()
            [failed] = mailing.run(AGAIN, status=9).json["deliveries"]
            assert failed["error"].startswith(f"{code}: localhost")
            assert time.monotonic() - began < 10
            assert status(mailing) == "issued"
        assert mailing.run(SEND).json["delivered"] == 0, "it waits before it is tried again"
        assert mailing.run(AGAIN).json["delivered"] == 1
    assert len(server.mails) == 4
    assert len({mail["Message-ID"] for mail in server.mails}) == 1
    assert len({mail["Idempotency-Key"] for mail in server.mails}) == 1
    passwords = {mailing.run("delivery password TB:1 --reason x --json").stdout for _ in range(2)}
    assert len(passwords) == 1
    assert status(mailing) == "delivered"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_will_never_arrive_is_given_up_and_names_why(mailing):
    with served(mailing, "554 mailbox\x1b[31m unknown") as server:
        refused = mailing.run(AGAIN, status=9).json
        assert refused["dead"] == 1
        assert refused["deliveries"][0]["error"].startswith("rejected: localhost")
        assert "\x1b" not in refused["deliveries"][0]["error"]
        # What is kept is a code and English words; people read it in their language.
        for line in ("delivery list --status dead", "order show TB:1"):
            assert "localhost 没有接收消息：554 mailbox" in mailing.run(f"--lang zh {line}").stdout
        for bad in ("a@b@c", "a@x.test, b@x.test", "no address", "a@x.test\\nBcc: b@x.test"):
            mailing.execute("UPDATE orders SET email = :bad", bad=bad.replace("\\n", "\n"))
            told = mailing.run(AGAIN, status=5).json
            assert told["deliveries"][0]["status"] == "no-address"
        assert len(server.mails) == 1
    assert status(mailing) == "issued"


UNSENDABLE = [
    ({"MAIL_PASSWORD": "made-up-密码"}, {}, "mail-not-ascii", 2),
    ({"CARDCTL_SMTP_USER": "店铺"}, {}, "mail-not-ascii", 2),
    ({"CARDCTL_SMTP_FROM": "a@店.test"}, {}, "mail-not-ascii", 2),
    ({"MAIL_PASSWORD": "wrong"}, {}, "mail-login-refused", 9),
    ({"SSL_CERT_FILE": "/nonexistent"}, {}, "mail-untrusted", 9),
    ({}, {"context": None}, "mail-in-clear", 2),
    ({"CARDCTL_SMTP_TLS": "none", "CARDCTL_SMTP_HOST": "mail.test"}, {}, "mail-in-clear", 2),
    ({"CARDCTL_SMTP_HOST": ""}, {}, "mail-not-set", 2),
    ({"CARDCTL_SMTP_FROM": "a@x.test, b@x.test"}, {}, "bad-mail-sender", 2),
    ({"CARDCTL_SMTP_PASSWORD_SOURCE": "env:NONE"}, {}, "password-unreadable", 2),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_no_mail_can_be_sent_with_ends_the_run_and_leaves_all_pending(mailing):
    for settings, options, code, ends in UNSENDABLE:
        with served(mailing, **options) as server:
            refused = mailing.run(SEND, status=ends, env=settings)
        assert refused.error["code"] == code
        assert server.mails == []
        assert PASSWORD not in refused.stderr
        assert set(mailing.sql("SELECT status, attempts FROM delivery")) <= {("pending", 0)}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_tls_from_the_first_octet_or_none_on_this_machine_and_a_password_agreed_on(mailing):
    mailing.env.update(
        CARDCTL_SMTP_USER="", AGREED="made-up-and-agreed", LONG="x" * 256, SHORT="x" * 7
    )
    for tls, options in (("tls", {"implicit": True}), ("none", {"context": None})):
        mailing.env["CARDCTL_SMTP_TLS"] = tls
        with served(mailing, **options) as server:
            line = f"{AGAIN} --reprint --reason x" if tls == "none" else AGAIN
            for wrong in ("LONG", "SHORT"):
                mailing.run(f"{line} --password-source env:{wrong}", status=2)
            mailing.run(f"{line} --password-source env:AGREED")
            assert server.private == [tls == "tls"]
            [mail] = server.mails
        workbook = attached(mail).get_content()
        assert b'spinCount="100000"' in workbook
        assert len(cells(workbook, "made-up-and-agreed")) == 3


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", [b"2", b"220-x\r\n" * 200_000, b"", b"554 no\r\n"])
def test_a_server_that_speaks_without_end_or_not_at_all_is_left_in_time(mailing, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mailing.env["CARDCTL_SMTP_PORT"] = str(listener.getsockname()[1])
        thread = threading.Thread(target=speak, args=(listener, words), daemon=True)
        thread.start()
        began = time.monotonic()
        sent = mailing.run(AGAIN, status=9).json
        assert time.monotonic() - began < 10
        thread.join(10)
    assert (sent["failed"], sent["deliveries"][0]["attempts"]) == (1, 0)
    assert status(mailing) == "issued"


def speak(listener, words):
    """Accept one connection, and say the same again and again until nobody is there."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.settimeout(0.1)
        while True:
            connection.sendall(words)
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_a_server_refuses_to_the_shop_costs_no_mail_a_try(mailing, frozen_clock, monkeypatch):
    """The quota of a day is used up before the buyer is named; the next day they all leave."""
    monkeypatch.setattr("cardctl.deliveries.send.FAILURES_IN_A_ROW", email._FAILURES_MOST + 2)
    mailing.import_codes("VIP", [f"MADE-UP-{place}" for place in range(9)])
    rows = "".join(f"{place},VIP,28,b{place}@example.test\n" for place in range(2, 9))
    (mailing.folder / "orders.csv").write_text(f"order,sku,paid,email\n{rows}")
    mailing.run("order import orders.csv --channel TB")
    mailing.run("order issue --all")
    with served(mailing) as server:
        server.refuses_sender = "550 5.4.5 Daily sending quota exceeded"
        for _ in range(2):
            told = mailing.run(SEND, status=8).json
            assert (told["dead"], told["delivered"], told["stopped"]) == (0, 0, True)
            frozen_clock.advance(seconds=60)
        assert len(server.senders) == 2 * email._FAILURES_MOST
        assert mailing.sql("SELECT DISTINCT status, attempts FROM delivery") == [("pending", 0)]
        assert "quota" in str(mailing.run("delivery list --json").json)
        server.refuses_sender = ""
        assert mailing.run(SEND).json["delivered"] == 8


@pytest.mark.parametrize(
    ("status", "words", "of_mail", "too_big", "refusal"),
    [
        (554, "no", False, False, Refusal.SHOP),
        (421, "closing", True, False, Refusal.SHOP),
        (552, "storage", False, False, Refusal.SHOP),
        (552, "size", False, True, Refusal.MAIL_FOR_EVER),
        (552, "5.3.4 too big", False, False, Refusal.MAIL_FOR_EVER),
        (550, "5.1.1 nobody", True, False, Refusal.MAIL_FOR_EVER),
        (550, "no such user", True, False, Refusal.MAIL_FOR_EVER),
        (450, "4.2.0 greylisted", True, False, Refusal.MAIL_FOR_NOW),
        (550, "5.4.5 quota", True, False, Refusal.MAIL_FOR_NOW),
        (554, "5.7.1 relay denied", True, False, Refusal.MAIL_FOR_NOW),
    ],
)
def test_whom_a_refusal_is_about(status, words, of_mail, too_big, refusal):
    assert refusal_of(status, words, of_mail=of_mail, too_big=too_big) is refusal


def test_a_challenge_that_does_not_read_is_a_server_that_is_broken():
    """Its error quotes what was to be signed: only its kind is passed on."""
    lines = iter((b"220 x\r\n", b"250-x\r\n250 AUTH CRAM-MD5\r\n", b"334 A\r\n"))

    def answer(listener):
        connection, _ = listener.accept()
        with connection:
            for words in lines:
                connection.sendall(words)
                connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        sender = Address(addr_spec="cards@shop.example.test")
        server = MailServer("127.0.0.1", port, MailTls.NONE, USER, sender)
        patience = Patience(5)
        with pytest.raises(smtplib.SMTPException), patience.limit():
            connect(server, Secret(PASSWORD), patience=patience)
        patience.close()
