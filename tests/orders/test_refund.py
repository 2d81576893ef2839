"""Refunds on whole command lines: every fen by hand, once a number, never sold again."""

import json

import pytest

from cardctl.identifiers import parse_card_code

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""What is decided without a word of SQL that is not shown elsewhere."""


@pytest.fixture
def sold(shop):
    """Five VIP at 12.50; TB:1 is three of them for 10.00, issued."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(5)])
    shop.run("order add --channel TB --number 1 --sku VIP --qty 3 --paid 10.00")
    shop.run("order issue TB:1")
    return shop


def refund(shop, line, *, status=0):
    result = shop.run(f"order refund {line} --reason made-up --json", status=status)
    return result.json if status == 0 else json.loads(result.stderr)["error"]


def balances(shop):
    return {row["account"]: row["balance_fen"] for row in shop.run("ledger balance --json").json}


def level(shop):
    (row,) = [row for row in shop.run("stock levels --json").json if row["product"] == "VIP"]
    return row["available"], row["issued"]


def status(shop, name):
    return shop.run(f"order show {name} --json").json["status"]


def assert_whole(shop):
    """The proofs that every change must leave standing."""
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
        "code": None,
        "message": None,
    }
    assert balances(sold)["revenue"] == -667
    again = refund(sold, "TB:1 --amount 3.33 --refund-no R1")
    assert (again["outcome"], again["left_fen"]) == ("unchanged", 667)
    other = refund(sold, "TB:1 --amount 3.34 --refund-no R1", status=5)
    assert other["code"] == "refund-conflict"
    assert refund(sold, "TB:1 --amount 6.68", status=5)["code"] == "refund-too-much"
    assert refund(sold, "TB:1 --amount 0", status=2)["code"] == "refund-of-nothing"
    refund(sold, "TB:1 --amount 6.66")
    last = refund(sold, "TB:1 --refund-no R3")
    assert (last["amount_fen"], last["left_fen"], last["status"]) == (1, 0, "refunded")
    after = balances(sold)
    # The cards are with the buyer: their cost stays.
    assert (after["revenue"], after["receivable:WX"], after["cost-of-goods"]) == (0, 0, 3 * 1_250)
    for more in ("", "--refund-no R3"):
        assert refund(sold, f"TB:1 {more}")["outcome"] == "unchanged"
    assert refund(sold, "TB:1 --refund-no R4", status=5)["code"] == "refund-too-much"
    shown = sold.run("order show TB:1 --json").json
    assert [one["amount_fen"] for one in shown["refunds"]] == [333, 666, 1]
    assert (shown["refunded_fen"], shown["lines"][0]["refunded_fen"]) == (1_000, 1_000)
    assert [one["kind"] for one in shown["events"]].count("refunded") == 3
    assert level(sold) == (2, 3)
    assert_whole(sold)


