"""Figures at three sizes: importing, and issuing 100,000 orders, beside the bare drivers.

Printed, not judged, but for memory: one command imports a million rows within 700 MB, its
reader's child counted.
"""

import json
from dataclasses import dataclass

import openpyxl
import pytest

from cardctl.orders.issue import CHUNK
from tests.support.bare import import_barely, issue_barely
from tests.support.measure import measure

SIZES = (10_000, 100_000, 1_000_000)
ORDERS_MOST = 100_000
MEMORY_MB = 700


@dataclass(frozen=True)
class Figures:
    """Seconds of one size."""

    rows: int
    orders: int
    import_seconds: float
    import_mb: float
    bare_import_seconds: float
    issue_seconds: float
    bare_issue_seconds: float

    def __str__(self):
        return (
            f"{self.rows:>9,} rows: import {self.import_seconds:7.1f} s"
            f" ({1e6 * self.import_seconds / self.rows:4.0f} µs a row, {self.import_mb:4.0f} MB),"
            f" bare {self.bare_import_seconds:6.1f} s"
            f" | {self.orders:>7,} orders: issue {self.issue_seconds:6.1f} s"
            f" ({1e6 * self.issue_seconds / self.orders:4.0f} µs an order),"
            f" bare {self.bare_issue_seconds:6.1f} s"
        )


def write_workbook(path, rows):
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("cards")
    sheet.append(["卡号", "密码", "有效期"])
    for place in range(rows):
        sheet.append([f"NO{place:012d}", f"PW-{place * 7919 % 10**9:09d}-MADE-UP", "2030-12-31"])
    workbook.save(path)


def place_orders(shop, count):
    path = shop.folder / "orders.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({"order": f"N{number}", "sku": "CARDP", "paid": "28.00"}) + "\n")
    shop.run("order import orders.jsonl --channel TB --quiet")


def figures_for(shop, copied, rows):
    shop.seed_catalog()
    path = shop.folder / "cards.xlsx"
    write_workbook(path, rows)
    line = "batch import cards.xlsx --product CARDP --supplier SUP --cost 12.50 --json"
    imported = measure(shop.spawn(line, afresh=True))
    assert json.loads(imported.stdout)["imported"] == rows
    orders = min(rows, ORDERS_MOST)
    place_orders(shop, orders)
    bare = copied(shop)
    bare_issue = issue_barely(bare, chunk=CHUNK)
    issued = measure(shop.spawn("order issue --all --fields issued,cards --json", afresh=True))
    assert json.loads(issued.stdout)["cards"] == orders
    return Figures(
        rows=rows,
        orders=orders,
        import_seconds=imported.seconds,
        import_mb=imported.peak_mb,
        bare_import_seconds=import_barely(bare, path),
        issue_seconds=issued.seconds,
        bare_issue_seconds=bare_issue,
    )


@pytest.mark.bench
@pytest.mark.parametrize("rows", SIZES)
def test_import_and_issue(shop, copied, rows):
    figures = figures_for(shop, copied, rows)
    print(f"\n{shop.backend:>8} {figures}")
    assert figures.import_mb <= MEMORY_MB
