"""Take a plan back, whole or for one recipient, as far as nothing has left the house.

Before an order was made of them a recipient is dropped; an order without cards is cancelled; one
with cards that nobody has seen is refunded, and its cards are sold again. An order that a person
placed under a recipient's number is none of the plan's, and is let be. Recipients are locked before
their orders, and these before their cards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.distribution.hold import hold_recipients, plan_lock
from cardctl.distribution.origin import made_by_plans
from cardctl.distribution.progress import PlanRow, find_plan
from cardctl.distribution.recipients import order_number
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import order_bucket
from cardctl.orders.cancel import CANCELLABLE, cancel_within
from cardctl.orders.held import HeldOrder, Name, hold_orders
from cardctl.orders.refund import refund_within
from cardctl.orders.refund_decision import CardsWereSeen, RefundWish
from cardctl.schema.distribution import plan_recipients, plans
from cardctl.storage.attempts import attempt
from cardctl.storage.dialects import update_many
from cardctl.storage.job_lock import job_lock
from cardctl.storage.store import Store
from cardctl.vocabulary import OrderStatus, PlanStatus

CHUNK = 1_000
"""Recipients a transaction."""

LEFT_NAMED = 100

_GONE = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)


class RecipientMissing(NotFound):
    """The plan has no such recipient."""

    message = "plan {plan} has no recipient {name}"
    hint = "cardctl distribute report {plan} --out FILE.xlsx"


class RecipientHasCards(CardsWereSeen):
    """One recipient is to be taken back who has seen their cards."""

    hint = "cardctl order refund {order} --reason TEXT pays it back; the cards stay theirs"


class NothingToCancel(StateForbids):
    """The plan is done, and all of it that is left was seen; `order` is the first such."""

    code = "nothing-to-cancel"
    message = "plan {plan} was not cancelled: all that is left of it was handed over ({left})"
    hint = (
        "cardctl distribute report {plan} --out FILE.xlsx names them;"
        " cardctl order refund {order} --reason TEXT pays one back"
    )


@dataclass(slots=True)
class CancelResult:
    """What was taken back."""

    plan: str
    status: str
    """The plan's."""
    cancelled: int = 0
    restocked: int = 0
    """How many cards are for sale again."""
    unchanged: int = 0
    """Recipients who were cancelled before."""
    left: int = 0
    """Recipients whose cards were handed over, shown or redeemed: they keep them."""
    orders: list[str] = field(default_factory=list)
    """Their orders, the first of them."""

    def add(self, part: "CancelResult") -> None:
        """Count what one transaction took back, once it is committed."""
        self.status = part.status
        self.cancelled += part.cancelled
        self.restocked += part.restocked
        self.unchanged += part.unchanged
        self.left += part.left
        self.orders = (self.orders + part.orders)[:LEFT_NAMED]


class Named(NamedTuple):
    """A recipient and its order's number."""

    bucket: int
    id: int
    order_number: str


def cancel_recipient(
    session: Session, *, run: Run, name: str, recipient: str, reason: str
) -> CancelResult:
    """Take back what one recipient is to get; again changes nothing.

    Raises `PlanMissing`, `RecipientMissing`, and `RecipientHasCards` when it is too late.
    """
    plan = find_plan(session, name=name)
    one = find_recipient(session, plan=plan, recipient=recipient)
    result = _take_back(session, run, _Taking(plan, reason), [one])
    if result.left:
        raise RecipientHasCards(order=result.orders[0])
    return result


