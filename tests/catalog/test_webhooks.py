"""Webhooks of channels and suppliers: what is kept, hidden, refused and noticed."""

import pytest

KEY = "made-up-signing-key-0001"
BOT = "https://bot.example.test/send?key=made-up-bot-key"

JSON = "channel webhook set TB --url https://shop.example.test:8443/cards/x --secret-source env:KEY"


@pytest.fixture
def wired(shop):
    shop.seed_catalog()
    shop.env.update(KEY=KEY, OTHER=KEY + "x", BOT=BOT)
    return shop


def test_what_is_secret_of_a_webhook_is_neither_shown_nor_readable_at_rest(wired):
    bot = "channel webhook set TB --shape wecom --url-source env:BOT --json"
    told = [wired.run(bot).json]
    told.append(wired.run(f"{JSON} --json").json)
    assert [one["status"] for one in told] == ["new", "updated"]
    assert told[0]["url"] == "https://bot.example.test/***"
    assert told[0]["key_id"] is None
    assert len(told[1]["key_id"]) == 8
    wired.run("supplier webhook set SUP --url https://sup.example.test/ --secret-source env:KEY")
    assert wired.run("supplier webhook show SUP --json").json == {
        "name": "SUP",
        "url": "https://sup.example.test/",
        "shape": "json",
        "set_at": wired.run("supplier webhook show SUP --json").json["set_at"],
    }
    wired.run("audit verify")
    rows = wired.sql("SELECT payload FROM audit_record")
    rows += wired.sql("SELECT url, sealed FROM channel_webhook")
    rows += wired.sql("SELECT url, sealed FROM supplier_webhook")
    assert not any(
        secret in repr(rows) + repr(told) for secret in (KEY, "made-up-bot-key", "cards/x")
    )


def test_a_webhook_is_kept_once_and_forgotten(wired):
    wired.run(JSON)
    assert wired.run(f"{JSON} --json").json["status"] == "unchanged"
    another = wired.run(f"{JSON} --json".replace("env:KEY", "env:OTHER")).json
    assert another["status"] == "updated"
    assert wired.run("channel webhook remove TB --json").json["status"] == "updated"
    assert wired.run("channel webhook show TB --json", status=4).error["code"] == "no-webhook"


ADDRESSES = [
    ("--url http://shop.example.test/ --secret-source env:KEY", "bad-webhook-address"),
    ("--url http://127.1.2.3:8/ --secret-source env:KEY", None),
    ("--url http://[::1]:8/ --secret-source env:KEY", None),
    ("--url http://127.0.0.1.example.test/ --secret-source env:KEY", "bad-webhook-address"),
    ("--url https://me:pw@shop.example.test/ --secret-source env:KEY", "bad-webhook-address"),
    ("--url https://shop.example.test:99999/ --secret-source env:KEY", "bad-webhook-address"),
    ("--url file:///etc/passwd --secret-source env:KEY", "bad-webhook-address"),
    ("--url https:///x --secret-source env:KEY", "bad-webhook-address"),
    ("--url https://shop.example.test/", "webhook-key-missing"),
    ("--url https://shop.example.test/ --secret-source env:LANG", "webhook-key-short"),
    ("--url https://bot.example.test/?key=x --shape feishu", "bot-address-in-clear"),
    ("--url https://a.test --url-source env:BOT --secret-source env:KEY", "one-address"),
    ("--secret-source env:KEY", "one-address"),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_address_that_would_give_a_secret_away_is_refused(wired):
    for options, code in ADDRESSES:
        done = wired.run(f"channel webhook set TB {options} --no-input --json", status=None)
        assert (done.status, code) == (0, None) or done.error["code"] == code, options
        assert "made-up-bot-key" not in done.stderr
