"""A message as rows of a table: a row a card, as it stands in workbooks; in clear."""

from cardctl.deliveries.message import Message, Sender
from cardctl.deliveries.text import Words, contact_text, expiry_text, fields_text

Row = tuple[str | None, ...]


def table_header(words: Words) -> tuple[str, ...]:
    """The headings of `table_rows`."""
    return (
        *(words.order, words.buyer, words.product, words.number, words.secret, words.fields),
        *(words.expires, words.guide, words.contact),
    )


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
