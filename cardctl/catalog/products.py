"""Products (商品): what is sold, and what a key of it looks like."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Select, or_, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.bundles import Component, read_components, write_components
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import Changed, add_once, edit_once, ids_of, insert_once
from cardctl.catalog.product_entry import ProductEntry, check_product
from cardctl.errors import NotFound, StateForbids, UsageRefused
from cardctl.identifiers import new_id
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import Product, bundle_components, products, suppliers
from cardctl.schema.orders import order_lines
from cardctl.storage.dialects import lock_rows, select_many
from cardctl.vocabulary import CARD_KINDS, EmailSecret, ProductKind

_FIXED_BY_CARDS = ("kind", "fields", "seats", "key_space", "fold_case", "fold_hyphens")
"""How keys were sealed and fingerprinted: another rule would no longer find them."""


class ProductInUse(StateForbids):
    """Keys were imported, or orders placed, under rules that are to change."""

    code: ClassVar[str] = "in-use"
    message = "product {sku} has cards or orders already: these fields stay as they are: {fields}"
    hint = "add another product of the new kind"


class BundleInBundle(UsageRefused):
    """A bundle is made of products that are none."""

    code: ClassVar[str] = "bundle-in-bundle"
    message = "bundle {bundle} cannot hold {component}: that is a bundle itself"
    hint = "name the products that are in it"


def add_product(session: Session, *, run: Run, product: ProductEntry) -> Changed[ProductEntry]:
    """Add a product, once.

    Raises `AlreadyExists`, `BadValue`, `UsageRefused` leaves, and `NotFound` for a component or
    the supplier.
    """
    wanted = check_product(product)

    def insert() -> bool:
        columns = _columns(wanted, _supplier_ids(session, [wanted]))
        row = Product(id=new_id(), **columns, created_at=run.at)
        if not insert_once(session, row):
            return False
        _write_components(session, [wanted])
        return True

    return add_once(
        session,
        run=run,
        name=("product", wanted.sku),
        wanted=wanted,
        find=lambda: _find(session, _by_sku(wanted.sku)),
        insert=insert,
    )


def edit_product(
    session: Session, *, run: Run, sku: str, changes: dict[str, Any]
) -> Changed[ProductEntry]:
    """Change some fields of a product; None clears one.

    Raises `NotFound`, `BadValue`, `UsageRefused` leaves, and `ProductInUse` for a rule that
    imported keys or placed orders rest on.
    """
    # An import holds a share of this row through its foreign key: the two cannot pass each other.
    lock = lock_rows(session, _by_sku(sku), table=products, skip_locked=False)

    def write(wanted: ProductEntry, differs: list[str]) -> None:
        stored = show_product(session, sku=sku)
        draft = Draft(stored, wanted)
        fixed = fixed_fields(session, [draft])
        if fixed:
            raise ProductInUse(sku=sku, fields=", ".join(fixed[sku]))
        columns = _columns(wanted, _supplier_ids(session, [wanted]))
        session.execute(update(products).where(products.c.sku == sku).values(columns))
        if "components" in differs:
            _write_components(session, [wanted])

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
    components = read_components(session)
    rows = session.execute(_select_products())
    return sorted((_entry(row, components) for row in rows), key=lambda entry: entry.sku)


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


def fixed_fields(session: Session, drafts: Sequence[Draft[ProductEntry]]) -> dict[str, list[str]]:
    """The fields that drafts change although cards or orders rest on them, by SKU."""
    asked = {
        draft.wanted.sku: [name for name in draft.differs if name in _FIXED_BY_CARDS]
        for draft in drafts
    }
    asked = {sku: fields for sku, fields in asked.items() if fields}
    if not asked:
        return {}
    held = _with_cards(session, list(asked))
    fixed = {sku: fields for sku, fields in asked.items() if sku in held}
    turned = [draft.wanted.sku for draft in drafts if _changes_how_it_is_issued(draft)]
    ordered = _ordered(session, turned) if turned else set()
    return {sku: ["kind"] for sku in ordered} | fixed


def write_products(session: Session, *, run: Run, drafts: Sequence[Draft[ProductEntry]]) -> None:
    """Add and change many products, but for their components; see `write_drafts`."""
    supplier_ids = _supplier_ids(session, [draft.wanted for draft in drafts])
    write_drafts(
        session,
        run=run,
        noun="product",
        table=products,
        key="sku",
        drafts=drafts,
        columns=lambda entry: _columns(entry, supplier_ids),
    )


def link_components(session: Session, *, drafts: Sequence[Draft[ProductEntry]]) -> None:
    """Write what bundles are made of, when all products are stored."""
    changed = [draft for draft in drafts if draft.stored is None or "components" in draft.differs]
    _write_components(session, [draft.wanted for draft in changed])


def _changes_how_it_is_issued(draft: Draft[ProductEntry]) -> bool:
    """Whether its orders were placed as cards and are to be something else, or the other way."""
    if draft.stored is None or "kind" not in draft.differs:
        return False
    return not {draft.stored.kind, draft.wanted.kind} <= set(CARD_KINDS)


def _write_components(session: Session, entries: Collection[ProductEntry]) -> None:
    """Write what products that are stored are made of; raises `NotFound` and `BundleInBundle`."""
    if not any(entry.components for entry in entries):
        return
    wanted = {one.sku for entry in entries for one in entry.components}
    # Locked: none of them becomes a bundle meanwhile.
    found = select_many(
        session,
        products,
        columns=("sku", "id", "kind"),
        key=("sku",),
        rows=sorted((sku,) for sku in wanted | {entry.sku for entry in entries}),
        lock_order=("id",),
    )
    ids = {sku: product_id for sku, product_id, _ in found}
    for sku in sorted(wanted - ids.keys()):
        raise NotFound(noun="product", name=sku)
    write_components(
        session, product_ids=ids, bundles={entry.sku: entry.components for entry in entries}
    )
    _refuse_nested(session, [ids[entry.sku] for entry in entries if entry.components])


def _refuse_nested(session: Session, bundle_ids: Sequence[int]) -> None:
    """Raises `BundleInBundle` where one of some bundles holds a bundle, or is held by one."""
    part, bundle, inner = bundle_components.c, products.alias(), products.alias()
    query = (
        select(bundle.c.sku, inner.c.sku)
        .select_from(bundle_components)
        .join(bundle, bundle.c.id == part.bundle_id)
        .join(inner, inner.c.id == part.product_id)
        .where(inner.c.kind == ProductKind.BUNDLE.value)
        .where(or_(part.bundle_id.in_(bundle_ids), part.product_id.in_(bundle_ids)))
        .order_by(bundle.c.sku, part.position)
    )
    nested = session.execute(query).first()
    if nested is not None:
        raise BundleInBundle(bundle=nested[0], component=nested[1])


def _select_products() -> Select[Any]:
    """Products with the codes of those who top up."""
    supplier = suppliers.c.code.label("supplier")
    return select(products, supplier).outerjoin(
        suppliers, suppliers.c.id == products.c.topup_supplier_id
    )


def _by_sku(sku: str) -> Select[Any]:
    return _select_products().where(products.c.sku == sku)


def _find(session: Session, query: Select[Any]) -> ProductEntry | None:
    row = session.execute(query).first()
    return _entry(row, read_components(session)) if row else None


def _supplier_ids(session: Session, entries: Collection[ProductEntry]) -> dict[str, int]:
    """The ids of who tops up, by code; raises `NotFound`."""
    codes = [entry.supplier for entry in entries if entry.supplier is not None]
    return ids_of(session, suppliers, "supplier", codes) if codes else {}


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


def _ordered(session: Session, skus: Sequence[str]) -> set[str]:
    """Those of some products that stand in an order, or as a bundle behind its lines."""
    line, product = order_lines.c, products.c
    named = or_(line.product_id == product.id, line.bundle_id == product.id)
    has_line = select(1).where(named).exists()
    return set(
        session.execute(select(product.sku).where(product.sku.in_(skus), has_line)).scalars()
    )


def _columns(entry: ProductEntry, supplier_ids: Mapping[str, int]) -> dict[str, Any]:
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
        "secret_in_text": entry.email_secret is EmailSecret.TEXT,
        "topup_supplier_id": supplier_ids[entry.supplier] if entry.supplier else None,
    }


def _entry(row: Any, components: Mapping[int, tuple[Component, ...]]) -> ProductEntry:
    """A row of `_select_products` as an entry."""
    stored = row._asdict()
    for name in ("id", "secret_in_text", "topup_supplier_id"):
        del stored[name]
    return ProductEntry(
        **{
            **stored,
            "kind": ProductKind(row.kind),
            "fields": _split(row.fields),
            "regions": _split(row.regions),
            "components": components.get(row.id, ()),
            "email_secret": EmailSecret.TEXT if row.secret_in_text else EmailSecret.ATTACHMENT,
        }
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
