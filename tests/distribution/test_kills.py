"""Killed again and again on its way, a distribution still gives everybody exactly their cards.

`CARDCTL_RECIPIENTS` says how many the proof plans for; what it took is printed.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.support.measure import measure
from tests.support.shop import write_keys

RECIPIENTS = int(os.environ.get("CARDCTL_RECIPIENTS", "100000"))
CHUNK = max(100, RECIPIENTS // 20)
MOST_MB = 300
KILLS = 3

IN_CHUNKS = """
import sys
import cardctl.distribution.run as run
run.CHUNK = {chunk}
from cardctl.cli.main import main
main()
"""
RUN = ["distribute", "run", "spring"]


def spawn(shop, chunk):
    """A run as a process, of which a kill may take any moment."""
    return subprocess.Popen(
        [sys.executable, "-c", IN_CHUNKS.format(chunk=chunk), *RUN],
        env=shop.env,
        cwd=shop.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def orders_made(shop):
    return shop.sql("SELECT count(*) FROM orders")[0][0]


def kill_within(shop, chunk, chance):
    """Kill a run after it has got on by some chunks; whether it was still at work."""
    before = orders_made(shop)
    process = spawn(shop, chunk)
    while process.poll() is None and orders_made(shop) < before + chunk:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def wait_until_free(shop):
    """A server takes a moment to see that a connection is gone."""
    for _ in range(100):
        if shop.run([*RUN, "--dry-run"], status=None).status != 10:
            return
        time.sleep(0.05)


def one_each(shop, count):
    ((cards, orders, fewest, most),) = shop.sql(
        "SELECT sum(n), count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM card"
        " WHERE status = 'issued' GROUP BY order_bucket, order_id) AS given"
    )
    return (cards, orders, fewest, most) == (count, count, 1, 1)


def stocked(shop, count):
    """So many codes, and a table of as many recipients."""
    shop.seed_catalog()
    write_keys(shop.folder / "keys.csv", [f"MADEUP-{n:07d}" for n in range(count)])
    shop.run("batch import keys.csv --product VIP --supplier SUP --cost 1 --expires never")
    rows = "".join(f"u{n:07d},VIP,u{n}@made-up.cn\n" for n in range(count))
    (shop.folder / "staff.csv").write_text("recipient,sku,email\n" + rows)


def killed_on_the_way(shop, chunk):
    chance = random.Random(20_261_122)
    assert [kill_within(shop, chunk, chance) for _ in range(KILLS)] == [True] * KILLS
    wait_until_free(shop)


def assert_everybody_has_one(shop, count):
    assert one_each(shop, count)
    told = shop.run("distribute status spring --json").json
    assert (told["recipients"], told["assigned"], told["status"]) == (count, count, "done")
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_a_killed_run_goes_on(shop):
    stocked(shop, 2_000)
    shop.run("distribute plan staff.csv --name spring --price 30")
    killed_on_the_way(shop, chunk=200)
    shop.run(RUN)
    assert_everybody_has_one(shop, 2_000)


@pytest.mark.prove
def test_a_hundred_thousand_recipients_get_one_card_each(shop):
    stocked(shop, RECIPIENTS)
    planned = measure(shop.spawn("distribute plan staff.csv --name spring --price 30", afresh=True))
    killed_on_the_way(shop, chunk=CHUNK)
    last = measure(shop.spawn(RUN, afresh=True))
    again = measure(shop.spawn(RUN, afresh=True))
    print(
        f"\n{shop.backend}: {RECIPIENTS} recipients planned in {planned.seconds:.1f} s"
        f" ({planned.peak_mb:.0f} MB); after {KILLS} kills the rest took {last.seconds:.1f} s"
        f" ({last.peak_mb:.0f} MB); run once more {again.seconds:.1f} s ({again.peak_mb:.0f} MB)"
    )
    assert max(planned.peak_mb, last.peak_mb, again.peak_mb) < MOST_MB
    assert_everybody_has_one(shop, RECIPIENTS)
