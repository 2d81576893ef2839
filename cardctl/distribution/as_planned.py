"""See that a plan still comes to what was planned: bundles are changed between plan and run."""

from sqlalchemy import case, func, select
from sqlmodel import Session

from cardctl.distribution.offer import read_offer
from cardctl.distribution.progress import PlanRow, with_orders
from cardctl.errors import StateForbids
from cardctl.schema.distribution import plan_recipients
from cardctl.schema.orders import orders


class PlanOutdated(StateForbids):
    """Recipients without an order would get other cards than were planned for them.

    `product` is one they are to get, a bundle if there is one.
    """

    code = "plan-outdated"
    message = (
        "plan {plan} was made for {planned} cards, and with the bundles as they are now it comes to"
        " {now}; recipients without an order: {left}"
    )
    hint = (
        "cardctl product show {product}, and put its components back; or cardctl distribute cancel"
        " {plan}, and plan it again under another name"
    )


def refuse_outdated(session: Session, *, plan: PlanRow) -> None:
    """Compare the cards of a plan by the catalogue of now with those it was made for.

    What has an order is settled: a plan without other recipients passes. Raises `PlanOutdated`.
    """
    recipient = plan_recipients.c
    unplaced = orders.c.id.is_(None) & recipient.cancelled_at.is_(None)
    query = (
        select(
            recipient.product_id, func.sum(recipient.qty), func.sum(case((unplaced, 1), else_=0))
        )
        .select_from(with_orders(plan))
        .where(recipient.plan_id == plan.id)
        .group_by(recipient.product_id)
    )
    wanted = session.execute(query).all()
    left = {product_id: int(count) for product_id, _, count in wanted if count}
    offer = read_offer(session, region=plan.region)
    now = sum(int(qty) * sum(offer.parts[product_id].values()) for product_id, qty, _ in wanted)
    if now == plan.cards or not left:
        return
    bundles_first = sorted(
        (product_id in offer.parts[product_id], sku)
        for sku, product_id in offer.product_ids.items()
        if product_id in left
    )
    raise PlanOutdated(
        plan=plan.name,
        planned=plan.cards,
        now=now,
        left=sum(left.values()),
        product=bundles_first[0][1],
    )
