"""`order run --stream`: a script sends orders and is told their cards, whatever happens."""

import json

import pytest

KEYS = [f"MADEUP-{place:04d}" for place in range(40)]
LINE = "order run - --channel TB --stream"


def order(number, **fields):
    return {"order": number, "sku": "VIP", "paid": "28.00"} | fields


def sent(*lines):
    """What a script sends: an object as a JSON line, bytes and texts as they are."""
    octets = [
        line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
        for line in lines
    ]
    return b"".join(line + b"\n" for line in octets)


def answers(shop, *lines, line=LINE, **options):
    result = shop.run(line, stdin=sent(*lines), **options)
    return [json.loads(answer) for answer in result.stdout.splitlines()]


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
    shown = stocked.run("order show TB:1 --json").json
    assert shown["cards"] == first["cards"]
    assert answers(stocked, order("1"))[0]["cards"] == first["cards"]
    for check in ("stock check", "ledger check", "audit verify"):
        stocked.run(check)
