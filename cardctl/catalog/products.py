"""Products (商品): what is sold, and what a key of it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from sqlalchemy import Select, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import (
    Changed,
    add_once,
    check_code,
    check_name,
    check_text,
    edit_once,
    insert_once,
)
from cardctl.catalog.patterns import check_pattern
from cardctl.errors import BadValue, NotFound, StateForbids, UsageRefused
from cardctl.identifiers import new_id
from cardctl.money import format_yuan
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import Product, products
from cardctl.storage.dialects import lock_rows
from cardctl.vocabulary import ProductKind

SEATS_MAX = 1_000
SAFETY_STOCK_MAX = 1_000_000_000
SHARED_KEY_SPACE = "shared"

_FIXED_BY_CARDS = ("kind", "fields", "seats", "key_space", "fold_case", "fold_hyphens")
"""How keys were sealed and fingerprinted: another rule would no longer find them."""


class ProductInUse(StateForbids):
    """Keys were imported under rules that are to change."""

    code: ClassVar[str] = "in-use"
    message = "product {sku} has cards already: these fields stay as they are: {fields}"
    hint = "add another product for keys of the new kind"


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
    hyphens left undecided are folded for codes and cards and kept for accounts and links.
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
    created_at: int = field(default=0, compare=False)


def add_product(session: Session, *, run: Run, product: ProductEntry) -> Changed[ProductEntry]:
    """Add a product, once. Raises `AlreadyExists`, `BadValue`, `UsageRefused` leaves."""
    wanted = check_product(product)
    return add_once(
        session,
        run=run,
        name=("product", wanted.sku),
        wanted=wanted,
        find=lambda: _find(session, _by_sku(wanted.sku)),
        insert=lambda: insert_once(
            session, Product(id=new_id(), **_columns(wanted), created_at=run.at)
        ),
    )


def edit_product(
    session: Session, *, run: Run, sku: str, changes: dict[str, Any]
) -> Changed[ProductEntry]:
    """Change some fields of a product; None clears one.

    Raises `NotFound`, `BadValue`, and `ProductInUse` for a rule that imported keys rest on.
    """
    # An import holds a share of this row through its foreign key: the two cannot pass each other.
    lock = lock_rows(session, _by_sku(sku), table=products, skip_locked=False)

    def write(wanted: ProductEntry, differs: list[str]) -> None:
        fixed = [name for name in differs if name in _FIXED_BY_CARDS]
        if fixed and _with_cards(session, [sku]):
            raise ProductInUse(sku=sku, fields=", ".join(fixed))
        session.execute(update(products).where(products.c.sku == sku).values(_columns(wanted)))

    return edit_once(
        session,
        run=run,
        name=("product", sku),
        changes=changes,
        find=lambda: _find(session, lock),
        check=check_product,
        write=write,
    )


def list_products(session: Session) -> list[ProductEntry]:
    """All products by SKU."""
    entries = [_entry(row) for row in session.execute(select(products))]
    return sorted(entries, key=lambda entry: entry.sku)


def show_product(session: Session, *, sku: str) -> ProductEntry:
    """One product. Raises `NotFound`."""
    found = _find(session, _by_sku(sku))
    if found is None:
        raise NotFound(noun="product", name=sku)
    return found


def find_product_id(session: Session, *, sku: str) -> int:
    """The id of a product. Raises `NotFound`."""
    query = select(products.c.id).where(products.c.sku == sku)
    found: int | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="product", name=sku)
    return found


def check_product(entry: ProductEntry) -> ProductEntry:
    """The entry with its codes trimmed and its open choices made.

    Raises `BadValue`, `FieldsOfAccount` and `FloorAbovePrice`.
    """
    if entry.fields and entry.kind is not ProductKind.ACCOUNT:
        raise FieldsOfAccount(kind=entry.kind)
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
    )


def fixed_fields(session: Session, drafts: Sequence[Draft[ProductEntry]]) -> dict[str, list[str]]:
    """The fields that drafts change although imported keys rest on them, by SKU."""
    asked = {
        draft.wanted.sku: [name for name in draft.differs if name in _FIXED_BY_CARDS]
        for draft in drafts
    }
    asked = {sku: fields for sku, fields in asked.items() if fields}
    held = _with_cards(session, list(asked)) if asked else set()
    return {sku: fields for sku, fields in asked.items() if sku in held}


def write_products(session: Session, *, run: Run, drafts: Sequence[Draft[ProductEntry]]) -> None:
    """Add and change many products; see `write_drafts`."""
    write_drafts(
        session, run=run, noun="product", table=products, key="sku", drafts=drafts, columns=_columns
    )


def _by_sku(sku: str) -> Select[Any]:
    return select(products).where(products.c.sku == sku)


def _find(session: Session, query: Select[Any]) -> ProductEntry | None:
    row = session.execute(query).first()
    return _entry(row) if row else None


def _with_cards(session: Session, skus: Sequence[str]) -> set[str]:
    """Those of some products that have cards."""
    # Not by the status of their batches: one that was undone may have cards that were sold before.
    has_card = select(1).where(cards.c.batch_id == batches.c.id).exists()
    imported = (
        select(products.c.sku)
        .where(products.c.sku.in_(skus), has_card)
        .join(batches, products.c.id == batches.c.product_id)
    )
    return set(session.execute(imported.distinct()).scalars())


def _columns(entry: ProductEntry) -> dict[str, Any]:
    return {
        "sku": entry.sku,
        "name": entry.name,
        "kind": str(entry.kind),
        "fields": ",".join(entry.fields),
        "face_value_fen": entry.face_value_fen,
        "price_fen": entry.price_fen,
        "floor_price_fen": entry.floor_price_fen,
        "duration": entry.duration,
        "regions": ",".join(entry.regions),
        "min_validity_days": entry.min_validity_days,
        "safety_stock": entry.safety_stock,
        "pattern": entry.pattern,
        "guide": entry.guide,
        "seats": entry.seats,
        "key_space": entry.key_space,
        "fold_case": entry.fold_case,
        "fold_hyphens": entry.fold_hyphens,
    }


def _entry(row: Any) -> ProductEntry:
    stored = row._asdict()
    for name in ("id", "secret_in_text", "topup_supplier_id"):
        del stored[name]
    return ProductEntry(
        **{
            **stored,
            "kind": ProductKind(row.kind),
            "fields": _split(row.fields),
            "regions": _split(row.regions),
        }
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
