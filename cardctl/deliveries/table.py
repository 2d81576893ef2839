"""A message as rows of a table: a row a card, as it stands in workbooks; in clear."""

from collections.abc import Iterable

from cardctl.deliveries.message import Message, Sender
from cardctl.deliveries.text import Word, contact_text, expiry_text, fields_text
from cardctl.settings import Language

Row = tuple[str | None, ...]


TABLE = (
    *(Word.ORDER, Word.BUYER, Word.PRODUCT, Word.NUMBER, Word.SECRET, Word.FIELDS),
    *(Word.EXPIRES, Word.GUIDE, Word.CONTACT),
)
"""The headings of `table_rows`."""


def header_of(headings: Iterable[Word], language: Language) -> tuple[str, ...]:
    """Headings in the language of those who read the table."""
    return tuple(word.said(language) for word in headings)


def table_rows(message: Message, sender: Sender) -> list[Row]:
    """A row for each card, with guide, expiry and how the shop is reached."""
    return [
        (
            *(message.order, message.buyer, card.product),
            *(card.number.reveal() if card.number else None, card.secret.reveal()),
            *(fields_text(card, sender), expiry_text(card, sender), card.guide),
            contact_text(sender),
        )
        for card in message.cards
    ]
