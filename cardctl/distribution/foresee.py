"""What a run of a plan would come to, from what the stock has now; changes nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cardctl.distribution.as_planned import refuse_outdated
from cardctl.distribution.offer import read_offer
from cardctl.distribution.progress import find_plan, read_progress
from cardctl.distribution.run import PlanCancelled, RunResult, Task, unfinished
from cardctl.distribution.supply import Supply, read_supply
from cardctl.storage.store import Store
from cardctl.vocabulary import OrderStatus, Outcome, PlanStatus, RecipientState


def foresee_run(store: Store, *, name: str, at: int) -> RunResult:
    """How far a plan would be after a run at an instant (epoch ms), if nobody else took cards.

    Raises `PlanMissing`, `PlanCancelled` and `PlanOutdated`.
    """
    with store.reading() as session:
        plan = find_plan(session, name=name)
        if plan.status == PlanStatus.CANCELLED:
            raise PlanCancelled(plan=name)
        refuse_outdated(session, plan=plan)
        progress = read_progress(session, plan=plan)
        offer = read_offer(session, region=plan.region)
    skus = {product_id: sku for sku, product_id in offer.product_ids.items()}
    parts = {
        sku: {skus[part]: qty for part, qty in offer.parts[product_id].items()}
        for sku, product_id in offer.product_ids.items()
    }

    def needs() -> Iterator[Counter[str]]:
        chunks = unfinished(store, plan=plan)
        yield from _needs((task for tasks in chunks for task in tasks), parts)

    wanted: Counter[str] = Counter()
    for need in needs():
        wanted += need
    by_id = {offer.product_ids[sku]: qty for sku, qty in wanted.items()}
    with store.reading() as session:
        supplies = read_supply(session, at=at, channel_id=plan.channel_id, wanted=by_id)
    found = _allocate(needs(), supplies)
    assigned = progress.assigned + found[RecipientState.ASSIGNED]
    after = replace(
        progress,
        assigned=assigned,
        retrying=progress.retrying if plan.via is None else 0,
        # What is sent is taken to arrive; what was given up is not sent by a run.
        delivered=progress.delivered if plan.via is None else assigned - progress.failed,
        short=found[RecipientState.SHORT],
        waiting=found[RecipientState.WAITING],
        last_error=progress.last_error if progress.failed or plan.via is None else None,
    )
    outcome = Outcome.UNCHANGED if after == progress else Outcome.UPDATED
    return RunResult(after, outcome, [])


def _needs(tasks: Iterable[Task], parts: Mapping[str, Mapping[str, int]]) -> Iterator[Counter[str]]:
    """What each recipient lacks who has no cards, by SKU."""
    for task in tasks:
        if task.status != OrderStatus.ISSUED:
            yield Counter({sku: qty * task.qty for sku, qty in parts[task.sku].items()})


def _allocate(needs: Iterable[Counter[str]], supplies: Iterable[Supply]) -> Counter[RecipientState]:
    """Who would get theirs, all or nothing, in the order of the table."""
    left: Counter[str] = Counter()
    frozen = set()
    for one in supplies:
        left[one.product] = one.available
        if one.frozen:
            frozen.add(one.product)
    found: Counter[RecipientState] = Counter()
    for need in needs:
        if frozen & set(need):
            found[RecipientState.WAITING] += 1
        elif need <= left:
            left -= need
            found[RecipientState.ASSIGNED] += 1
        else:
            found[RecipientState.SHORT] += 1
    return found
