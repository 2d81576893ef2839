"""See that a plan still comes to what was planned: bundles are changed between plan and run."""

import json

from sqlalchemy import func, select
from sqlmodel import Session

from cardctl.distribution.offer import read_offer
from cardctl.distribution.progress import PlanRow, with_orders
from cardctl.errors import StateForbids
from cardctl.schema.distribution import plan_recipients
from cardctl.schema.orders import orders


class PlanOutdated(StateForbids):
    """Recipients without an order would get other cards than were planned for them.

    `product` is the first such product; `left` counts its recipients.
    """

    code = "plan-outdated"
    message = (
        "plan {plan} was made when {product} held {planned}, and now it holds {now};"
        " recipients without an order: {left}"
    )
    hint = (
        "cardctl product show {product}, and put its components back; or cardctl distribute cancel"
        " {plan}, and plan it again under another name"
    )


def refuse_outdated(session: Session, *, plan: PlanRow) -> None:
    """Compare what the products of a plan hold by the catalogue of now with what they did then.

    What has an order is settled: a product without other recipients passes. Raises `PlanOutdated`.
    """
    recipient = plan_recipients.c
    query = (
        select(recipient.product_id, func.count())
        .select_from(with_orders(plan))
        .where(
            recipient.plan_id == plan.id, recipient.cancelled_at.is_(None), orders.c.id.is_(None)
        )
        .group_by(recipient.product_id)
    )
    left = {int(product_id): int(count) for product_id, count in session.execute(query)}
    offer = read_offer(session, region=plan.region)
    planned = {
        int(product_id): {int(part): qty for part, qty in parts.items()}
        for product_id, parts in json.loads(plan.composition).items()
    }
    for sku, product_id in sorted(offer.product_ids.items()):
        if product_id in left and planned[product_id] != offer.parts[product_id]:
            raise PlanOutdated(
                plan=plan.name,
                product=sku,
                planned=offer.spell(planned[product_id]),
                now=offer.spell(offer.parts[product_id]),
                left=left[product_id],
            )
