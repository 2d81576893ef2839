"""Run a plan: an order of every recipient, its cards, its delivery, some thousand at a time.

Each step of each chunk is committed, and each finds out by itself what is left to do: a run that
was killed is run again, and passes over what is done by one look at the orders. A recipient is
locked before the order is made, so that whoever is cancelled meanwhile gets none.

A dry run makes the orders of each chunk and decides on their cards in a transaction that is rolled
back; what one chunk would take stays taken for the next. One rehearsal of the whole would keep
everybody else from selling for as long as the run itself takes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import Channel
from cardctl.deliveries.outbox import enqueue
from cardctl.deliveries.retry import retry_orders
from cardctl.deliveries.send import send_due
from cardctl.distribution.as_planned import refuse_outdated
from cardctl.distribution.hold import hold_recipients, plan_lock
from cardctl.distribution.origin import RUN_VERB, made_by_plans
from cardctl.distribution.progress import (
    PlanRow,
    Progress,
    find_plan,
    leased_count,
    read_progress,
    state_of,
)
from cardctl.distribution.tasks import WITH_CARDS, Task, orders_with, unfinished
from cardctl.errors import StateForbids
from cardctl.identifiers import order_bucket
from cardctl.orders.issue import Wish, issue_orders
from cardctl.orders.issue_chunk import Manner, issue_within
from cardctl.orders.place import place_orders
from cardctl.orders.plan import PlacingCatalog, plan_order, read_placing_catalog
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.waiting import find_orders, read_catalog
from cardctl.schema.distribution import plans
from cardctl.schema.orders import orders
from cardctl.stock.release import release_overdue
from cardctl.storage.attempts import attempt
from cardctl.storage.dialects import select_many
from cardctl.storage.job_lock import job_lock
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import (
    DeliveryStatus,
    DeliveryVia,
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
    retry_failed: bool = False,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> RunResult:
    """Give every recipient of a plan exactly their cards; again, what is done is not done twice.

    Deliveries go to the outbox by the plan's way, and with an open `channel` and the vault those
    that are due leave, with `retry_failed` those of the plan that were given up, too; a dry run
    sends nothing, and takes what is sent to arrive. `advance` hears of recipients. Raises
    `PlanMissing`, `PlanCancelled`, `PlanOutdated`, `JobRunning`, and what issuing and sending
    raise.
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
        retries = retry_failed and plan.via is not None and before.failed > 0
        if dry_run:
            after = _rehearse(work, before, advance, retries=retries)
        else:
            if retries:
                _retry(work)
            for tasks in unfinished(store, plan, size=CHUNK):
                _give(work, tasks)
                advance(len(tasks))
            stopped = channel is not None and vault is not None and _send(work, vault, channel)
            after = work.commit(lambda session: _settle(session, work))
        leased = _leased(work)
    unchanged = after == before and not work.conflicts and not retries
    outcome = Outcome.UNCHANGED if unchanged else Outcome.UPDATED
    return RunResult(after, outcome, work.conflicts[:CONFLICTS_NAMED], stopped, leased)


def _retry(work: _Work) -> None:
    """Make due what was given up of the plan's deliveries."""
    failed = orders_with(work.store, work.plan, DeliveryStatus.DEAD, size=CHUNK)
    while part := list(islice(failed, CHUNK)):
        work.commit(partial(retry_orders, run=work.run, orders=part))


def _give(work: _Work, tasks: Sequence[Task]) -> None:
    """Make the orders of some recipients, issue their cards, put them into the outbox."""
    numbers, conflicts = work.commit(lambda session: _place(session, work, tasks))
    work.conflicts += conflicts
    if not numbers:
        return
    names = [(work.plan.channel, number) for number in numbers]
    issue_orders(work.store, run=work.run, wish=Wish(), names=names)
    if work.plan.via is not None:
        work.commit(lambda session: _enqueue(session, work, numbers))


