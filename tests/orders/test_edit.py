"""Setting what an order lacks: it decides as long as it can, and the order goes on by itself."""

import json

import pytest


@pytest.fixture
def limited(shop):
    """VIP is sold in CN only; TB:1 says no region, TB:2 says US."""
    shop.seed_catalog()
    shop.run("product edit VIP --region CN")
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"])
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order add --channel TB --number 2 --sku VIP --paid 28 --region US")
    shop.run("order issue --all", status=8)
    return shop


def edit(shop, line, *, status=0):
    result = shop.run(f"order edit {line} --reason asked --json", status=status)
    return result.json if status == 0 else json.loads(result.stderr)["error"]


def test_a_region_that_is_told_lets_a_stopped_order_go_on(limited):
    stopped = limited.run("order issue TB:1 TB:2 --json", status=8).json["orders"]
    assert {(one["order"], one["reason"], one["hint"]) for one in stopped} == {
        (
            *("TB:1", "held: region-unknown"),
            "cardctl order edit TB:1 --region REGION --reason TEXT",
        ),
        (
            *("TB:2", "blocked: region-not-sold"),
            "cardctl order cancel TB:2, or order edit TB:2 --region REGION --reason TEXT",
        ),
    }
    told = limited.run("--lang zh order issue TB:1 TB:2", status=8).stdout
    assert "待审: 地区未知" in told
    assert "地区不售" in told
    first = edit(limited, "TB:1 --region CN")
    assert first == {
        "order": "TB:1",
        "outcome": "updated",
        "changed": ["region"],
        "status": "paid",
        "was": "held",
    }
    assert edit(limited, "TB:1 --region CN")["outcome"] == "unchanged"
    # The wrong answer is judged again: it is blocked once more.
    assert edit(limited, "TB:2 --region JP --phone 13800000000")["was"] == "blocked"
    limited.run("order issue --all", status=8)
    shown = limited.run("order show TB:2 --json").json
    assert (shown["status"], shown["region"], shown["phone"]) == ("blocked", "JP", "13800000000")
    limited.run("order cancel TB:2")
    assert edit(limited, "TB:2 --email a@example.com", status=5)["code"] == "cannot-edit"
    # Issued by now: its region has decided, its address has not.
    assert edit(limited, "TB:1 --region US", status=5)["code"] == "too-late"
    assert edit(limited, "TB:1 --email a@example.com")["status"] == "issued"
    edit(limited, "TB:1 --email ''")
    shown = limited.run("order show TB:1 --json").json
    assert (shown["email"], shown["region"]) == (None, "CN")
    told = [one["detail"] for one in shown["events"] if one["kind"] == "edited"]
    assert [one["fields"] for one in told] == [["region"], ["email"], ["email"]]
    # Which field, not what was in it: it may be a person's.
    assert "example.com" not in str(limited.sql("SELECT payload FROM audit_record"))
    limited.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_another_word_does_not_let_a_held_order_go_on(limited):
    assert edit(limited, "TB:1 --phone 13800000000")["status"] == "held"
    assert edit(limited, "TB:1", status=2)["code"] == "nothing-to-change"
    edit(limited, "TB:404 --region CN", status=4)


def test_the_account_to_top_up_is_told_until_the_supplier_is_asked(shop):
    shop.seed_catalog()
    shop.run("product add GAME --name 点券 --kind topup --supplier SUP")
    shop.run("order add --channel TB --number 1 --sku GAME --paid 10")
    shop.run("order issue TB:1", status=6)
    assert edit(shop, "TB:1 --topup-account 10001")["status"] == "paid"
    shop.run("order issue TB:1")
    # The request waits in the outbox.
    assert edit(shop, "TB:1 --topup-account 10002")["outcome"] == "updated"
    shop.execute("UPDATE delivery SET asked_at = 1")
    assert edit(shop, "TB:1 --topup-account 10003", status=5)["code"] == "too-late"
    shop.execute("UPDATE delivery SET refused_at = 2, status = 'dead'")
    assert edit(shop, "TB:1 --topup-account 10003")["outcome"] == "updated"
    for check in ("stock check", "ledger check"):
        shop.run(check)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_blocked_order_goes_on_where_its_product_is_sold_by_now(limited):
    limited.run("product edit VIP --region CN --region US")
    known = edit(limited, "TB:2 --region US")
    assert (known["outcome"], known["changed"], known["status"]) == ("updated", [], "paid")
    assert edit(limited, "TB:2 --region US")["outcome"] == "unchanged"
    limited.run("order issue TB:2")
    limited.run("audit verify")


def test_an_address_that_cannot_be_one_is_refused_where_a_person_types_it(limited):
    for address in ("buyer", "buyer@", "a@b", "a@x.example,b@x.example", "a b@x.example"):
        told = limited.run(["order", "edit", "TB:1", "--email", address, "--reason", "x"], status=2)
        assert "an e-mail address" in told.stderr
        limited.run(
            f"order add --channel TB --number 3 --sku VIP --paid 1 --email '{address}'", status=2
        )
    assert edit(limited, "TB:1 --email buyer@x.example")["changed"] == ["email"]
    assert edit(limited, "TB:1 --email ''")["changed"] == ["email"]
