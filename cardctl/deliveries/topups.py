"""Requests to top up: whom a line is asked of, and whether that is past changing.

A request goes out under one id with one account to one supplier. The supplier stands on the
delivery from the first try on; the account stays on the order, and is not changed from then on.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session

from cardctl.deliveries.outbox import OrderKey
from cardctl.schema.catalog import products, supplier_webhooks
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_lines
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import DeliveryVia


def suppliers_to_ask(
    session: Session, lines: Collection[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """The supplier (id) who can be asked for each line (bucket, id); without a webhook nobody."""
    if not lines:
        return {}
    rows = select_many(
        session,
        order_lines,
        columns=("bucket", "id", "product_id"),
        key=("bucket", "id"),
        rows=lines,
    )
    product, webhook = products.c, supplier_webhooks.c
    query = (
        select(product.id, webhook.supplier_id)
        .join(supplier_webhooks, webhook.supplier_id == product.topup_supplier_id)
        .where(product.id.in_({row[2] for row in rows}))
    )
    of_product = {row.id: row.supplier_id for row in session.execute(query)}
    return {(row[0], row[1]): of_product[row[2]] for row in rows if row[2] in of_product}


def is_account_asked_for(session: Session, *, order: OrderKey) -> bool:
    """Whether a supplier was asked to top up the account of a locked order, and has not refused."""
    rows = select_many(
        session,
        deliveries,
        columns=("via", "asked_at", "refused_at"),
        key=("bucket", "order_id"),
        rows=[order],
    )
    return any(
        via == DeliveryVia.TOPUP and asked_at is not None and refused_at is None
        for via, asked_at, refused_at in rows
    )
