"""Requests to top up that are open: whoever is to answer them stays their product's supplier."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sqlalchemy import func, select
from sqlmodel import Session

from cardctl.catalog.drafts import Draft
from cardctl.catalog.product_entry import ProductEntry
from cardctl.errors import StateForbids
from cardctl.schema.catalog import products
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_lines
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

_OPEN = (DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.WAITING)


class TopUpOpen(StateForbids):
    """The supplier that was asked would be another than the one whose answer counts."""

    code: ClassVar[str] = "topup-open"
    message = (
        "product {sku} has {requests} open requests to top up, which supplier {supplier} is to"
        " answer: its supplier stays until they are delivered, given up or cancelled"
    )
    hint = "cardctl delivery list --via topup"


def open_topups(session: Session, drafts: Sequence[Draft[ProductEntry]]) -> Mapping[str, TopUpOpen]:
    """What keeps the supplier of products, by SKU, that drafts would change or clear."""
    asked = {
        draft.stored.sku: draft.stored.supplier
        for draft in drafts
        if draft.stored is not None and draft.stored.supplier and "supplier" in draft.differs
    }
    if not asked:
        return {}
    delivery, line, product = deliveries.c, order_lines.c, products.c
    of_line = (line.bucket == delivery.bucket) & (line.id == delivery.order_line_id)
    query = (
        select(product.sku, func.count())
        .select_from(deliveries)
        .join(order_lines, of_line)
        .join(products, product.id == line.product_id)
        .where(delivery.via == DeliveryVia.TOPUP, delivery.status.in_(_OPEN))
        .where(product.sku.in_(asked))
        .group_by(product.sku)
    )
    return {
        sku: TopUpOpen(sku=sku, requests=count, supplier=asked[sku])
        for sku, count in session.execute(query)
    }
