"""Mistakes are mended while orders are issued: whoever comes first, the books and the stock hold.

Everybody takes batches before cards, and cards in the order of the claim, so that nobody waits in a
circle: a deadlock would end a process with 9.
"""

import json
import subprocess
import sys

from cardctl.identifiers import card_code
from tests.batches.books import balances, check_all
from tests.support.forked import Forked

ISSUE_IN_SMALL_CHUNKS = """
import cardctl.orders.issue as issue
from cardctl.cli.main import main
issue.CHUNK = 10
main()
"""
CARDS, ORDERS = 200, 300


def import_batches(shop):
    """Three batches at 2.00: one to correct, one to undo, one whose cards are frozen and voided."""
    shop.seed_catalog()
    shop.run("supplier add OTHER --name 另一家")
    return [
        shop.import_codes("VIP", [f"{name}-{place:04d}" for place in range(CARDS)], cost="2.00")[
            "batch"
        ]
        for name in ("CORRECT", "UNDO", "FREEZE")
    ]


def names(shop, batch):
    rows = shop.sql(
        "SELECT card.bucket, card.id FROM card JOIN batch ON batch.id = card.batch_id"
        " WHERE batch.code = :code ORDER BY card.id DESC",
        code=batch,
    )
    return [card_code(*row) for row in rows]


def start(shop, line):
    command = [sys.executable, "-c", ISSUE_IN_SMALL_CHUNKS, *line.split()]
    return Forked(
        command,
        env=shop.env,
        cwd=shop.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_issuing_and_mending_at_once_leave_the_books_whole(shop):
    corrected, undone, frozen = import_batches(shop)
    (shop.folder / "some.txt").write_text("\n".join(names(shop, frozen)[:60]), "utf-8")
    (shop.folder / "dead.txt").write_text("\n".join(names(shop, frozen)[60:90]), "utf-8")
    orders = "\n".join(
        json.dumps({"order": str(number), "sku": "VIP", "paid": "28.00"})
        for number in range(ORDERS)
    )
    shop.run("order import - --channel TB", stdin=orders)
    started = [
        start(shop, line)
        for line in (
            "order issue --all --json",
            "order issue --all --json",
            f"batch correct {corrected} --cost 2.50 --supplier OTHER --reason misread",
            f"batch undo {undone} --unsold --reason wrong --yes",
            f"batch recall {frozen} --reason dead --yes",
            "card freeze --from some.txt --reason doubtful",
            "card void --from dead.txt --reason dead --yes",
        )
    ]
    told = [(*process.communicate(timeout=300), process.returncode) for process in started]
    # 5: the cards that it named were sold first. 8: orders were left short.
    assert {status for _, _, status in told} <= {0, 5, 8}, told
    check_all(shop)
    # What is left is for whoever waits.
    shop.run(f"batch release {frozen}")
    shop.run("card unfreeze --from some.txt")
    shop.run("order issue --all", status=None)
    check_all(shop)
    known = dict(shop.sql("SELECT cost_fen, count(*) FROM card GROUP BY cost_fen"))
    assert set(known) == {200, 250}
    assert known[250] == CARDS
    assert balances(shop)["payable:OTHER"] == -250 * CARDS
    assert balances(shop)["payable:SUP"] == -200 * known[200]
