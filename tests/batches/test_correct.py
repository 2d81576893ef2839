"""Correcting batches: the differences are posted, checked against figures derived by hand."""

import pytest

from cardctl.identifiers import card_code, order_bucket
from tests.batches.books import balances, check_all

PAID = 84_00


@pytest.fixture
def batch(shop):
    """Ten cards at 2.00: six on hand, one written off, three sold to TB:1 for 84.00."""
    shop.seed_catalog()
    shop.run("supplier add OTHER --name 另一家")
    batch = shop.import_codes("VIP", [f"K-{place:04d}" for place in range(10)], cost="2.00")
    sell(shop, 1, 3)
    (row, *_) = shop.sql("SELECT bucket, id FROM card WHERE status = 'available'")
    shop.run(f"card void {card_code(*row)} --reason broken --yes")
    return batch["batch"]


def sell(shop, number, qty):
    shop.run(f"order add --channel TB --number {number} --sku VIP --qty {qty} --paid {28 * qty}")
    shop.run(f"order issue TB:{number}")


def correct(shop, batch, *more, status=0):
    line = ["batch", "correct", batch, "--reason", "misread", "--json", *more]
    return shop.run(line, status=status)


def records(shop):
    return shop.sql("SELECT count(*) FROM audit_record")


def entries(shop, event="correct"):
    found = shop.run("ledger journal --json").json
    return [
        (entry["order"], {line["account"]: line["amount_fen"] for line in entry["lines"]})
        for entry in found
        if entry["event"] == event
    ]


def test_another_cost_is_posted_where_the_cards_are(shop, batch):
    # 2.00 → 2.35 is a rise of 0.35: 6 on hand 2.10, 3 sold 1.05, 1 written off 0.35.
    corrected = correct(shop, batch, "--cost", "2.35").json
    expected = {
        "outcome": "updated",
        "status": "imported",
        "supplier": "SUP",
        "supplier_was": "SUP",
        "cost_fen": 10 * 235,
        "cost_missing": 0,
        "repriced": 10,
        "stock_fen": 210,
        "cost_of_goods_fen": 105,
        "stock_loss_fen": 35,
        "redated": 0,
        "orders": [],
    }
    assert {name: corrected[name] for name in expected} == expected
    assert balances(shop) == {
        "stock": 6 * 235,
        "cost-of-goods": 3 * 235,
        "stock-loss": 235,
        "payable:SUP": -10 * 235,
        "receivable:WX": PAID,
        "revenue": -PAID,
    }
    assert sorted(entries(shop), key=str) == [
        ("TB:1", {"cost-of-goods": 105, "payable:SUP": -105}),
        (None, {"stock": 210, "stock-loss": 35, "payable:SUP": -245}),
    ]
    assert shop.run(f"batch show {batch} --json").json["cost_fen"] == 2350
    check_all(shop)


def test_a_lower_cost_turns_the_sides(shop, batch):
    correct(shop, batch, "--cost", "0")
    assert balances(shop) == {"receivable:WX": PAID, "revenue": -PAID}
    check_all(shop)


def test_the_profit_of_an_order_is_the_sum_of_its_entries(shop, batch):
    sell(shop, 2, 2)
    correct(shop, batch, "--cost", "3.10")
    for number, qty in ((1, 3), (2, 2)):
        shown = shop.run(f"order show TB:{number} --json").json
        assert [entry["event"] for entry in shown["journal"]] == ["issue", "correct"]
        lines = [line for entry in shown["journal"] for line in entry["lines"]]
        cost = sum(line["amount_fen"] for line in lines if line["account"] == "cost-of-goods")
        assert cost == qty * 310
    check_all(shop)


def test_orders_of_the_first_bucket_stand_beside_the_entry_of_the_stock(shop):
    """Several entries of one run and one bucket, which is also that of what has no order."""
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1", "K-2", "K-3", "K-4"], cost="1.00")["batch"]
    numbers = [number for number in range(20_000) if order_bucket("TB", str(number)) == 0][:3]
    for number in numbers:
        sell(shop, number, 1)
    correct(shop, batch, "--cost", "1.50")
    assert len(entries(shop)) == 4
    assert balances(shop)["cost-of-goods"] == 3 * 150
    assert balances(shop)["stock"] == 150
    check_all(shop)


def test_the_same_correction_again_changes_nothing(shop, batch):
    more = ("--cost", "2.35", "--supplier", "OTHER", "--expires", "2098-12-31")
    assert correct(shop, batch, *more).json["outcome"] == "updated"
    before = records(shop), balances(shop)
    again = correct(shop, batch, *more).json
    assert (again["outcome"], again["repriced"], again["redated"]) == ("unchanged", 0, 0)
    assert (records(shop), balances(shop)) == before
    assert correct(shop, batch, "--supplier", "OTHER").json["outcome"] == "unchanged"


