"""Pay many orders back whole, each in a transaction of its own: one that is refused stops none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cardctl.audit.record import Run
from cardctl.errors import CardctlError, NotFound, StateForbids
from cardctl.orders.refund import Refunded, RefundWish, refund_order
from cardctl.storage.store import Store


@dataclass(frozen=True, slots=True)
class RefusedRefund:
    """An order that was not paid back, and why."""

    order: str
    problem: CardctlError


@dataclass(slots=True)
class Refunds:
    """What came of refunding many orders."""

    done: list[Refunded] = field(default_factory=list)
    """Those that are paid back, now or before."""
    refused: list[RefusedRefund] = field(default_factory=list)


def refund_orders(
    store: Store,
    *,
    run: Run,
    names: Sequence[tuple[str, str]],
    wish: RefundWish,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Refunds:
    """Pay orders back by (channel code, external number), each once however often it is named.

    Killed in between and run again it goes on: what was paid back is unchanged.
    """
    refunds = Refunds()
    for channel, number in dict.fromkeys(names):
        try:
            with run.transaction(store, dry_run=dry_run, final=False) as session:
                done = refund_order(session, run=run, channel=channel, number=number, wish=wish)
            refunds.done.append(done)
        except (NotFound, StateForbids) as problem:
            refunds.refused.append(RefusedRefund(f"{channel}:{number}", problem))
        advance(1)
    run.finish(store)
    return refunds
