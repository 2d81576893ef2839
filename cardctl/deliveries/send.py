"""Send what is due: lease, open, hand over, record (see `Channel` for what a channel does).

Each lease and each answer is a committed transaction of its own, and nothing is open in the
database while a channel is at work. What was staged is recorded as delivered only after the
channel's `finish`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import (
    ONE,
    Answer,
    Channel,
    Receivers,
    read_receivers,
    try_again,
)
from cardctl.deliveries.failures import Rejected
from cardctl.deliveries.lease import (
    LEASE_MS,
    LOST,
    Due,
    Lease,
    Waiting,
    deliveries_of,
    due_deliveries,
    lease,
    renew,
)
from cardctl.deliveries.message import Message
from cardctl.deliveries.opening import Opened, open_leases
from cardctl.deliveries.outbox import OrderKey
from cardctl.deliveries.queries import names_of_orders
from cardctl.deliveries.results import SendResult, SentDelivery
from cardctl.deliveries.settle import Settled, Tried, delivery_code, release, settle
from cardctl.errors import CardctlError
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

CHUNK = 2_000
"""Deliveries that are looked for at a time, and leased where the channel answers at once."""

CARDS_OPEN = 2_000
"""About how many cards are in clear at a time."""

FAILURES_IN_A_ROW = 25
"""After so many a receiver is taken to be down: what is for it stays in the outbox."""

_NO_ANSWER = Answer(DeliveryStatus.PENDING, is_try=False)


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
    receivers: Receivers = field(default_factory=dict)
    failures: Counter[int] = field(default_factory=Counter)
    """In a row, by receiver."""
    handed: set[tuple[int, int]] = field(default_factory=set)
    """What the channel was given and may have sent, and nobody has recorded yet."""
    bug: Exception | None = None
    leased_at: int = 0
    """When the oldest of the leases that wait for the channel's end began."""

    @property
    def is_stopped(self) -> bool:
        """Whether the one who gets everything is down."""
        return self._is_down(ONE)

    def send(self, found: Sequence[Waiting]) -> None:
        """Send what was found, so much at a time as surely is sent before its lease ends."""
        deadline_ms = max(1, self.channel.deadline_ms)
        size = CHUNK if self.channel.staged else max(1, min(CHUNK, LEASE_MS // deadline_ms))
        with self.store.reading() as session:
            self.receivers = read_receivers(session, self.channel.via, found)
        remaining = iter(found)
        while not self.is_stopped:
            part = list(islice((one for one in remaining if self._is_up(one)), size))
            if not part:
                return
            self._send_part(part)

    def _send_part(self, found: Sequence[Waiting]) -> None:
        """Lease what is still free of what was found, and send it."""
        self.channel.begin()
        now = now_ms()
        if self.staged and now - self.leased_at > LEASE_MS // 2:
            self._renew(now)
        self.leased_at = self.leased_at if self.staged else now
        with self.run.transaction(self.store, final=False) as session:
            leases, dead = lease(
                session, run=self.run, found=found, now=now, asked_for=self.asked_for
            )
        self.result.skipped += len(found) - len(leases) - len(dead)
        if dead:
            self._tell_lost(dead)
        for one in leases:
            self.unanswered[one.delivery.key] = _tried(one, _NO_ANSWER)
        for part in _parts(leases):
            with self.store.reading() as session:
                opened = open_leases(session, vault=self.vault, leases=part)
            self._hand_over(opened)

    def _hand_over(self, opened: Sequence[Opened]) -> None:
        """Send some, and record what came of them, also when the run ends amid them."""
        answered = []
        try:
            for one in opened:
                answered.append(  # noqa: PERF401 -- what came before a failure is kept
                    (_tried(one.lease, self._answer(one)), one.order)
                )
        finally:
            self._keep(answered)

    def finish(self) -> None:
        """Put what was staged where it belongs, and record it as delivered."""
        try:
            self.channel.finish(self.result)
        except CardctlError:
            self.handed.clear()
            raise
        for first in range(0, len(self.staged), CHUNK):
            part = self.staged[first : first + CHUNK]
            lost = len(part) - len(self._settle(part))
            self.result.delivered -= lost
            self.result.skipped += lost

    def give_back(self, error: CardctlError | None) -> None:
        """Make what was not answered for due again; where even that fails the leases end."""
        tried = [
            one._replace(answer=replace(_NO_ANSWER, error=error, is_try=one.key in self.handed))
            for one in self.unanswered.values()
        ]
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
        key = one.lease.delivery.key
        answer = self._try(key, one.message)
        receiver = self.receivers.get(key, ONE)
        if answer.status == DeliveryStatus.PENDING or isinstance(answer.error, Rejected):
            self.failures[receiver] += 1
            self.result.stopped |= self._is_down(receiver)
        else:
            del self.failures[receiver]
        return answer

    def _try(self, key: tuple[int, int], message: Message) -> Answer:
        """The channel's answer; what it did not foresee is this message's failure, and a bug.

        A channel that stages has begun to write the message: the whole of it is given up then.
        """
        self.handed.add(key)
        try:
            return self.channel.send(message)
        except CardctlError:
            self.handed.discard(key)
            raise
        except Exception as bug:
            if self.channel.staged:
                raise
            self.bug = self.bug or bug
            return try_again(CardctlError())

    def _is_down(self, receiver: int) -> bool:
        return self.failures[receiver] >= FAILURES_IN_A_ROW

    def _is_up(self, one: Waiting) -> bool:
        return not self._is_down(self.receivers.get(one.key, ONE))

    def _tell_lost(self, dead: Sequence[Waiting]) -> None:
        """Say what was given up as it was leased: its senders were killed time and again."""
        with self.store.reading() as session:
            names = names_of_orders(session, keys=[one.order for one in dead])
        for one in dead:
            code, status = delivery_code(*one.key), DeliveryStatus.DEAD.value
            self.result.add(
                SentDelivery(code, names[one.order], one.via, status, one.attempts, LOST)
            )

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
            self.handed.discard(one.key)
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
    result: SendResult | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> SendResult:
    """Send what is due by the channel's way: of some orders (bucket, id), or whatever is there.

    A named order's delivery is tried now also when it was to wait for longer. `of_channel` (the
    id of a channel of orders) takes only what comes from there. What comes of it is added to
    `result`. Raises `NeedsFullKey` (not for requests to top up, which open no card), what the
    channel raises, and what the store does; what was leased and not sent then goes back into the
    outbox. A bug that a message ran into is raised at the end, when the others have left.
    """
    if channel.via is not DeliveryVia.TOPUP:
        vault.full_keyset()
    asked_for = orders is not None
    sending = _Sending(store, run, vault, channel, asked_for, advance, result or SendResult())
    try:
        for found in _found(store, channel, orders, of_channel):
            sending.send(found)
            if sending.is_stopped:
                break
        sending.finish()
    except BaseException as error:
        sending.give_back(error if isinstance(error, CardctlError) else None)
        raise
    run.finish(store)
    if sending.bug is not None:
        raise sending.bug
    return sending.result


def _found(
    store: Store,
    channel: Channel,
    orders: Iterable[OrderKey] | None,
    of_channel: int | None,
) -> Iterator[list[Waiting]]:
    """What may be sent, some thousand at a time."""
    due = Due(channel.via, now_ms(), of_channel)
    if orders is None:
        return due_deliveries(store, due, size=CHUNK)
    return deliveries_of(store, due, keys=orders, size=CHUNK)


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