def test_a_cost_that_becomes_known_is_posted_whole(shop):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", [f"K-{place}" for place in range(5)], cost=None)["batch"]
    sell(shop, 1, 2)
    assert "stock" not in balances(shop)
    corrected = correct(shop, batch, "--cost", "4").json
    assert (corrected["cost_fen"], corrected["cost_missing"]) == (2_000, 0)
    assert (corrected["stock_fen"], corrected["cost_of_goods_fen"]) == (1_200, 800)
    assert balances(shop)["payable:SUP"] == -2_000
    shown = shop.run(f"batch show {batch} --json").json
    assert (shown["cost_fen"], shown["cost_missing"]) == (2_000, 0)
    check_all(shop)


def test_a_cost_of_nothing_is_known(shop):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1", "K-2"], cost=None)["batch"]
    corrected = correct(shop, batch, "--cost", "0").json
    assert (corrected["outcome"], corrected["cost_fen"], corrected["cost_missing"]) == (
        "updated",
        0,
        0,
    )
    assert entries(shop) == []
    assert correct(shop, batch, "--cost", "0").json["outcome"] == "unchanged"


def test_only_what_differs_is_posted_where_rows_had_their_own_cost(shop):
    shop.seed_catalog()
    (shop.folder / "own.csv").write_text("兑换码,成本\nK-1,1.00\nK-2,2.00\nK-3,\n", "utf-8")
    line = "batch import own.csv --product VIP --supplier SUP --expires never --json"
    batch = shop.run(line).json["batch"]
    corrected = correct(shop, batch, "--cost", "2.00").json
    # 1.00 rises by 1.00, 2.00 stays, the unknown one rises by the whole 2.00.
    assert (corrected["repriced"], corrected["stock_fen"]) == (2, 300)
    assert balances(shop) == {"stock": 600, "payable:SUP": -600}
    check_all(shop)


def test_the_seats_of_a_shared_card_share_its_cost_to_the_fen(shop):
    shop.seed_catalog()
    shop.run("product add SHARE --name 共享 --kind account --seats 3")
    (shop.folder / "shared.csv").write_text("账号,密码\nmade-up,pw\nmade-too,pw\n", "utf-8")
    line = "batch import shared.csv --product SHARE --supplier SUP --expires never --cost 9 --json"
    batch = shop.run(line).json["batch"]
    correct(shop, batch, "--cost", "10.00")
    found = shop.sql("SELECT seat, cost_fen FROM card ORDER BY seat, cost_fen")
    assert found == [(1, 334), (1, 334), (2, 333), (2, 333), (3, 333), (3, 333)]
    correct(shop, batch, "--cost", "10.01")
    found = shop.sql("SELECT DISTINCT seat, cost_fen FROM card ORDER BY seat")
    assert found == [(1, 334), (2, 334), (3, 333)]
    assert balances(shop)["payable:SUP"] == -2_002
    assert shop.run(f"batch show {batch} --json").json["cost_fen"] == 2_002
    check_all(shop)


def test_what_is_owed_moves_to_the_other_supplier(shop, batch):
    corrected = correct(shop, batch, "--supplier", "OTHER").json
    assert (corrected["supplier"], corrected["supplier_was"]) == ("OTHER", "SUP")
    assert corrected["repriced"] == 0
    assert entries(shop) == [(None, {"payable:SUP": 2_000, "payable:OTHER": -2_000})]
    found = balances(shop)
    assert "payable:SUP" not in found
    assert found["payable:OTHER"] == -2_000
    assert shop.run(f"batch show {batch} --json").json["supplier"] == "OTHER"
    check_all(shop)


def test_supplier_and_cost_at_once(shop, batch):
    # SUP is owed the old 20.00 no longer; OTHER is owed 10 at 2.35.
    correct(shop, batch, "--supplier", "OTHER", "--cost", "2.35")
    found = balances(shop)
    assert "payable:SUP" not in found
    assert found["payable:OTHER"] == -2_350
    check_all(shop)


def test_a_supplier_that_has_the_file_already_is_refused(shop, batch):
    (first,) = shop.folder.glob("keys-*.csv")
    line = f"batch import {first.name} --product VIP --supplier OTHER --expires never --json"
    shop.run(line, status=3)
    shop.run(f"batch undo {batch} --unsold --reason wrong --yes")
    other = shop.run([*line.split(), "--skip-bad-rows"], status=8).json["batch"]
    # The undone one is in nobody's way.
    assert correct(shop, other, "--supplier", "SUP").json["outcome"] == "updated"
    correct(shop, other, "--supplier", "OTHER")
    shop.execute("UPDATE batch SET status = 'imported' WHERE code = :code", code=batch)
    refused = correct(shop, other, "--supplier", "SUP", status=5)
    assert "file-of-supplier" in refused.stderr
    assert batch in refused.stderr


