"""Taking imports back."""

import json
import subprocess

import pytest
from sqlalchemy import text

from cardctl.identifiers import card_code
from cardctl.storage.store import writing


@pytest.fixture
def batch(shop):
    shop.seed_catalog()
    return shop.import_codes("VIP", [f"K-{place:04d}" for place in range(10)], cost="2.00")["batch"]


def balances(shop):
    return {row["account"]: row["balance_fen"] for row in shop.run("ledger balance --json").json}


def sell(shop, qty=3):
    shop.run(f"order add --channel TB --number 1 --sku VIP --qty {qty} --paid 84")
    shop.run("order issue TB:1")


def undo(shop, batch, *more, status=0):
    return shop.run(
        ["batch", "undo", batch, "--reason", "wrong", "--yes", "--json", *more], status=status
    )


def test_an_undone_import_is_gone_and_its_file_comes_in_again(shop, batch):
    undone = undo(shop, batch).json
    assert undone == {
        "batch": batch,
        "outcome": "updated",
        "status": "undone",
        "product": "VIP",
        "supplier": "SUP",
        "removed": 10,
        "left": 0,
        "cost_fen": 2000,
        "cost_missing": 0,
    }
    assert shop.sql("SELECT count(*) FROM card") == [(0,)]
    assert shop.sql("SELECT count(*) FROM data_key") == [(0,)]
    assert not any(balances(shop).values())
    line = "batch import keys-0.csv --product VIP --supplier SUP --expires never --cost 3 --json"
    again = shop.run(line).json
    assert (again["status"], again["imported"]) == ("imported", 10)
    assert again["batch"] != batch
    shop.run("ledger check")
    shop.run("audit verify")


def test_undoing_again_changes_nothing(shop, batch):
    undo(shop, batch)
    records = shop.sql("SELECT count(*) FROM audit_record")
    again = undo(shop, batch).json
    assert (again["outcome"], again["removed"]) == ("unchanged", 0)
    assert shop.sql("SELECT count(*) FROM audit_record") == records


def test_what_was_sold_stays_and_is_named_when_the_file_comes_again(shop, batch):
    sell(shop)
    told = undo(shop, batch, status=5)
    error = json.loads(told.stderr)["error"]
    assert (error["code"], error["details"]["left"]) == ("cards-have-left", 3)
    # What the hint says is a line that runs.
    assert f"cardctl batch undo {batch} --unsold --reason TEXT" in error["hint"]
    undone = undo(shop, batch, "--unsold").json
    assert (undone["removed"], undone["left"], undone["cost_fen"]) == (7, 3, 1400)
    assert balances(shop)["payable:SUP"] == -600
    shop.run("ledger check")
    shop.run("order show TB:1 --reveal --reason check")
    line = "batch import keys-0.csv --product VIP --supplier SUP --expires never --json"
    again = shop.run([*line.split(), "--skip-bad-rows"], status=8).json
    assert (again["imported"], again["duplicates"]) == (7, 3)
    assert {batch in reject["message"] for reject in again["rejects"]} == {True}
    assert undo(shop, batch).json["left"] == 3


def test_cards_that_leave_while_it_waits_for_them_have_left(shop, batch):
    with writing(shop.store.engine) as session:
        session.connection().execute(text("UPDATE card SET status = 'void'"))
        undoing = shop.spawn(["batch", "undo", batch, "--reason", "wrong", "--yes", "--json"])
        with pytest.raises(subprocess.TimeoutExpired):
            undoing.wait(3)
    _, stderr = undoing.communicate(timeout=60)
    assert undoing.returncode == 5, stderr
    assert json.loads(stderr)["error"]["details"]["left"] == 10
    assert shop.run(f"batch show {batch} --json").json["status"] == "imported"


def test_a_void_card_stays_with_its_loss(shop, batch):
    card = shop.run("card find - --json", stdin="K-0000").json
    name = (card[0] if isinstance(card, list) else card)["id"]
    shop.run(f"card void {name} --reason broken --yes")
    undone = undo(shop, batch, "--unsold").json
    assert (undone["removed"], undone["left"]) == (9, 1)
    assert balances(shop)["payable:SUP"] == -200
    shop.run("ledger check")


def test_what_is_left_still_fixes_the_rules_of_its_product(shop, batch):
    sell(shop)
    undo(shop, batch, "--unsold")
    assert "[in-use]" in shop.run("product edit VIP --kind link", status=5).stderr
    shop.run("product edit VIP --price 30")


