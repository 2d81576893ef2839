"""A message as text: what is pasted into a chat, read at the terminal, or put into a mail.

It speaks the language of the shop and its buyers (`Sender.language`), whoever runs the command, so
its few words stand here in both languages and not in the catalogue of the terminal.
"""

from collections.abc import Iterator
from enum import Enum
from itertools import groupby

from cardctl.clock import NEVER, day_of
from cardctl.deliveries.message import Message, Sender, SentCard
from cardctl.settings import Language
from cardctl.vocabulary import ProductKind


class Word(Enum):
    """A word of delivered texts, or a heading of delivered tables: in English, in Chinese."""

    COLON = (": ", "：")
    ORDER = ("Order", "订单号")
    BUYER = ("Buyer", "买家")
    PRODUCT = ("Product", "商品")
    NUMBER = ("Card number", "卡号")
    USER = ("User name", "账号")
    CODE = ("Code", "卡密")
    PASSWORD = ("Password", "密码")
    LINK = ("Link", "链接")
    SECRET = ("Code or password", "卡密")
    FIELDS = ("Further fields", "其他信息")
    EXPIRES = ("Good until", "有效期至")
    NEVER = ("no end", "长期有效")
    GUIDE = ("How to use it", "使用说明")
    CONTACT = ("Questions", "售后联系")
    TEXT = ("Text", "发货内容")
    SHEET = ("Cards", "卡密")
    """The name of a sheet of cards."""

    def said(self, language: Language) -> str:
        """The word in that language."""
        english, chinese = self.value
        return chinese if language is Language.ZH else english


def message_text(message: Message, sender: Sender) -> str:
    """All cards of a message with guide and expiry, and how the shop is reached; in clear."""
    return "\n\n".join(_blocks(message, sender))


def message_texts(message: Message, sender: Sender, *, most: int) -> list[str]:
    """The same in as many texts as it takes, none longer than `most` characters.

    A text is cut between cards only: a card that is longer by itself stays longer.
    """
    texts: list[str] = []
    for block in _blocks(message, sender):
        joined = f"{texts[-1]}\n\n{block}" if texts else block
        if texts and len(joined) <= most:
            texts[-1] = joined
        else:
            texts.append(block)
    return texts


def expiry_text(card: SentCard, sender: Sender) -> str:
    """The last day a card is good for, in the shop's time zone."""
    if card.expires_at == NEVER:
        return Word.NEVER.said(sender.language)
    return day_of(card.expires_at, sender.zone).isoformat()


def fields_text(card: SentCard, sender: Sender) -> str:
    """The further fields of an account, one a line; in clear."""
    colon = Word.COLON.said(sender.language)
    return "\n".join(f"{name}{colon}{text.reveal()}" for name, text in card.fields.items())


def contact_text(sender: Sender) -> str:
    """The shop's name and how it is reached, as far as they are set."""
    return " ".join(part for part in (sender.name, sender.contact) if part)


def _blocks(message: Message, sender: Sender) -> Iterator[str]:
    yield _line(Word.ORDER, message.number, sender)
    for (product, guide), group in groupby(message.cards, lambda card: (card.product, card.guide)):
        for card in group:
            yield "\n".join((_line(Word.PRODUCT, product, sender), *_lines(card, sender)))
        if guide:
            yield _line(Word.GUIDE, guide, sender)
    if contact := contact_text(sender):
        yield _line(Word.CONTACT, contact, sender)


def _lines(card: SentCard, sender: Sender) -> Iterator[str]:
    label = Word.LINK if card.kind == ProductKind.LINK else Word.CODE
    if card.number is not None:
        label = Word.PASSWORD
        whose = Word.USER if card.kind == ProductKind.ACCOUNT else Word.NUMBER
        yield _line(whose, card.number.reveal(), sender)
    yield _line(label, card.secret.reveal(), sender)
    if card.fields:
        yield fields_text(card, sender)
    yield _line(Word.EXPIRES, expiry_text(card, sender), sender)


def _line(label: Word, text: str, sender: Sender) -> str:
    language = sender.language
    return f"{label.said(language)}{Word.COLON.said(language)}{text}"
