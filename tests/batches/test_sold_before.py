"""Keys that were sold before they came: only their fingerprints are kept, and meet them again."""

import json

import pytest


@pytest.fixture
def sold(shop):
    shop.seed_catalog()
    (shop.folder / "sold.csv").write_text("卡号,有效期,成本\n0001,2020-01-01,x\n0002,,\n", "utf-8")
    line = "batch import sold.csv --product CARDP --supplier SUP --already-sold --json"
    shop.result = shop.run(line).json
    return shop


def test_nothing_but_fingerprint_and_mask_is_kept(sold):
    result = sold.result
    assert (result["status"], result["imported"], result["already_sold"]) == ("imported", 2, True)
    assert (result["cost_fen"], result["cost_missing"]) == (None, 0)
    kept = sold.sql(
        "SELECT status, sealed_number, sealed_secret, sealed_fields, cost_fen, masked FROM card"
    )
    assert set(kept) == {
        ("already_sold", None, None, None, None, "****1"),
        ("already_sold", None, None, None, None, "****2"),
    }
    assert sold.sql("SELECT count(*) FROM data_key") == [(0,)]
    assert sold.run("ledger balance --json").json == []
    shown = sold.run(f"batch show {result['batch']} --json").json
    assert (shown["already_sold"], shown["cost_fen"]) == (True, None)
    assert shown["cards"] == [{"status": "already_sold", "cards": 2}]
    assert sold.run("card find - --json", stdin="0001").json[0]["status"] == "already_sold"
    levels = sold.run("stock levels --json").json
    assert [(row["already_sold"], row["available"], row["cost_missing"]) for row in levels] == [
        (2, 0, 0)
    ]
    for check in ("ledger check", "stock check", "vault verify", "audit verify"):
        sold.run(check)


def test_a_key_that_is_sold_again_is_refused_and_says_why(sold):
    (sold.folder / "new.csv").write_text("卡号,密码\n0001,pw\n0003,pw\n", "utf-8")
    line = "batch import new.csv --product CARDP --supplier SUP --expires never --json"
    told = sold.run(line, status=3).json
    (reject,) = told["rejects"]
    assert (reject["row"], reject["code"]) == (2, "duplicate-in-store")
    assert "sold before" in reject["message"]
    assert sold.result["batch"] in reject["message"]


def test_it_is_never_sold_and_is_undone_like_any_import(sold):
    sold.run("order add --channel TB --number 1 --sku CARDP --paid 100")
    sold.run("order issue TB:1", status=5)
    again = sold.run("batch import sold.csv --product CARDP --supplier SUP --already-sold --json")
    assert again.json["status"] == "unchanged"
    undone = sold.run(f"batch undo {sold.result['batch']} --reason wrong --yes --json").json
    assert (undone["removed"], undone["left"]) == (2, 0)
    assert sold.sql("SELECT count(*) FROM card") == [(0,)]


def test_a_file_that_stands_as_the_other_kind_is_not_called_unchanged(sold):
    (sold.folder / "stock.csv").write_text("卡号,密码\n0003,pw\n", "utf-8")
    stock = "batch import stock.csv --product CARDP --supplier SUP"
    batch = sold.run(f"{stock} --expires never --json").json["batch"]
    refused = sold.run(f"{stock} --already-sold --json", status=5).error
    assert (refused["code"], refused["details"]["batch"]) == ("stands-as-stock", batch)
    as_stock = "batch import sold.csv --product CARDP --supplier SUP --delete-source --json"
    refused = sold.run(as_stock, status=5).error
    assert (refused["code"], refused["details"]["batch"]) == (
        "stands-as-sold",
        sold.result["batch"],
    )
    assert (sold.folder / "sold.csv").exists()


@pytest.mark.parametrize("option", ["--cost 1", "--cost-rate 90%", "--expires never"])
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_it_has_neither_a_cost_nor_an_expiry(sold, option):
    line = f"batch import sold.csv --product VIP --supplier SUP --already-sold {option} --json"
    assert json.loads(sold.run(line, status=2).stderr)["error"]["code"] == "already-sold"
