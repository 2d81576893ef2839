"""Do the same to many orders, each in a transaction of its own: one that is refused stops none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import CardctlError, NotFound, StateForbids
from cardctl.storage.store import Store

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order to which it was not done, and why."""

    order: str
    problem: CardctlError


@dataclass(slots=True)
class EachResult(Generic[Result]):
    """What came of doing it to many orders."""

    done: list[Result] = field(default_factory=list)
    """Of those to which it is done, now or before."""
    refused: list[RefusedOrder] = field(default_factory=list)


def do_each(
    store: Store,
    *,
    run: Run,
    names: Sequence[tuple[str, str]],
    work: Callable[[Session, str, str], Result],
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> EachResult[Result]:
    """Do `work` to orders by (channel code, external number), once however often one is named.

    What it changes again must be unchanged: killed in between and run again it goes on.
    """
    result: EachResult[Result] = EachResult()
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
