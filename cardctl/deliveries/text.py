"""A message as text: what is pasted into a chat, read at the terminal, or put into a mail.

It speaks the language of the shop and its buyers (`Sender.language`), whoever runs the command, so
its few words stand here in both languages and not in the catalogue of the terminal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from cardctl.clock import NEVER, day_of
from cardctl.deliveries.message import Message, Sender, SentCard
from cardctl.settings import Language
from cardctl.vocabulary import ProductKind


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a delivered text and of the headings of a delivered table."""

    colon: str
    order: str
    buyer: str
    product: str
    number: str
    user: str
    code: str
    password: str
    link: str
    secret: str
    fields: str
    expires: str
    never: str
    guide: str
    contact: str
    text: str
    sheet: str
    """The name of a sheet of cards."""


_WORDS = {
    Language.EN: Words(
        colon=": ",
        order="Order",
        buyer="Buyer",
        product="Product",
        number="Card number",
        user="User name",
        code="Code",
        password="Password",  # noqa: S106 -- a heading
        link="Link",
        secret="Code or password",  # noqa: S106 -- a heading
        fields="Further fields",
        expires="Good until",
        never="no end",
        guide="How to use it",
        contact="Questions",
        text="Text",
        sheet="Cards",
    ),
    Language.ZH: Words(
        colon="：",
        order="订单号",
        buyer="买家",
        product="商品",
        number="卡号",
        user="账号",
        code="卡密",
        password="密码",  # noqa: S106 -- a heading
        link="链接",
        secret="卡密",  # noqa: S106 -- a heading
        fields="其他信息",
        expires="有效期至",
        never="长期有效",
        guide="使用说明",
        contact="售后联系",
        text="发货内容",
        sheet="卡密",
    ),
}


def words_of(language: Language) -> Words:
    """The words of a language."""
    return _WORDS[language]


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
        return words_of(sender.language).never
    return day_of(card.expires_at, sender.zone).isoformat()


def fields_text(card: SentCard, sender: Sender) -> str:
    """The further fields of an account, one a line; in clear."""
    colon = words_of(sender.language).colon
    return "\n".join(f"{name}{colon}{text.reveal()}" for name, text in card.fields.items())


def contact_text(sender: Sender) -> str:
    """The shop's name and how it is reached, as far as they are set."""
    return " ".join(part for part in (sender.name, sender.contact) if part)


def _blocks(message: Message, sender: Sender) -> Iterator[str]:
    words = words_of(sender.language)
    yield f"{words.order}{words.colon}{message.number}"
    for (product, guide), group in groupby(message.cards, lambda card: (card.product, card.guide)):
        for card in group:
            yield "\n".join((f"{words.product}{words.colon}{product}", *_lines(card, sender)))
        if guide:
            yield f"{words.guide}{words.colon}{guide}"
    if contact := contact_text(sender):
        yield f"{words.contact}{words.colon}{contact}"


def _lines(card: SentCard, sender: Sender) -> Iterator[str]:
    words = words_of(sender.language)
    account = card.kind == ProductKind.ACCOUNT
    if card.number is not None:
        yield f"{words.user if account else words.number}{words.colon}{card.number.reveal()}"
    label = words.link if card.kind == ProductKind.LINK else words.code
    label = words.password if card.number is not None else label
    yield f"{label}{words.colon}{card.secret.reveal()}"
    if card.fields:
        yield fields_text(card, sender)
    yield f"{words.expires}{words.colon}{expiry_text(card, sender)}"
