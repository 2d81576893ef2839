"""One of many shells that sell, deliver, pay back and replace on one store, and move its stock.

Run as a module with a seed and a number of seconds, like `shell`. Besides how its commands ended
it prints the cards that it was shown in clear, each with its order: they are nobody else's ever.
"""

import json
import sys
from collections import Counter

import cardctl.orders.issue as issuing
import cardctl.orders.stream as streaming
from cardctl.identifiers import card_code
from cardctl.orders import many
from tests.concurrency.shell import CHANNELS, PRODUCTS, RACED, Shell

SHARED = 400
"""Orders that every shell sends, again and again: one of them is the first."""
PRICE_FEN = 2_800
SOLD = "('issued', 'delivered', 'partly_issued', 'partly_refunded')"


class MixedShell(Shell):
    """A shell of somebody in sales."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.new = 0
        """How many orders it was told that it was the first to record."""
        self.shown: dict[str, str] = {}

    def mix(self) -> dict:
        return MIX

    def issue_one(self) -> None:
        channel, order = self.order()
        line = order["lines"][0]
        paid = f"{PRICE_FEN * line['qty'] / 100:.2f}"
        number, sku, qty = order["order"], line["sku"], line["qty"]
        told = self.run(
            f"order add --channel {channel} --number {number} --sku {sku} --qty {qty} --paid {paid}"
        )
        self.new += told.get("outcome") == "new"
        self.run(f"order issue {channel}:{number}")

    def issue_many(self) -> None:
        channel, orders = self.batch()
        rows = [
            json.dumps({"order": one["order"], **line}) for one in orders for line in one["lines"]
        ]
        told = self.run(f"order import - --channel {channel}", stdin="\n".join(rows))
        self.new += told.get("new", 0)
        self.run(self.chance.choice(("order issue --all", "order issue --all --limit 9 --partial")))

    def run_a_file(self) -> None:
        channel, orders = self.batch()
        rows = [
            json.dumps({"order": one["order"], **line}) for one in orders for line in one["lines"]
        ]
        told = self.run(f"order run - --channel {channel} --via terminal", stdin="\n".join(rows))
        self.new += told.get("import", {}).get("new", 0)

    def stream(self) -> None:
        channel, orders = self.batch()
        reveal = self.chance.choice(("", "--reveal --reason script"))
        told = self.told(
            f"order run - --channel {channel} --stream {reveal}",
            stdin="\n".join(map(json.dumps, orders)),
        )
        answers = [json.loads(line) for line in told.splitlines()]
        for answer in answers:
            code = answer["error"]["code"] if answer["error"] else ""
            self.ends[f"answer {answer['status']} {code}".strip()] += 1
            self.new += answer["outcome"] == "new"
            if code not in RACED | {""}:
                self.unexpected.append(f"stream: {answer}")
            for card in answer["cards"]:
                if card.get("secret"):
                    self.shown[card["id"]] = answer["order"]
        if len(answers) != len(orders):
            self.unexpected.append(f"stream: {len(answers)} answers for {len(orders)} lines")

    def refund(self) -> None:
        how = ("", "--restock", "--amount 1 --refund-no R1", "--amount 2.50 --refund-no R2")
        if name := self.some_order(f"status IN {SOLD} OR status IN ('paid', 'short')"):
            self.run(f"order refund {name} --reason x {self.chance.choice(how)}")

    def refund_many(self) -> None:
        which = f"status IN {SOLD} OR status IN ('paid', 'short')"
        names = {self.some_order(which) for _ in range(self.chance.randint(2, 8))} - {""}
        if len(names) > 1:
            restock = self.chance.choice(("", "--restock"))
            self.run(f"order refund {' '.join(names)} --reason x {restock}")

    def charge_back(self) -> None:
        if name := self.some_order(f"status IN {SOLD}"):
            self.run(f"order chargeback {name} --reason x")

    def replace(self) -> None:
        found = self.rows(
            "SELECT code, number, card.bucket, card.id FROM card JOIN orders"
            " ON orders.bucket = order_bucket AND orders.id = order_id"
            " JOIN channel ON channel.id = channel_id WHERE card.status = 'issued' LIMIT 300"
        )
        if found:
            channel, number, *card = self.chance.choice(found)
            self.run(f"order replace {channel}:{number} --card {card_code(*card)} --reason dead")

    def deliver(self) -> None:
        if self.chance.random() < 0.3:
            self.run("delivery send --pending --via terminal")
        elif name := self.some_order(f"status IN {SOLD}"):
            self.run(f"delivery send {name} --via terminal")

    def reserve(self) -> None:
        self.orders += 1
        number = f"U{self.seed}-{self.orders}"
        told = self.run(
            f"order add --channel TB --number {number} --sku VIP --paid 28 --unpaid --reserve 1m"
        )
        self.new += told.get("outcome") == "new"
        what = self.chance.choice(("cancel TB:", "add --channel TB --sku VIP --paid 28 --number "))
        self.run(f"order {what}{number}")

    def batch(self) -> tuple[str, list[dict]]:
        """A channel, and orders of it, each once."""
        channel = self.chance.choice(CHANNELS)
        drawn = [self.order(channel)[1] for _ in range(self.chance.randint(1, 12))]
        return channel, list({one["order"]: one for one in drawn}.values())

    def order(self, channel: str | None = None) -> tuple[str, dict]:
        """One of the shared orders, or one of its own, with a single line."""
        channel = channel or self.chance.choice(CHANNELS)
        if self.chance.random() < 0.4:
            place = self.chance.randrange(SHARED)
            number = f"S{place}"
        else:
            self.orders += 1
            place = self.orders
            number = f"{self.seed}-{self.orders}"
        qty = 1 + place % 3
        line = {"sku": PRODUCTS[place % 2], "qty": qty, "line_paid": f"{PRICE_FEN * qty / 100:.2f}"}
        return channel, {"order": number, "lines": [line]}

    def some_order(self, which: str) -> str:
        """The name of an order that was like this a moment ago."""
        found = self.rows(
            "SELECT code, number FROM orders JOIN channel ON channel.id = channel_id"
            f" WHERE {which} LIMIT 300"
        )
        return ":".join(self.chance.choice(found)) if found else ""


MIX = {
    MixedShell.issue_one: 4,
    MixedShell.issue_many: 3,
    MixedShell.run_a_file: 2,
    MixedShell.stream: 6,
    MixedShell.refund: 3,
    MixedShell.refund_many: 1,
    MixedShell.charge_back: 1,
    MixedShell.replace: 2,
    MixedShell.deliver: 2,
    MixedShell.reserve: 1,
    MixedShell.move: 3,
    MixedShell.freeze: 1,
    MixedShell.unfreeze: 2,
    MixedShell.expire: 1,
}
"""How often each verb is drawn."""


if __name__ == "__main__":
    # Small chunks make the shells meet often.
    issuing.CHUNK = 7
    many.CHUNK = 3
    streaming.CARDS_AT_ONCE = 9
    shell = MixedShell(int(sys.argv[1]))
    shell.work(float(sys.argv[2]))
    told = {"ends": Counter(shell.ends), "unexpected": shell.unexpected}
    print(json.dumps(told | {"new": shell.new, "shown": shell.shown}))
