"""What is said of a delivery, as plain values: for templates and for JSON."""

from collections.abc import Iterable
from typing import Any, Literal

from cardctl.clock import NEVER, day_of
from cardctl.deliveries.message import Message, Sender, SentCard
from cardctl.deliveries.text import expiry_text

Secrets = Literal["all", "in-text", "none"]
"""Which cards are told in clear; `in-text`: those that may stand in the text of a mail."""


def described(message: Message, sender: Sender, *, secrets: Secrets) -> dict[str, Any]:
    """A message as a template gets it; strings and numbers only, so that nothing else leaks."""
    return {
        "order": message.order,
        "channel": message.channel,
        "number": message.number,
        "buyer": message.buyer or "",
        "products": [_product(cards, sender, secrets=secrets) for cards in _by_line(message.cards)],
        "shop": {"name": sender.name or "", "contact": sender.contact or ""},
        "reprint": message.reprint,
    }


def has_hidden(message: Message) -> bool:
    """Whether a card of it may not stand in the text of a mail."""
    return any(not card.secret_in_text for card in message.cards)


def _by_line(cards: Iterable[SentCard]) -> list[list[SentCard]]:
    lines: dict[int, list[SentCard]] = {}
    for card in cards:
        lines.setdefault(card.line, []).append(card)
    return [lines[line] for line in sorted(lines)]


def _product(cards: list[SentCard], sender: Sender, *, secrets: Secrets) -> dict[str, Any]:
    first = cards[0]
    told = secrets == "all" or (secrets == "in-text" and first.secret_in_text)
    return {
        "line": first.line,
        "sku": first.sku,
        "name": first.product,
        "qty": len(cards),
        "guide": first.guide or "",
        "in_text": told,
        "cards": [_card(card, sender) for card in cards] if told else [],
    }


def _card(card: SentCard, sender: Sender) -> dict[str, Any]:
    return {
        "number": card.number.reveal() if card.number else "",
        "secret": card.secret.reveal(),
        "fields": {name: text.reveal() for name, text in card.fields.items()},
        "expires_on": _day(card, sender),
        "expires": expiry_text(card, sender),
    }


def _day(card: SentCard, sender: Sender) -> str:
    """The last good day as programs read it."""
    if card.expires_at == NEVER:
        return "never"
    return day_of(card.expires_at, sender.zone).isoformat()
