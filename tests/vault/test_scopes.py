"""Least key: what a key that only imports can do, on whole command lines."""

import pytest

KEYS = [f"MADE-UP-{place:04}" for place in range(5)]


@pytest.fixture
def importer(shop):
    """A shop whose commands have nothing but an import key: (shop, its full key's source)."""
    shop.seed_catalog()
    shop.run("vault slot add keyfile --scope import --out import.key")
    full = shop.home / "keys" / "cardctl.key"
    moved = full.rename(shop.folder / "full.key")
    shop.env["CARDCTL_KEY_FILE"] = str(shop.folder / "import.key")
    return shop, {"CARDCTL_KEY_FILE": str(moved)}


def test_an_import_key_imports_and_finds_duplicates(importer):
    shop, full = importer
    assert shop.import_codes("VIP", KEYS)["imported"] == 5
    path = shop.folder / "more.csv"
    path.write_text("兑换码\n" + "\n".join([*KEYS[:2], "MADE-UP-NEW"]) + "\n", encoding="utf-8")
    line = "batch import more.csv --product VIP --supplier SUP --cost 1 --expires never --json"
    refused = shop.run(line, status=3).json
    assert (refused["status"], refused["duplicates"]) == ("refused", 2)
    assert {reject["code"] for reject in refused["rejects"]} == {"duplicate-in-store"}
    shop.run("audit verify")
    assert shop.run("vault verify --json", env=full).json["cards"] == 5


def test_an_import_key_cannot_open_one_card(importer):
    shop, full = importer
    shop.import_codes("VIP", KEYS)
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28.00")
    shop.run("order issue TB:1")
    reveal = "order show TB:1 --reveal --reason 售后 --json"
    refused = shop.run(reveal, status=7)
    assert '"needs-full-key"' in refused.stderr
    assert not any(key in refused.stdout + refused.stderr for key in KEYS)
    (card,) = shop.run(reveal, env=full).json["cards"]
    assert card["secret"] in KEYS


def test_what_an_import_key_sealed_survives_a_rotation(importer):
    shop, full = importer
    shop.import_codes("VIP", KEYS[:2])
    shop.run("vault rotate", env=full)
    shop.import_codes("VIP", KEYS[2:])
    assert shop.sql("SELECT DISTINCT sealing_version FROM data_key") == [(2,)]
    shown = shop.run("vault verify --json", env=full).json
    assert (shown["cards"], shown["findings"]) == (5, [])


def test_reading_and_reporting_need_no_key(importer):
    shop, _ = importer
    shop.import_codes("VIP", KEYS)
    del shop.env["CARDCTL_KEY_FILE"]
    for line in (
        "status",
        "stock levels",
        "batch list",
        "order list",
        "ledger balance",
        "audit list",
        "vault status",
        "vault slot list",
    ):
        shop.run(line)
    shop.run("stock expire", status=7)
