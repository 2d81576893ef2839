"""Freezing single cards: out of the sale, and back to where they belong."""

import pytest

from cardctl.identifiers import card_code


@pytest.fixture
def names(shop):
    """The names of four cards."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(4)])
    return [card_code(*row) for row in shop.sql("SELECT bucket, id FROM card ORDER BY id")]


def freeze(shop, *names, status=0):
    return shop.run(["card", "freeze", *names, "--reason", "doubtful", "--json"], status=status)


def states(shop):
    found = shop.sql("SELECT status, quarantined_for, COUNT(*) FROM card GROUP BY 1, 2")
    return {(status, cause): count for status, cause, count in found}


def test_a_frozen_card_is_not_sold_until_it_is_unfrozen(shop, names):
    assert freeze(shop, *names[:3]).json == {"cards": 3, "unchanged": 0}
    assert states(shop) == {("available", None): 1, ("quarantined", "freeze"): 3}
    shop.run("order add --channel TB --number 1 --sku VIP --qty 2 --paid 56")
    shop.run("order issue TB:1", status=5)
    unfrozen = shop.run(f"card unfreeze {names[0]} {names[3]} --json").json
    assert unfrozen == {"cards": 1, "available": 1, "recalled": 0, "expired": 0, "unchanged": 1}
    assert shop.run("order issue TB:1 --json").json["cards"] == 2
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_freezing_again_changes_nothing(shop, names):
    freeze(shop, *names)
    records = shop.sql("SELECT count(*) FROM audit_record")
    assert freeze(shop, *names).json == {"cards": 0, "unchanged": 4}
    shop.run(f"card unfreeze {names[0]}")
    between = shop.sql("SELECT count(*) FROM audit_record")
    assert shop.run(f"card unfreeze {names[0]} --json").json["unchanged"] == 1
    assert shop.sql("SELECT count(*) FROM audit_record") == between != records


@pytest.mark.parametrize("status", ["issued", "reserved", "redeemed", "void", "expired"])
def test_what_is_not_for_sale_is_not_frozen_nor_anything_with_it(shop, names, status):
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28")
    shop.run("order issue TB:1")
    shop.execute(
        "UPDATE card SET status = :status, order_id = "
        + ("order_id" if status in {"issued", "redeemed", "reserved"} else "NULL")
        + " WHERE status = 'issued'",
        status=status,
    )
    ((bucket, card_id),) = shop.sql(
        "SELECT bucket, id FROM card WHERE status = :status", status=status
    )
    refused = freeze(shop, *names, status=5)
    assert card_code(bucket, card_id) in refused.stderr
    assert states(shop)["available", None] == 3


def test_what_was_frozen_past_its_time_expires(shop, frozen_clock):
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1"], expires="2026-12-01")
    (row,) = shop.sql("SELECT bucket, id FROM card")
    freeze(shop, card_code(*row))
    frozen_clock.advance(days=30)
    shop.run("stock expire")
    assert states(shop) == {("quarantined", "freeze"): 1}
    assert shop.run(f"card unfreeze {card_code(*row)} --json").json["expired"] == 1
    assert states(shop) == {("expired", None): 1}


def test_a_dry_run_keeps_nothing(shop, names):
    shop.run(f"card freeze {names[0]} --reason try --dry-run")
    assert states(shop) == {("available", None): 4}


@pytest.mark.parametrize("count", [100, 3_000])
def test_many_cards_take_as_many_statements_as_few(shop, count_statements, count):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(count)])
    rows = shop.sql("SELECT bucket, id FROM card")
    listed = "\n".join(card_code(*row) for row in rows)
    for line in ("card freeze --reason try", "card unfreeze", "card void --yes"):
        with count_statements() as heard:
            shop.run([*line.split(), "--from", "-"], stdin=listed)
        # Some thousand are locked by a statement.
        assert len(heard) < 40
