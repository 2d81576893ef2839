"""Issuing at scale: beside the bare driver, beside an order at a time, and in a large stock.

Everything of one test is measured in one run, on copies of one store.
"""

import json
import statistics
import time

import pytest

from cardctl.orders.issue import CHUNK
from cardctl.stock.claim import Binding, Shelf, bind_cards
from tests.benchmarks.test_figures import place_orders
from tests.support.bare import issue_barely, issue_one_by_one
from tests.support.measure import measure
from tests.support.stock import fill

ORDERS = 100_000
ONE_BY_ONE = 10_000
"""Orders that are issued one at a time; their rate is compared."""

SMALL, LARGE = 10_000, 5_000_000
CLAIMS = 400
SOLD_EVERY = 2
"""Every second card of a large stock was sold before."""

BARE_AT_MOST = 2.0
FASTER_AT_LEAST = 3.0
LARGE_AT_MOST = 1.5


def issue_all(shop):
    """Seconds of the whole command, its start included."""
    issued = measure(shop.spawn("order issue --all --fields issued,cards --json", afresh=True))
    assert json.loads(issued.stdout) == {"issued": ORDERS, "cards": ORDERS}
    return issued.seconds


@pytest.mark.bench
def test_a_hundred_thousand_orders_by_one_command(shop, copied):
    shop.seed_catalog()
    keys = [(f"NO{place:012d}", f"PW-{place:09d}-MADE-UP") for place in range(ORDERS)]
    shop.import_codes("CARDP", keys)
    place_orders(shop, ORDERS)
    shop.execute("ANALYZE")
    barely, singly = copied(shop), copied(shop)
    bare = issue_barely(barely, chunk=CHUNK)
    ours = issue_all(shop)
    single = issue_one_by_one(singly, orders=ONE_BY_ONE) * ORDERS / ONE_BY_ONE
    print(
        f"\n{shop.backend}: {ORDERS:,} orders in {ours:.1f} s, {ours / bare:.2f} times the bare"
        f" {bare:.1f} s; an order a transaction {single:.1f} s, {single / ours:.1f} times ours"
    )
    assert ours / bare <= BARE_AT_MOST
    assert single / ours >= FASTER_AT_LEAST
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def claim_one(shop, product_id):
    """Milliseconds of one claim: look at the shelf, bind a card, commit."""
    begun = time.perf_counter()
    with shop.store.transaction() as session:
        shelf = Shelf(product_id, 1, good_until=0, waiting=False, locking=True)
        shelf.stock_up(session, 1)
        (card,) = shelf.take(1)
        bind_cards(session, bindings=[Binding(card, 0, 1, 1)], at=0)
    return (time.perf_counter() - begun) * 1000


@pytest.mark.bench
def test_a_claim_in_a_stock_of_five_million(shop, copied):
    shop.seed_catalog()
    small = copied(shop)
    fill(small, SMALL, sold_every=SOLD_EVERY)
    fill(shop, LARGE, sold_every=SOLD_EVERY)
    products = {
        one: one.sql("SELECT id FROM product WHERE sku = 'VIP'")[0][0] for one in (small, shop)
    }
    taken = {small: [], shop: []}
    # In turns, so that whatever else the machine does falls on both.
    for _ in range(CLAIMS):
        for one, product_id in products.items():
            taken[one].append(claim_one(one, product_id))
    few, many = statistics.median(taken[small]), statistics.median(taken[shop])
    print(
        f"\n{shop.backend}: a claim among {SMALL:,} cards {few:.2f} ms,"
        f" among {LARGE:,} {many:.2f} ms: {many / few:.2f} times"
    )
    assert many / few <= LARGE_AT_MOST
