"""Taking imports back, and recalling them."""

import json
import subprocess

import pytest
from sqlalchemy import text

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
        "status": "undone",
        "product": "VIP",
        "supplier": "SUP",
        "removed": 10,
        "left": 0,
        "cost_fen": 2000,
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
    assert undo(shop, batch).json["removed"] == 0
    assert shop.sql("SELECT count(*) FROM audit_record") == records


def test_what_was_sold_stays_and_is_named_when_the_file_comes_again(shop, batch):
    sell(shop)
    told = undo(shop, batch, status=5)
    error = json.loads(told.stderr)["error"]
    assert (error["code"], error["details"]["left"]) == ("cards-have-left", 3)
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


def test_a_dry_run_of_an_undo_keeps_everything(shop, batch):
    assert undo(shop, batch, "--dry-run").json["removed"] == 10
    assert shop.sql("SELECT count(*) FROM card") == [(10,)]
    assert shop.run(f"batch show {batch} --json").json["status"] == "imported"


def test_it_asks_first_and_ends_where_nobody_answers(shop, batch):
    shop.run(f"batch undo {batch} --reason wrong", status=2)
    shop.run(f"batch recall {batch} --reason wrong", status=2)
    shop.run("batch undo B-NONE --reason wrong --yes", status=4)
    shop.run("batch recall B-NONE --reason wrong --yes", status=4)
    shop.run("batch show B-NONE", status=4)


def test_a_recall_quarantines_what_is_unsold_and_lists_the_orders(shop, batch):
    sell(shop)
    line = f"batch recall {batch} --reason dead --yes --json"
    recalled = shop.run(line).json
    assert recalled["status"] == "recalled"
    assert recalled["quarantined"] == 7
    assert recalled["orders"] == [{"order": "TB:1", "status": "issued", "cards": 3}]
    counts = shop.run(f"batch show {batch} --json").json["cards"]
    assert {row["status"]: row["cards"] for row in counts} == {"issued": 3, "quarantined": 7}
    records = shop.sql("SELECT count(*) FROM audit_record")
    assert shop.run(line).json["quarantined"] == 0
    assert shop.sql("SELECT count(*) FROM audit_record") == records
    shop.run("ledger check")
    assert undo(shop, batch, "--unsold").json["removed"] == 7


def test_the_template_is_filled_in_and_imported(shop):
    import openpyxl

    shop.seed_catalog()
    shop.run("batch template --product CARDP --out t.xlsx")
    shop.run("batch template --product CARDP --out t.csv", status=2)
    path = shop.folder / "t.xlsx"
    book = openpyxl.load_workbook(path)
    book.active.append(["0001", "pw", "2099-12-31", "12.50", "s1", ""])
    book.save(path)
    done = shop.run("batch import t.xlsx --product CARDP --supplier SUP --json").json
    assert (done["imported"], done["cost_fen"]) == (1, 1250)
