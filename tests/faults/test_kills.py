"""SIGKILL at any moment of an import or an issue; run again, the result is the undisturbed one."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from cardctl.vault.sealing import CardOpener
from tests.support.clear_text import files_holding
from tests.support.forked import Forked
from tests.support.shop import Shop, write_keys

KILLS = 200
ROWS, ORDERS = 120, 80

SMALL_CHUNKS = """
import sys
import cardctl.orders.issue as issue
from cardctl.cli.main import main
issue.CHUNK = 7
main()
"""


def keys_of(step):
    return [f"MADEUP-{step:04d}-{place:04d}" for place in range(ROWS)]


def import_line(step):
    return f"batch import keys-{step}.csv --product VIP --supplier SUP --cost 1.23 --expires never"


def place_orders(shop, step):
    rows = (
        json.dumps({"order": f"{step}-{number}", "sku": "VIP", "paid": "28.00"})
        for number in range(ORDERS)
    )
    shop.run("order import - --channel TB", stdin="\n".join(rows))


def kill_at_a_random_moment(shop, line, *, usual_seconds, chance):
    """Start a command and kill it on its way; whether it was still running."""
    process = Forked(
        [sys.executable, "-c", SMALL_CHUNKS, *line.split()],
        env=shop.env,
        cwd=shop.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(usual_seconds * chance.uniform(0.3, 1.05))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def usual_seconds(shop, line):
    """How long a command takes as a process, when nobody kills it."""
    begun = time.monotonic()
    process = shop.spawn(line)
    process.communicate(timeout=60)
    return time.monotonic() - begun


def facts(shop):
    """What a merchant would see: stock, books, orders, and every key itself."""
    levels = shop.run("stock levels --json").json
    balances = shop.run("ledger balance --json").json
    orders = shop.sql("SELECT number, status FROM orders ORDER BY number")
    return levels, balances, orders, sorted(opened_keys(shop))


def opened_keys(shop):
    """Every card of the store, opened."""
    from tests.support.vaults import unlock_with_key_file

    rows = shop.sql("SELECT batch_id, bucket, id, product_id, sealed_secret FROM card")
    with shop.store.reading() as session:
        opener = CardOpener(session, unlock_with_key_file(shop))
        return [
            opener.open(
                "secret",
                batch_id=batch_id,
                bucket=bucket,
                card_id=card_id,
                product_id=product_id,
                sealed=bytes(sealed),
            ).decode()
            for batch_id, bucket, card_id, product_id, sealed in rows
        ]


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def killed_again_and_again(shop, *, kills, seed):
    """Kill imports and issues in turn, each run again to its end; how many steps it took."""
    chance = random.Random(seed)
    shop.seed_catalog()
    write_keys(shop.folder / "keys-0.csv", keys_of(0))
    usual = usual_seconds(shop, import_line(0))
    landed, step = 0, 0
    while landed < kills:
        step += 1
        write_keys(shop.folder / f"keys-{step}.csv", keys_of(step))
        landed += kill_at_a_random_moment(
            shop, import_line(step), usual_seconds=usual, chance=chance
        )
        shop.run(import_line(step))
        place_orders(shop, step)
        landed += kill_at_a_random_moment(
            shop, "order issue --all", usual_seconds=usual, chance=chance
        )
        shop.run("order issue --all")
        if step % 10 == 0:
            assert_whole(shop)
    return step, landed


def undisturbed(shop, *, steps):
    shop.seed_catalog()
    for step in range(steps + 1):
        write_keys(shop.folder / f"keys-{step}.csv", keys_of(step))
        shop.run(import_line(step))
        if step:
            place_orders(shop, step)
            shop.run("order issue --all")


@pytest.fixture
def other_shop(shop, tmp_path, test_run):
    """A second store on the same backend."""
    home = tmp_path / "other-home"
    home.mkdir()
    url = test_run.empty_database(shop.backend, home)
    other = Shop(backend=shop.backend, url=url, home=home, root=tmp_path / "other")
    other.run("init --timezone Asia/Shanghai --lang en --yes")
    yield other
    other.close()
    test_run.drop(url)


def prove_kills_do_no_harm(shop, other_shop, *, kills):
    steps, landed = killed_again_and_again(shop, kills=kills, seed=20_261_122)
    undisturbed(other_shop, steps=steps)
    assert facts(shop) == facts(other_shop)
    assert_whole(shop)
    folders = [shop.home, shop.temporary]
    assert list(files_holding(keys_of(1) + keys_of(steps), folders)) == []
    return steps, landed


def test_a_few_kills_do_no_harm(shop, other_shop):
    prove_kills_do_no_harm(shop, other_shop, kills=2)


@pytest.mark.prove
def test_two_hundred_kills_do_no_harm(shop, other_shop):
    steps, landed = prove_kills_do_no_harm(shop, other_shop, kills=KILLS)
    print(f"\n{shop.backend}: {landed} kills in {steps} imports and {steps} issues: no harm done")
