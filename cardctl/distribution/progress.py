"""How far plans are: read from their orders and deliveries, where the truth is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, select
from sqlmodel import Session

from cardctl.deliveries.failures import Rejected
from cardctl.deliveries.outbox import OPEN
from cardctl.errors import NotFound
from cardctl.schema.catalog import channels
from cardctl.schema.deliveries import deliveries
from cardctl.schema.distribution import plan_recipients, plans
from cardctl.schema.orders import orders
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, OrderStatus, PlanStatus, RecipientState

_STATES: Mapping[str | None, RecipientState] = {
    None: RecipientState.PLANNED,
    OrderStatus.UNPAID: RecipientState.WAITING,
    OrderStatus.PAID: RecipientState.WAITING,
    OrderStatus.HELD: RecipientState.HELD,
    OrderStatus.BLOCKED: RecipientState.HELD,
    OrderStatus.SHORT: RecipientState.SHORT,
    OrderStatus.PARTLY_ISSUED: RecipientState.SHORT,
    OrderStatus.ISSUED: RecipientState.ASSIGNED,
    OrderStatus.DELIVERED: RecipientState.ASSIGNED,
    OrderStatus.PARTLY_REFUNDED: RecipientState.ASSIGNED,
    OrderStatus.REFUNDED: RecipientState.CANCELLED,
    OrderStatus.CANCELLED: RecipientState.CANCELLED,
}
_WITH_CARDS = (RecipientState.ASSIGNED, RecipientState.DELIVERED, RecipientState.FAILED)


class PlanMissing(NotFound):
    """No plan has that name."""

    hint = "cardctl distribute list"


class PlanRow(NamedTuple):
    """A plan as it was made; `price_fen` is for a piece, `planned_at` epoch ms."""

    id: int
    name: str
    status: str
    channel_id: int
    channel: str
    customer: str | None
    price_fen: int
    via: str | None
    region: str | None
    file: str
    recipients: int
    cards: int
    composition: str
    planned_at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan and how many of its recipients are where.

    Every recipient is assigned, short, held, waiting or cancelled, and everybody assigned is
    delivered, unsent, retrying or failed.
    """

    plan: str
    status: str
    channel: str
    customer: str | None
    via: str | None
    planned_at: int
    recipients: int
    assigned: int
    """They have all their cards."""
    delivered: int
    """All the cards that are theirs now have arrived."""
    unsent: int
    """Nobody has tried so far to deliver what they have not got."""
    retrying: int
    """Their delivery failed, or is being sent, and is tried again."""
    failed: int
    """Their delivery was given up."""
    short: int
    held: int
    waiting: int
    """Not run yet, or the stock is frozen."""
    cancelled: int
    last_error: str | None
    """Why one of those who are retrying or failed was not delivered to: a code and its words."""
    refused: str | None
    """The order of somebody whose address was refused by the mail server, by its name."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be done by running it."""
        undelivered = self.via is not None and self.delivered < self.assigned
        return not (self.short or self.held or self.waiting or undelivered)


def list_plans(session: Session) -> list[PlanRow]:
    """All plans, the oldest first."""
    query = _select_plans().order_by(plans.c.planned_at, plans.c.id)
    return [PlanRow(*row) for row in session.execute(query)]


def find_plan(session: Session, *, name: str) -> PlanRow:
    """A plan by its name; raises `PlanMissing`."""
    row = session.execute(_select_plans().where(plans.c.name == name)).first()
    if row is None:
        raise PlanMissing(noun="plan", name=name)
    return PlanRow(*row)


def read_progress(session: Session, *, plan: PlanRow) -> Progress:
    """Count the recipients of a plan by what became of them."""
    facts = (
        select(
            plan_recipients.c.cancelled_at.is_not(None).label("dropped"),
            orders.c.status,
            orders.c.delivered_at.is_not(None).label("delivered"),
            (delivery_count(DeliveryStatus.DEAD) > 0).label("dead"),
            _is_tried().label("tried"),
        )
        .select_from(with_orders(plan))
        .where(plan_recipients.c.plan_id == plan.id)
        .subquery()
    )
    query = select(*facts.c, func.count()).group_by(*facts.c)
    counts: Counter[RecipientState] = Counter()
    retrying = 0
    for dropped, status, delivered, dead, tried, count in session.execute(query):
        state = state_of(status, dropped=dropped, delivered=delivered, dead=dead)
        counts[state] += count
        retrying += count if tried and state is RecipientState.ASSIGNED else 0
    failed = counts[RecipientState.FAILED]
    progress = Progress(
        plan=plan.name,
        status=plan.status,
        channel=plan.channel,
        customer=plan.customer,
        via=plan.via,
        planned_at=plan.planned_at,
        recipients=plan.recipients,
        assigned=sum(counts[state] for state in _WITH_CARDS),
        delivered=counts[RecipientState.DELIVERED],
        unsent=counts[RecipientState.ASSIGNED] - retrying,
        retrying=retrying,
        failed=failed,
        short=counts[RecipientState.SHORT],
        held=counts[RecipientState.HELD],
        waiting=counts[RecipientState.WAITING] + counts[RecipientState.PLANNED],
        cancelled=counts[RecipientState.CANCELLED],
        last_error=_last_error(session, plan) if retrying or failed else None,
        refused=_refused(session, plan) if failed else None,
    )
    # A card was replaced since.
    reopened = plan.status == PlanStatus.DONE and not progress.complete
    return replace(progress, status=PlanStatus.RUNNING.value) if reopened else progress


