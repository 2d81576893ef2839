"""A workbook for a supplier to fill in: every column is text, and says what belongs in it.

Its one row shows how: it is known by its key, and no import takes it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.batches.row_errors import KindWithoutCards
from cardctl.errors import NotFound
from cardctl.schema.catalog import products
from cardctl.vocabulary import CARD_KINDS, ProductKind
from cardctl.workbooks.write import write_workbook


@dataclass(frozen=True, slots=True)
class Template:
    """A workbook that was written, for which product or for any card, and its columns."""

    file: str
    product: str | None
    columns: tuple[str, ...]


class TemplateColumn(NamedTuple):
    """A column in one language: its header, the example below it, and what belongs in it."""

    header: str
    example: str
    note: str


_KEYS: dict[ProductKind, tuple[tuple[TemplateColumn, TemplateColumn], ...]] = {
    ProductKind.CODE: (
        (
            TemplateColumn("code", "EXAMPLE-CODE-0001", "The code, as the buyer will get it."),
            TemplateColumn("兑换码", "示例-兑换码-0001", "兑换码, 买家将收到的原样内容。"),
        ),
    ),
    ProductKind.CARD: (
        (
            TemplateColumn("card number", "EXAMPLE-NUMBER-0001", "The number of the card."),
            TemplateColumn("卡号", "示例-卡号-0001", "卡号。"),
        ),
        (
            TemplateColumn("password", "EXAMPLE-PASSWORD", "The password of the card."),
            TemplateColumn("密码", "示例-密码", "卡密码。"),
        ),
    ),
    ProductKind.ACCOUNT: (
        (
            TemplateColumn("user name", "EXAMPLE-USER-0001", "The name to log in with."),
            TemplateColumn("账号", "示例-账号-0001", "登录名。"),
        ),
        (
            TemplateColumn("password", "EXAMPLE-PASSWORD", "The password to log in with."),
            TemplateColumn("密码", "示例-密码", "登录密码。"),
        ),
    ),
    ProductKind.LINK: (
        (
            TemplateColumn("link", "EXAMPLE-https://example.com/1", "The whole link."),
            TemplateColumn("链接", "示例-https://example.com/1", "完整的链接。"),
        ),
    ),
}
_FIELD = (
    TemplateColumn("", "EXAMPLE", "A further field of the account; it may be empty."),
    TemplateColumn("", "示例", "账号的附加信息, 可以留空。"),
)
_OTHERS = (
    (
        TemplateColumn("expires", "2099-12-31", "The last good day, +12m or never."),
        TemplateColumn("有效期", "2099-12-31", "最后有效日, 或 12个月, 或 永久。"),
    ),
    (
        TemplateColumn("cost", "12.50", "What a key costs, in yuan; empty: not known."),
        TemplateColumn("成本", "12.50", "每条卡密的成本 (元); 留空表示未知。"),
    ),
    (
        TemplateColumn("serial", "", "The serial number, not secret; it may be empty."),
        TemplateColumn("序列号", "", "序列号, 不保密; 可以留空。"),
    ),
    (
        TemplateColumn("note", "", "A remark; it may be empty."),
        TemplateColumn("备注", "", "备注; 可以留空。"),
    ),
)


def write_template(session: Session, *, sku: str | None, path: Path, chinese: bool) -> Template:
    """Write the workbook; without a product for cards with a number and a password.

    Raises `NotFound`, `KindWithoutCards` and what `write_workbook` raises.
    """
    kind, fields = ProductKind.CARD, ""
    if sku is not None:
        query = select(products.c.kind, products.c.fields).where(products.c.sku == sku)
        found = session.execute(query).first()
        if found is None:
            raise NotFound(noun="product", name=sku)
        kind, fields = ProductKind(found.kind), found.fields
        if kind not in CARD_KINDS:
            raise KindWithoutCards(sku=sku, kind=kind)
    names = tuple(fields.split(",")) if fields else ()
    columns = template_columns(kind, names, chinese=chinese)
    headers = tuple(column.header for column in columns)
    write_workbook(
        path,
        headers,
        [tuple(column.example for column in columns)],
        sheet=sku or kind,
        text_columns=True,
        notes=[column.note for column in columns],
    )
    return Template(str(path), sku, headers)


def template_columns(
    kind: ProductKind, fields: tuple[str, ...], *, chinese: bool
) -> list[TemplateColumn]:
    """The columns of a file of such a product's keys, as it is to be filled in."""
    further = [_FIELD[chinese]._replace(header=name) for name in fields]
    keys, others = ([pair[chinese] for pair in pairs] for pairs in (_KEYS[kind], _OTHERS))
    return [*keys, *further, *others]
