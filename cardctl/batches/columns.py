"""Which columns a file of keys has, by what Chinese and English suppliers call them.

What 卡密 means depends on the product: beside a number it is the password, else it is the code.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from cardctl.errors import InputRefused, UsageRefused
from cardctl.vocabulary import ProductKind
from cardctl.workbooks.cells import Row
from cardctl.workbooks.failures import HeaderMissing
from cardctl.workbooks.headers import HEADER_WITHIN, Header, find_header

NUMBER, SECRET = "number", "secret"
SERIAL, NOTE, COST, FACE_VALUE, EXPIRES = "serial", "note", "cost", "face_value", "expires"
FIELD_PREFIX = "field:"
"""Before the name of a further field of an account, so that none hides a field of ours."""

_PARTNER = "partner"
"""A column that would belong to the key, if the product had two parts."""

_CARD_NUMBERS = ("卡号", "卡片号码", "卡号码", "card number", "card no", "card_number", "number")
_PASSWORDS = ("密码", "卡密码", "password", "pin", "pwd", "pass")
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
    ProductKind.CARD: {NUMBER: _CARD_NUMBERS, SECRET: (*_PASSWORDS, "卡密", "secret")},
    ProductKind.ACCOUNT: {NUMBER: (*_USERS, "number"), SECRET: (*_PASSWORDS, "secret")},
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
_TEMPLATE_KEYS = {
    ProductKind.CODE: (("code", "兑换码"),),
    ProductKind.CARD: (("card number", "卡号"), ("password", "密码")),
    ProductKind.ACCOUNT: (("user name", "账号"), ("password", "密码")),
    ProductKind.LINK: (("link", "链接"),),
}
_TEMPLATE_OTHERS = (
    ("expires", "有效期"),
    ("cost", "成本"),
    ("serial", "序列号"),
    ("note", "备注"),
)


class UnknownMapField(UsageRefused):
    """--map names a field that no key of this kind has."""

    code = "unknown-map-field"
    message = "--map: a product of kind {kind} has no field {field}"
    hint = "one of: {known}"


class KindContradicted(InputRefused):
    """The file has card numbers beside its codes, but the product has none."""

    code = "kind-contradicted"
    message = "the file has numbers ({column}), but a product of kind {kind} has none"
    hint = "add a product of kind card or account, or say --map secret=COLUMN"


def synonyms_of(kind: ProductKind, fields: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names by which each field of such a product's keys is known."""
    further = {f"{FIELD_PREFIX}{name}": (name,) for name in fields}
    return {**_KEYS[kind], **_OTHERS, **further}


def required_of(kind: ProductKind) -> tuple[str, ...]:
    """The fields without which a row is no key."""
    return tuple(_KEYS[kind])


def find_columns(
    rows: Iterator[Row], *, kind: ProductKind, fields: Sequence[str], given: Mapping[str, str]
) -> tuple[Header, Iterator[Row]]:
    """The header, and the rows after it; `given` are the columns that --map names.

    Raises what `find_header` does, `UnknownMapField` and `KindContradicted`.
    """
    synonyms = synonyms_of(kind, fields)
    given = {_field_of(name, synonyms, kind): column for name, column in given.items()}
    first = list(islice(rows, HEADER_WITHIN))
    after = iter(first)
    if NUMBER in _KEYS[kind] or SECRET in given:
        header = find_header(after, synonyms, required_of(kind), given=given)
        return header, chain(after, rows)
    partnered = {**synonyms, _PARTNER: (*_CARD_NUMBERS, *_PASSWORDS)}
    try:
        header = find_header(after, partnered, (SECRET,), given=given)
    except HeaderMissing:
        # Some suppliers call a code 卡号; alone it is the code.
        after = iter(first)
        lone = {**synonyms, SECRET: _CARD_NUMBERS, _PARTNER: _PASSWORDS}
        header = find_header(after, lone, (SECRET,), given=given)
    if _PARTNER in header.columns:
        raise KindContradicted(kind=str(kind), column=header.names[_PARTNER])
    return header, chain(after, rows)


def template_headings(
    kind: ProductKind, fields: Sequence[str], *, chinese: bool
) -> tuple[str, ...]:
    """The header of an empty file of such a product's keys."""
    ours = [*_TEMPLATE_KEYS[kind], *((name, name) for name in fields), *_TEMPLATE_OTHERS]
    return tuple(pair[chinese] for pair in ours)


def _field_of(name: str, synonyms: Mapping[str, object], kind: ProductKind) -> str:
    for field in (name, f"{FIELD_PREFIX}{name}"):
        if field in synonyms:
            return field
    known = ", ".join(field.removeprefix(FIELD_PREFIX) for field in synonyms)
    raise UnknownMapField(kind=str(kind), field=name, known=known)
