"""What a buyer reads: in the shop's language, with guide, expiry and contact, cut nowhere."""

from zoneinfo import ZoneInfo

from cardctl.clock import NEVER
from cardctl.deliveries.message import Message, Sender, SentCard
from cardctl.deliveries.text import message_text, message_texts
from cardctl.settings import Language
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ProductKind

SHANGHAI = ZoneInfo("Asia/Shanghai")
END = 4_102_415_999_999
"""The last millisecond of 2099-12-31 in Shanghai."""


def card(secret, *, kind=ProductKind.CODE, number=None, fields=None, guide=None, expires=END):
    return SentCard(
        line=1,
        sku="SKU",
        product=f"商品-{kind}",
        kind=kind,
        number=None if number is None else Secret(number),
        secret=Secret(secret),
        fields={name: Secret(text) for name, text in (fields or {}).items()},
        expires_at=expires,
        guide=guide,
        secret_in_text=False,
    )


def message(*cards):
    return Message(
        bucket=0,
        delivery_id=1,
        idempotency_key="made-up",
        attempt=1,
        reprint=0,
        created_at=0,
        order="TB:0001",
        channel="TB",
        number="0001",
        channel_id=1,
        buyer="小王",
        email=None,
        phone=None,
        cards=cards,
    )


def test_every_kind_says_what_it_is_in_chinese():
    sender = Sender(Language.ZH, SHANGHAI, name="小店", contact="微信 made-up")
    told = message_text(
        message(
            card("=1+1", guide="官网兑换"),
            card("0002", guide="官网兑换", expires=NEVER),
            card("0000", kind=ProductKind.CARD, number="0012"),
            card("pw", kind=ProductKind.ACCOUNT, number="me", fields={"密保": "狗"}),
            card("https://example.com", kind=ProductKind.LINK),
        ),
        sender,
    )
    assert told.split("\n\n") == [
        "订单号：0001",
        "商品：商品-code\n卡密：=1+1\n有效期至：2099-12-31",
        "商品：商品-code\n卡密：0002\n有效期至：长期有效",
        "使用说明：官网兑换",
        "商品：商品-card\n卡号：0012\n密码：0000\n有效期至：2099-12-31",
        "商品：商品-account\n账号：me\n密码：pw\n密保：狗\n有效期至：2099-12-31",
        "商品：商品-link\n链接：https://example.com\n有效期至：2099-12-31",
        "售后联系：小店 微信 made-up",
    ]


def test_a_text_is_cut_between_cards_only():
    one = message(*(card("x" * 300) for _ in range(5)))
    sender = Sender(Language.EN, SHANGHAI)
    texts = message_texts(one, sender, most=800)
    assert [len(text) <= 800 for text in texts] == [True] * 3
    assert "\n\n".join(texts) == message_text(one, sender)
    assert message_texts(one, sender, most=10)[1].count("x") == 300
