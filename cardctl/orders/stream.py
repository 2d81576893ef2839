"""Serve a shop's script: lines of orders in, what each order got out.

Lines that wait together share a transaction: they are placed, given their cards and revealed in
one, so that an order is whole or not there at all, and a thousand orders cost few commits. What is
looked up, and the audited run, are renewed after a second: events have the time at which they
happened, a change of the catalogue is noticed, and a chain is closed while the stream runs on or
rests. One that is killed at work leaves a chain without its end, which is whole all the same.

A line that is sent again is answered with the cards its order has. So whoever gets no answer,
because the stream was killed or the database was away, sends the line again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.clock import now_ms
from cardctl.deliveries.channel import read_needs
from cardctl.deliveries.disputes import disputed_orders
from cardctl.deliveries.outbox import enqueue
from cardctl.errors import (
    CardctlError,
    InputRefused,
    NotFound,
    ServiceUnavailable,
    VaultError,
)
from cardctl.orders.conflicts import ConflictFound, record_conflicts
from cardctl.orders.drafting import Unmapped
from cardctl.orders.given import GivenCard, Reveal, masked_card, read_cards, reveal_cards
from cardctl.orders.issue_chunk import Manner, issue_within
from cardctl.orders.moment import Moment, look
from cardctl.orders.outcomes import IssueOutcome
from cardctl.orders.place import Placed, place_orders
from cardctl.orders.plan import PlannedOrder
from cardctl.orders.queries import OrderKey
from cardctl.orders.stops import STOPPED
from cardctl.orders.stream_lines import LineRefused, StreamLine, read_order
from cardctl.orders.waiting import (
    OrderRow,
    find_orders,
    named_orders,
)
from cardctl.orders.write_issue import OrderMoved
from cardctl.stock.claim import ClaimLost
from cardctl.stock.release import release_overdue
from cardctl.storage.failures import OutcomeUnknown, TransactionRaced
from cardctl.storage.store import Store
from cardctl.vocabulary import ISSUABLE, DeliveryVia, OrderStatus, Outcome, PassedOver

CARDS_AT_ONCE = 500
"""A transaction takes lines until their orders want so many cards."""

RENEWED_MS = 1_000
"""A price or a pool that was changed is noticed after so long; a new product at once."""

ATTEMPTS = 5
"""How often lines are tried when a race rolls them back, or the connection broke."""

_SHOWN = (
    OrderStatus.PARTLY_ISSUED,
    OrderStatus.ISSUED,
    OrderStatus.DELIVERED,
    OrderStatus.PARTLY_REFUNDED,
)
"""Whose cards are opened: an order whose money went back shows none any more."""

_STDIN = "-"
_STANDS = (Outcome.NEW, Outcome.UPDATED, Outcome.UNCHANGED)
_ROLLED_BACK = (TransactionRaced, OrderMoved, ClaimLost)


@dataclass(frozen=True, slots=True)
class StreamWish:
    """What becomes of every order of a stream.

    `reveal`: its cards are opened, by whom and why; `via`: they are put into the outbox.
    """

    reveal: Reveal | None = None
    via: DeliveryVia | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is told of a line: what the order is and has now, or what is wrong.

    `order` is empty where the line has no number that can be read; `field` is the one that
    `error` is about.
    """

    line: int
    order: str = ""
    outcome: Outcome | None = None
    status: str | None = None
    reason: str = ""
    cards: Sequence[GivenCard] = ()
    error: CardctlError | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line that tells an order."""

    line: int
    order: PlannedOrder

    @property
    def cards(self) -> int:
        """How many cards it asks for."""
        return sum(line.qty for line in self.order.lines)


@dataclass(slots=True)
class _Batch:
    """Lines that share a transaction."""

    answers: list[Answer] = field(default_factory=list)
    """Of lines that tell no order."""
    asked: dict[str, _Asked] = field(default_factory=dict)
    """By the number of the order."""
    cards: int = 0

    def has_room_for(self, asked: _Asked) -> bool:
        """Whether a line may join; the same order again waits for what becomes of the first."""
        fits = self.cards + asked.cards <= CARDS_AT_ONCE or not self.asked
        return fits and asked.order.record.number not in self.asked

    def add(self, asked: _Asked) -> None:
        """Take a line in."""
        self.asked[asked.order.record.number] = asked
        self.cards += asked.cards


@dataclass(frozen=True, slots=True)
class _Given:
    """What an order is and has now."""

    status: str
    reason: str
    cards: Sequence[GivenCard]
    error: VaultError | None = None


class OrderStream:
    """A stream of the orders of one channel."""

    def __init__(
        self, store: Store, *, channel: str, begin: Callable[[], Run], wish: StreamWish
    ) -> None:
        """`begin` makes a run that begins now. Raises `NotFound` for the channel."""
        self._store = store
        self._channel = channel
        self._begin = begin
        self._wish = wish
        self._connection = ExitStack()
        self._connected: Store | None = None
        self._moment: Moment | None = self._look()

    def serve(self, lines: Iterable[StreamLine]) -> Iterator[list[Answer]]:
        """Answer lines in their order, some at a time; what is yielded is committed."""
        came_at, batch = now_ms(), _Batch()
        for line in lines:
            asked = self._read(line, came_at)
            if isinstance(asked, Answer):
                batch.answers.append(asked)
                continue
            if not batch.has_room_for(asked):
                yield self._answer(batch)
                batch = _Batch()
            batch.add(asked)
        if batch.answers or batch.asked:
            yield self._answer(batch)

    def rest(self) -> None:
        """Close the chain: nobody knows when the next line comes, and it begins a new one."""
        moment, self._moment = self._moment, None
        try:
            if moment is not None:
                moment.run.finish(self._connect())
        except ServiceUnavailable:
            # The chain stays without its end, as if the stream had been killed here.
            self._disconnect()

    def close(self) -> None:
        """Close the chain and let go of the database."""
        self.rest()
        self._disconnect()

    def _disconnect(self) -> None:
        """Begin anew after a failure; the run, too: nobody knows how far its chain was kept."""
        self._moment = None
        self._connected = None
        self._connection.close()

    def _read(self, line: StreamLine, came_at: int) -> _Asked | Answer:
        """What a line asks for; what it names may have been added until it came (epoch ms)."""
        name = ""
        try:
            record = read_order(line, self._store.zone, now=came_at)
            name = f"{self._channel}:{record.number}"
            try:
                order = self._renewed(since=came_at - RENEWED_MS).plan(record)
            except (NotFound, Unmapped):
                order = self._renewed(since=came_at).plan(record)
            return _Asked(line.number, order)
        except LineRefused as refused:
            name = f"{self._channel}:{refused.number}" if refused.number else ""
            return Answer(line=line.number, order=name, error=refused.problem, field=refused.field)
        except (InputRefused, NotFound, ServiceUnavailable) as problem:
            return Answer(line=line.number, order=name, error=problem)

    def _renewed(self, *, since: int = 0) -> Moment:
        """What was looked up at that time (epoch ms) or later; else it is looked up now."""
        moment = self._moment
        # What is from the future was looked up before the clock was put back.
        if moment is None or not since <= moment.run.at <= now_ms():
            self.rest()
            moment = self._moment = self._look()
        return moment

    def _look(self) -> Moment:
        dry_run = self._wish.dry_run
        return look(self._connect(), self._begin(), channel=self._channel, dry_run=dry_run)

    def _connect(self) -> Store:
        if self._connected is None:
            self._connected = self._connection.enter_context(self._store.one_connection())
        return self._connected

    def _answer(self, batch: _Batch) -> list[Answer]:
        asked = list(batch.asked.values())
        try:
            answers = batch.answers + self._attempt(asked)
        except ServiceUnavailable as problem:
            self._disconnect()
            refused = [
                Answer(line=one.line, order=self._name(one.order), error=problem) for one in asked
            ]
            answers = batch.answers + refused
        return sorted(answers, key=lambda answer: answer.line)

    def _attempt(self, asked: Sequence[_Asked]) -> list[Answer]:
        """Serve lines, again when a race rolled them back, or when nobody knows."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._serve(asked)
            except _ROLLED_BACK:
                continue
            except OutcomeUnknown:
                self._disconnect()
        return self._serve(asked)

    def _serve(self, asked: Sequence[_Asked]) -> list[Answer]:
        """Place and issue in one transaction; what seemed short is issued in a second one."""
        if not asked:
            return []
        moment, dry_run = self._renewed(), self._wish.dry_run
        run, store = moment.run, self._connect()
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            placed = place_orders(
                session,
                run=run,
                verb="order.import",
                catalog=moment.placing,
                planned=[one.order for one in asked],
            )
            placed = self._keep_conflicts(session, moment, asked, placed)
            # Whose time is over gives way to these; one that is paid among these keeps its cards.
            release_overdue(session, run=run)
            names = [(self._channel, one.number) for one in placed if one.outcome in _STANDS]
            keys = find_orders(session, catalog=moment.issuing, names=names)
            given, set_aside = self._give(session, moment, keys, waiting=False)
        if set_aside:
            with run.transaction(store, dry_run=dry_run, final=False) as session:
                given |= self._give(session, moment, set_aside, waiting=True)[0]
        return [
            self._tell(one.line, found, given) for one, found in zip(asked, placed, strict=True)
        ]

    def _keep_conflicts(
        self,
        session: Session,
        moment: Moment,
        asked: Sequence[_Asked],
        placed: Sequence[Placed],
    ) -> list[Placed]:
        """Keep contradictions for a person; where one said that the stored one stands, it does."""
        told = [(one.order, found) for one, found in zip(asked, placed, strict=True)]
        decided = record_conflicts(
            session, run=moment.run, catalog=moment.placing, told=told, file=_STDIN
        )
        return [
            replace(one, outcome=Outcome.UNCHANGED) if one.number in decided else one
            for one in placed
        ]

    def _give(
        self, session: Session, moment: Moment, keys: Sequence[tuple[int, int]], *, waiting: bool
    ) -> tuple[dict[str, _Given], list[tuple[int, int]]]:
        """Issue what waits, and show what each order has, by its name; and what seemed short.

        All of them are locked: an order is not refunded while its cards are shown.
        """
        catalog, dry_run = moment.issuing, self._wish.dry_run
        rows = named_orders(session, keys=keys, locking=not dry_run)
        issued = issue_within(
            session,
            run=moment.run,
            catalog=catalog,
            keys=[(row.bucket, row.id) for row in rows if row.status in (*ISSUABLE, *STOPPED)],
            manner=Manner(dry_run=dry_run),
            waiting=waiting,
        )
        set_aside = set(issued.set_aside)
        shown = [row for row in rows if (row.bucket, row.id) not in set_aside]
        outcomes = {one.order: one for one in issued.outcomes}
        states = {
            OrderKey(row.bucket, row.id): _state(catalog.name(row), row, outcomes) for row in shown
        }
        if self._wish.via is not None and not dry_run:
            via = self._wish.via
            lacks = read_needs(session, via)
            enqueue(session, run=moment.run, orders=list(states), via=via, lacks=lacks)
        return self._show(session, moment.run, states), issued.set_aside

    def _show(
        self, session: Session, run: Run, states: Mapping[OrderKey, IssueOutcome]
    ) -> dict[str, _Given]:
        """What orders have, by their names; in clear where that is asked for.

        A script does not know what a person has yet to decide: while a file tells an order as
        closed or refunded, its cards stay masked, and the reason is told.
        """
        rows = read_cards(session, keys=list(states))
        disputed = disputed_orders(session, list(states))
        opened: dict[OrderKey, list[GivenCard] | VaultError] = {}
        if self._wish.reveal is not None and not self._wish.dry_run:
            names = {
                key: one.order
                for key, one in states.items()
                if one.status in _SHOWN and key not in disputed
            }
            given = {key: rows[key] for key in names if rows[key]}
            opened = reveal_cards(
                session, run=run, reveal=self._wish.reveal, names=names, given=given
            )
        found = {}
        for key, state in states.items():
            cards = opened.get(key)
            kept_back = key in disputed and state.status in _SHOWN
            reason = PassedOver.CONFLICT.value if kept_back else state.reason
            if isinstance(cards, list):
                found[state.order] = _Given(state.status, reason, cards)
            else:
                masked = [masked_card(row) for row in rows[key]]
                found[state.order] = _Given(state.status, reason, masked, cards)
        return found

    def _tell(self, line: int, placed: Placed, given: Mapping[str, _Given]) -> Answer:
        """The answer for an order that was placed, or not."""
        if placed.outcome is Outcome.CONFLICT:
            conflict = ConflictFound(order=placed.order, differs=", ".join(placed.differs))
            return Answer(
                line=line,
                order=placed.order,
                outcome=placed.outcome,
                status=placed.status,
                error=conflict,
            )
        found = given.get(placed.order) or _Given(placed.status, "", ())
        return Answer(
            line=line,
            order=placed.order,
            outcome=placed.outcome,
            status=found.status,
            reason=found.reason,
            cards=found.cards,
            error=found.error,
        )

    def _name(self, order: PlannedOrder) -> str:
        return f"{self._channel}:{order.record.number}"


def _state(name: str, row: OrderRow, outcomes: Mapping[str, IssueOutcome]) -> IssueOutcome:
    """What issuing made of an order, or for one that it had nothing to do with what it is."""
    return outcomes.get(name) or IssueOutcome(name, row.status, 0)
