"""A product as it is told, and what of it makes sense together. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from cardctl.catalog.bundles import Component, check_components
from cardctl.catalog.entries import check_code, check_name, check_text
from cardctl.catalog.patterns import check_pattern
from cardctl.errors import BadValue, UsageRefused
from cardctl.money import format_yuan
from cardctl.vocabulary import CARD_KINDS, EmailSecret, ProductKind

SEATS_MAX = 1_000
SAFETY_STOCK_MAX = 1_000_000_000
SHARED_KEY_SPACE = "shared"
_RULES_OF_CARDS = {"seats": 1, "pattern": None, "safety_stock": 0, "min_validity_days": 0}
"""What a product says of its cards, and what says nothing."""


class ComponentsOfBundle(UsageRefused):
    """A bundle has components, and nothing else has."""

    message = "a product of kind {kind} has no components: they are for kind bundle"
    hint = "leave out --component, or say --kind bundle"


class ComponentsNeeded(UsageRefused):
    """A bundle of nothing."""

    message = "a bundle needs its components"
    hint = "--component SKU=QTY, for each of them"


class SupplierOfTopup(UsageRefused):
    """Only what is topped up has somebody who does it; cards come from who sends a batch."""

    message = "a product of kind {kind} has no supplier of its own: its batches have one"
    hint = "leave out --supplier, or say --kind topup"


class SupplierNeeded(UsageRefused):
    """Nobody would top up."""

    message = "a product of kind topup needs the supplier who tops up"
    hint = "--supplier CODE"


class RuleOfCards(UsageRefused):
    """Only what is kept as cards has rules of keys and of stock."""

    message = "a product of kind {kind} is not kept as cards: {field} means nothing for it"
    hint = "leave it out, or clear it"


class FieldsOfAccount(UsageRefused):
    """Only an account has further fields."""

    message = "a product of kind {kind} has no further fields: they are for kind account"
    hint = "leave out --field, or say --kind account"


class FloorAbovePrice(UsageRefused):
    """The least price is more than the price."""

    message = "the floor price {floor} is above the price {price}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEntry:
    """A product; money in fen, `fields` and `regions` sorted or in their given order.

    `fold_case` and `fold_hyphens` say how a key is made canonical before it is fingerprinted;
    hyphens left undecided are folded for codes and cards and kept for everything else.
    `components` are a bundle's, `supplier` the code of who tops up.
    """

    sku: str
    name: str
    kind: ProductKind = ProductKind.CODE
    fields: tuple[str, ...] = ()
    face_value_fen: int | None = None
    price_fen: int | None = None
    floor_price_fen: int | None = None
    duration: str | None = None
    regions: tuple[str, ...] = ()
    min_validity_days: int = 0
    safety_stock: int = 0
    pattern: str | None = None
    guide: str | None = None
    seats: int = 1
    key_space: str = SHARED_KEY_SPACE
    fold_case: bool = False
    fold_hyphens: bool | None = None
    components: tuple[Component, ...] = ()
    supplier: str | None = None
    email_secret: EmailSecret = EmailSecret.ATTACHMENT
    created_at: int = field(default=0, compare=False)


def check_product(entry: ProductEntry) -> ProductEntry:
    """The entry with its codes trimmed and its open choices made.

    Raises `BadValue`, `FloorAbovePrice`, and the leaves that say which kind has which parts.
    """
    _check_parts(entry)
    for fen in (entry.face_value_fen, entry.price_fen, entry.floor_price_fen):
        if fen is not None and fen < 0:
            raise BadValue(value=format_yuan(fen), expected="an amount that is not negative")
    if (entry.floor_price_fen or 0) > (entry.price_fen or entry.floor_price_fen or 0):
        raise FloorAbovePrice(
            floor=format_yuan(entry.floor_price_fen or 0), price=format_yuan(entry.price_fen or 0)
        )
    if not 1 <= entry.seats <= SEATS_MAX:
        raise BadValue(value=str(entry.seats), expected="a number of seats from 1 to 1000")
    if not 0 <= entry.safety_stock <= SAFETY_STOCK_MAX:
        raise BadValue(value=str(entry.safety_stock), expected="a number from 0 to 1000000000")
    hyphens = entry.fold_hyphens
    if hyphens is None:
        hyphens = entry.kind in (ProductKind.CODE, ProductKind.CARD)
    return replace(
        entry,
        sku=check_code(entry.sku),
        name=check_name(entry.name),
        fields=tuple(dict.fromkeys(check_code(name) for name in entry.fields)),
        regions=tuple(sorted({check_code(region).upper() for region in entry.regions})),
        duration=check_text(entry.duration) or None if entry.duration else None,
        guide=check_text(entry.guide) or None if entry.guide else None,
        pattern=check_pattern(entry.pattern) if entry.pattern else None,
        key_space=check_code(entry.key_space),
        fold_hyphens=hyphens,
        components=check_components(entry.components),
        supplier=check_code(entry.supplier) if entry.supplier else None,
    )


def nested_bundles(entries: Mapping[str, ProductEntry]) -> Iterator[tuple[str, str]]:
    """The bundles, by SKU, that hold a bundle, and that one."""
    bundles = {sku for sku, entry in entries.items() if entry.kind is ProductKind.BUNDLE}
    for sku in sorted(bundles):
        for one in entries[sku].components:
            if one.sku in bundles:
                yield sku, one.sku


def _check_parts(entry: ProductEntry) -> None:
    """Raises for a part that a kind has not, or for one that it needs."""
    if entry.fields and entry.kind is not ProductKind.ACCOUNT:
        raise FieldsOfAccount(kind=entry.kind)
    if entry.kind not in CARD_KINDS:
        for name, nothing in _RULES_OF_CARDS.items():
            if getattr(entry, name) != nothing:
                raise RuleOfCards(kind=entry.kind, field=name)
    if entry.components and entry.kind is not ProductKind.BUNDLE:
        raise ComponentsOfBundle(kind=entry.kind)
    if entry.kind is ProductKind.BUNDLE and not entry.components:
        raise ComponentsNeeded
    if entry.supplier and entry.kind is not ProductKind.TOPUP:
        raise SupplierOfTopup(kind=entry.kind)
    if entry.kind is ProductKind.TOPUP and not entry.supplier:
        raise SupplierNeeded
