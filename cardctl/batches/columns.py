"""Which columns a file of keys has, by what Chinese and English suppliers call them.

What 卡密 means depends on the product: beside a number it is the password, else it is the code.
"""

from collections.abc import Sequence

from cardctl.vocabulary import ProductKind

NUMBER, SECRET, PRODUCT = "number", "secret", "product"
SERIAL, NOTE, COST, FACE_VALUE, EXPIRES = "serial", "note", "cost", "face_value", "expires"
FIELD_PREFIX = "field:"
"""Before the name of a further field of an account, so that none hides a field of ours."""

CARD_NUMBERS = ("卡号", "卡片号码", "卡号码", "card number", "card no", "card_number", "number")
PASSWORDS = ("密码", "卡密码", "password", "pin", "pwd", "pass")
_CODES = (
    "兑换码",
    "激活码",
    "充值码",
    "提货码",
    "券码",
    "卡券码",
    "cdkey",
    "cd-key",
    "code",
    "key",
    "redeem code",
    "activation code",
    "secret",
)
_USERS = ("账号", "帐号", "用户名", "登录名", "account", "user", "username", "user name", "login")
_LINKS = ("链接", "兑换链接", "领取链接", "网址", "link", "url", "secret")

_KEYS: dict[ProductKind, dict[str, tuple[str, ...]]] = {
    ProductKind.CODE: {SECRET: ("卡密", *_CODES)},
    ProductKind.CARD: {NUMBER: CARD_NUMBERS, SECRET: (*PASSWORDS, "卡密", "secret")},
    ProductKind.ACCOUNT: {NUMBER: (*_USERS, "number"), SECRET: (*PASSWORDS, "secret")},
    ProductKind.LINK: {SECRET: ("卡密", *_LINKS)},
}
_OTHERS: dict[str, tuple[str, ...]] = {
    SERIAL: ("序列号", "流水号", "serial", "serial number", "serial no", "sn"),
    NOTE: ("备注", "说明", "note", "remark", "remarks"),
    COST: ("成本", "成本价", "成本(元)", "进价", "进货价", "采购价", "cost", "cost price"),
    FACE_VALUE: ("面值", "面值(元)", "面额", "face value", "face_value", "denomination"),
    EXPIRES: (
        "有效期",
        "有效期至",
        "有效期限",
        "到期日",
        "到期日期",
        "到期时间",
        "截止日期",
        "失效日期",
        "过期时间",
        "expires",
        "expires on",
        "expiry",
        "expiry date",
        "valid until",
    ),
}
PRODUCT_NAMES = (
    "sku",
    "商品编码",
    "商品编号",
    "货号",
    "商品",
    "商品名称",
    "商品名",
    "品名",
    "产品",
    "产品名称",
    "卡种",
    "product",
    "product name",
    "goods",
    "item",
)
"""What the column of the product is called; of several the one that stands first here counts."""


def synonyms_of(kind: ProductKind, fields: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names by which each field of such a product's keys is known."""
    further = {f"{FIELD_PREFIX}{name}": (name,) for name in fields}
    return {**_KEYS[kind], **_OTHERS, **further}


def required_of(kind: ProductKind) -> tuple[str, ...]:
    """The fields without which a row is no key."""
    return tuple(_KEYS[kind])


def is_paired(kind: ProductKind) -> bool:
    """Whether a key has two parts, the first of which names it."""
    return NUMBER in _KEYS[kind]
