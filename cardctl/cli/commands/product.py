"""Products: what is sold, and what a key of it looks like."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import days, yuan
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import EmailSecret, ProductKind

if TYPE_CHECKING:
    from cardctl.catalog.bundles import Component
    from cardctl.catalog.product_entry import ProductEntry

noun = Noun("product")

COMPONENT = (Column("sku", "SKU"), Column("qty", "quantity"))
PRODUCT = (
    Column("sku", "SKU"),
    Column("name", "name"),
    Column("kind", "kind"),
    Column("fields", "fields"),
    Column("face_value_fen", "face value"),
    Column("price_fen", "price"),
    Column("floor_price_fen", "floor price"),
    Column("duration", "duration"),
    Column("regions", "regions"),
    Column("min_validity_days", "least validity in days"),
    Column("safety_stock", "safety stock"),
    Column("pattern", "pattern"),
    Column("guide", "guide"),
    Column("seats", "seats"),
    Column("key_space", "key space"),
    Column("fold_case", "fold case"),
    Column("fold_hyphens", "fold hyphens"),
    Column("components", "components", of=COMPONENT),
    Column("supplier", "topped up by"),
    Column("email_secret", "secret in e-mails"),
    Column("created_at", "created"),
)
CHANGED = (Column("status", "status"), *PRODUCT)
LISTED = tuple(
    column
    for column in PRODUCT
    if column.name
    in {"sku", "name", "kind", "face_value_fen", "price_fen", "duration", "regions", "seats"}
)


class Clearable(StrEnum):
    """What --clear empties."""

    FACE_VALUE = "face-value"
    PRICE = "price"
    FLOOR_PRICE = "floor-price"
    DURATION = "duration"
    REGION = "region"
    PATTERN = "pattern"
    GUIDE = "guide"
    FIELD = "field"
    COMPONENT = "component"
    SUPPLIER = "supplier"


_EMPTY: dict[StrEnum, tuple[str, object]] = {
    Clearable.FACE_VALUE: ("face_value_fen", None),
    Clearable.PRICE: ("price_fen", None),
    Clearable.FLOOR_PRICE: ("floor_price_fen", None),
    Clearable.DURATION: ("duration", None),
    Clearable.REGION: ("regions", ()),
    Clearable.PATTERN: ("pattern", None),
    Clearable.GUIDE: ("guide", None),
    Clearable.FIELD: ("fields", ()),
    Clearable.COMPONENT: ("components", ()),
    Clearable.SUPPLIER: ("supplier", None),
}

Sku = Annotated[str, typer.Argument(help="Short name of the product.", metavar="SKU")]
Field = Annotated[
    list[str] | None,
    typer.Option("--field", help="A further field of an account; may be repeated.", metavar="NAME"),
]
FaceValue = Annotated[int | None, yuan("What is printed on it.")]
Price = Annotated[int | None, yuan("Sale price.")]
FloorPrice = Annotated[int | None, yuan("The least price it is sold for.")]
Duration = Annotated[str | None, typer.Option(help="How long a membership lasts, as in 1m.")]
Region = Annotated[
    list[str] | None,
    typer.Option("--region", help="Sold there only; may be repeated.", metavar="CODE"),
]
MinValidity = Annotated[int | None, days("How long a card must still be good when it is sold.")]
SafetyStock = Annotated[int | None, typer.Option(help="Warn below so many cards.", min=0)]
Pattern = Annotated[
    str | None,
    typer.Option(help="What a number or code must match whole.", metavar="REGEX"),
]
Guide = Annotated[str | None, typer.Option(help="How the buyer uses it.", metavar="TEXT")]
Seats = Annotated[int | None, typer.Option(help="How often one shared key is sold.", min=1)]
KeySpace = Annotated[
    str | None,
    typer.Option(help="Products of one key space never hold the same key.", metavar="NAME"),
]
FoldCase = Annotated[
    bool | None,
    typer.Option("--fold-case/--keep-case", help="Whether abc and ABC are the same key."),
]
FoldHyphens = Annotated[
    bool | None,
    typer.Option("--fold-hyphens/--keep-hyphens", help="Whether A-B and AB are the same key."),
]
ComponentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--component",
        help="A product in a bundle and how many of it; may be repeated.",
        metavar="SKU=QTY",
    ),
]
SupplierOption = Annotated[
    str | None, typer.Option("--supplier", help="Who tops up, for kind topup.", metavar="CODE")
]
EmailSecretOption = Annotated[
    EmailSecret | None,
    typer.Option(help="How an e-mail hands the secret over: encrypted file, or its text."),
]


@noun.verb(
    "add",
    writes=True,
    columns=CHANGED,
    examples=(
        "cardctl product add VIP --name 视频会员 --price 28 --min-validity 30d",
        "cardctl product add GAME --name 游戏账号 --kind account --field 密保 --field 邮箱",
        "cardctl product add CALL --name 话费 --kind topup --supplier SUP",
        "cardctl product add PACK --name 套餐 --kind bundle --component VIP=2 --component CARDP=1",
    ),
)
def add(
    context: Context,
    sku: Sku,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    kind: Annotated[ProductKind, typer.Option(help="What the buyer gets.")] = ProductKind.CODE,
    field: Field = None,
    face_value: FaceValue = None,
    price: Price = None,
    floor_price: FloorPrice = None,
    duration: Duration = None,
    region: Region = None,
    min_validity: MinValidity = None,
    safety_stock: SafetyStock = None,
    pattern: Pattern = None,
    guide: Guide = None,
    seats: Seats = None,
    key_space: KeySpace = None,
    fold_case: FoldCase = None,
    fold_hyphens: FoldHyphens = None,
    component: ComponentOption = None,
    supplier: SupplierOption = None,
    email_secret: EmailSecretOption = None,
) -> None:
    """Add a product; adding the same again changes nothing."""
    from cardctl.catalog.product_entry import SHARED_KEY_SPACE, ProductEntry
    from cardctl.catalog.products import add_product

    product = ProductEntry(
        sku=sku,
        name=name,
        kind=kind,
        fields=tuple(field or ()),
        face_value_fen=face_value,
        price_fen=price,
        floor_price_fen=floor_price,
        duration=duration,
        regions=tuple(region or ()),
        min_validity_days=min_validity or 0,
        safety_stock=safety_stock or 0,
        pattern=pattern,
        guide=guide,
        seats=seats or 1,
        key_space=key_space or SHARED_KEY_SPACE,
        fold_case=bool(fold_case),
        fold_hyphens=fold_hyphens,
        components=_components(component),
        supplier=supplier,
        email_secret=email_secret or EmailSecret.ATTACHMENT,
    )
    with context.change() as (session, run):
        added = add_product(session, run=run, product=product)
    context.show({"status": added.outcome, **_facts(added.entry)}, CHANGED)


@noun.verb("list", examples=("cardctl product list",))
def list_(context: Context) -> None:
    """List the products."""
    from cardctl.catalog.products import list_products

    with context.reading() as session:
        found = list_products(session)
    context.show(found, LISTED)


@noun.verb("show", examples=("cardctl product show VIP",))
def show(context: Context, sku: Sku) -> None:
    """Show a product."""
    from cardctl.catalog.products import show_product

    with context.reading() as session:
        found = show_product(session, sku=sku)
    context.show(_facts(found), PRODUCT)


@noun.verb(
    "edit",
    writes=True,
    columns=CHANGED,
    examples=(
        "cardctl product edit VIP --price 26.80",
        "cardctl product edit VIP --clear floor-price",
    ),
)
def edit(
    context: Context,
    sku: Sku,
    name: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    kind: Annotated[ProductKind | None, typer.Option(help="What the buyer gets.")] = None,
    field: Field = None,
    face_value: FaceValue = None,
    price: Price = None,
    floor_price: FloorPrice = None,
    duration: Duration = None,
    region: Region = None,
    min_validity: MinValidity = None,
    safety_stock: SafetyStock = None,
    pattern: Pattern = None,
    guide: Guide = None,
    seats: Seats = None,
    key_space: KeySpace = None,
    fold_case: FoldCase = None,
    fold_hyphens: FoldHyphens = None,
    component: ComponentOption = None,
    supplier: SupplierOption = None,
    email_secret: EmailSecretOption = None,
    clear: Annotated[
        list[Clearable] | None, typer.Option(help="Empty a field; may be repeated.")
    ] = None,
) -> None:
    """Change a product.

    Fields, regions and components that are given replace all there were. How keys are made and
    found is fixed once there are cards.
    """
    from cardctl.catalog.products import edit_product

    given = {
        "name": name,
        "kind": kind,
        "fields": field,
        "face_value_fen": face_value,
        "price_fen": price,
        "floor_price_fen": floor_price,
        "duration": duration,
        "regions": region,
        "min_validity_days": min_validity,
        "safety_stock": safety_stock,
        "pattern": pattern,
        "guide": guide,
        "seats": seats,
        "key_space": key_space,
        "fold_case": fold_case,
        "fold_hyphens": fold_hyphens,
        "components": _components(component),
        "supplier": supplier,
        "email_secret": email_secret,
    }
    changes = changes_of("cardctl product edit", given, clear=clear, empty=_EMPTY)
    with context.change() as (session, run):
        edited = edit_product(session, run=run, sku=sku, changes=changes)
    context.show({"status": edited.outcome, **_facts(edited.entry)}, CHANGED)


def _components(given: list[str] | None) -> "tuple[Component, ...]":
    from cardctl.catalog.bundles import parse_component

    return tuple(parse_component(text) for text in given or ())


def _facts(product: "ProductEntry") -> dict[str, object]:
    """A product for output, its components as things with names."""
    return asdict(product) | {"components": [one._asdict() for one in product.components]}