def _place(session: Session, work: _Work, tasks: Sequence[Task]) -> tuple[list[str], list[str]]:
    """Place the orders of all who are not cancelled.

    The numbers of those that are as planned, and the names of the others: they differ from the
    plan, or a person placed them.
    """
    session.execute(
        update(plans)
        .where(plans.c.id == work.plan.id, plans.c.status == PlanStatus.PLANNED)
        .values(status=PlanStatus.RUNNING.value)
    )
    cancelled = hold_recipients(session, keys=[(task.bucket, task.id) for task in tasks])
    placed = place_orders(
        session,
        run=work.run,
        verb=RUN_VERB,
        catalog=work.catalog,
        planned=[
            plan_order(work.catalog, _record(work.plan, task))
            for task in tasks
            if cancelled[task.bucket, task.id] is None
        ],
    )
    found = {one.found for one in placed if one.found is not None}
    foreign = found - made_by_plans(session, keys=found)
    left = {one.number for one in placed if one.outcome is Outcome.CONFLICT or one.found in foreign}
    names = [one.order for one in placed if one.number in left]
    return [one.number for one in placed if one.number not in left], names


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
    """Put what is owed of some orders into the outbox, of who has all of their cards."""
    channel_id = work.plan.channel_id
    rows = select_many(
        session,
        orders,
        columns=("bucket", "id", "status"),
        key=("bucket", "channel_id", "number"),
        rows=[(order_bucket(work.plan.channel, number), channel_id, number) for number in numbers],
    )
    issued = [(bucket, row_id) for bucket, row_id, status in rows if status in WITH_CARDS]
    if issued:
        via = DeliveryVia(str(work.plan.via))
        enqueue(session, run=work.run, orders=issued, via=via)


def _send(work: _Work, vault: Vault, channel: Channel) -> bool:
    """Let the plan's deliveries leave that are not over; whether the other side seems to be down.

    Without any the channel is not touched.
    """
    waiting = orders_with(
        work.store, work.plan, DeliveryStatus.PENDING, DeliveryStatus.SENDING, size=CHUNK
    )
    first = next(waiting, None)
    if first is None:
        return False
    keys = chain([first], waiting)
    return send_due(work.store, run=work.run, vault=vault, channel=channel, orders=keys).stopped


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
    work.run.record(session, RUN_VERB, told | {"delivered": progress.delivered})
    return replace(progress, status=status.value)


def _reached(progress: Progress) -> PlanStatus:
    """What a plan is after a run."""
    return PlanStatus.DONE if progress.complete else PlanStatus.RUNNING


def _rehearse(
    work: _Work, before: Progress, advance: Callable[[int], None], *, retries: bool
) -> Progress:
    """How far the plan would be after a run."""
    manner = Manner(dry_run=True)
    moved: Counter[RecipientState] = Counter()
    for tasks in unfinished(work.store, work.plan, size=CHUNK):
        with work.run.transaction(work.store, dry_run=True, final=False) as session:
            moved.update(_decide(session, work, tasks, manner))
        advance(len(tasks))
    given = moved[RecipientState.ASSIGNED]
    after = replace(
        before,
        assigned=before.assigned + given,
        unsent=before.unsent + given,
        short=before.short + moved[RecipientState.SHORT],
        held=before.held + moved[RecipientState.HELD],
        waiting=before.waiting + moved[RecipientState.WAITING] + moved[RecipientState.PLANNED],
    )
    if work.plan.via is not None:
        after = _as_sent(after, leased=_leased(work), failed=0 if retries else before.failed)
    return replace(after, status=_reached(after).value)


def _as_sent(progress: Progress, *, leased: int, failed: int) -> Progress:
    """The same when what is sent has arrived.

    A run sends neither what was given up, nor what another command sends or did when it was killed.
    """
    return replace(
        progress,
        unsent=0,
        retrying=leased,
        failed=failed,
        delivered=progress.assigned - failed - leased,
        last_error=progress.last_error if failed or leased else None,
        refused=progress.refused if failed else None,
    )


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
    numbers, conflicts = _place(session, work, tasks)
    work.conflicts += conflicts
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
