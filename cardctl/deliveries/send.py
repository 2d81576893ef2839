"""Send what is due: lease, open, hand over, record (see `Channel` for what a channel does).

Each lease and each answer is a committed transaction of its own, and nothing is open in the
database while a channel is at work. What was staged is recorded as delivered only after the
channel's `finish`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import Answer, Channel
from cardctl.deliveries.lease import (
    LEASE_MS,
    Due,
    Lease,
    Waiting,
    deliveries_of,
    due_deliveries,
    lease,
    renew,
)
from cardctl.deliveries.opening import Opened, open_leases
from cardctl.deliveries.outbox import OrderKey
from cardctl.deliveries.results import SendResult, SentDelivery
from cardctl.deliveries.settle import Settled, Tried, delivery_code, release, settle
from cardctl.errors import CardctlError
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

CHUNK = 2_000
"""Deliveries a transaction, of a channel that answers at once."""

CARDS_OPEN = 2_000
"""About how many cards are in clear at a time."""

FAILURES_IN_A_ROW = 25
"""After so many the other side is taken to be down: the rest stays in the outbox."""

_NO_ANSWER = Answer(DeliveryStatus.PENDING)


@dataclass(slots=True)
class _Sending:
    """One run of sending, and what it has leased and not answered for yet."""

    store: Store
    run: Run
    vault: Vault
    channel: Channel
    asked_for: bool
    advance: Callable[[int], None]
    result: SendResult
    unanswered: dict[tuple[int, int], Tried] = field(default_factory=dict)
    staged: list[Tried] = field(default_factory=list)
    failures: int = 0
    leased_at: int = 0
    """When the oldest of the leases that wait for the channel's end began."""

    def send(self, found: Sequence[Waiting]) -> None:
        """Lease what is still free of what was found, and send it."""
        now = now_ms()
        if self.staged and now - self.leased_at > LEASE_MS // 2:
            self._renew(now)
        self.leased_at = self.leased_at if self.staged else now
        with self.run.transaction(self.store, final=False) as session:
            leases = lease(session, run=self.run, found=found, now=now, asked_for=self.asked_for)
        self.result.skipped += len(found) - len(leases)
        for one in leases:
            self.unanswered[one.delivery.key] = _tried(one, _NO_ANSWER)
        for part in _parts(leases):
            with self.store.reading() as session:
                opened = open_leases(session, vault=self.vault, leases=part)
            self._keep([(_tried(one.lease, self._answer(one)), one.order) for one in opened])

    def finish(self) -> None:
        """Put what was staged where it belongs, and record it as delivered."""
        self.channel.finish(self.result)
        for first in range(0, len(self.staged), CHUNK):
            part = self.staged[first : first + CHUNK]
            lost = len(part) - len(self._settle(part))
            self.result.delivered -= lost
            self.result.skipped += lost

    def give_back(self, error: CardctlError | None) -> None:
        """Make what was not answered for due again; where even that fails the leases end."""
        answer = Answer(DeliveryStatus.PENDING, error)
        tried = [one._replace(answer=answer) for one in self.unanswered.values()]
        with suppress(CardctlError):
            for first in range(0, len(tried), CHUNK):
                part = tried[first : first + CHUNK]
                with self.run.transaction(self.store, final=False) as session:
                    release(session, run=self.run, tried=part)
            self.run.finish(self.store)

    def _renew(self, now: int) -> None:
        """Keep what is staged: nobody else sends it, however long the rest of it takes."""
        held = [((one.bucket, one.order_id), one.id) for one in self.staged]
        for first in range(0, len(held), CHUNK):
            with self.store.transaction() as session:
                renew(session, held=held[first : first + CHUNK], now=now)
        self.leased_at = now

    def _answer(self, one: Opened) -> Answer:
        if one.message is None:
            assert one.answer is not None
            return one.answer
        answer = self.channel.send(one.message)
        self.failures = self.failures + 1 if answer.status == DeliveryStatus.PENDING else 0
        return answer

    def _keep(self, answered: Sequence[tuple[Tried, str]]) -> None:
        """Record answers; what is staged waits for the channel's end, and is told already."""
        names = {one.key: order for one, order in answered}
        at_once = []
        for one, order in answered:
            if self.channel.staged and one.answer.status == DeliveryStatus.DELIVERED:
                self.staged.append(one)
                self.result.add(self._told(one, order))
            else:
                at_once.append(one)
        settled = self._settle(at_once)
        self.result.skipped += len(at_once) - len(settled)
        for row in settled:
            code = delivery_code(*row.key)
            self.result.add(
                SentDelivery(
                    *(code, names[row.key], row.via, row.status, row.attempts, row.last_error)
                )
            )

    def _told(self, one: Tried, order: str) -> SentDelivery:
        status = one.answer.status.value
        via = self.channel.via.value
        return SentDelivery(delivery_code(*one.key), order, via, status, one.attempt, None)

    def _settle(self, tried: Sequence[Tried]) -> list[Settled]:
        if not tried:
            return []
        with self.run.transaction(self.store, final=False) as session:
            settled = settle(session, run=self.run, now=now_ms(), tried=tried)
        for one in tried:
            del self.unanswered[one.key]
        self.advance(len(tried))
        return settled