def _last_error(session: Session, plan: PlanRow) -> str | None:
    """Why a delivery of a plan failed that is not over, one that was tried lately."""
    delivery = deliveries.c
    query = (
        _undelivered(plan, delivery.last_error)
        .where(delivery.status.in_(OPEN), delivery.last_error.is_not(None))
        .order_by(delivery.due_at.desc(), delivery.bucket, delivery.id)
    )
    return session.execute(query.limit(1)).scalars().first()


def _refused(session: Session, plan: PlanRow) -> str | None:
    """The first in the table whose mail was given up as the server does not take it."""
    delivery = deliveries.c
    query = (
        _undelivered(plan, orders.c.number)
        .where(delivery.status == DeliveryStatus.DEAD, delivery.via == DeliveryVia.EMAIL)
        .where(delivery.last_error.startswith(f"{Rejected.code}:"))
        .order_by(plan_recipients.c.place)
    )
    number = session.execute(query.limit(1)).scalars().first()
    return None if number is None else f"{plan.channel}:{number}"


def _undelivered(plan: PlanRow, *columns: ColumnElement[Any]) -> Select[Any]:
    """The deliveries of a plan's recipients who are to get what they have not got."""
    delivery, recipient = deliveries.c, plan_recipients.c
    of_order = (delivery.bucket == orders.c.bucket) & (delivery.order_id == orders.c.id)
    query = select(*columns).select_from(with_orders(plan).join(deliveries, of_order))
    return query.where(
        recipient.plan_id == plan.id,
        recipient.cancelled_at.is_(None),
        orders.c.delivered_at.is_(None),
    )


def state_of(status: str | None, *, dropped: bool, delivered: bool, dead: bool) -> RecipientState:
    """Where a recipient is, by the status of the order (None: there is none) and its deliveries."""
    state = RecipientState.CANCELLED if dropped else _STATES[status]
    if state is not RecipientState.ASSIGNED:
        return state
    if delivered:
        return RecipientState.DELIVERED
    return RecipientState.FAILED if dead else RecipientState.ASSIGNED


def with_orders(plan: PlanRow) -> FromClause:
    """The recipients, each beside the order that was made of it, if there is one."""
    recipient, order = plan_recipients.c, orders.c
    return plan_recipients.outerjoin(
        orders,
        and_(
            order.bucket == recipient.bucket,
            order.channel_id == plan.channel_id,
            order.number == recipient.order_number,
        ),
    )


def leased_count(session: Session, *, plan: PlanRow, at: int) -> int:
    """To how many recipients cards are being sent at an instant (epoch ms).

    Those of a command that was killed are among them until its leases end.
    """
    query = (
        select(func.count())
        .select_from(with_orders(plan))
        .where(
            plan_recipients.c.plan_id == plan.id,
            delivery_count(DeliveryStatus.SENDING, due_after=at) > 0,
        )
    )
    return int(session.execute(query).scalar_one())


def delivery_count(
    *statuses: DeliveryStatus, failed_before: bool = False, due_after: int | None = None
) -> ColumnElement[int]:
    """How many deliveries of its cards an order has in some statuses.

    With `failed_before` only those that were to leave and did not, with `due_after` those that are
    due later than that instant (epoch ms), or whose lease ends then. They are counted, because of
    an EXISTS Postgres would make a table of all the deliveries there are.
    """
    delivery = deliveries.c
    which = [delivery.bucket == orders.c.bucket, delivery.order_id == orders.c.id]
    which += [delivery.order_line_id.is_(None), delivery.status.in_(statuses)]
    if failed_before:
        which.append(delivery.last_error.is_not(None))
    if due_after is not None:
        which.append(delivery.due_at > due_after)
    query = select(func.count()).select_from(deliveries).where(*which)
    return query.correlate(orders).scalar_subquery()


def _is_tried() -> ColumnElement[bool]:
    """Of an order: whether somebody sends its cards, or could not and tries again."""
    sending = delivery_count(DeliveryStatus.SENDING)
    return sending + delivery_count(DeliveryStatus.PENDING, failed_before=True) > 0


def _select_plans() -> Select[Any]:
    plan = plans.c
    return select(
        plan.id,
        plan.name,
        plan.status,
        plan.channel_id,
        channels.c.code,
        plan.customer,
        plan.price_fen,
        plan.via,
        plan.region,
        plan.file_name,
        plan.recipient_count,
        plan.card_count,
        plan.composition,
        plan.planned_at,
    ).join(channels, channels.c.id == plan.channel_id)
