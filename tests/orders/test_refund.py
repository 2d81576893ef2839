"""Refunds on whole command lines: every fen by hand, once a number, never sold again."""

import pytest


@pytest.fixture
def sold(shop):
    """Five VIP at 12.50, two CARDP at 80.00; TB:1 is three VIP for 10.00, issued."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(5)])
    shop.import_codes("CARDP", [(f"99000{place}", f"made-up-{place}") for place in range(2)], cost="80")
    shop.run("order add --channel TB --number 1 --sku VIP --qty 3 --paid 10.00")
    shop.run("order issue TB:1")
    return shop


def refund(shop, line, *, status=0):
    return shop.run(f"order refund {line} --reason 'made up' --json", status=status).json


def balances(shop):
    return {row["account"]: row["balance_fen"] for row in shop.run("ledger balance --json").json}


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_parts_of_a_refund_end_at_exactly_nothing(sold):
    first = refund(sold, "TB:1 --amount 3.33 --refund-no R1")
    assert first == {
        "order": "TB:1",
        "refund_no": "R1",
        "outcome": "new",
        "amount_fen": 333,
        "refunded_fen": 333,
        "left_fen": 667,
        "status": "partly_refunded",
        "was": "issued",
        "restocked": 0,
    }
    assert balances(sold)["revenue"] == -667
    again = refund(sold, "TB:1 --amount 3.33 --refund-no R1")
    assert (again["outcome"], again["left_fen"]) == ("unchanged", 667)
    refund(sold, "TB:1 --amount 6.66 --refund-no R2")
    last = refund(sold, "TB:1")
    assert (last["amount_fen"], last["left_fen"], last["status"]) == (1, 0, "refunded")
    after = balances(sold)
    # The account is not among those with lines only when it sums to nothing.
    assert (after["revenue"], after["receivable:WX"], after["cost-of-goods"]) == (0, 0, 3 * 1_250)
    assert refund(sold, "TB:1")["outcome"] == "unchanged"
    assert_whole(sold)
