"""A way to buyers that answers as a test says, and remembers what it was given."""

from contextlib import nullcontext

from cardctl.deliveries.channel import DELIVERED, DeliveryChannel, try_again
from cardctl.errors import ServiceUnavailable
from cardctl.vocabulary import DeliveryVia


class Down(ServiceUnavailable):
    """The other side is down."""

    code = "down"
    message = "it is down"


class Scripted:
    """Fails while `failing`; keeps (order, idempotency key, attempt, secrets) of every try."""

    via = DeliveryVia.WEBHOOK
    staged = False
    deadline_ms = 30_000

    def __init__(self):
        self.failing = False
        self.tries = []

    def send(self, message):
        cards = [card.secret.reveal() for card in message.cards]
        self.tries.append((message.order, message.idempotency_key, message.attempt, cards))
        return try_again(Down()) if self.failing else DELIVERED

    def begin(self):
        pass

    def finish(self, result):
        pass

    def instead_of_webhook(self, monkeypatch):
        """Let it take the place of the webhooks."""
        opened = DeliveryChannel(DeliveryVia.WEBHOOK, lambda _: nullcontext(self))
        monkeypatch.setattr("cardctl.deliveries.channels.webhook.CHANNEL", opened)
        return self


def listed(shop, *fields):
    rows = shop.run("delivery list --json").json
    return [tuple(row[field] for field in fields) for row in rows]


def assert_whole(shop):
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)
