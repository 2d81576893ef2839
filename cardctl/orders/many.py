"""Do the same to many orders: one that is refused stops none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import CardctlError, NotFound, StateForbids
from cardctl.orders.held import Name
from cardctl.storage.attempts import attempt
from cardctl.storage.store import Store

CHUNK = 1_000
"""Orders a transaction: many enough to amortise its statements, few enough to let others in."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order to which it was not done, and why."""

    order: str
    problem: CardctlError


@dataclass(slots=True)
class ManyResult(Generic[Result]):
    """What came of doing it to many orders."""

    done: list[Result] = field(default_factory=list)
    """Of those to which it is done, now or before."""
    refused: list[RefusedOrder] = field(default_factory=list)


def do_in_chunks(
    store: Store,
    *,
    run: Run,
    names: Sequence[Name],
    work: Callable[[Session, Sequence[Name]], ManyResult[Result]],
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ManyResult[Result]:
    """Do `work` to orders by (channel code, external number), each once however often it is named.

    A chunk of them is one transaction, which is done again when a race rolled it back. What it
    changes again must be unchanged: killed in between and run again it goes on.
    """
    result: ManyResult[Result] = ManyResult()
    once = list(dict.fromkeys(names))
    for first in range(0, len(once), CHUNK):
        part = once[first : first + CHUNK]
        done = attempt(
            lambda: run.transaction(store, dry_run=dry_run, final=False),
            lambda session: work(session, part),  # noqa: B023 -- called at once
        )
        result.done += done.done
        result.refused += done.refused
        advance(len(part))
    run.finish(store)
    return result


def do_each(
    store: Store,
    *,
    run: Run,
    names: Sequence[Name],
    work: Callable[[Session, str, str], Result],
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ManyResult[Result]:
    """The same, each order in a transaction of its own; `work` raises what it refuses."""
    result: ManyResult[Result] = ManyResult()
    for channel, number in dict.fromkeys(names):
        try:
            with run.transaction(store, dry_run=dry_run, final=False) as session:
                done = work(session, channel, number)
            result.done.append(done)
        except (NotFound, StateForbids) as problem:
            result.refused.append(RefusedOrder(f"{channel}:{number}", problem))
        advance(1)
    run.finish(store)
    return result
