"""The books on whole command lines, against figures derived by hand."""

import pytest

from cardctl.identifiers import card_code


@pytest.fixture
def trading(shop):
    """Ten VIP at 12.50, five CARDP at 80.00, three VIP of unknown cost; two orders issued."""
    shop.seed_catalog()
    shop.import_codes(
        "VIP", [f"MADE-UP-{place}" for place in range(10)], cost="12.50", expires="2030-01-01"
    )
    shop.import_codes(
        "CARDP", [(f"99000{place}", f"made-up-{place}") for place in range(5)], cost="80"
    )
    shop.import_codes("VIP", [f"UNKNOWN-{place}" for place in range(3)], cost=None)
    shop.run("order add --channel TB --number 1 --sku VIP --qty 3 --paid 80.00")
    shop.run("order add --channel TB --number 2 --sku CARDP --qty 1 --paid 99.90")
    shop.run("order issue --all")
    return shop


def balances(shop, more=""):
    return {
        row["account"]: row["balance_fen"] for row in shop.run(f"ledger balance --json {more}").json
    }


def test_balances_are_what_the_day_was(trading):
    stock = 10 * 1_250 + 5 * 8_000 - 3 * 1_250 - 8_000
    assert balances(trading) == {
        "stock": stock,
        "payable:SUP": -(10 * 1_250 + 5 * 8_000),
        "receivable:WX": 8_000 + 9_990,
        "revenue": -(8_000 + 9_990),
        "cost-of-goods": 3 * 1_250 + 8_000,
    }
    found = trading.run("ledger check --json").json
    assert (found["stock_fen"], found["cards_fen"], found["cost_missing"]) == (stock, stock, 3)
    assert found["differences"] == []


def test_unknown_cost_posts_nothing_and_is_shown_as_missing(trading):
    trading.run("order add --channel TB --number 3 --sku VIP --qty 8 --paid 224.00")
    before = balances(trading)
    trading.run("order issue TB:3")
    after = balances(trading)
    # Seven of known cost are left and expire first, one of the unknown goes with them.
    assert after["cost-of-goods"] - before["cost-of-goods"] == 7 * 1_250
    (level,) = [row for row in trading.run("stock levels --json").json if row["product"] == "VIP"]
    assert (level["available"], level["cost_fen"], level["cost_missing"]) == (2, None, 2)
    trading.run("ledger check")


def test_an_order_carries_its_entries(trading):
    shown = trading.run("order show TB:1 --json").json
    (entry,) = shown["journal"]
    assert {line["account"]: line["amount_fen"] for line in entry["lines"]} == {
        "receivable:WX": 8_000,
        "revenue": -8_000,
        "cost-of-goods": 3_750,
        "stock": -3_750,
    }


def test_the_journal_lists_entries_by_day(shop, frozen_clock):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1"])
    frozen_clock.advance(days=1)
    shop.import_codes("VIP", ["MADE-UP-2"])
    assert len(shop.run("ledger journal --json").json) == 2
    (first,) = shop.run("ledger journal --to 2026-11-22 --json").json
    (second,) = shop.run("ledger journal --from 2026-11-23 --json").json
    assert first["event"] == second["event"] == "import"
    assert first["posted_at"].startswith("2026-11-22T10:47:00+08:00")
    assert sum(line["amount_fen"] for line in first["lines"]) == 0
    assert balances(shop, "--as-of 2026-11-22")["stock"] == 1_250
    assert balances(shop)["stock"] == 2_500


def test_a_day_that_is_none_is_a_usage_error(shop):
    shop.run("ledger balance --as-of yesterday", status=2)


def test_a_write_off_is_a_loss(trading):
    rows = trading.sql("SELECT bucket, id FROM card WHERE status = 'available' AND cost_fen = 1250")
    name = card_code(*rows[0])
    before = balances(trading)
    voided = trading.run(f"card void {name} --yes --reason broken --json").json
    after = balances(trading)
    assert (voided["cards"], voided["cost_fen"]) == (1, 1_250)
    assert after["stock-loss"] == 1_250
    assert after["stock"] == before["stock"] - 1_250
    trading.run("ledger check")


def test_a_correction_that_is_missing_from_the_books_is_found(trading):
    batch = trading.run("batch list --json").json[-1]["batch"]
    trading.run(f"batch correct {batch} --cost 13.00 --reason misread")
    trading.run("ledger check")
    trading.execute("UPDATE journal_entry SET event = 'other' WHERE event = 'correct'")
    found = trading.run("ledger check --json", status=8).json
    assert [one["check"] for one in found["differences"]] == ["payable"]


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE journal_line SET amount_fen = amount_fen + 1 WHERE account = 'stock'", "stock"),
        (
            "UPDATE journal_line SET amount_fen = amount_fen - 1 WHERE account = 'revenue'",
            "entry-sum",
        ),
        ("DELETE FROM journal_line", "entry-empty"),
        ("UPDATE card SET cost_fen = cost_fen + 1 WHERE status = 'issued'", "cost-of-goods"),
        ("UPDATE card SET cost_fen = 5 WHERE cost_fen IS NULL", "payable"),
        ("UPDATE order_line SET issued_qty = 0", "revenue"),
    ],
)
def test_books_that_were_touched_are_found(trading, tampering, check):
    trading.execute(tampering)
    found = trading.run("ledger check --json", status=8).json
    assert check in {one["check"] for one in found["differences"]}