def send_due(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    channel: Channel,
    orders: Iterable[OrderKey] | None = None,
    of_channel: int | None = None,
    limit: int | None = None,
    result: SendResult | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> SendResult:
    """Send what is due by the channel's way: of some orders (bucket, id), or whatever is there.

    A named order's delivery is tried now also when it was to wait for longer. `of_channel` (the
    id of a channel of orders) takes only what comes from there. What comes of it is added to
    `result`. Raises `NeedsFullKey` (not for requests to top up, which open no card), what the
    channel raises, and what the store does; what was leased and not sent then goes back into the
    outbox.
    """
    if channel.via is not DeliveryVia.TOPUP:
        vault.full_keyset()
    asked_for = orders is not None
    sending = _Sending(store, run, vault, channel, asked_for, advance, result or SendResult())
    try:
        for found in _found(store, channel, orders, of_channel, limit):
            sending.send(found)
            if sending.failures >= FAILURES_IN_A_ROW:
                sending.result.stopped = True
                break
        sending.finish()
    except BaseException as error:
        sending.give_back(error if isinstance(error, CardctlError) else None)
        raise
    run.finish(store)
    return sending.result


def _found(
    store: Store,
    channel: Channel,
    orders: Iterable[OrderKey] | None,
    of_channel: int | None,
    limit: int | None,
) -> Iterator[list[Waiting]]:
    """What may be sent, so much at a time as surely is sent before its lease ends."""
    size = CHUNK if channel.staged else max(1, min(CHUNK, LEASE_MS // max(1, channel.deadline_ms)))
    due = Due(channel.via, now_ms(), of_channel)
    if orders is None:
        found = due_deliveries(store, due, size=size)
    else:
        found = deliveries_of(store, due, keys=orders, size=size)
    left = limit
    for part in found:
        yield part if left is None else part[:left]
        left = None if left is None else left - len(part)
        if left is not None and left <= 0:
            return


def _parts(leases: Sequence[Lease]) -> Iterator[list[Lease]]:
    """Leases with some thousand cards together: so many are in clear at a time."""
    part: list[Lease] = []
    cards = 0
    for one in leases:
        part.append(one)
        cards += max(1, len(one.cards))
        if cards >= CARDS_OPEN:
            yield part
            part, cards = [], 0
    if part:
        yield part


def _tried(one: Lease, answer: Answer) -> Tried:
    delivery = one.delivery
    cards = len(one.cards)
    return Tried(delivery.bucket, delivery.id, delivery.order_id, one.attempt, cards, answer)
