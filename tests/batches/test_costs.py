"""What a key costs: by its column, by option, by a rate; and where nobody knows, nowhere 0."""

import pytest


@pytest.fixture
def keys(shop):
    shop.seed_catalog()
    content = "兑换码,成本,面值\nK-1,12.50,\nK-2,,100\nK-3,,\n"
    (shop.folder / "keys.csv").write_text(content, "utf-8")
    return shop


def costs(shop, *more):
    line = ["batch", "import", "keys.csv", "--product", "VIP", "--supplier", "SUP"]
    result = shop.run([*line, "--expires", "never", "--dry-run", "--json", *more]).json
    return result["cost_fen"], result["cost_missing"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_column_comes_first_then_the_option_then_the_rate(keys):
    assert costs(keys) == (1250, 2)
    assert costs(keys, "--cost", "2") == (1250 + 200 + 200, 0)
    assert costs(keys, "--cost-rate", "92%") == (1250 + 9200, 1)
    keys.run("product edit VIP --face-value 30")
    assert costs(keys, "--cost-rate", "92%") == (1250 + 9200 + 2760, 0)
    keys.run("supplier edit SUP --cost-rate 50%")
    assert costs(keys) == (1250 + 5000 + 1500, 0)


def test_a_cost_that_nobody_knows_is_shown_as_such_everywhere(shop):
    shop.seed_catalog()
    imported = shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"], cost=None)
    assert (imported["cost_fen"], imported["cost_missing"]) == (None, 2)
    (listed,) = shop.run("batch list --json").json
    shown = shop.run(f"batch show {imported['batch']} --json").json
    (level,) = shop.run("stock levels --json").json
    for found in (listed, shown, level):
        assert (found["cost_fen"], found["cost_missing"]) == (None, 2)
    for line in ("batch list", f"batch show {imported['batch']}", "stock levels"):
        told = shop.run(f"{line} --format plain").stdout
        assert "not known" in told
        assert "0.00" not in told
    assert "未知" in shop.run("--lang zh stock levels --format plain").stdout
    (card,) = shop.run("card find - --json", stdin="MADE-UP-1").json
    assert shop.run(f"card show {card['id']} --json").json.get("cost_fen") is None
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order issue TB:1")
    (entry,) = shop.run("order show TB:1 --json").json["journal"]
    accounts = {line["account"] for line in entry["lines"]}
    assert accounts == {"receivable:WX", "revenue"}
    balances = shop.run("ledger balance --json").json
    assert "stock" not in {row["account"] for row in balances}
    assert shop.run("ledger check --json").json["cost_missing"] == 1