def test_costs_that_nobody_knew_are_not_reversed_as_nothing(shop):
    shop.seed_catalog()
    batch = shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"], cost=None)["batch"]
    undone = undo(shop, batch).json
    assert (undone["removed"], undone["cost_fen"], undone["cost_missing"]) == (2, None, 2)


def test_frozen_and_expired_cards_and_keys_sold_before_go_too(shop, batch):
    shop.execute(
        "UPDATE card SET status = 'quarantined', quarantined_for = 'freeze' WHERE masked LIKE '%1'"
    )
    shop.execute("UPDATE card SET status = 'expired' WHERE masked LIKE '%2'")
    shop.execute(
        "UPDATE card SET status = 'already_sold', sealed_secret = NULL WHERE masked LIKE '%3'"
    )
    assert undo(shop, batch).json["removed"] == 10
    assert shop.sql("SELECT count(*) FROM card") == [(0,)]


def test_keys_taken_for_sold_before_come_in_as_new_after_an_undo(shop):
    shop.seed_catalog()
    (shop.folder / "old.csv").write_text("兑换码\nMADE-UP-1\nMADE-UP-2\n", "utf-8")
    line = "batch import old.csv --product VIP --supplier SUP --json"
    batch = shop.run(f"{line} --already-sold").json["batch"]
    new = f"{line} --expires never --cost 2"
    (shop.folder / "late.csv").write_text("兑换码\nMADE-UP-2\n", "utf-8")
    late = shop.run(new.replace("old.csv", "late.csv"), status=3).json
    assert batch in late["rejects"][0]["message"]
    for refused in ("--cost 2", "--expires never"):
        told = shop.run(f"batch correct {batch} {refused} --reason try", status=5)
        assert "keys-sold-before" in told.stderr
    undone = undo(shop, batch).json
    assert (undone["removed"], undone["cost_fen"], undone["cost_missing"]) == (2, None, 0)
    assert shop.run(new).json["imported"] == 2
    assert balances(shop)["stock"] == 400


def test_no_verb_brings_a_card_back_that_was_seen(shop, batch):
    """What `REMOVABLE` rests on: who names no order was never revealed."""
    sell(shop)
    shop.run("order show TB:1 --reveal --reason check")
    rows = shop.sql("SELECT bucket, id FROM card WHERE order_id IS NOT NULL")
    names = " ".join(card_code(*row) for row in rows)
    for line, status in (
        ("order cancel TB:1 --yes", 5),
        ("order refund TB:1 --restock --reason try", 5),
        (f"card void {names} --yes", 5),
        (f"card freeze {names} --reason try", 5),
        (f"card unfreeze {names}", 0),
        (f"batch recall {batch} --reason try --yes", 0),
        (f"batch release {batch}", 0),
        (f"batch correct {batch} --expires 2099-01-01 --reason try", 0),
        ("stock expire", 0),
        ("stock release", 0),
        ("stock move --product VIP --from main --to main --qty 10", None),
    ):
        shop.run(line, status=status)
        assert shop.sql("SELECT bucket, id FROM card WHERE order_id IS NOT NULL") == rows, line
    assert undo(shop, batch, "--unsold").json["left"] == 3


def test_what_was_handed_over_is_met_again_whatever_its_status(shop, batch):
    shop.execute(
        "INSERT INTO card_delivery SELECT bucket, id, 0, 1, 1, 1 FROM card ORDER BY id LIMIT 1"
    )
    assert undo(shop, batch, "--unsold").json["left"] == 1


def test_what_is_only_reserved_is_never_revealed(shop, batch):
    """It may go back on the shelf, and must not have been seen by then."""
    sell(shop)
    shop.execute("UPDATE card SET status = 'reserved' WHERE status = 'issued'")
    shown = shop.run("order show TB:1 --reveal --reason check --json").json
    assert shown["cards"] == []


def test_a_dry_run_of_an_undo_keeps_everything(shop, batch):
    assert undo(shop, batch, "--dry-run").json["removed"] == 10
    assert shop.sql("SELECT count(*) FROM card") == [(10,)]
    assert shop.run(f"batch show {batch} --json").json["status"] == "imported"


def test_it_asks_first_and_ends_where_nobody_answers(shop, batch):
    shop.run(f"batch undo {batch} --reason wrong", status=2)
    shop.run("batch undo B-NONE --reason wrong --yes", status=4)
    shop.run("batch show B-NONE", status=4)
