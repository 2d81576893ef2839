"""A script sends 20,000 orders to a stream, half of them twice; the stream is killed five times.

Whatever has no answer is sent again to the next stream. Every order is there once, every answer
says the truth, also what was answered before a kill.
"""

import json
import queue
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.batches.books import check_all
from tests.faults.test_kills import opened_keys

ORDERS, KILLS, UNANSWERED = 20_000, 5, 1_500
LINE = "order run - --channel TB --stream --reveal --reason script"
PEAK_MB = 200


def lines_to_send(chance):
    """An order by its number: one card or two, of one product or of both; half of them again."""
    lines = {}
    for number in range(ORDERS):
        parts = [{"sku": "VIP", "qty": 1 + number % 2, "line_paid": 28}]
        parts += [{"sku": "TEAM", "line_paid": 9}] if number % 5 == 0 else []
        lines[f"A{number}"] = {"order": f"A{number}", "lines": parts}
    order = [*lines, *chance.sample(list(lines), ORDERS // 2)]
    chance.shuffle(order)
    return [lines[number] for number in order]


class Feeder:
    """A script that does not wait for each answer, up to so many of them."""

    def __init__(self, shop, lines):
        self.shop = shop
        self.lines = lines
        self.answered = []
        self.seconds = 0.0
        self.peak_mb = 0.0

    def feed(self, *, until):
        """Send from the first line that has no answer, and kill the stream at so many answers."""
        process = self.shop.spawn(LINE, afresh=True)
        waiting = queue.Queue(UNANSWERED)
        unsent = self.lines[len(self.answered) :]
        writer = threading.Thread(target=write, args=(process, unsent, waiting))
        writer.start()
        begun = None
        for answer in process.stdout:
            begun = begun or time.monotonic()
            self.take(json.loads(answer), waiting.get())
            if len(self.answered) == until:
                self.peak_mb = max(self.peak_mb, peak_mb(process))
                process.send_signal(signal.SIGKILL)
                break
        self.seconds += time.monotonic() - begun
        # What was written before the kill is an answer as well.
        for answer in process.stdout:
            if answer.endswith("\n"):
                self.take(json.loads(answer), waiting.get())
        status = process.wait()
        while writer.is_alive():
            empty(waiting)
        writer.join()
        with suppress(BrokenPipeError):
            # It may hold what nobody took.
            process.stdin.close()
        return status, process.stderr.read()

    def take(self, answer, line):
        assert answer["order"] == f"TB:{line['order']}", answer
        self.answered.append(answer)


def write(process, lines, waiting):
    try:
        for line in lines:
            waiting.put(line)
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
        process.stdin.close()
    except (BrokenPipeError, ValueError):
        return


def empty(waiting):
    try:
        waiting.get(timeout=0.05)
    except queue.Empty:
        return


def peak_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.prove
def test_every_order_is_there_once_and_every_answer_is_true(shop):
    chance = random.Random(20_000)
    shop.seed_catalog()
    shop.run("product add TEAM --name 共享会员 --price 9")
    shop.import_codes("VIP", [f"MADEUP-V-{place:06d}" for place in range(ORDERS * 3 // 2)])
    shop.import_codes("TEAM", [f"MADEUP-T-{place:06d}" for place in range(ORDERS // 5)])
    feeder = Feeder(shop, lines_to_send(chance))
    total = len(feeder.lines)
    for kill in range(1, KILLS + 1):
        until = total * kill // (KILLS + 1) + chance.randrange(100)
        status, said = feeder.feed(until=until)
        assert (status, said) == (-signal.SIGKILL, "")
    assert feeder.feed(until=None) == (0, "")

    answers = feeder.answered
    assert len(answers) == total
    given = {}
    for answer, line in zip(answers, feeder.lines, strict=True):
        assert (answer["status"], answer["error"]) == ("issued", None)
        secrets = sorted(card["secret"] for card in answer["cards"])
        assert len(secrets) == sum(part.get("qty", 1) for part in line["lines"])
        # Whenever it was answered, it was with the same cards.
        assert given.setdefault(line["order"], secrets) == secrets
    handed = [secret for secrets in given.values() for secret in secrets]
    assert len(handed) == len(set(handed))
    assert sorted(handed) == sorted(opened_keys(shop)), "as many keys as the orders want"
    stored = (
        "SELECT number, COUNT(*) FROM card JOIN orders"
        " ON orders.bucket = card.order_bucket AND orders.id = order_id"
        " GROUP BY number"
    )
    assert dict(shop.sql(stored)) == {number: len(secrets) for number, secrets in given.items()}
    assert shop.sql("SELECT COUNT(*) FROM orders") == [(ORDERS,)]
    check_all(shop)
    runs = shop.run("audit verify --json").json
    assert len(runs["unfinished"]) <= KILLS
    assert feeder.peak_mb < PEAK_MB
    print(
        f"\n{shop.backend}: {total} lines, {len(runs['unfinished'])} chains without their end,"
        f" {total / feeder.seconds:.0f} lines/s, peak {feeder.peak_mb:.0f} MB"
    )
