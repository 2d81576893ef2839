"""What came of sending: counts, and the first deliveries by name."""

from dataclasses import dataclass, field

from cardctl.vocabulary import DeliveryStatus, DeliveryVia, PassedOver

NAMED = 100
"""How many deliveries a result names; all of them are counted."""


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """What came of one delivery: its status now, and why the last try failed."""

    delivery: str | None
    """None where there is none to send: then the status is the reason."""
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
    """Not tried: at another process' hands, or nothing of it may or can be delivered."""
    unchanged: int = 0
    """Delivered before."""
    pending: int = 0
    """Of a dry run: what would be sent."""
    stopped: bool = False
    """Whether somebody who gets deliveries seemed to be down: theirs were left in the outbox."""
    deliveries: list[SentDelivery] = field(default_factory=list)

    def add(self, one: SentDelivery) -> None:
        """Count a delivery that was tried."""
        if one.status == DeliveryStatus.DELIVERED:
            self.delivered += 1
        elif one.status == DeliveryStatus.WAITING:
            self.waiting += 1
        elif one.status == DeliveryStatus.DEAD:
            self.dead += 1
        else:
            self.failed += 1
        if len(self.deliveries) < NAMED:
            self.deliveries.append(one)

    def pass_over(self, order: str, via: DeliveryVia, reason: str) -> None:
        """Count an order of which nothing was sent."""
        if reason == PassedOver.UNCHANGED:
            self.unchanged += 1
        else:
            self.skipped += 1
        if len(self.deliveries) < NAMED:
            self.deliveries.append(SentDelivery(None, order, via.value, reason, 0, None))
