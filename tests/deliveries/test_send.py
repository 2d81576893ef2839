"""Sending: at least once, with one key, and never the same card to another."""

import pytest


@pytest.fixture
def issued(shop):
    """Two issued orders of two products; the second of two cards."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["0001", "=1+1", "MADE-UP-3"])
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28 --buyer 小王")
    shop.run("order add --channel TB --number 2 --sku VIP --qty 2 --paid 56")
    shop.run("order issue --all")
    return shop


def test_what_was_delivered_is_unchanged_and_a_reprint_says_why(issued):
    first = issued.run("delivery send TB:1 --via terminal")
    assert "0001" in first.stdout or "=1+1" in first.stdout or "MADE-UP-3" in first.stdout
    assert issued.run("order show TB:1 --json").json["status"] == "delivered"
    again = issued.run("delivery send TB:1 --via terminal --json").json
    print(again)
    assert (again["unchanged"], again["delivered"], again["messages"]) == (1, 0, [])
    issued.run("delivery send TB:1 --via terminal --reprint", status=2)
    more = issued.run("delivery send TB:1 --via terminal --reprint --reason lost --json").json
    print(more)
    assert more["delivered"] == 1
    assert "audit" 
    rest = issued.run("delivery send --pending --via terminal --json").json
    assert [one["order"] for one in rest["deliveries"]] == ["TB:2"]
    print(rest)
    issued.run("audit verify")
