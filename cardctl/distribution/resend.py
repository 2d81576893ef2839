"""Send one recipient's cards again: once more if they arrived, else anew."""

from collections.abc import Callable

from sqlalchemy import select

from cardctl.audit.record import Run
from cardctl.deliveries.channel import Channel
from cardctl.deliveries.deliver import Wish, deliver
from cardctl.deliveries.outbox import DELIVERABLE
from cardctl.deliveries.results import SendResult
from cardctl.distribution.cancel import find_recipient
from cardctl.distribution.progress import PlanRow, delivery_count
from cardctl.errors import StateForbids
from cardctl.schema.orders import orders
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import DeliveryStatus


class NothingToSend(StateForbids):
    """The recipient has no cards."""

    code = "nothing-to-send"
    message = "recipient {recipient} of plan {plan} has no cards that could be sent"
    hint = "cardctl distribute run {plan}"


def resend(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    channel: Channel,
    plan: PlanRow,
    recipient: str,
    reason: str,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> SendResult:
    """Deliver to one recipient by an open channel, whatever way it went before.

    Raises `RecipientMissing`, `NothingToSend`, and what sending raises.
    """
    with store.reading() as session:
        found = find_recipient(session, plan=plan, recipient=recipient)
        query = select(orders.c.id, orders.c.status, delivery_count(DeliveryStatus.DELIVERED))
        order = session.execute(
            query.where(
                orders.c.bucket == found.bucket,
                orders.c.channel_id == plan.channel_id,
                orders.c.number == found.order_number,
            )
        ).first()
    if order is None or order.status not in DELIVERABLE:
        raise NothingToSend(recipient=recipient, plan=plan.name)
    name = f"{plan.channel}:{found.order_number}"
    wish = Wish(
        named=((name, (found.bucket, order.id)),),
        reprint=bool(order[2]),
        reason=reason,
        dry_run=dry_run,
    )
    with run.steps(store):
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            told = {"plan": plan.name, "order": name, "via": channel.via.value, "reason": reason}
            run.record(session, "distribute.resend", told)
        return deliver(store, run=run, vault=vault, channel=channel, wish=wish, advance=advance)
