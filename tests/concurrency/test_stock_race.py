"""Eight shells move, freeze, void, expire, undo, recall and issue on one store at once.

Whatever they did to each other: every card is sold at most once, the books balance, the audit log
holds, and no command ended in a way that nobody can explain to a merchant.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.batches.books import check_all
from tests.concurrency.shell import PRODUCTS
from tests.support.shop import write_keys

FILES, KEYS = 4, 150
ROOT = Path(__file__).parents[2]


def stock_shop(shop, *, keys=KEYS):
    """Two products in two pools; a third of the cards ends while the shells are at work."""
    shop.seed_catalog()
    shop.run("product add TEAM --name 共享会员 --price 28")
    shop.run("pool add live")
    shop.run("channel add LIVE --name 直播间 --kind douyin --account WX --pool live --pool main")
    for product in PRODUCTS:
        for number in range(FILES):
            name = f"{product}-{number}.csv"
            made_up = [f"MADE-UP-{product}-{number}-{place}" for place in range(keys)]
            write_keys(shop.folder / name, made_up)
            shop.run(
                f"batch import {name} --product {product} --supplier SUP --cost 2 --expires never"
                f" --pool {('main', 'live')[number % 2]}"
            )


def let_some_expire(shop, *, seconds):
    """A third of the cards end one after another within so many seconds."""
    now = time.time_ns() // 1_000_000
    shop.execute(
        "UPDATE card SET expires_at = :now + id % :span WHERE id % 3 = 0",
        now=now,
        span=seconds * 1_000,
    )


def shells_at_once(shop, *, count, seconds, module="tests.concurrency.shell"):
    """What each of so many shells told at its end."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(seed), str(seconds)],
            env=shop.env | {"PYTHONPATH": str(ROOT)},
            cwd=shop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(count)
    ]
    ends = [
        (*process.communicate(timeout=seconds + 240), process.returncode) for process in started
    ]
    assert all(status == 0 for *_, status in ends), ends
    return [json.loads(stdout) for stdout, *_ in ends]


def prove_shells_do_no_harm(shop, *, count, seconds):
    stock_shop(shop)
    let_some_expire(shop, seconds=seconds)
    told = shells_at_once(shop, count=count, seconds=seconds)
    unexpected = [end for one in told for end in one["unexpected"]]
    assert not unexpected, "\n\n".join(unexpected)
    check_all(shop)
    held = "SELECT COUNT(*) FROM card WHERE order_id IS NOT NULL"
    assert shop.sql(held) == [(sum(one["cards"] for one in told),)]
    return sum((Counter(one["ends"]) for one in told), Counter())


def deadlocks(shop):
    if shop.backend == "sqlite":
        return 0
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return shop.sql(query)[0][0]


def test_three_shells_at_once_do_no_harm(shop):
    prove_shells_do_no_harm(shop, count=3, seconds=4)


@pytest.mark.prove
def test_eight_shells_for_a_minute_do_no_harm(shop):
    ends = prove_shells_do_no_harm(shop, count=8, seconds=60)
    print(f"\n{shop.backend}: {ends.total()} commands, {deadlocks(shop)} deadlocks")
    for end, count in sorted(ends.items()):
        print(f"{count:>7} {end}")
