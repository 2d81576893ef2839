"""The order lists of platforms: samples and what becomes of them, as it is written beside them."""

import json
from pathlib import Path

import pytest

from cardctl.orders.tables import order_formats
from cardctl.schema.base import metadata
from sample_data import order_lists
from tests.orders.formats.variants import VARIANTS, list_of

FOLDER = Path(order_lists.__file__).parent / "orders"
SAMPLES = sorted(
    path
    for path in FOLDER.iterdir()
    if path.stem in order_lists.CHANNELS and path.suffix != ".json"
)
LEAST = 10


@pytest.fixture
def sample_shop(shop):
    """The sample shop, with its further channels and their names for our products."""
    shop.run(f"setup import {FOLDER.parent / 'shop.xlsx'}")
    shop.run(f"setup import {FOLDER / 'channels.xlsx'}")
    return shop


def take(shop, path, channel, *, status=None, items=None):
    line = f"order import {path} --channel {channel} --json"
    return shop.run(line + (f" --items {items}" if items else ""), status=status)


def kept(shop, channel):
    """The orders of a channel as they stand: status, what was paid, and lines."""
    rows = shop.sql(
        "SELECT number, orders.status, orders.paid_fen, sku, qty, order_line.paid_fen"
        " FROM orders JOIN channel ON channel.id = channel_id JOIN order_line"
        " ON order_line.bucket = orders.bucket AND order_id = orders.id"
        " JOIN product ON product.id = product_id WHERE channel.code = :channel"
        " ORDER BY number, position",
        channel=channel,
    )
    found = {}
    for number, status, paid, *line in rows:
        one = found.setdefault(number, {"status": status, "paid_fen": paid, "lines": []})
        one["lines"].append(line)
    return found


def test_every_format_has_a_sample_and_ten_variants():
    stems = {path.stem for path in SAMPLES}
    assert set(order_formats()) <= stems
    assert stems == set(order_lists.CHANNELS)
    assert set(VARIANTS) == set(order_formats())
    assert all(len(variants) >= LEAST for variants in VARIANTS.values())


def test_samples_are_what_the_code_makes(tmp_path):
    order_lists.write(tmp_path / "orders")
    for path in FOLDER.iterdir():
        if path.suffix != ".xlsx":
            assert path.read_bytes() == (tmp_path / "orders" / path.name).read_bytes(), path.name


def test_samples_come_to_what_is_written_beside_them(sample_shop):
    wanted = {}
    for path in SAMPLES:
        channel = order_lists.CHANNELS[path.stem]
        expected = json.loads((FOLDER / f"{path.stem}.json").read_text("utf-8"))
        items = FOLDER / f"{path.stem}-items.csv"
        items = items if items.exists() else None
        done = take(sample_shop, path, channel, status=expected["status"], items=items).json
        wanted.setdefault(channel, {}).update(expected["wanted"])

        assert done["format"] == path.stem.partition("-")[0]
        assert done["orders"] == expected["orders"]
        assert (done["new"], done["not_taken"]) == (len(expected["wanted"]), expected["not_taken"])
        told = [[one["row"], one["column"], one["code"]] for one in done["rejects"]]
        assert told == expected["rejects"]
        again = take(sample_shop, path, channel, status=expected["status"], items=items).json
        assert (again["new"], again["unchanged"]) == (0, done["new"])
    for channel, orders in wanted.items():
        assert kept(sample_shop, channel) == orders

    # Nothing personal is kept but what a rule needs.
    everything = repr(
        [sample_shop.sql(f'SELECT * FROM "{table.name}"') for table in metadata.sorted_tables]
    )
    assert [text for text in order_lists.PRIVATE if text in everything] == []
    assert order_lists.TOPUP_ACCOUNT in everything
    sample_shop.run("audit verify")


@pytest.mark.parametrize("code", VARIANTS)
def test_variants_come_to_what_is_written_beside_them(sample_shop, code):
    channel = order_lists.CHANNELS[code]
    for case, variant in enumerate(VARIANTS[code], 100):
        table = list_of(code, case)
        path = sample_shop.folder / f"list-{case}"
        path.write_bytes(variant.make(table))
        items = sample_shop.folder / f"items-{case}" if table.items else None
        if table.items:
            items.write_bytes(table.items.as_text())
        before = len(kept(sample_shop, channel))
        done = take(sample_shop, path, channel, items=items)

        if variant.refused is not None:
            assert done.status == 3, (variant.name, done)
            assert (variant.name, done.error["code"]) == (variant.name, variant.refused)
            assert len(kept(sample_shop, channel)) == before
            continue
        told = [(one["row"], one["column"], one["code"]) for one in done.json["rejects"]]
        rejects = [(row + variant.shift, *what) for row, *what in table.rejects]
        expected = sorted([*rejects, *variant.told, *variant.again])
        assert (variant.name, sorted(told)) == (variant.name, expected)
        assert done.json["new"] == len(table.wanted) - len(variant.told), variant.name
        assert done.status == (8 if expected else 0)
