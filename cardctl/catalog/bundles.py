"""What bundles are made of: other products, each so many times."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlmodel import Session

from cardctl.catalog.entries import check_code
from cardctl.errors import BadValue
from cardctl.schema.catalog import bundle_components, products
from cardctl.storage.dialects import insert_many

COMPONENT_QTY_MAX = 1_000
_IDS_AT_ONCE = 1_000
_COLUMNS = ("bundle_id", "product_id", "position", "qty")


class Component(NamedTuple):
    """A product in a bundle, and how many of it."""

    sku: str
    qty: int

    def __str__(self) -> str:
        """As it is written on a command line: ``VIP=2``."""
        return f"{self.sku}={self.qty}"


def parse_component(text: str) -> Component:
    """A component of its text, ``SKU=QTY``; raises `BadValue`."""
    sku, _, qty = text.strip().rpartition("=")
    if not sku or not (qty.isascii() and qty.isdigit()):
        raise _bad_component(text)
    return Component(sku, int(qty[:9]))


def check_components(components: Sequence[Component]) -> tuple[Component, ...]:
    """The components with their SKUs trimmed, in their order; raises `BadValue`."""
    checked = tuple(Component(check_code(one.sku), one.qty) for one in components)
    met = set()
    for one in checked:
        if one.sku in met or not 1 <= one.qty <= COMPONENT_QTY_MAX:
            raise _bad_component(str(one))
        met.add(one.sku)
    return checked


def read_components(session: Session) -> dict[int, tuple[Component, ...]]:
    """What every bundle is made of, by the id of the bundle."""
    part = bundle_components.c
    query = (
        select(part.bundle_id, products.c.sku, part.qty)
        .join(products, products.c.id == part.product_id)
        .order_by(part.bundle_id, part.position)
    )
    found: dict[int, tuple[Component, ...]] = {}
    for bundle_id, sku, qty in session.execute(query):
        found[bundle_id] = (*found.get(bundle_id, ()), Component(sku, qty))
    return found


def write_components(
    session: Session,
    *,
    product_ids: Mapping[str, int],
    bundles: Mapping[str, Sequence[Component]],
) -> None:
    """Make bundles, by SKU, of these components; `product_ids` knows the SKUs of all of them."""
    part = bundle_components.c
    ids = [product_ids[sku] for sku in bundles]
    for first in range(0, len(ids), _IDS_AT_ONCE):
        chunk = ids[first : first + _IDS_AT_ONCE]
        session.execute(delete(bundle_components).where(part.bundle_id.in_(chunk)))
    insert_many(session, bundle_components, _COLUMNS, _rows(product_ids, bundles))


def _bad_component(text: str) -> BadValue:
    return BadValue(
        value=text[:80],
        expected="a component: SKU=QTY, such as VIP=2, each SKU once, from 1 to 1000 of it",
    )


def _rows(
    product_ids: Mapping[str, int], bundles: Mapping[str, Sequence[Component]]
) -> Iterator[tuple[int, ...]]:
    for bundle, components in bundles.items():
        for position, one in enumerate(components):
            yield product_ids[bundle], product_ids[one.sku], position, one.qty
