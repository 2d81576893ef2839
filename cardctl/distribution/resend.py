"""Send one recipient's cards again: what has not arrived, or once more if all of it has."""

from collections.abc import Callable

from sqlalchemy import select

from cardctl.audit.record import Run
from cardctl.deliveries.channel import Channel
from cardctl.deliveries.deliver import Wish, deliver
from cardctl.deliveries.outbox import DELIVERABLE, has_undelivered_cards
from cardctl.deliveries.results import SendResult
from cardctl.distribution.cancel import find_recipient
from cardctl.distribution.progress import PlanRow, state_of, with_orders
from cardctl.errors import StateForbids
from cardctl.schema.distribution import plan_recipients
from cardctl.schema.orders import orders
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import RecipientState


class NothingToSend(StateForbids):
    """The recipient has no cards."""

    code = "nothing-to-send"
    message = "recipient {recipient} of plan {plan} has no cards that could be sent"
    hint = "cardctl distribute run {plan}"


class RecipientCancelled(NothingToSend):
    """The recipient was taken back: no run gives them cards."""

    message = "recipient {recipient} of plan {plan} was cancelled: there is nothing to send"
    hint = "cardctl distribute plan FILE --name NAME, with them in the table of a new plan"


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

    Who was given a card for another gets that one alone, and everything once more the next time.

    Raises `RecipientMissing`, `NothingToSend`, `RecipientCancelled`, and what sending raises.
    """
    with store.reading() as session:
        found = find_recipient(session, plan=plan, recipient=recipient)
        query = (
            select(
                orders.c.id,
                orders.c.status,
                plan_recipients.c.cancelled_at,
                has_undelivered_cards(),
            )
            .select_from(with_orders(plan))
            .where(plan_recipients.c.bucket == found.bucket, plan_recipients.c.id == found.id)
        )
        order_id, status, cancelled_at, owed = session.execute(query).one()
    state = state_of(status, dropped=cancelled_at is not None, delivered=False, dead=False)
    if state is RecipientState.CANCELLED:
        raise RecipientCancelled(recipient=recipient, plan=plan.name)
    if status not in DELIVERABLE:
        raise NothingToSend(recipient=recipient, plan=plan.name)
    name = f"{plan.channel}:{found.order_number}"
    wish = Wish(
        named=((name, (found.bucket, order_id)),),
        reprint=not owed,
        reason=reason,
        dry_run=dry_run,
    )
    with run.steps(store):
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            told = {"plan": plan.name, "order": name, "via": channel.via.value, "reason": reason}
            run.record(session, "distribute.resend", told)
        return deliver(store, run=run, vault=vault, channel=channel, wish=wish, advance=advance)
