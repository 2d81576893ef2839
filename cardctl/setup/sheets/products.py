"""Products (商品)."""

from collections.abc import Iterable, Iterator, Sequence

from sqlmodel import Session

from cardctl.catalog.drafts import Draft
from cardctl.catalog.product_entry import (
    SHARED_KEY_SPACE,
    ProductEntry,
    check_product,
    nested_bundles,
)
from cardctl.catalog.products import (
    BundleInBundle,
    fixed_fields,
    link_components,
    list_products,
    write_products,
)
from cardctl.errors import CardctlError
from cardctl.schema.catalog import products
from cardctl.setup.failures import FieldFixed
from cardctl.setup.kinds import (
    CODE,
    CODES,
    COMPONENTS,
    DAYS,
    NAME,
    NUMBER,
    PATTERN,
    TEXT,
    YES_NO,
    YUAN,
    one_of,
)
from cardctl.setup.sheet import Contradiction, Field, SetupSheet
from cardctl.vocabulary import CatalogueNoun, EmailSecret, ProductKind

KINDS = {
    ProductKind.CODE: "兑换码",
    ProductKind.CARD: "卡号卡密",
    ProductKind.ACCOUNT: "账号",
    ProductKind.LINK: "链接",
    ProductKind.TOPUP: "直充",
    ProductKind.GOODS: "实物",
    ProductKind.BUNDLE: "组合",
}
EMAIL_SECRETS = {EmailSecret.ATTACHMENT: "加密附件", EmailSecret.TEXT: "正文"}

_SOLD = (
    Field(
        "face_value_fen",
        ("face value", "面值"),
        ("What is printed on it, in yuan.", "卡面金额，元。"),
        YUAN,
        empty=None,
    ),
    Field("price_fen", ("price", "售价"), ("Sale price in yuan.", "售价，元。"), YUAN, empty=None),
    Field(
        "floor_price_fen",
        ("floor price", "底价"),
        ("The least price in yuan it is sold for.", "最低售价，元。"),
        YUAN,
        empty=None,
    ),
    Field(
        "duration",
        ("duration", "会员时长"),
        ("How long a membership lasts, as in 1m.", "会员时长，如 1m。"),
        TEXT,
        empty=None,
    ),
    Field(
        "regions",
        ("regions", "地区"),
        (
            "Sold there only: codes with commas between them.",
            "只在这些地区销售：地区代码，用逗号隔开。",
        ),
        CODES,
        empty=(),
    ),
    Field(
        "min_validity_days",
        ("least validity in days", "最短有效天数"),
        ("How long a card must still be good when it is sold.", "出售时卡至少还要有效几天。"),
        DAYS,
        empty=0,
    ),
    Field(
        "safety_stock",
        ("safety stock", "安全库存"),
        ("Warn below so many cards.", "可售少于这么多张时提醒。"),
        NUMBER,
        empty=0,
    ),
    Field(
        "guide",
        ("guide", "使用说明"),
        ("How the buyer uses it.", "买家怎么用。"),
        TEXT,
        empty=None,
    ),
)
_KEYS = (
    Field(
        "fields",
        ("fields", "字段"),
        (
            "Further fields of an account, with commas between them.",
            "账号类商品的附加字段，用逗号隔开，如：密保，邮箱。",
        ),
        CODES,
        empty=(),
    ),
    Field(
        "pattern",
        ("pattern", "格式规则"),
        (
            "A regular expression that a number or code matches whole.",
            "卡号或兑换码必须完整符合的正则表达式。",
        ),
        PATTERN,
        empty=None,
    ),
    Field(
        "seats",
        ("seats", "席位数"),
        ("How often one shared key is sold.", "一张共享卡可以卖几次。"),
        NUMBER,
        empty=1,
    ),
    Field(
        "key_space",
        ("key space", "查重空间"),
        (
            "Products of one key space never hold the same key.",
            "同一查重空间的商品不会有相同的卡密。",
        ),
        CODE,
        empty=SHARED_KEY_SPACE,
    ),
    Field(
        "fold_case",
        ("fold case", "不分大小写"),
        ("Whether abc and ABC are the same key: yes or no.", "abc 和 ABC 是否算同一个：是或否。"),
        YES_NO,
        empty=False,
    ),
    Field(
        "fold_hyphens",
        ("fold hyphens", "忽略连字符"),
        ("Whether A-B and AB are the same key: yes or no.", "A-B 和 AB 是否算同一个：是或否。"),
        YES_NO,
        empty=None,
    ),
)
_OTHER_KINDS = (
    Field(
        "components",
        ("components", "组成"),
        (
            "What a bundle is made of: SKU=QTY with commas between them.",
            "组合商品的内容：商品编码=数量，用逗号隔开，如：VIP=2，CARDP=1。",
        ),
        COMPONENTS,
        empty=(),
        refers_to=CatalogueNoun.PRODUCT,
    ),
    Field(
        "supplier",
        ("topped up by", "直充供应商", "supplier"),
        ("The code of who tops up, for kind topup.", "直充商品由谁充值：供应商编码。"),
        CODE,
        empty=None,
        refers_to=CatalogueNoun.SUPPLIER,
    ),
    Field(
        "email_secret",
        ("secret in e-mails", "邮件中的卡密"),
        ("attachment (encrypted) or text.", "加密附件或正文。"),
        one_of(EMAIL_SECRETS),
        empty=EmailSecret.ATTACHMENT,
    ),
)


def _nested(entries: Iterable[ProductEntry]) -> Iterator[Contradiction]:
    by_sku = {entry.sku: entry for entry in entries}
    for bundle, inner in nested_bundles(by_sku):
        places = ((bundle,), "components"), ((inner,), "kind")
        yield places, BundleInBundle(bundle=bundle, component=inner)


def _forbidden(
    session: Session, drafts: Sequence[Draft[ProductEntry]]
) -> Iterator[tuple[str, str, CardctlError]]:
    for sku, fields in fixed_fields(session, drafts).items():
        yield from ((sku, name, FieldFixed(name=sku)) for name in fields)


SHEET = SetupSheet(
    noun=CatalogueNoun.PRODUCT,
    names=("products", "商品"),
    fields=(
        Field("sku", ("SKU", "商品编码"), ("Short name; required.", "简称，必填。"), CODE),
        Field(
            "name",
            ("name", "名称"),
            ("Name for people; required of a new one.", "给人看的名称，新增时必填。"),
            NAME,
            required=True,
        ),
        Field(
            "kind",
            ("kind", "种类"),
            (
                "code, card, account, link, topup, goods or bundle.",
                "兑换码、卡号卡密、账号、链接、直充、实物或组合。",
            ),
            one_of(KINDS),
            empty=ProductKind.CODE,
        ),
        *_SOLD,
        *_KEYS,
        *_OTHER_KINDS,
    ),
    key=("sku",),
    make=ProductEntry,
    check=check_product,
    stored=list_products,
    locked=(products.c.sku, "sku"),
    write=write_products,
    link=link_components,
    across=_nested,
    forbidden=_forbidden,
)