def test_what_is_paid_back_of_a_waiting_order_is_not_earned_when_it_is_issued(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --qty 3 --paid 10.00")
    before = balances(sold)["revenue"]

    def earned():
        return before - balances(sold)["revenue"]

    paid_back = refund(sold, "TB:2 --amount 1.00 --refund-no R1")
    assert (paid_back["status"], paid_back["was"], earned()) == ("paid", "paid", 0)
    # Two of three are there: 900 fen * 2 // 3.
    sold.run("order issue TB:2 --partial", status=5)
    assert earned() == 600
    # 800 fen * 2 // 3 = 533 are earned then: it falls by 67.
    assert refund(sold, "TB:2 --amount 1.00 --refund-no R2")["status"] == "partly_issued"
    assert earned() == 533
    sold.import_codes("VIP", ["MADE-UP-LATE"])
    sold.run("order issue TB:2")
    assert (earned(), status(sold, "TB:2")) == (800, "issued")
    refund(sold, "TB:2")
    assert earned() == 0
    assert_whole(sold)


@on_sqlite
def test_a_part_without_a_number_is_paid_back_once(sold):
    """Typed twice, it is the same refund; a second one of that amount needs a number."""
    line = "order refund TB:1 --amount 2.50 --reason late --json"
    first = sold.run(line)
    assert (first.json["outcome"], first.json["refund_no"], first.stderr) == (
        "new",
        "part-2.50",
        "",
    )
    audited = sold.sql("SELECT count(*) FROM audit_record")
    again = sold.run(line)
    assert (again.json["outcome"], again.json["left_fen"]) == ("unchanged", 750)
    assert "--refund-no" in again.stderr
    assert sold.sql("SELECT count(*) FROM audit_record") == audited
    assert refund(sold, "TB:1 --amount 2.50 --refund-no R2")["left_fen"] == 500
    assert refund(sold, "TB:1 --amount 3")["left_fen"] == 200
    assert refund(sold, "TB:1 --amount 2")["status"] == "refunded"
    # A whole refund, too, by its amount or without one.
    for whole in ("--amount 2", ""):
        assert refund(sold, f"TB:1 {whole}")["outcome"] == "unchanged"
    assert_whole(sold)


@on_sqlite
def test_a_refunded_order_is_never_issued(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5")
    entries = len(sold.run("ledger journal --json").json)
    assert refund(sold, "TB:2")["status"] == "refunded"
    sold.run("order issue TB:2", status=None)
    sold.run("order issue --all")
    assert status(sold, "TB:2") == "refunded"
    assert level(sold) == (2, 3)
    # It had earned nothing, so nothing is posted.
    assert len(sold.run("ledger journal --json").json) == entries
    assert_whole(sold)


@on_sqlite
def test_what_was_kept_for_a_refunded_order_is_for_sale_again(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5 --unpaid --reserve 1h")
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5")
    assert level(sold) == (1, 3)
    # A part of it leaves the order, and what is kept for it, as they are.
    refund(sold, "TB:2 --amount 1")
    assert level(sold) == (1, 3)
    refund(sold, "TB:2")
    assert level(sold) == (2, 3)
    assert_whole(sold)


@on_sqlite
def test_only_what_was_paid_is_paid_back(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5 --unpaid")
    assert refund(sold, "TB:2", status=5)["code"] == "cannot-refund"
    sold.run("order cancel TB:2")
    assert refund(sold, "TB:2", status=5)["code"] == "cannot-refund"
    sold.run("order add --channel TB --number 3 --sku VIP --paid 5")
    sold.run("order cancel TB:3")
    assert refund(sold, "TB:3")["was"] == "cancelled"
    assert refund(sold, "TB:404", status=4)["code"] == "not-found"
    sold.run("order add --channel TB --number 4 --sku VIP --paid 0")
    assert refund(sold, "TB:4")["status"] == "refunded"
    assert_whole(sold)


def test_cards_that_nobody_saw_are_sold_again(sold):
    part = refund(sold, "TB:1 --amount 4 --restock", status=5)
    assert part["code"] == "restock-of-part"
    refund(sold, "TB:1 --amount 4 --refund-no R1")
    whole = refund(sold, "TB:1 --restock --refund-no R2")
    assert (whole["amount_fen"], whole["restocked"], whole["status"]) == (600, 3, "refunded")
    assert refund(sold, "TB:1 --restock --refund-no R2")["outcome"] == "unchanged"
    after = balances(sold)
    assert (after["stock"], after["cost-of-goods"], after["revenue"]) == (5 * 1_250, 0, 0)
    assert level(sold) == (5, 0)
    assert sold.run("order show TB:1 --json").json["cards"] == []
    assert_whole(sold)
    sold.run("order add --channel TB --number 2 --sku VIP --qty 5 --paid 50")
    assert sold.run("order issue TB:2 --json").json["cards"] == 5
    assert_whole(sold)


@pytest.mark.parametrize("seen", ["revealed", "handed over", "redeemed"])
def test_cards_that_somebody_saw_stay_with_their_order(sold, seen):
    card = sold.run("order show TB:1 --json").json["cards"][0]["id"]
    bucket, card_id = parse_card_code(card)
    if seen == "revealed":
        sold.run("order show TB:1 --reveal --reason asked")
    elif seen == "redeemed":
        sold.run("card redeem - --product VIP", stdin="MADE-UP-0\n")
    else:
        sold.execute(
            "INSERT INTO card_delivery SELECT bucket, id, order_bucket, order_id, 1, 1 FROM card"
            " WHERE bucket = :bucket AND id = :id",
            bucket=bucket,
            id=card_id,
        )
    before = balances(sold)
    assert refund(sold, "TB:1 --restock", status=5)["code"] == "cards-were-seen"
    assert balances(sold) == before
    assert refund(sold, "TB:1")["restocked"] == 0
    # What was not put back with its refund stays where it is.
    assert refund(sold, "TB:1 --restock", status=5)["code"] == "refund-conflict"
    assert level(sold)[0] == 2
    assert_whole(sold)


@on_sqlite
def test_restocked_cards_of_a_recalled_batch_or_out_of_date_are_not_for_sale(shop, frozen_clock):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["MADE-UP-1"])["batch"]
    shop.import_codes("VIP", ["MADE-UP-2"], expires="2026-12-01")
    shop.run("order add --channel TB --number 1 --sku VIP --qty 2 --paid 10")
    shop.run("order issue TB:1")
    shop.run(f"batch recall {batch} --reason dead --yes")
    frozen_clock.advance(days=30)
    assert refund(shop, "TB:1 --restock")["restocked"] == 2
    rows = shop.sql("SELECT status, quarantined_for FROM card ORDER BY status")
    assert rows == [("expired", None), ("quarantined", "recall")]
    assert balances(shop)["stock"] == 2 * 1_250
    assert_whole(shop)


@on_sqlite
def test_a_chargeback_takes_what_is_left(sold):
    refund(sold, "TB:1 --amount 4 --refund-no R1")
    # Its number is kept for it.
    taken = refund(sold, "TB:1 --amount 1 --refund-no chargeback", status=2)
    assert taken["code"] == "bad-value"
    line = "order chargeback TB:1 --reason bank --json"
    taken = sold.run(line).json
    assert (taken["refund_no"], taken["amount_fen"], taken["status"]) == (
        "chargeback",
        600,
        "refunded",
    )
    assert sold.run(line).json["outcome"] == "unchanged"
    assert balances(sold)["revenue"] == 0
    shown = sold.run("order show TB:1 --json").json
    assert [one["kind"] for one in shown["refunds"]] == ["refund", "chargeback"]
    assert shown["events"][-1]["kind"] == "charged_back"
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5")
    refund(sold, "TB:2")
    sold.run("order chargeback TB:2 --reason bank", status=5)
    assert_whole(sold)


def test_of_a_bundle_its_cards_go_back_and_its_goods_stay_unsent(sold):
    sold.run("product add BOX --name 礼盒 --kind goods --price 30")
    sold.run("product add GIFT --name 礼包 --kind bundle --component VIP=1 --component BOX=2")
    sold.run("order add --channel TB --number 2 --sku GIFT --paid 88")
    before = balances(sold)
    sold.run("order issue TB:2")
    # Shared out by 28.00 and twice 30.00, and so is what goes back of it.
    refund(sold, "TB:2 --amount 11 --refund-no R1")
    lines = sold.run("order show TB:2 --json").json["lines"]
    assert [(one["paid_fen"], one["refunded_fen"]) for one in lines] == [(2_800, 350), (6_000, 750)]
    assert before["revenue"] - balances(sold)["revenue"] == 8_800 - 1_100
    assert_whole(sold)
    assert refund(sold, "TB:2 --restock")["restocked"] == 1
    after = balances(sold)
    assert {name: after[name] for name in before} == before
    assert sold.sql("SELECT via, status FROM delivery") == [("shipment", "cancelled")]
    assert_whole(sold)
    # Of a bundle that is not paid back whole all components are issued alike.
    sold.run("order add --channel TB --number 3 --sku GIFT --paid 88")
    sold.run("order issue TB:3")
    sold.execute("UPDATE order_line SET issued_qty = 0 WHERE issued_qty = 2")
    found = sold.run("stock check --json", status=8).json["drifts"]
    assert {("bundle", "TB:3")} <= {(one["check"], one["subject"]) for one in found}


@on_sqlite
def test_many_orders_are_paid_back_whole_and_one_that_cannot_be_stops_none(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --paid 5 --unpaid")
    sold.run("order add --channel TB --number 3 --sku VIP --paid 7")
    line = "order refund - --reason recalled --json"
    names = "TB:1\n\nTB:2\nTB:404\nTB:3\nTB:1\n"
    found = sold.run(line, stdin=names, status=8).json
    assert [(one["order"], one["outcome"], one["amount_fen"], one["code"]) for one in found] == [
        ("TB:1", "new", 1_000, None),
        ("TB:3", "new", 700, None),
        ("TB:2", "refused", None, "cannot-refund"),
        ("TB:404", "refused", None, "not-found"),
    ]
    again = sold.run("order refund TB:1 TB:3 --reason recalled --json").json
    assert [one["outcome"] for one in again] == ["unchanged", "unchanged"]
    sold.run("order refund TB:1 TB:3 --amount 1 --reason recalled", status=2)
    (one,) = sold.run("order refund - --dry-run --reason x --json", stdin="TB:1\n").json
    assert one["outcome"] == "unchanged"
    assert_whole(sold)


@on_sqlite
def test_a_refund_cancels_what_has_not_left(sold):
    sold.execute(
        "INSERT INTO delivery (bucket, id, order_id, via, status, idempotency_key, reprint,"
        " attempts, due_at, created_at, run_id)"
        " SELECT bucket, 1, id, 'email', 'pending', 'k', 0, 0, 0, 0, 1 FROM orders"
    )
    refund(sold, "TB:1 --amount 1 --refund-no R1")
    assert sold.sql("SELECT status FROM delivery") == [("pending",)]
    refund(sold, "TB:1")
    assert sold.sql("SELECT status FROM delivery") == [("cancelled",)]


@on_sqlite
def test_money_that_was_touched_is_found(sold):
    refund(sold, "TB:1 --amount 4 --refund-no R1")
    for tampering, check in (
        ("UPDATE orders SET refunded_fen = 399", "refunds"),
        ("UPDATE orders SET refunded_fen = 400", None),
        ("UPDATE order_line SET refunded_fen = 399", "refunds-of-lines"),
        ("UPDATE order_line SET refunded_fen = 400", None),
        ("UPDATE orders SET status = 'refunded'", "refund-status"),
    ):
        sold.execute(tampering)
        if check is not None:
            found = sold.run("ledger check --json", status=8).json
            assert check in {one["check"] for one in found["differences"]}


@on_sqlite
def test_an_order_without_cards_is_paid_back_once_also_with_restock(sold):
    sold.run("order add --channel TB --number 2 --sku VIP --paid 28")
    first = refund(sold, "TB:2 --restock")
    assert (first["status"], first["restocked"]) == ("refunded", 0)
    assert refund(sold, "TB:2 --restock") == first | {"outcome": "unchanged", "was": "refunded"}
    # One whose cards stayed with it is another matter.
    refund(sold, "TB:1")
    assert refund(sold, "TB:1 --restock", status=5)["code"] == "refund-conflict"
    assert_whole(sold)
