"""Look at orders, reveal their cards, cancel them."""

import json
import re

import pytest

from cardctl.orders import queries


@pytest.fixture
def issued(shop):
    """Order TB:1 with a code, TB:2 with a card that has a number; made-up secrets."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["=cmd|' /C calc'!A0 made-up"])
    shop.import_codes("CARDP", [("0000123400005678901", "<a>密码 007")])
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28 --buyer 张三")
    shop.run("order add --channel TB --number 2 --sku CARDP --paid 100 --phone 13800138000")
    shop.run("order issue --all")
    return shop


def events(shop, name):
    return [one["kind"] for one in shop.run(f"order show {name} --json").json["events"]]


def test_cards_are_masked_without_a_reveal(issued):
    result = issued.run("order show TB:2 --json")
    (card,) = result.json["cards"]

    assert set(card) == {"id", "line", "masked", "status", "expires_on"}
    assert (card["line"], card["status"], card["expires_on"]) == (1, "issued", "2099-12-31")
    assert "0000123400005678901" not in result.stdout
    assert "密码" not in result.stdout
    assert sum(line["amount_fen"] for line in result.json["journal"][0]["lines"]) == 0


def test_a_reveal_gives_the_exact_secret_and_is_kept_for_good(issued):
    line = ["order", "show", "TB:2", "--reveal", "--reason", "买家没收到", "--json"]
    revealed = issued.run(line).json
    (card,) = revealed["cards"]

    assert (card["number"], card["secret"]) == ("0000123400005678901", "<a>密码 007")
    assert card["fields"] == {}
    event = revealed["events"][-1]
    assert (event["kind"], event["detail"]) == ("revealed", {"cards": 1, "reason": "买家没收到"})
    verb, payload = issued.sql(
        "SELECT verb, payload FROM audit_record WHERE verb = 'order.reveal'"
    )[0]
    told = json.loads(payload)["data"]
    assert (verb, told) == ("order.reveal", {"order": "TB:2", "cards": 1, "reason": "买家没收到"})
    code = issued.run(["order", "show", "TB:1", "--reveal", "--reason", "x", "--json"]).json
    assert code["cards"][0]["secret"] == "=cmd|' /C calc'!A0 made-up"
    assert code["cards"][0]["number"] is None
    issued.run("audit verify")


def test_a_refused_reveal_shows_nothing_and_is_not_recorded(issued):
    issued.run("vault slot add keyfile --scope import --out import.key")
    refusals = [
        issued.run("order show TB:1 --reveal", status=2),
        issued.run("order show TB:1 --reveal --reason ''", status=2),
        issued.run("order show TB:1 --reveal --reason x --key-source file:import.key", status=7),
    ]
    ((sealed,),) = issued.sql("SELECT sealed_secret FROM card WHERE sealed_number IS NULL")
    broken = bytes(sealed)[:-1] + bytes([bytes(sealed)[-1] ^ 1])
    issued.execute(
        "UPDATE card SET sealed_secret = :broken WHERE sealed_number IS NULL", broken=broken
    )
    refusals.append(issued.run("order show TB:1 --reveal --reason x", status=7))

    codes = [re.match(r"error\[(.*?)\]", refused.stderr)[1] for refused in refusals]
    assert codes == ["reason-missing", "reason-missing", "needs-full-key", "card-tampered"]
    assert not any(refused.stdout or "made-up" in refused.stderr for refused in refusals)
    assert "revealed" not in events(issued, "TB:1")


def test_nothing_is_recorded_where_there_is_nothing_to_reveal(issued):
    issued.run("order add --channel TB --number 3 --sku VIP --paid 28")
    shown = issued.run("order show TB:3 --reveal --reason x --json").json

    assert shown["cards"] == []
    assert [event["kind"] for event in shown["events"]] == ["placed"]


def test_lists_are_filtered(shop):
    shop.seed_catalog()
    shop.run("channel add XY --name x")
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28 --buyer 张三")
    shop.run("order add --channel TB --number 2 --sku CARDP --paid 100 --phone 13800138000")
    shop.run("order add --channel XY --number 1 --sku VIP --qty 2 --paid 56 --unpaid --agent A1")

    def names(options):
        return [one["order"] for one in shop.run(f"order list {options} --json").json]

    assert sorted(names("")) == ["TB:1", "TB:2", "XY:1"]
    assert names("--status unpaid") == ["XY:1"]
    assert sorted(names("--channel TB")) == ["TB:1", "TB:2"]
    assert names("--buyer 张三") == ["TB:1"]
    assert names("--phone 13800138000") == ["TB:2"]
    assert names("--since 2099-01-01") == []
    assert sorted(names("--since 2020-01-01")) == ["TB:1", "TB:2", "XY:1"]
    shop.run("order list --channel NO", status=4)
    shop.run("order list --status pony", status=2)
    assert shop.run("order list --channel XY --json").json == [
        {
            "order": "XY:1",
            "channel": "XY",
            "number": "1",
            "status": "unpaid",
            "paid_fen": 5600,
            "paid_at": None,
            "agent": "A1",
            "qty": 2,
        }
    ]


def test_a_list_of_many_pages_is_whole(shop, monkeypatch):
    monkeypatch.setattr(queries, "_PAGE", 10)
    shop.seed_catalog()
    for file in range(2):
        rows = "".join(f"N{file}{place:02},VIP,1,28\n" for place in range(17))
        shop.run("order import - --channel TB", stdin=f"order,sku,qty,paid\n{rows}")

    listed = [one["number"] for one in shop.run("order list --json").json]
    assert sorted(listed) == [f"N{file}{place:02}" for file in range(2) for place in range(17)]


def test_an_order_without_cards_is_cancelled_once(shop):
    shop.seed_catalog()
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order add --channel TB --number 2 --sku VIP --paid 28")
    shop.run("order issue TB:2", status=5)
    tried = shop.run("order cancel TB:1 --dry-run --json").json
    first = shop.run("order cancel TB:1 --json").json
    again = shop.run("order cancel TB:1 --json").json

    told = {"order": "TB:1", "status": "cancelled", "code": None, "message": None}
    assert first == told | {"was": "paid"}
    assert tried == first | {"dry_run": True}
    assert again == told | {"was": "cancelled"}
    assert events(shop, "TB:1") == ["placed", "cancelled"]
    assert shop.run("order cancel TB:2 --json").json["was"] == "short"
    shop.import_codes("VIP", ["K-0001"])
    assert shop.run("order issue --all --json").json["issued"] == 0


def test_many_orders_are_cancelled_and_one_that_cannot_be_stops_none(issued):
    for number in (7, 8):
        issued.run(f"order add --channel TB --number {number} --sku VIP --paid 28")
    names = "TB:7\nTB:1\nTB:404\nTB:8\nTB:7\n"
    tried = issued.run("order cancel - --dry-run --json", stdin=names, status=8).json
    found = issued.run("order cancel - --json", stdin=names, status=8).json

    assert tried == found
    assert [(one["order"], one["was"], one["code"]) for one in found] == [
        ("TB:7", "paid", None),
        ("TB:8", "paid", None),
        ("TB:1", None, "cannot-cancel"),
        ("TB:404", None, "not-found"),
    ]
    again = issued.run("order cancel TB:7 TB:8 --json").json
    assert [(one["status"], one["was"]) for one in again] == [("cancelled", "cancelled")] * 2
    assert events(issued, "TB:7") == ["placed", "cancelled"]
    issued.run("audit verify")


def test_what_cannot_be_cancelled_or_is_not_there_is_refused(issued):
    refused = issued.run("order cancel TB:1 --json", status=5)

    assert refused.error["code"] == "cannot-cancel"
    assert events(issued, "TB:1")[-1] == "issued"
    for line in ("order show TB:9", "order cancel TB:9", "order show NO:1"):
        assert "error[not-found]" in issued.run(line, status=4).stderr
