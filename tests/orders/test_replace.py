"""Replacing a bad card: another key for the same line, its cost apart, the link kept."""

import json

import pytest

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""What is decided without a word of SQL that is not shown elsewhere."""


@pytest.fixture
def sold(shop):
    """Two VIP at 12.50, then two at 10.00; TB:1 is one of the first two for 28.00, issued."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"], expires="2030-01-01")
    shop.import_codes("VIP", ["MADE-UP-3", "MADE-UP-4"], cost="10.00")
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order issue TB:1")
    return shop


def cards(shop, name="TB:1"):
    """The cards of an order by status."""
    found = {}
    for card in shop.run(f"order show {name} --json").json["cards"]:
        found.setdefault(card["status"], []).append(card["id"])
    return found


def replace(shop, card, *, name="TB:1", status=0):
    line = f"order replace {name} --card {card} --reason dead --json"
    result = shop.run(line, status=status)
    return result.json if status == 0 else json.loads(result.stderr)["error"]


def balances(shop):
    return {row["account"]: row["balance_fen"] for row in shop.run("ledger balance --json").json}


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_a_bad_card_is_replaced_once_and_again_when_the_new_one_is_bad(sold):
    (bad,) = cards(sold)["issued"]
    issued_at = sold.run(f"card show {bad} --json").json["issued_at"]
    first = replace(sold, bad)
    assert (first["card"], first["outcome"], first["cost_fen"]) == (bad, "new", 1_250)
    assert cards(sold) == {"void": [bad], "issued": [first["replacement"]]}
    assert replace(sold, bad) == first | {"outcome": "unchanged"}
    second = replace(sold, first["replacement"])
    assert second["cost_fen"] == 1_000
    # When a card was issued stays known when it is void: by the order, or by the replacement.
    given = sold.run("order show TB:1 --json").json["replacements"]
    for void, at in ((bad, issued_at), (first["replacement"], given[0]["happened_at"])):
        shown = sold.run(f"card show {void} --json").json
        assert (shown["status"], shown["issued_at"]) == ("void", at)
    assert replace(sold, first["replacement"])["replacement"] == second["replacement"]
    assert balances(sold) == {
        "stock": 1_000,
        "payable:SUP": -4_500,
        "receivable:WX": 2_800,
        "revenue": -2_800,
        # The first card was sold; the other two were given for it.
        "cost-of-goods": 1_250,
        "replacement-cost": 1_250 + 1_000,
    }
    shown = sold.run("order show TB:1 --json").json
    assert [(one["card"], one["replacement"], one["reason"]) for one in shown["replacements"]] == [
        (bad, first["replacement"], "dead"),
        (first["replacement"], second["replacement"], "dead"),
    ]
    assert [one["event"] for one in shown["journal"]] == ["issue", "replace", "replace"]
    assert shown["lines"][0]["issued_qty"] == 1
    assert_whole(sold)


def test_a_corrected_cost_reaches_replaced_cards_and_those_given_for_them(sold):
    (bad,) = cards(sold)["issued"]
    replace(sold, bad)
    batch = sold.run("batch list --json").json[-1]["batch"]
    corrected = sold.run(f"batch correct {batch} --cost 13.00 --reason misread --json").json
    assert (corrected["cost_of_goods_fen"], corrected["replacement_cost_fen"]) == (50, 50)
    assert (corrected["stock_fen"], corrected["stock_loss_fen"]) == (0, 0)
    after = balances(sold)
    assert (after["cost-of-goods"], after["replacement-cost"]) == (1_300, 1_300)
    assert_whole(sold)
    # A recall lists who has a card that counts: one of the two, for one is void.
    recalled = sold.run(f"batch recall {batch} --reason dead --yes --json").json
    assert [(one["order"], one["cards"]) for one in recalled["orders"]] == [("TB:1", 1)]


