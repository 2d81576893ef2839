"""What suppliers write before the parts of a key, in chats and above the columns of a table."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from cardctl.workbooks.headers import fold

NUMBER, SECRET = "number", "secret"
KEY_FIELDS = (NUMBER, SECRET)

_CODES = (
    *("兑换码", "激活码", "充值码", "提货码", "券码", "卡券码"),
    *("cdkey", "cd-key", "code", "redeem code", "activation code"),
)
FIELDS = {
    NUMBER: (
        *("卡号", "卡片号码", "卡号码", "账号", "帐号", "用户名", "登录名", "card number"),
        *("card no", "card_number", "number", "account", "user", "username", "user name", "login"),
    ),
    SECRET: (
        *("密码", "卡密", "卡密码", *_CODES, "链接", "兑换链接", "领取链接", "网址"),
        *("password", "pin", "pwd", "pass", "key", "secret", "link", "url"),
    ),
    "serial": ("序列号", "流水号", "serial", "serial number", "serial no", "sn"),
    "expires": (
        *("有效期", "有效期至", "有效期限", "到期日", "到期日期", "到期时间", "截止日期"),
        *("失效日期", "过期时间", "expires", "expires on", "expiry", "expiry date", "valid until"),
    ),
    "cost": ("成本", "成本价", "进价", "进货价", "采购价", "cost", "cost price"),
    "note": ("备注", "说明", "note", "remark", "remarks"),
}
"""Of a line of pasted text, by the names that the header made of it has; {skip} is for templates.

Which of them a product has, its importer knows; here they tell a line of keys from talk.
"""
_OTHERS = (
    *("订单号", "订单编号", "订单", "商品", "商品名称", "名称", "面值", "面额", "数量", "序号"),
    *("编号", "时间", "日期", "下单时间", "客服", "客服电话", "微信", "店铺", "product", "sku"),
    *("face value", "face_value", "denomination", "order", "order number", "quantity", "qty"),
)
"""Labels of what is no part of a key."""
_LONE_CODES = [[fold(name)] for name in _CODES]
_DIGIT = re.compile("[0-9]")
_COLON = re.compile(r"[ \t]*[:：](?!//)[ \t]*")
_BOUNDARY = re.compile(r"[\s,，;；|｜]")
_IN_BRACKETS = re.compile(r"[(（][^()（）]*[)）]$")
_BETWEEN = " \t\u3000,，;；|｜"
_HYPHENS_BETWEEN = re.compile(r"[ \t]*-{2,}$")


class Labelled(NamedTuple):
    """A part of a line with the label before it; `field` is None where it is no part of a key."""

    field: str | None
    label: str
    value: str


class Labels:
    """The labels that are known, those of the caller's own columns among them."""

    def __init__(self, columns: Collection[str] = ()) -> None:
        """A column that the caller names is a field of its own name."""
        meanings: dict[str, str | None] = {fold(name): None for name in _OTHERS}
        meanings |= {fold(name): name for name in columns}
        meanings |= {fold(name): field for field, names in FIELDS.items() for name in names}
        self._meanings = meanings
        self._columns = {fold(name) for name in columns}
        named = {*_OTHERS, *columns, *(name for names in FIELDS.values() for name in names)}
        self._names = {name.casefold(): fold(name) for name in named}
        self._sizes = sorted({len(name) for name in self._names}, reverse=True)

    def heads(self, cells: Iterable[str]) -> bool:
        """Whether cells are the header of a table.

        One is a column of the caller's, or two are labels and nothing else, or one is a label and
        no other holds a digit.
        """
        names = [self._name(cell) for cell in cells if cell.strip()]
        known = [name for name in names if name in self._meanings]
        if len(known) > 1 or any(name in self._columns for name in known):
            return True
        others = (name for name in names if name not in self._meanings)
        return len(known) == 1 and not any(map(_DIGIT.search, others))

    def head_codes(self, cells: Iterable[str]) -> bool:
        """Whether the header is a word for a code alone: what stands below is never a pair."""
        return [self._name(cell) for cell in cells if cell.strip()] in _LONE_CODES

    def _name(self, cell: str) -> str:
        name = fold(cell)
        return name if name in self._meanings else fold(_IN_BRACKETS.sub("", cell))

    def parts(self, line: str) -> tuple[str, list[Labelled]]:
        """What stands before the first label of a line, and what stands behind each."""
        if ":" not in line and "：" not in line:
            return line, []
        found: list[tuple[int, str, int]] = []
        at = 0
        for colon in _COLON.finditer(line):
            label = self._label_before(line, at, colon.start())
            if label:
                found.append((colon.start() - len(label), label, colon.end()))
                at = colon.end()
        parts = []
        for place, (_, label, start) in enumerate(found, 1):
            last = place == len(found)
            value = line[start:] if last else _without_end(line[start : found[place][0]])
            name = self._names[label.casefold()]
            parts.append(Labelled(self._meanings[name], name, value.strip()))
        return line[: found[0][0]] if found else line, parts

    def _label_before(self, line: str, start: int, end: int) -> str | None:
        """The longest label that ends there; a Latin one does not begin inside a word."""
        for size in self._sizes:
            begin = end - size
            if begin < start:
                continue
            label = line[begin:end]
            if label.casefold() not in self._names:
                continue
            if begin == start or not label.isascii() or _BOUNDARY.match(line, begin - 1):
                return label
        return None


def _without_end(value: str) -> str:
    """A value without what separates it from the label behind it."""
    value = value.rstrip(_BETWEEN)
    return _HYPHENS_BETWEEN.sub("", value) if value.endswith("--") else value
