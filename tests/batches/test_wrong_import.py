"""A file imported under the wrong product, part of it sold before anybody noticed; and mended.

Ten thousand keys at 2.00 come in as VIP, a hundred are sold as VIP at 28.00 each. They were MONTH
keys, at 2.10. Every figure below is derived by hand, in fen.
"""

import csv

from tests.batches.books import balances, check_all

ROWS, SOLD = 10_000, 100


def import_as(shop, product, cost, *more, status=0):
    line = f"batch import keys.csv --product {product} --supplier SUP --cost {cost}"
    return shop.run([*line.split(), "--expires", "never", "--json", *more], status=status)


def sell(shop):
    orders = "".join(f"N{place},VIP,28.00\n" for place in range(SOLD))
    shop.run("order import - --channel TB", stdin=f"order,sku,paid\n{orders}")
    assert shop.run("order issue --all --json").json["cards"] == SOLD


def take_back(shop, batch):
    """What of a batch was not sold; refused before --unsold says that this is meant."""
    line = f"batch undo {batch} --reason 'wrong product' --yes --json"
    assert "cards-have-left" in shop.run(line, status=5).stderr
    undone = shop.run(f"{line} --unsold").json
    # 9,900 at 200
    assert (undone["removed"], undone["left"], undone["cost_fen"]) == (9_900, 100, 1_980_000)


def import_rightly(shop, wrong):
    """The same file again: what was sold is named, with the batch it is in."""
    assert import_as(shop, "MONTH", "2.10", status=3).json["rejected"] == SOLD
    more = ("--skip-bad-rows", "--rejects", "sold.csv")
    right = import_as(shop, "MONTH", "2.10", *more, status=8).json
    assert (right["imported"], right["duplicates"]) == (9_900, 100)
    with (shop.folder / "sold.csv").open(encoding="utf-8-sig", newline="") as file:
        rejects = list(csv.DictReader(file))
    assert {reject["code"] for reject in rejects} == {"duplicate-in-store"}
    assert all(wrong in reject["message"] for reject in rejects)
    # Of keys that expire alike the first are sold first: those below the header.
    assert sorted(int(reject["row"]) for reject in rejects) == [*range(2, 102)]


def test_a_wrong_import_is_taken_back_as_far_as_it_was_not_sold(shop):
    shop.seed_catalog()
    shop.run("product add MONTH --name 月卡 --price 30")
    rows = "".join(f"MADE-UP-{place:05d}\n" for place in range(ROWS))
    (shop.folder / "keys.csv").write_text(f"兑换码\n{rows}", "utf-8")

    wrong = import_as(shop, "VIP", "2.00").json["batch"]
    # 10,000 at 200
    assert balances(shop) == {"stock": 2_000_000, "payable:SUP": -2_000_000}
    check_all(shop)

    sell(shop)
    # 100 at 2,800 paid
    sold = {"receivable:WX": 280_000, "revenue": -280_000}
    # 100 at 200 consumed; 2,000,000 - 20,000 left
    assert balances(shop) == {
        **sold,
        "cost-of-goods": 20_000,
        "stock": 1_980_000,
        "payable:SUP": -2_000_000,
    }
    check_all(shop)

    take_back(shop, wrong)
    # Only what was sold is owed for: 2,000,000 - 1,980,000
    assert balances(shop) == {**sold, "cost-of-goods": 20_000, "payable:SUP": -20_000}
    check_all(shop)

    import_rightly(shop, wrong)
    # 9,900 at 210 in stock; 20,000 + 2,079,000 owed
    stock = {"stock": 2_079_000}
    owed = {"payable:SUP": -2_099_000}
    assert balances(shop) == {**sold, **stock, **owed, "cost-of-goods": 20_000}
    check_all(shop)
    assert import_as(shop, "MONTH", "2.10").json["status"] == "unchanged"

    # What was sold as VIP cost 2.10, too: 100 at 10 more, owed and consumed.
    shop.run(f"batch correct {wrong} --cost 2.10 --reason 'price list' --json")
    owed = {"payable:SUP": -2_100_000}
    assert balances(shop) == {**sold, **stock, **owed, "cost-of-goods": 21_000}
    check_all(shop)