def test_an_undo_reverses_what_was_corrected(shop, batch):
    correct(shop, batch, "--supplier", "OTHER", "--cost", "2.35", "--expires", "2098-12-31")
    line = f"batch undo {batch} --unsold --reason wrong --yes --json"
    undone = shop.run(line).json
    assert (undone["removed"], undone["cost_fen"], undone["supplier"]) == (6, 6 * 235, "OTHER")
    assert balances(shop) == {
        "cost-of-goods": 3 * 235,
        "stock-loss": 235,
        "payable:OTHER": -4 * 235,
        "receivable:WX": PAID,
        "revenue": -PAID,
    }
    check_all(shop)
    # What has left of an undone batch can still be corrected.
    correct(shop, batch, "--cost", "2.00")
    assert balances(shop)["payable:OTHER"] == -4 * 200
    check_all(shop)


def test_another_expiry_holds_for_every_card_and_names_who_has_one(shop, batch):
    corrected = correct(shop, batch, "--expires", "2098-06-30", "--orders", "o.csv").json
    assert (corrected["redated"], corrected["available"]) == (10, 0)
    assert [(one["order"], one["cards"]) for one in corrected["orders"]] == [("TB:1", 3)]
    assert "TB:1" in (shop.folder / "o.csv").read_text("utf-8-sig")
    shown = shop.run("order show TB:1 --json").json
    assert {card["expires_on"] for card in shown["cards"]} == {"2098-06-30"}
    assert entries(shop) == []
    check_all(shop)


def test_what_was_expired_by_mistake_is_for_sale_again(shop, frozen_clock):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1", "K-2", "K-3"], expires="2026-12-01")["batch"]
    frozen_clock.advance(days=30)
    shop.run("stock expire")
    assert shop.sql("SELECT DISTINCT status FROM card") == [("expired",)]
    assert correct(shop, batch, "--expires", "2026-12-05").json["available"] == 0
    assert shop.sql("SELECT DISTINCT status FROM card") == [("expired",)]
    assert correct(shop, batch, "--expires", "2027-12-01").json["available"] == 3
    assert shop.sql("SELECT DISTINCT status FROM card") == [("available",)]
    sell(shop, 1, 3)
    check_all(shop)


def test_a_duration_counts_from_the_import(shop, frozen_clock):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1"], expires="2026-12-31")["batch"]
    frozen_clock.advance(days=30)
    assert correct(shop, batch, "--expires", "+12m").json["redated"] == 1
    assert correct(shop, batch, "--expires", "2027-11-22").json["outcome"] == "unchanged"


def test_what_is_good_again_in_a_recalled_batch_waits_for_its_release(shop, frozen_clock):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["K-1", "K-2"], expires="2026-12-01")["batch"]
    frozen_clock.advance(days=30)
    shop.run("stock expire")
    shop.run(f"batch recall {batch} --reason dead --yes")
    assert correct(shop, batch, "--expires", "never").json["available"] == 0
    assert shop.sql("SELECT DISTINCT status, quarantined_for FROM card") == [
        ("quarantined", "recall")
    ]
    assert shop.run(f"batch release {batch} --json").json["available"] == 2


def test_keys_sold_before_have_no_cost_and_no_expiry(shop, batch):
    shop.execute("UPDATE batch SET already_sold = :yes", yes=True)
    for more in (("--cost", "1"), ("--expires", "never")):
        assert "keys-sold-before" in correct(shop, batch, *more, status=5).stderr
    assert correct(shop, batch, "--supplier", "OTHER").json["outcome"] == "updated"


def test_what_cannot_be_carried_out_is_refused(shop, batch):
    before = records(shop)
    assert "nothing-to-change" in correct(shop, batch, status=2).stderr
    correct(shop, batch, "--supplier", "NOBODY", status=4)
    correct(shop, "B-NONE", "--cost", "1", status=4)
    correct(shop, batch, "--cost", "-1", status=2)
    correct(shop, batch, "--cost", "1.001", status=2)
    correct(shop, batch, "--expires", "soon", status=2)
    assert correct(shop, batch, "--cost", "9", "--dry-run").json["stock_fen"] == 6 * 700
    assert records(shop) == before
    assert balances(shop)["stock"] == 1_200


@pytest.mark.parametrize("sold", [20, 200])
def test_it_says_as_little_to_the_database_for_many_orders(shop, count_statements, sold):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", [f"K-{place:04d}" for place in range(sold)])["batch"]
    rows = "\n".join(f"N{place},VIP,28" for place in range(sold))
    shop.run("order import - --channel TB", stdin=f"order,sku,paid\n{rows}\n")
    shop.run("order issue --all")
    shop.run("supplier add OTHER --name 另一家")
    with count_statements() as heard:
        correct(shop, batch, "--cost", "3", "--expires", "never", "--supplier", "OTHER")
    assert len(heard) < 50
    check_all(shop)