def test_an_order_with_a_replacement_is_refunded_to_the_fen(sold):
    (bad,) = cards(sold)["issued"]
    given = replace(sold, bad)["replacement"]
    line = "order refund TB:1 --restock --reason wrong --json"
    assert sold.run(line).json["restocked"] == 1
    assert cards(sold) == {"void": [bad]}
    after = balances(sold)
    # The bad card is lost; the one given for it is stock again.
    assert (after["stock"], after["cost-of-goods"], after["replacement-cost"]) == (3_250, 1_250, 0)
    assert replace(sold, bad)["outcome"] == "unchanged"
    assert_whole(sold)
    sold.run("order add --channel TB --number 2 --sku VIP --paid 28")
    sold.run("order issue TB:2")
    # Sold anew it is a sale's cost, whatever it was before.
    assert cards(sold, "TB:2") == {"issued": [given]}
    assert balances(sold)["cost-of-goods"] == 2_500
    assert_whole(sold)


@on_sqlite
def test_what_cannot_be_replaced_is_refused(sold):
    (bad,) = cards(sold)["issued"]
    sold.run("order add --channel TB --number 2 --sku VIP --paid 28")
    assert replace(sold, bad, name="TB:2", status=4)["code"] == "not-found"
    replace(sold, "000000000000000", status=4)
    sold.run(f"order replace TB:1 --card {bad[:-1]} --reason dead", status=2)
    sold.run("stock freeze --product VIP --reason asked --yes")
    assert replace(sold, bad, status=5)["code"] == "frozen"
    sold.run("stock unfreeze --product VIP --yes")
    sold.run("order add --channel TB --number 3 --sku VIP --qty 3 --paid 84")
    sold.run("order issue TB:3")
    assert replace(sold, bad, status=5)["code"] == "short"
    sold.run("order refund TB:1 --reason 'no card left'")
    assert replace(sold, bad, status=5)["code"] == "cannot-replace"
    assert cards(sold) == {"issued": [bad]}
    assert_whole(sold)


@on_sqlite
def test_a_redeemed_card_is_not_replaced(sold):
    (bad,) = cards(sold)["issued"]
    sold.run("card redeem - --product VIP", stdin="MADE-UP-1\n", status=None)
    sold.run("card redeem - --product VIP", stdin="MADE-UP-2\n", status=None)
    assert replace(sold, bad, status=5)["code"] == "card-not-replaced"


def test_another_seat_of_the_bad_key_is_not_given(shop):
    shop.seed_catalog()
    shop.run("product add SHARED --name 共享 --seats 3")
    shop.import_codes("SHARED", ["MADE-UP-1"], expires="2030-01-01", cost="9.00")
    shop.run("order add --channel TB --number 1 --sku SHARED --paid 5")
    shop.run("order issue TB:1")
    (bad,) = cards(shop)["issued"]
    assert replace(shop, bad, status=5)["code"] == "short"
    shop.import_codes("SHARED", ["MADE-UP-2"], cost="6.00")
    assert replace(shop, bad)["cost_fen"] == 200
    keys = shop.sql("SELECT count(DISTINCT fingerprint) FROM card WHERE order_id IS NOT NULL")
    assert keys == [(2,)]
    assert_whole(shop)


@on_sqlite
def test_a_delivered_order_waits_for_its_new_card_to_be_delivered(sold):
    send = "delivery send TB:1 --via terminal"
    assert "MADE-UP-" in sold.run(send).stdout
    (bad,) = cards(sold)["issued"]
    replaced = replace(sold, bad)
    assert replaced["status"] == "issued"
    assert_whole(sold)
    # Only what works is handed over, and then the order is delivered again.
    assert sold.run(send).stdout.count("MADE-UP-") == 1
    assert sold.run("order show TB:1 --json").json["status"] == "delivered"
    sold.run("order refund TB:1 --restock --reason wrong", status=5)
    assert_whole(sold)


def test_replacements_that_were_touched_are_found(sold):
    (bad,) = cards(sold)["issued"]
    replace(sold, bad)
    sold.execute("DELETE FROM replacement")
    found = sold.run("stock check --json", status=8).json
    assert [one["check"] for one in found["drifts"]] == ["void-card-of-order"]
    found = sold.run("ledger check --json", status=8).json
    assert {one["check"] for one in found["differences"]} == {"cost-of-goods", "replacement-cost"}
