"""Refunds, one by one and many at once, while the same orders are issued and delivered.

Whoever comes first: money goes back once a refund number, what was handed over is never sold again,
and what went back is never issued.
"""

import json
import subprocess
import sys

from cardctl.identifiers import card_code
from tests.batches.books import balances, check_all
from tests.support.forked import Forked

ORDERS = 30
MANY_LINES = """
import io, json, sys
import cardctl.orders.issue as issue
import cardctl.orders.many as many
from cardctl.cli.main import main
issue.CHUNK = many.CHUNK = 4
told = []
for line in sys.argv[1:]:
    sys.argv = ["cardctl", *line.split()]
    # What a command says is not the answer: that is how all of them ended.
    out, sys.stdout = sys.stdout, io.StringIO()
    try:
        main()
    except SystemExit as end:
        told.append(end.code or 0)
    finally:
        sys.stdout = out
print(json.dumps(told))
"""
REFUND = "order refund TB:{} --refund-no R1 --restock --reason raced --json"


def at_once(shop, *scripts):
    """How the lines of each script ended, all scripts at work at the same time."""
    started = [
        Forked(
            [sys.executable, "-c", MANY_LINES, *lines],
            env=shop.env | {"PW": "made-up-password"},
            cwd=shop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for lines in scripts
    ]
    told = [(*process.communicate(timeout=300), process.returncode) for process in started]
    assert all(status == 0 for *_, status in told), told
    return [json.loads(stdout) for stdout, *_ in told]


def test_what_goes_back_goes_back_once_and_what_left_stays_sold(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(ORDERS)], cost="2.00")
    orders = [{"order": str(number), "sku": "VIP", "paid": "10.00"} for number in range(ORDERS)]
    lines = "\n".join(map(json.dumps, orders))
    shop.run("order import - --channel TB", stdin=lines)
    shop.run(f"order issue --all --limit {ORDERS // 2}")
    send = "delivery send --pending --via file --out sent-{}.xlsx --password-source env:PW"
    every_second = range(0, ORDERS, 2)
    ends = at_once(
        shop,
        [REFUND.format(number) for number in every_second],
        [REFUND.format(" TB:".join(map(str, reversed(every_second))))] * 2,
        ["order issue --all --json"] * 3,
        [send.format(place) for place in range(3)],
    )
    # 5: handed over before it was refunded; 8: of many, or refunded before it was sent. 9: raced.
    assert {status for told in ends for status in told} <= {0, 5, 8, 9}, ends
    check_all(shop)
    refunds = dict(shop.sql("SELECT order_id, count(*) FROM refund GROUP BY order_id"))
    assert set(refunds.values()) <= {1}
    refunded = {
        row[0]: row[1] for row in shop.sql("SELECT id, number FROM orders WHERE status='refunded'")
    }
    assert refunded.keys() == refunds.keys()
    handed = {row[0] for row in shop.sql("SELECT order_id FROM card_delivery")}
    # All of these were refunded with --restock, which what was handed over refuses.
    assert handed.isdisjoint(refunded)
    with_cards = {row[0] for row in shop.sql("SELECT order_id FROM card WHERE order_id > 0")}
    assert with_cards.isdisjoint(refunded)
    shop.run("order issue --all")
    assert balances(shop).get("revenue", 0) == -1_000 * (ORDERS - len(refunded))
    assert balances(shop).get("cost-of-goods", 0) == 200 * (ORDERS - len(refunded))
    # Those that were refused for good were handed over; nobody is left between the two.
    for number in every_second:
        again = shop.run(REFUND.format(number), status=None)
        assert again.status == (0 if str(number) in refunded.values() else 5)
    check_all(shop)


def test_a_card_is_replaced_once_whoever_asks(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(10)], cost="2.00")
    shop.run("order add --channel TB --number 1 --sku VIP --qty 4 --paid 10")
    shop.run("order issue TB:1")
    bad = [card_code(*row) for row in shop.sql("SELECT bucket, id FROM card WHERE order_id > 0")]
    lines = [f"order replace TB:1 --card {card} --reason dead --json" for card in bad]
    ends = at_once(shop, lines, lines[::-1], lines)
    assert {status for told in ends for status in told} <= {0, 9}, ends
    # Whoever was rolled back asks again.
    for line in lines:
        shop.run(line)
    assert shop.sql("SELECT status, count(*) FROM card GROUP BY status ORDER BY status") == [
        ("available", 2),
        ("issued", 4),
        ("void", 4),
    ]
    assert balances(shop)["replacement-cost"] == 4 * 200
    check_all(shop)
