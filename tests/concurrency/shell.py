"""One of many shells on one store: command lines drawn at random, one after another, for a while.

Run as a module with a seed and a number of seconds. It prints one JSON document: how often each
verb ended with which status and error code, how many cards it was told were issued, and every end
that nobody expects.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import text

import cardctl.orders.issue as issuing
from cardctl.identifiers import card_code
from cardctl.storage.store import open_store
from tests.support.terminal import run_in_process

PRODUCTS = ("VIP", "TEAM")
POOLS = ("main", "live")
CHANNELS = ("TB", "LIVE")

EXPECTED = {0, 5, 8}
REFUSED = "batch import"
"""It may end with 3 as well: every key of the file is there already."""
RACED = {"claim-lost", "order-moved", "store-busy"}
"""How a command may end with 9: somebody was faster, nothing was done."""
GONE = {"not-found", "card-unknown"}
"""How a command may end with 4: what it names was undone since it was looked up."""


class Shell:
    """A merchant's shell that is never tired."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seed = seed
        self.store = open_store(os.environ["CARDCTL_STORE"])
        self.environment = dict(os.environ)
        self.ends: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self.cards = 0
        self.orders = 0

    def work(self, seconds: float) -> None:
        """Run verbs until the time is up."""
        verbs = [verb for verb, weight in self.mix().items() for _ in range(weight)]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.chance.choice(verbs)(self)

    def mix(self) -> dict:
        """How often each verb is drawn."""
        return MIX

    def run(self, line: str, *, stdin: str = "") -> dict:
        """The result document of one command line."""
        told = self.told(line, stdin=stdin)
        return json.loads(told) if told.strip() else {}

    def told(self, line: str, *, stdin: str = "") -> str:
        """One command line; what it ended with is counted."""
        words = line.split()
        result = run_in_process(
            [*words, "--json"],
            environment=self.environment,
            folder=Path.cwd(),
            stdin=stdin.encode(),
        )
        code = result.error["code"] if result.stderr.strip().startswith("{") else ""
        self.ends[f"{words[0]} {words[1]} {result.status} {code}".strip()] += 1
        known = result.status in EXPECTED or code in RACED or code in GONE
        if not known and not (line.startswith(REFUSED) and result.status == 3):
            self.unexpected.append(f"{line}: {result.status} {result.stderr}")
        return result.stdout

    def move(self) -> None:
        giving, getting = self.chance.sample(POOLS, 2)
        product, qty = self.chance.choice(PRODUCTS), self.chance.randint(1, 40)
        self.run(f"stock move --product {product} --from {giving} --to {getting} --qty {qty}")

    def freeze(self) -> None:
        names = self.some_cards("available")
        if names:
            self.run(f"card freeze {names} --reason doubtful")

    def unfreeze(self) -> None:
        names = self.some_cards("quarantined")
        if names:
            self.run(f"card unfreeze {names}")

    def void(self) -> None:
        names = self.some_cards("available", most=3)
        if names:
            self.run(f"card void {names} --reason dead --yes")

    def expire(self) -> None:
        self.run("stock expire")

    def undo(self) -> None:
        """Take a batch back as far as it was not sold, and its file in again."""
        found = self.rows("SELECT code, file_name FROM batch WHERE status <> 'undone'")
        if not found:
            return
        code, name = self.chance.choice(found)
        self.run(f"batch undo {code} --unsold --reason wrong --yes")
        product = name.partition("-")[0]
        pool = self.chance.choice(POOLS)
        self.run(
            f"batch import {name} --product {product} --supplier SUP --cost 2 --expires never"
            f" --pool {pool} --skip-bad-rows"
        )

    def recall(self) -> None:
        found = self.rows("SELECT code FROM batch WHERE status <> 'undone'")
        if found:
            (code,) = self.chance.choice(found)
            self.run(f"batch recall {code} --reason doubtful --yes")
            self.run(f"batch release {code}")

    def freeze_stock(self) -> None:
        product = self.chance.choice(PRODUCTS)
        self.run(f"stock freeze --product {product} --reason doubtful")
        self.run(f"stock unfreeze --product {product}")

    def place_and_issue(self) -> None:
        """Orders of one or two products, issued with all that wait, or by their names."""
        channel, names = self.chance.choice(CHANNELS), []
        lines = []
        for _ in range(self.chance.randint(1, 15)):
            self.orders += 1
            number = f"{self.seed}-{self.orders}"
            names.append(f"{channel}:{number}")
            for product in self.chance.sample(PRODUCTS, self.chance.randint(1, 2)):
                qty = self.chance.randint(1, 3)
                line = {"order": number, "sku": product, "qty": qty, "line_paid": "28.00"}
                lines.append(json.dumps(line))
        self.run(f"order import - --channel {channel}", stdin="\n".join(lines))
        which = self.chance.choice((f"--all --limit {len(names)}", "--all", " ".join(names)))
        partial = self.chance.choice(("", "", "--partial"))
        self.cards += self.run(f"order issue {which} {partial}").get("cards", 0)

    def some_cards(self, status: str, *, most: int = 12) -> str:
        """The names of a few cards that were in a status a moment ago."""
        found = self.rows(f"SELECT bucket, id FROM card WHERE status = '{status}' LIMIT 400")
        count = min(len(found), self.chance.randint(1, most))
        return " ".join(card_code(*row) for row in self.chance.sample(found, count))

    def rows(self, query: str) -> list[tuple]:
        with self.store.reading() as session:
            return [tuple(row) for row in session.connection().execute(text(query))]


MIX = {
    Shell.place_and_issue: 6,
    Shell.move: 4,
    Shell.freeze: 2,
    Shell.unfreeze: 3,
    Shell.void: 1,
    Shell.expire: 2,
    Shell.undo: 2,
    Shell.recall: 1,
    Shell.freeze_stock: 1,
}
"""How often each verb is drawn."""


if __name__ == "__main__":
    # Small chunks make the shells meet often.
    issuing.CHUNK = 7
    shell = Shell(int(sys.argv[1]))
    shell.work(float(sys.argv[2]))
    told = {"ends": shell.ends, "unexpected": shell.unexpected, "cards": shell.cards}
    print(json.dumps(told))
