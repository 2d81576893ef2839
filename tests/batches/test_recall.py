"""Recalling batches, telling who got a card of them, and taking the recall back."""

import csv

import pytest

from cardctl.identifiers import card_code
from tests.batches.books import balances


@pytest.fixture
def batch(shop):
    """Ten cards at 2.00, three of them with order TB:1 of 张三."""
    shop.seed_catalog()
    batch = shop.import_codes("VIP", [f"K-{place:04d}" for place in range(10)], cost="2.00")
    shop.run(
        "order add --channel TB --number 1 --sku VIP --qty 3 --paid 84"
        " --buyer 张三 --phone 13800000000"
    )
    shop.run("order issue TB:1")
    return batch["batch"]


def recall(shop, batch, *more, status=0):
    line = ["batch", "recall", batch, "--reason", "dead", "--yes", "--json", *more]
    return shop.run(line, status=status)


def counts(shop, batch):
    rows = shop.run(f"batch show {batch} --json").json["cards"]
    return {row["status"]: row["cards"] for row in rows}


def available(shop):
    rows = shop.sql("SELECT bucket, id FROM card WHERE status = 'available' ORDER BY id")
    return [card_code(*row) for row in rows]


def records(shop):
    return shop.sql("SELECT count(*) FROM audit_record")


def test_what_is_unsold_is_quarantined_and_the_orders_are_listed(shop, batch):
    recalled = recall(shop, batch).json
    assert (recalled["status"], recalled["quarantined"]) == ("recalled", 7)
    assert recalled["outcome"] == "updated"
    assert recalled["orders"] == [
        {
            "order": "TB:1",
            "status": "issued",
            "cards": 3,
            "buyer": "张三",
            "phone": "13800000000",
            "email": None,
        }
    ]
    assert counts(shop, batch) == {"issued": 3, "quarantined": 7}
    before = records(shop)
    again = recall(shop, batch).json
    assert (again["outcome"], again["quarantined"]) == ("unchanged", 0)
    assert records(shop) == before
    shop.run("ledger check")
    undone = shop.run(f"batch undo {batch} --unsold --reason wrong --yes --json").json
    assert undone["removed"] == 7


def test_the_orders_go_to_a_file_of_their_own(shop, batch):
    recall(shop, batch, "--orders", "orders.csv")
    with (shop.folder / "orders.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["order", "status", "cards", "buyer", "phone", "e-mail"]
    assert rows == [["TB:1", "issued", "3", "张三", "13800000000", ""]]
    assert (shop.folder / "orders.csv").stat().st_mode & 0o777 == 0o600
    recall(shop, batch, "--orders", "orders.xlsx")
    assert (shop.folder / "orders.xlsx").exists()


def test_a_file_that_cannot_be_written_is_refused_before_the_recall(shop, batch):
    recall(shop, batch, "--orders", "orders.docx", status=2)
    recall(shop, batch, "--orders", "nowhere/orders.csv", status=3)
    recall(shop, batch, "--orders", "orders.csv", "--dry-run")
    assert counts(shop, batch) == {"available": 7, "issued": 3}
    assert not (shop.folder / "orders.csv").exists()


def test_it_asks_first_and_ends_where_nobody_answers(shop, batch):
    shop.run(f"batch recall {batch} --reason wrong", status=2)
    recall(shop, "B-NONE", status=4)
    shop.run("batch release B-NONE", status=4)


def test_a_release_puts_back_what_the_recall_took(shop, batch):
    recall(shop, batch)
    released = shop.run(f"batch release {batch} --reason repaired --json").json
    assert released == {
        "batch": batch,
        "outcome": "updated",
        "status": "imported",
        "product": "VIP",
        "supplier": "SUP",
        "available": 7,
        "expired": 0,
        "frozen": 0,
    }
    assert counts(shop, batch) == {"available": 7, "issued": 3}
    shop.run("order add --channel TB --number 2 --sku VIP --qty 7 --paid 196")
    assert shop.run("order issue TB:2 --json").json["cards"] == 7
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_releasing_what_is_not_recalled_changes_nothing(shop, batch):
    before = records(shop)
    assert shop.run(f"batch release {batch} --json").json["available"] == 0
    recall(shop, batch)
    shop.run(f"batch release {batch} --dry-run")
    assert counts(shop, batch) == {"issued": 3, "quarantined": 7}
    shop.run(f"batch release {batch}")
    between = records(shop)
    again = shop.run(f"batch release {batch} --json").json
    assert (again["outcome"], again["status"]) == ("unchanged", "imported")
    assert records(shop) == between != before


def test_a_card_that_was_frozen_by_itself_stays_frozen(shop, batch):
    before, during, *_ = available(shop)
    shop.run(f"card freeze {before} --reason doubtful")
    assert recall(shop, batch).json["quarantined"] == 6
    shop.run(f"card freeze {during} --reason doubtful")
    released = shop.run(f"batch release {batch} --json").json
    assert (released["available"], released["frozen"]) == (5, 2)
    assert counts(shop, batch) == {"available": 5, "issued": 3, "quarantined": 2}
    again = shop.run(f"card unfreeze {before} {during} --json").json
    assert (again["available"], again["recalled"]) == (2, 0)


def test_what_is_unfrozen_in_a_recalled_batch_waits_for_its_release(shop, batch):
    card, *_ = available(shop)
    shop.run(f"card freeze {card} --reason doubtful")
    recall(shop, batch)
    unfrozen = shop.run(f"card unfreeze {card} --json").json
    assert (unfrozen["cards"], unfrozen["recalled"], unfrozen["available"]) == (1, 1, 0)
    assert shop.run(f"batch release {batch} --json").json["available"] == 7


def test_what_expired_during_the_recall_is_expired_after_it(shop, frozen_clock):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1", "K-2"], cost="2.00", expires="2026-12-01")["batch"]
    recall(shop, batch)
    frozen_clock.advance(days=30)
    released = shop.run(f"batch release {batch} --json").json
    assert (released["available"], released["expired"]) == (0, 2)
    assert counts(shop, batch) == {"expired": 2}
    assert balances(shop)["stock"] == 400
    shop.run("ledger check")


def test_what_is_reserved_is_recalled_and_its_order_told(shop, batch):
    shop.run("order add --channel TB --number 2 --sku VIP --qty 2 --paid 56 --unpaid")
    order = shop.sql("SELECT bucket, id FROM orders WHERE number = '2'")[0]
    line = shop.sql("SELECT id FROM order_line WHERE order_id = :id", id=order[1])[0][0]
    reserved = shop.sql("SELECT id FROM card WHERE status = 'available' ORDER BY id LIMIT 2")
    for (card_id,) in reserved:
        shop.execute(
            "UPDATE card SET status = 'reserved', order_bucket = :bucket, order_id = :order_id,"
            " order_line_id = :line WHERE id = :id",
            bucket=order[0],
            order_id=order[1],
            line=line,
            id=card_id,
        )
    assert recall(shop, batch).json["quarantined"] == 7
    assert counts(shop, batch) == {"issued": 3, "quarantined": 7}
    shown = shop.run("order show TB:2 --json").json
    assert (shown["cards"], shown["events"][-1]["kind"]) == ([], "released")
    assert shown["events"][-1]["detail"] == {"cards": 2, "recalled": batch}
    # No command but the release of the batch brings a recalled card back.
    shop.run("stock release")
    assert available(shop) == []
    shop.run("stock check")
    released = shop.run(f"batch release {batch} --reason checked --json").json
    assert released["available"] == 7
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)
