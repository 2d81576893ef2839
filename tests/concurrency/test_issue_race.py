"""Eight processes issue from one store at once: no card twice, no order lost, the books whole.

Small chunks make the processes meet often: by default one of them would take all the orders in
its first transaction. The naive way, SELECT and then UPDATE, has to fail the same proof, else the
proof proves nothing.
"""

import json
import subprocess
import sys

import pytest

from tests.support.forked import Forked

ORDERS, CARDS, PROCESSES, ROUNDS = 5_000, 4_000, 8, 10

ISSUE_IN_SMALL_CHUNKS = """
import sys
import cardctl.orders.issue as issue
from cardctl.cli.main import main
issue.CHUNK = int(sys.argv.pop(1))
main()
"""

ISSUE_NAIVELY = """
import random
import sys
from sqlalchemy import text
from sqlmodel import Session
from cardctl.storage.store import open_store

store = open_store(sys.argv[1])
engine = store.engine.execution_options(writing=store.engine.dialect.name != "sqlite")
with Session(engine) as session:
    waiting = list(session.execute(text("SELECT bucket, id FROM orders WHERE status = 'paid'")))
random.shuffle(waiting)
for bucket, order_id in waiting:
    with Session(engine) as session:
        card = session.execute(
            text("SELECT bucket, id FROM card WHERE status = 'available' ORDER BY id LIMIT 1")
        ).first()
        line = session.execute(
            text(
                "SELECT id FROM order_line"
                " WHERE bucket = :b AND order_id = :o AND issued_qty = 0"
            ),
            {"b": bucket, "o": order_id},
        ).scalar()
    if card is None or line is None:
        continue
    with Session(store.engine.execution_options(writing=True)) as session:
        given = {"cb": card.bucket, "c": card.id, "b": bucket, "o": order_id, "l": line}
        session.execute(
            text(
                "UPDATE card SET status = 'issued', order_bucket = :b, order_id = :o,"
                " order_line_id = :l WHERE bucket = :cb AND id = :c"
            ),
            given,
        )
        session.execute(
            text("UPDATE order_line SET issued_qty = 1 WHERE bucket = :b AND id = :l"), given
        )
        session.execute(
            text("UPDATE orders SET status = 'issued' WHERE bucket = :b AND id = :o"), given
        )
        session.commit()
"""


def stock_shop(shop, *, orders, cards):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place:06d}" for place in range(cards)])
    rows = (
        json.dumps({"order": str(number), "sku": "VIP", "paid": "28.00"})
        for number in range(orders)
    )
    shop.run("order import - --channel TB", stdin="\n".join(rows))


def run_at_once(shop, commands):
    """Start processes together; each one's (exit status, stdout, stderr)."""
    started = [
        Forked(
            [sys.executable, "-c", *command],
            env=shop.env,
            cwd=shop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    return [(*process.communicate(timeout=600), process.returncode) for process in started]


def assert_sold_once(shop, *, orders, cards):
    """Exactly `cards` orders issued with one card each, the others short; nothing out of line."""
    statuses = dict(shop.sql("SELECT status, COUNT(*) FROM orders GROUP BY status"))
    assert statuses == {"issued": cards, "short": orders - cards}
    held = shop.sql(
        "SELECT order_bucket, order_id, COUNT(*) FROM card WHERE status = 'issued'"
        " GROUP BY order_bucket, order_id"
    )
    assert len(held) == cards
    assert {count for _, _, count in held} == {1}
    shop.run("stock check")
    shop.run("ledger check")
    shop.run("audit verify")
    revenue = shop.sql("SELECT SUM(amount_fen) FROM journal_line WHERE account = 'revenue'")
    assert revenue == [(-2_800 * cards,)]


def issue_at_once(shop, *, processes, chunk, orders, cards):
    issue = [ISSUE_IN_SMALL_CHUNKS, str(chunk), "order", "issue", "--all", "--json"]
    results = run_at_once(shop, [issue] * processes)
    assert all(status in (0, 8) for _, _, status in results), results
    told = [json.loads(stdout) for stdout, _, _ in results]
    assert sum(one["issued"] for one in told) == cards
    assert sum(one["cards"] for one in told) == cards
    assert_sold_once(shop, orders=orders, cards=cards)
    return sorted(one["issued"] for one in told)


def test_three_processes_at_once_sell_every_card_once(shop):
    stock_shop(shop, orders=300, cards=240)
    issue_at_once(shop, processes=3, chunk=10, orders=300, cards=240)


@pytest.mark.prove
@pytest.mark.parametrize("number", range(ROUNDS))
def test_eight_processes_at_once_sell_every_card_once(shop, number):
    stock_shop(shop, orders=ORDERS, cards=CARDS)
    shares = issue_at_once(
        shop, processes=PROCESSES, chunk=20 + 10 * number, orders=ORDERS, cards=CARDS
    )
    print(f"\n{shop.backend}, round {number + 1}: {CARDS} issued, in shares of {shares}")


@pytest.mark.prove
def test_the_naive_way_fails_this_proof(shop):
    stock_shop(shop, orders=1_000, cards=800)
    results = run_at_once(shop, [[ISSUE_NAIVELY, shop.url]] * PROCESSES)
    sold = shop.sql("SELECT COUNT(*) FROM orders WHERE status = 'issued'")[0][0]
    held = shop.sql("SELECT COUNT(*) FROM card WHERE status = 'issued'")[0][0]
    print(f"\n{shop.backend}, the naive way: {sold} orders sold {held} cards, {results[0][2]}")
    with pytest.raises(AssertionError):
        assert_sold_once(shop, orders=1_000, cards=800)
    assert sold > held, "the naive way sold no card twice: the processes did not meet"
