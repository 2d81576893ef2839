"""Run a plan: an order of every recipient, its cards, its delivery, some thousand at a time.

Each step of each chunk is committed, and each finds out by itself what is left to do: a run that
was killed is run again, and passes over what is done by one look at the orders. A recipient is
locked before the order is made, so that whoever is cancelled meanwhile gets none.

A dry run makes the orders of each chunk and decides on their cards in a transaction that is rolled
back; what one chunk would take stays taken for the next. One rehearsal of the whole would keep
everybody else from selling for as long as the run itself takes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import Channel
from cardctl.deliveries.outbox import enqueue
from cardctl.deliveries.send import send_due
from cardctl.distribution.as_planned import refuse_outdated
from cardctl.distribution.hold import hold_recipients, plan_lock
from cardctl.distribution.progress import (
    PlanRow,
    Progress,
    delivery_count,
    find_plan,
    leased_count,
    read_progress,
    state_of,
    with_orders,
)
from cardctl.errors import StateForbids
from cardctl.identifiers import order_bucket
from cardctl.orders.issue import Wish, issue_orders
from cardctl.orders.issue_chunk import Manner, issue_within
from cardctl.orders.place import place_orders
from cardctl.orders.plan import PlacingCatalog, plan_order, read_placing_catalog
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.waiting import find_orders, read_catalog
from cardctl.schema.catalog import products
from cardctl.schema.distribution import plan_recipients, plans
from cardctl.schema.orders import orders
from cardctl.stock.release import release_overdue
from cardctl.storage.attempts import attempt
from cardctl.storage.dialects import select_many
from cardctl.storage.job_lock import job_lock
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import (
    ISSUABLE,
    DeliveryStatus,
    DeliveryVia,
    OrderStatus,
    Outcome,
    PlanStatus,
    RecipientState,
)

CHUNK = 5_000
"""Recipients a transaction."""

CONFLICTS_NAMED = 100

Result = TypeVar("Result")


class PlanCancelled(StateForbids):
    """The plan was taken back."""

    code = "plan-cancelled"
    message = "plan {plan} was cancelled"
    hint = "plan it again under another name"


class Task(NamedTuple):
    """A recipient for whom something is left to do; order and status are None until it is made."""

    bucket: int
    id: int
    place: int
    order_number: str
    qty: int
    recipient: str
    name: str | None
    email: str | None
    phone: str | None
    note: str | None
    sku: str
    order_id: int | None
    status: str | None


@dataclass(frozen=True, slots=True)
class RunResult:
    """How far the plan is now, and whether this run did anything."""

    progress: Progress
    outcome: Outcome
    conflicts: list[str]
    """The first orders that are not what the plan says: they were left alone."""
    stopped: bool = False
    """Whether the other side of a delivery seemed to be down: the rest is in the outbox."""
    leased: int = 0
    """How many are sent by another command, or were by one that was killed, and so were left."""


@dataclass(slots=True)
class _Work:
    """One run of a plan."""

    store: Store
    run: Run
    plan: PlanRow
    catalog: PlacingCatalog
    conflicts: list[str] = field(default_factory=list)

    def commit(self, work: Callable[[Session], Result]) -> Result:
        """Do a piece of work in one transaction, again when a race rolled it back."""
        return attempt(lambda: self.run.transaction(self.store, final=False), work)


def run_plan(
    store: Store,
    *,
    run: Run,
    name: str,
    vault: Vault | None = None,
    channel: Channel | None = None,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> RunResult:
    """Give every recipient of a plan exactly their cards; again, what is done is not done twice.

    Deliveries go to the outbox by the plan's way, and with an open `channel` and the vault those
    that are due leave; a dry run sends nothing, and takes what is sent to arrive. `advance` hears
    of recipients. Raises `PlanMissing`, `PlanCancelled`,
    `PlanOutdated`, `JobRunning`, and what issuing and sending raise.
    """
    with job_lock(store, plan_lock(name)), run.steps(store):
        with store.reading() as session:
            plan = find_plan(session, name=name)
            if plan.status == PlanStatus.CANCELLED:
                raise PlanCancelled(plan=name)
            refuse_outdated(session, plan=plan)
            before = read_progress(session, plan=plan)
            catalog = read_placing_catalog(session, channel=plan.channel)
        work = _Work(store, run, plan, catalog)
        stopped = False
        if dry_run:
            after = _rehearse(work, before, advance)
        else:
            for tasks in _unfinished(store, plan=plan):
                _give(work, tasks)
                advance(len(tasks))
            stopped = channel is not None and vault is not None and _send(work, vault, channel)
            after = work.commit(lambda session: _settle(session, work))
        leased = _leased(work)
    unchanged = after == before and not work.conflicts
    outcome = Outcome.UNCHANGED if unchanged else Outcome.UPDATED
    return RunResult(after, outcome, work.conflicts[:CONFLICTS_NAMED], stopped, leased)


def _unfinished(store: Store, *, plan: PlanRow) -> Iterator[list[Task]]:
    """The recipients for whom a run has something to do, in the order of their table."""
    recipient = plan_recipients.c
    undone: list[ColumnElement[bool]] = [
        orders.c.id.is_(None),
        orders.c.status.in_(ISSUABLE),
    ]
    if plan.via is not None:
        undone.append((orders.c.status == OrderStatus.ISSUED) & (delivery_count() == 0))
    kept = [recipient[name] for name in Task._fields[:-3]]
    query = (
        select(*kept, products.c.sku, orders.c.id, orders.c.status)
        .select_from(with_orders(plan).join(products, products.c.id == recipient.product_id))
        .where(recipient.plan_id == plan.id, recipient.cancelled_at.is_(None), or_(*undone))
        .order_by(recipient.place)
        .limit(CHUNK)
    )
    place = 0
    while True:
        with store.reading() as session:
            rows = session.execute(query.where(recipient.place > place))
            tasks = [Task(*row) for row in rows]
        if not tasks:
            return
        yield tasks
        place = tasks[-1].place


def _give(work: _Work, tasks: Sequence[Task]) -> None:
    """Make the orders of some recipients, issue their cards, put them into the outbox."""
    numbers = work.commit(lambda session: _place(session, work, tasks))
    if not numbers:
        return
    names = [(work.plan.channel, number) for number in numbers]
    issue_orders(work.store, run=work.run, wish=Wish(), names=names)
    if work.plan.via is not None:
        work.commit(lambda session: _enqueue(session, work, numbers))


def _place(session: Session, work: _Work, tasks: Sequence[Task]) -> list[str]:
    """Place the orders of all who are not cancelled: the numbers of those that are as planned."""
    session.execute(
        update(plans)
        .where(plans.c.id == work.plan.id, plans.c.status == PlanStatus.PLANNED)
        .values(status=PlanStatus.RUNNING.value)
    )
    cancelled = hold_recipients(session, keys=[(task.bucket, task.id) for task in tasks])
    placed = place_orders(
        session,
        run=work.run,
        verb="distribute.run",
        catalog=work.catalog,
        planned=[
            plan_order(work.catalog, _record(work.plan, task))
            for task in tasks
            if cancelled[task.bucket, task.id] is None
        ],
    )
    work.conflicts += [one.order for one in placed if one.outcome is Outcome.CONFLICT]
    return [one.number for one in placed if one.outcome is not Outcome.CONFLICT]


def _record(plan: PlanRow, task: Task) -> OrderRecord:
    """The order of a recipient; one that is there already is compared by what it is of only.

    Whom it goes to may have been put right since.
    """
    told: dict[str, Any] = {}
    if task.order_id is None:
        told = {
            "buyer": task.name or task.recipient,
            "email": task.email,
            "phone": task.phone,
            "region": plan.region,
            "note": task.note,
        }
    return OrderRecord(
        number=task.order_number,
        lines=(LineRecord(sku=task.sku, qty=task.qty),),
        paid_fen=plan.price_fen * task.qty,
        **told,
    )


def _enqueue(session: Session, work: _Work, numbers: Sequence[str]) -> None:
    """Put what is issued of some orders into the outbox."""
    channel_id = work.plan.channel_id
    rows = select_many(
        session,
        orders,
        columns=("bucket", "id", "status"),
        key=("bucket", "channel_id", "number"),
        rows=[(order_bucket(work.plan.channel, number), channel_id, number) for number in numbers],
    )
    issued = [(bucket, row_id) for bucket, row_id, status in rows if status == OrderStatus.ISSUED]
    if issued:
        via = DeliveryVia(str(work.plan.via))
        enqueue(session, run=work.run, orders=issued, via=via)


def _send(work: _Work, vault: Vault, channel: Channel) -> bool:
    """Let the plan's deliveries leave that are not over; whether the other side seems to be down.

    Without any the channel is not touched.
    """
    waiting = _undelivered(work.store, work.plan)
    first = next(waiting, None)
    if first is None:
        return False
    keys = chain([first], waiting)
    return send_due(work.store, run=work.run, vault=vault, channel=channel, orders=keys).stopped


def _undelivered(store: Store, plan: PlanRow) -> Iterator[tuple[int, int]]:
    """Bucket and id of the orders with deliveries to be sent, in the order of the table."""
    recipient = plan_recipients.c
    waits = delivery_count(DeliveryStatus.PENDING, DeliveryStatus.SENDING) > 0
    query = (
        select(recipient.place, orders.c.bucket, orders.c.id)
        .select_from(with_orders(plan))
        .where(recipient.plan_id == plan.id, waits)
        .order_by(recipient.place)
        .limit(CHUNK)
    )
    place = 0
    while True:
        with store.reading() as session:
            rows = session.execute(query.where(recipient.place > place)).all()
        if not rows:
            return
        yield from ((row.bucket, row.id) for row in rows)
        place = rows[-1].place


def _settle(session: Session, work: _Work) -> Progress:
    """How far the plan is now; done when nothing is left for another run.

    A plan that was cancelled meanwhile stays so.
    """
    plan = find_plan(session, name=work.plan.name)
    progress = read_progress(session, plan=plan)
    status = _reached(progress)
    if plan.status in (status, PlanStatus.CANCELLED):
        return progress
    moved: Any = session.execute(
        update(plans)
        .where(plans.c.id == plan.id, plans.c.status == plan.status)
        .values(status=status.value)
    )
    if not moved.rowcount:
        return replace(progress, status=find_plan(session, name=plan.name).status)
    told = {"plan": plan.name, "status": status.value, "assigned": progress.assigned}
    work.run.record(session, "distribute.run", told | {"delivered": progress.delivered})
    return replace(progress, status=status.value)


def _reached(progress: Progress) -> PlanStatus:
    """What a plan is after a run."""
    return PlanStatus.DONE if progress.complete else PlanStatus.RUNNING


def _rehearse(work: _Work, before: Progress, advance: Callable[[int], None]) -> Progress:
    """How far the plan would be after a run."""
    manner = Manner(dry_run=True)
    moved: Counter[RecipientState] = Counter()
    for tasks in _unfinished(work.store, plan=work.plan):
        with work.run.transaction(work.store, dry_run=True, final=False) as session:
            moved.update(_decide(session, work, tasks, manner))
        advance(len(tasks))
    assigned, sends = before.assigned + moved[RecipientState.ASSIGNED], work.plan.via is not None
    leased = _leased(work)
    after = replace(
        before,
        assigned=assigned,
        retrying=leased if sends else before.retrying,
        # What is sent is taken to arrive; a run sends neither what was given up nor what another
        # command sends, or did when it was killed.
        delivered=assigned - before.failed - leased if sends else before.delivered,
        short=before.short + moved[RecipientState.SHORT],
        held=before.held + moved[RecipientState.HELD],
        waiting=before.waiting + moved[RecipientState.WAITING] + moved[RecipientState.PLANNED],
        last_error=before.last_error if before.failed or leased or not sends else None,
    )
    return replace(after, status=_reached(after).value)


def _leased(work: _Work) -> int:
    with work.store.reading() as session:
        return leased_count(session, plan=work.plan, at=now_ms())


def _decide(
    session: Session, work: _Work, tasks: Sequence[Task], manner: Manner
) -> Counter[RecipientState]:
    """Make the orders of some recipients and decide on their cards: who would come from where.

    What they leave is counted below zero.
    """
    released = 1
    while released:
        released, _ = release_overdue(session, run=work.run)
    numbers = _place(session, work, tasks)
    catalog = read_catalog(session, at=work.run.at)
    keys = find_orders(
        session, catalog=catalog, names=[(work.plan.channel, number) for number in numbers]
    )
    decided = issue_within(
        session, run=work.run, catalog=catalog, keys=keys, manner=manner, waiting=True
    )
    placed = {*numbers}
    moved = Counter(_state(one.status) for one in decided.outcomes)
    moved.subtract(_state(task.status) for task in tasks if task.order_number in placed)
    return moved


def _state(status: str | None) -> RecipientState:
    """Where a recipient is to whom nothing was sent, by the status of the order."""
    return state_of(status, dropped=False, delivered=False, dead=False)
