"""Reservations: kept for one order, sold to nobody else, and back by themselves."""

import json

import pytest

from cardctl.identifiers import parse_card_code


@pytest.fixture
def stocked(shop, frozen_clock):
    """The seeded catalogue with four VIP codes."""
    shop.clock = frozen_clock
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(4)])
    return shop


def order(number, *, qty=1, more=""):
    return f"order add --channel TB --number {number} --sku VIP --qty {qty} --paid 28 {more}"


def counts(shop):
    (row,) = shop.run("stock levels --product VIP --json").json
    return row["available"], row["reserved"], row["issued"]


def card_id(code):
    return parse_card_code(code)[1]


def cards_of(shop, name):
    shown = shop.run(f"order show {name} --json").json
    return {(card["id"], card["status"]) for card in shown["cards"]}


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_an_order_told_again_keeps_its_reservation_as_it_is(stocked):
    line = order(1, qty=3, more="--unpaid --reserve 30m --json")
    first = stocked.run(line).json
    stocked.clock.advance(seconds=600)
    assert stocked.run(line).json == first | {"outcome": "unchanged"}
    # What ran out meanwhile is reserved anew.
    stocked.clock.advance(seconds=1800)
    assert stocked.run(line).json["reserved_until_at"] == "2026-11-22T11:57:00+08:00"
    assert counts(stocked) == (1, 3, 0)


def test_a_paid_order_is_issued_from_what_was_reserved_for_it(stocked):
    placed = stocked.run(order(1, qty=3, more="--unpaid --reserve 30m --json")).json
    assert (placed["status"], placed["reserved_until_at"]) == (
        "unpaid",
        "2026-11-22T11:17:00+08:00",
    )
    kept = {card for card, _ in cards_of(stocked, "TB:1")}
    assert counts(stocked) == (1, 3, 0)
    assert_whole(stocked)
    # Nobody else gets them, however urgent.
    stocked.run(order(2, qty=2))
    assert stocked.run("order issue TB:2 --json", status=5).json["orders"][0]["reason"] == (
        "short: VIP 1/2"
    )
    # Paid late: it is next to be issued, and keeps what was promised.
    stocked.clock.advance(seconds=31 * 60)
    assert stocked.run(order(1, qty=3, more="--json")).json["status"] == "paid"
    stocked.run("order issue --all", status=8)
    assert cards_of(stocked, "TB:1") == {(card, "issued") for card in kept}
    assert counts(stocked) == (1, 0, 3)
    assert stocked.sql("SELECT COUNT(*) FROM orders WHERE reserved_until IS NOT NULL") == [(0,)]
    assert_whole(stocked)


def test_what_nobody_paid_goes_back_at_the_next_issuing(stocked):
    stocked.run(order(1, qty=2, more="--unpaid --reserve 30m"))
    stocked.run(order(2, qty=1, more="--unpaid --reserve 2h"))
    stocked.run(order(3, qty=3))
    stocked.run("order issue TB:3", status=5)
    stocked.clock.advance(seconds=31 * 60)
    dry = stocked.run("order issue TB:3 --dry-run --json").json
    assert (dry["issued"], counts(stocked)) == (1, (1, 3, 0))
    assert stocked.run("order issue TB:3 --json").json["cards"] == 3
    assert counts(stocked) == (0, 1, 3)
    events = stocked.run("order show TB:1 --json").json["events"]
    assert [event["kind"] for event in events] == ["placed", "reserved", "released"]
    stocked.clock.advance(seconds=90 * 60)
    assert stocked.run("stock release --json").json == [
        {"product": "VIP", "cards": 1, "cost_fen": 1250}
    ]
    assert stocked.run("stock release --json").json == []
    assert_whole(stocked)