def cancel_plan(
    store: Store,
    *,
    run: Run,
    name: str,
    reason: str,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> CancelResult:
    """Take a plan back for everybody whose cards were not seen, some at a time.

    It is cancelled together with the first of them, so that it is not run any more; killed on the
    way it goes on when run again. Raises `PlanMissing`, `JobRunning` and `NothingToCancel`.
    """
    with job_lock(store, plan_lock(name)), run.steps(store):
        with store.reading() as session:
            plan = find_plan(session, name=name)
        result = CancelResult(name, plan.status)
        taking = _Taking(plan, reason)
        for part in _chunks(store, plan):
            taken = attempt(
                lambda: run.transaction(store, dry_run=dry_run, final=False),
                lambda session: _take_part_back(
                    session,
                    run,
                    taking,
                    part,  # noqa: B023 -- called at once
                    status=result.status,
                ),
            )
            result.add(taken)
            advance(len(part))
        # One that is not done is kept from being run, whoever has their cards.
        if result.left and result.status == PlanStatus.DONE:
            raise NothingToCancel(plan=name, left=result.left, order=result.orders[0])
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            result.status = _close(session, run, taking, result.status)
    return result


def find_recipient(session: Session, *, plan: PlanRow, recipient: str) -> Named:
    """A recipient of a plan; raises `RecipientMissing`."""
    number = order_number(plan.name, recipient)
    column = plan_recipients.c
    query = select(*(column[name] for name in Named._fields)).where(
        column.bucket == order_bucket(plan.channel, number),
        column.plan_id == plan.id,
        column.recipient == recipient,
    )
    row = session.execute(query).first()
    if row is None:
        raise RecipientMissing(noun="recipient", name=recipient, plan=plan.name)
    return Named(*row)


def _chunks(store: Store, plan: PlanRow) -> Iterator[list[Named]]:
    column, place = plan_recipients.c, 0
    while True:
        query = (
            select(*(column[name] for name in Named._fields), column.place)
            .where(column.plan_id == plan.id, column.place > place)
            .order_by(column.place)
            .limit(CHUNK)
        )
        with store.reading() as session:
            rows = session.execute(query).all()
        if not rows:
            return
        yield [Named(*row[:-1]) for row in rows]
        place = rows[-1].place


@dataclass(frozen=True, slots=True)
class _Taking:
    """What is taken back, and why."""

    plan: PlanRow
    reason: str


def _close(session: Session, run: Run, taking: _Taking, status: str) -> str:
    """Cancel the plan itself, once; its status then."""
    closed = PlanStatus.CANCELLED.value
    if status != closed:
        plan = taking.plan
        session.execute(update(plans).where(plans.c.id == plan.id).values(status=closed))
        told = {"plan": plan.name, "was": plan.status, "reason": taking.reason}
        run.record(session, "distribute.cancel", told)
    return closed


def _take_part_back(
    session: Session, run: Run, taking: _Taking, named: Sequence[Named], *, status: str
) -> CancelResult:
    """Cancel some recipients of a plan in one transaction, and it with the first of them."""
    taken = _take_back(session, run, taking, named)
    taken.status = _close(session, run, taking, status) if taken.cancelled else status
    return taken


def _take_back(session: Session, run: Run, taking: _Taking, named: Sequence[Named]) -> CancelResult:
    """Cancel some recipients in one transaction."""
    plan = taking.plan
    held = hold_recipients(session, keys=[(one.bucket, one.id) for one in named])
    standing = [one for one in named if held[one.bucket, one.id] is None]
    # Before any of their cards.
    found, _ = hold_orders(session, [(plan.channel, one.order_number) for one in standing])
    ours = made_by_plans(session, keys=[order.key for order in found.values()])
    orders = {name: order for name, order in found.items() if order.key in ours}
    dropped = [one for one in standing if (plan.channel, one.order_number) not in orders]
    _drop(session, run, taking, dropped)
    result = _take_orders_back(session, run, taking, orders)
    result.cancelled += len(dropped)
    result.unchanged += len(named) - len(standing)
    return result


def _drop(session: Session, run: Run, taking: _Taking, dropped: Sequence[Named]) -> None:
    """Cancel those of whom no order was made."""
    if not dropped:
        return
    update_many(
        session,
        plan_recipients,
        key=("bucket", "id"),
        changed=(),
        rows=[(one.bucket, one.id) for one in dropped],
        constants={"cancelled_at": run.at},
    )
    told: dict[str, object] = {"plan": taking.plan.name, "dropped": len(dropped)}
    if len(dropped) == 1:
        told["order"] = dropped[0].order_number
    run.record(session, "distribute.cancel", told | {"reason": taking.reason})


def _take_orders_back(
    session: Session, run: Run, taking: _Taking, held: Mapping[Name, HeldOrder]
) -> CancelResult:
    """Cancel or refund locked orders, and leave those whose cards were seen."""
    plan = taking.plan
    waiting = [name for name, order in held.items() if order.status in CANCELLABLE]
    gone = [name for name, order in held.items() if order.status in _GONE]
    sold = [name for name in held if name not in {*waiting, *gone}]
    # Refunds first: they lock batches, which comes before any card.
    wish = RefundWish(reason=taking.reason, restock=True)
    refunds = refund_within(session, run=run, names=sold, wish=wish)
    for one in refunds.refused:
        if not isinstance(one.problem, CardsWereSeen):
            raise one.problem
    cancelled = cancel_within(session, run=run, names=waiting)
    return CancelResult(
        plan.name,
        plan.status,
        cancelled=len(refunds.done) + len(cancelled.done),
        restocked=sum(one.restocked for one in refunds.done),
        unchanged=len(gone),
        left=len(refunds.refused),
        orders=[one.order for one in refunds.refused][:LEFT_NAMED],
    )
