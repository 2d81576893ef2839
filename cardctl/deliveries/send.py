"""Send what is due: lease, open, hand over, record (see `Channel` for what a channel does)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cardctl.audit.record import Run
from cardctl.deliveries.channel import Channel
from cardctl.deliveries.outbox import OrderKey
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """What came of one delivery: its status now, and why the last try failed."""

    delivery: str
    order: str
    via: str
    status: str
    attempts: int
    error: str | None


@dataclass(slots=True)
class SendResult:
    """What came of sending; the first hundred deliveries are named."""

    delivered: int = 0
    failed: int = 0
    """To be tried again later."""
    dead: int = 0
    waiting: int = 0
    """Taken by the other side, whose answer is yet to come."""
    skipped: int = 0
    """Not due yet, or at another process' hands."""
    deliveries: list[SentDelivery] = field(default_factory=list)


def send_due(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    channel: Channel,
    orders: Iterable[OrderKey] | None = None,
    limit: int | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> SendResult:
    """Send what is due by the channel's way: of some orders (bucket, id), or whatever is there.

    A named order's delivery is tried now also when it was to wait for longer. Raises
    `NeedsFullKey`, what the channel raises, and what the store does; what was leased and not sent
    then goes back into the outbox.
    """
    raise NotImplementedError