def test_reserving_is_all_or_nothing_and_again_is_longer(stocked):
    for number, qty in ((1, 2), (2, 3), (3, 1)):
        stocked.run(order(number, qty=qty, more="--unpaid"))
        stocked.clock.advance(seconds=1)
    stocked.run(order(4, qty=1))
    line = "order reserve TB:1 TB:2 TB:3 TB:4 --for 30m --json"
    dry = stocked.run(f"{line} --dry-run", status=8).json
    assert counts(stocked) == (4, 0, 0)
    done = stocked.run(line, status=8).json
    assert {**dry, "dry_run": None} == {**done, "dry_run": None}
    assert (done["reserved"], done["short"], done["cards"]) == (2, 1, 3)
    reasons = {one["order"]: one["reason"] for one in done["orders"]}
    assert reasons == {
        "TB:1": "reserved",
        "TB:2": "short: VIP 2/3",
        "TB:3": "reserved",
        "TB:4": "paid",
    }
    shorter = stocked.run("order reserve TB:1 --for 10m --json").json
    assert (shorter["unchanged"], shorter["orders"][0]["reserved_until_at"]) == (
        *(1,),
        "2026-11-22T11:17:03+08:00",
    )
    longer = stocked.run("order reserve TB:1 --for 1h --json").json
    assert (longer["extended"], counts(stocked)) == (1, (1, 3, 0))
    stocked.clock.advance(seconds=31 * 60)
    stocked.run("order issue TB:4")
    assert counts(stocked) == (1, 2, 1)
    # Nothing is recorded of an order whose cards cannot be kept.
    refused = stocked.run(order(5, qty=2, more="--unpaid --reserve 30m"), status=5)
    assert "error[not-reserved]" in refused.stderr
    stocked.run("order show TB:5", status=4)
    stocked.run(order(6, more="--reserve 30m"), status=2)
    stocked.run("order reserve --for 30m", status=2)
    stocked.run("order reserve TB:1 --for 31d", status=2)
    stocked.run("order cancel TB:1 --yes")
    assert counts(stocked) == (3, 0, 1)
    assert_whole(stocked)


def test_what_is_reserved_and_recalled_is_replaced_from_the_shelf(stocked):
    stocked.run(order(1, qty=2, more="--unpaid --reserve 1h"))
    (batch,) = stocked.run("batch list --json").json
    stocked.run(f"batch recall {batch['batch']} --reason dead --yes")
    assert counts(stocked) == (0, 0, 0)
    stocked.import_codes("VIP", ["MADE-UP-NEW-1", "MADE-UP-NEW-2"])
    stocked.run(order(1, qty=2))
    assert stocked.run("order issue TB:1 --json").json["cards"] == 2
    stocked.run("stock release")
    assert counts(stocked) == (0, 0, 2)
    assert_whole(stocked)


def test_a_paid_order_that_stays_short_does_not_keep_the_rest_for_ever(stocked):
    stocked.run(order(1, qty=4, more="--unpaid --reserve 30m"))
    (card, *_) = sorted(card for card, _ in cards_of(stocked, "TB:1"))
    stocked.execute("UPDATE card SET expires_at = 1 WHERE id = :id", id=card_id(card))
    stocked.run(order(1, qty=4))
    stocked.run("order issue TB:1", status=5)
    assert counts(stocked) == (0, 3, 0)
    stocked.clock.advance(seconds=31 * 60)
    assert stocked.run("order issue TB:1 --json", status=5).json["orders"][0]["reason"] == (
        "short: VIP 3/4"
    )
    assert counts(stocked) == (3, 0, 0)
    events = stocked.run("order show TB:1 --json").json["events"]
    assert [one["detail"] for one in events if one["kind"] == "released"] == [
        {"cards": 1},
        {"cards": 3},
    ]
    assert_whole(stocked)


def test_a_stream_gives_what_nobody_paid_for_in_time(stocked):
    stocked.run(order(1, qty=4, more="--unpaid --reserve 30m"))
    stocked.clock.advance(seconds=31 * 60)
    line = json.dumps({"order": "S1", "sku": "VIP", "paid": "28"})
    answer = stocked.run("order run - --channel TB --stream", stdin=line + "\n")
    assert json.loads(answer.stdout)["status"] == "issued"
    assert counts(stocked) == (3, 0, 1)
    assert_whole(stocked)


def test_reservations_cost_nothing_where_there_are_none(stocked, count_statements):
    stocked.run("product add FAR --name x --region CN")
    stocked.run("product add PACK --name x --kind bundle --component VIP=1 --component FAR=1")
    rows = (json.dumps({"order": f"N{at}", "sku": "VIP", "paid": "1"}) for at in range(2))
    stocked.run("order import - --channel TB", stdin="\n".join(rows))
    with count_statements() as heard:
        stocked.run("order issue TB:N0")
    assert not [one for one in heard if "order_bucket" in one and one.startswith("SELECT")]
    assert sum("topup_account" in one for one in heard) == 0
    assert sum("reserved_until" in one and one.startswith("UPDATE") for one in heard) == 0
