"""Take the answers that suppliers give later: each is held against key, time, request and order.

What is not the supplier's own answer to a request of ours changes nothing; it is reported and kept
in the audit log. The same answer a second time is unchanged.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl import clock
from cardctl.audit.record import Run
from cardctl.catalog.webhooks import SUPPLIER, find_webhook
from cardctl.deliveries.outbox import hold_orders, topup_request
from cardctl.deliveries.settle import Tried, settle
from cardctl.deliveries.signed import SignedAnswer
from cardctl.deliveries.topup_answer import (
    AnswerContradicts,
    AnswerOfOther,
    AnswerReplayed,
    AnswerUnreadable,
    ToppedUpAnyway,
    TopUpAnswer,
    TopUpResult,
    check_signature,
    check_time,
    read_answer,
    what_follows,
)
from cardctl.errors import CardctlError, InputRefused, NotFound, StateForbids
from cardctl.identifiers import order_bucket, parse_order_name
from cardctl.schema.catalog import channels, suppliers
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import orders
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, Outcome

NAMED = 100
"""How many answers a result names; all of them are counted."""

UNREADABLE_TOGETHER = 1000
"""How many lines that are no answers, one after the other, become one record."""

REFUSED = "refused"
UNCHANGED = Outcome.UNCHANGED.value

_ENDS = {
    TopUpResult.SUCCESS: (DeliveryStatus.DELIVERED,),
    TopUpResult.FAILED: (DeliveryStatus.CANCELLED,),
    TopUpResult.PENDING: (
        DeliveryStatus.WAITING,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.DEAD,
        DeliveryStatus.CANCELLED,
    ),
}
"""The states of a delivery in which an answer tells nothing new; so does a second refusal."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What came of one answer: the status of the delivery, unchanged, or refused and why.

    An `error` beside another status: it was kept, and needs a person all the same.
    """

    line: int
    order: str | None
    request: str | None
    status: str
    error: CardctlError | None = None


@dataclass(slots=True)
class ConfirmResult:
    """What came of all answers; the first hundred are named."""

    delivered: int = 0
    dead: int = 0
    waiting: int = 0
    unchanged: int = 0
    refused: int = 0
    anyway: int = 0
    """Of the delivered: topped up although the order was paid back."""
    answers: list[Confirmed] = field(default_factory=list)

    def add(self, one: Confirmed) -> None:
        """Count an answer."""
        setattr(self, one.status, getattr(self, one.status) + 1)
        self.anyway += isinstance(one.error, ToppedUpAnyway)
        if len(self.answers) < NAMED:
            self.answers.append(one)


class _Given(NamedTuple):
    """An answer as it was given; nobody has held it against a key yet."""

    number: int
    octets: bytes
    signed: SignedAnswer
    answer: TopUpAnswer


class _Unreadable(NamedTuple):
    """A line that is no answer."""

    number: int
    octets: bytes
    error: AnswerUnreadable


class _Request(NamedTuple):
    """A request to top up, read while its order is held; the supplier is the one it was asked of.

    Without a supplier nobody was asked under that id.
    """

    bucket: int
    id: int
    order_id: int
    status: str
    attempts: int
    refused_at: int | None
    supplier_id: int | None
    supplier: str | None
    request: str
    line_id: int
    place: int

    def knows(self, result: TopUpResult) -> bool:
        """Whether an answer with that result tells nothing new."""
        if result == TopUpResult.FAILED and self.status == DeliveryStatus.DEAD:
            return self.refused_at is not None
        return self.status in _ENDS[result]

    def had_before(self, request: str) -> bool:
        """Whether it was asked under that id before, and refused."""
        places = range(self.place)
        return request in {topup_request(self.bucket, self.line_id, place=p) for p in places}


def confirm_answers(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    lines: Iterable[bytes],
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ConfirmResult:
    """Take signed answers, a JSON object a line, each in a transaction of its own.

    A line is ``{"timestamp": …, "signature": …, "body": …}``, the body as the text that was signed.
    Lines that are no answers ask for nothing but a record, and share a transaction.
    Raises `WebhookTampered`.
    """
    result = ConfirmResult()
    with run.steps(store):
        for given in _read_lines(lines):
            with run.transaction(store, dry_run=dry_run) as session:
                if isinstance(given, _Given):
                    told = [_confirm(session, run, vault, given)]
                else:
                    told = _refuse(session, run, given)
            for one in told:
                result.add(one)
            advance(len(told))
    return result


def _read_lines(lines: Iterable[bytes]) -> Iterator[_Given | list[_Unreadable]]:
    """Each answer by itself; lines that are none together, as they ask for nothing but a record."""
    unreadable: list[_Unreadable] = []
    for number, octets in enumerate(lines, start=1):
        if not octets.strip():
            continue
        try:
            signed = _read_line(octets)
            given = _Given(number, octets, signed, read_answer(signed.body))
        except AnswerUnreadable as error:
            unreadable.append(_Unreadable(number, octets, error))
            if len(unreadable) == UNREADABLE_TOGETHER:
                yield unreadable
                unreadable = []
            continue
        if unreadable:
            yield unreadable
            unreadable = []
        yield given
    if unreadable:
        yield unreadable


def _refuse(session: Session, run: Run, lines: list[_Unreadable]) -> list[Confirmed]:
    """Keep a record of lines that are no answers."""
    digest = sha256(b"".join(one.octets for one in lines)).hexdigest()
    told = {"code": AnswerUnreadable.code, "line": lines[0].number, "lines": len(lines)}
    run.record(session, "delivery.confirm.refused", {**told, "sha256": digest})
    return [Confirmed(one.number, None, None, REFUSED, one.error) for one in lines]


def _confirm(session: Session, run: Run, vault: Vault, given: _Given) -> Confirmed:
    answer = given.answer
    try:
        status, problem = _take(session, run, vault, given.signed, answer)
        return Confirmed(given.number, answer.order, answer.request, status, problem)
    except (InputRefused, StateForbids, NotFound) as error:
        told = {"code": error.code, "order": answer.order, "request": answer.request}
        digest = sha256(given.octets).hexdigest()
        where = {"line": given.number, "lines": 1, "sha256": digest}
        run.record(session, "delivery.confirm.refused", {**told, **where})
        return Confirmed(given.number, answer.order, answer.request, REFUSED, error)


def _take(
    session: Session, run: Run, vault: Vault, signed: SignedAnswer, answer: TopUpAnswer
) -> tuple[str, CardctlError | None]:
    """The status of the delivery now, and what it needs a person for.

    Raises what is wrong with the answer.
    """
    request = _find(session, answer)
    assert request.supplier_id is not None
    assert request.supplier is not None
    webhook = find_webhook(session, vault=vault, noun=SUPPLIER, owner_id=request.supplier_id)
    assert webhook.key is not None
    check_signature(signed, webhook.key, order=answer.order, supplier=request.supplier)
    if request.knows(answer.result):
        return UNCHANGED, None
    if request.status == DeliveryStatus.DELIVERED:
        raise AnswerContradicts(supplier=request.supplier, order=answer.order)
    now = clock.now_ms()
    # A long file is held against the time when the command began, an open pipe against the present.
    check_time(signed, order=answer.order, now=run.at if signed.is_fresh(run.at) else now)
    follows = what_follows(answer, supplier=request.supplier, signed_at=signed.at)
    key = (request.bucket, request.id, request.order_id)
    tried = Tried(*key, request.attempts, 0, follows)
    settled = settle(session, run=run, now=now, tried=[tried])
    if not settled:
        return UNCHANGED, None
    # It arrived, and is kept so; the money for it went back.
    paid_back = request.status == DeliveryStatus.CANCELLED
    problem = ToppedUpAnyway(supplier=request.supplier, order=answer.order) if paid_back else None
    return settled[0].status, problem


def _read_line(octets: bytes) -> SignedAnswer:
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError):
        raise AnswerUnreadable(reason="the line is no JSON") from None
    parts = document if isinstance(document, dict) else {}
    timestamp, signature, body = (parts.get(n) for n in ("timestamp", "signature", "body"))
    if isinstance(timestamp, int) and not isinstance(timestamp, bool):
        timestamp = str(timestamp)
    if not all(isinstance(part, str) for part in (timestamp, signature, body)):
        raise AnswerUnreadable(reason="the line lacks timestamp, signature or body")
    signed = SignedAnswer(str(timestamp), str(signature), str(body).encode(errors="replace"))
    if not (signed.timestamp.isascii() and signed.signature.isascii()):
        raise AnswerUnreadable(reason="the line lacks timestamp, signature or body")
    return signed


def _find(session: Session, answer: TopUpAnswer) -> _Request:
    """The request that an answer names, its order held.

    Raises `AnswerOfOther` and `AnswerReplayed`.
    """
    other = AnswerOfOther(request=answer.request, order=answer.order)
    try:
        name = parse_order_name(answer.order)
    except InputRefused:
        raise other from None
    bucket = order_bucket(*name)
    order_id = session.execute(
        select(orders.c.id)
        .join(channels, channels.c.id == orders.c.channel_id)
        .where(
            orders.c.bucket == bucket,
            orders.c.number == name.number,
            channels.c.code == name.channel,
        )
    ).scalar_one_or_none()
    if order_id is None:
        raise other
    hold_orders(session, [(bucket, order_id)])
    ours = [_Request(*row) for row in session.execute(_requests_query(bucket, order_id))]
    for one in ours:
        if one.request == answer.request and one.supplier_id is not None:
            return one
    if any(one.had_before(answer.request) for one in ours):
        raise AnswerReplayed(order=answer.order)
    raise other


def _requests_query(bucket: int, order_id: int) -> Any:
    delivery = deliveries.c
    return (
        select(
            *(delivery.bucket, delivery.id, delivery.order_id, delivery.status),
            *(delivery.attempts, delivery.refused_at, delivery.supplier_id, suppliers.c.code),
            *(delivery.idempotency_key, delivery.order_line_id, delivery.reprint),
        )
        .outerjoin(suppliers, suppliers.c.id == delivery.supplier_id)
        .where(
            delivery.bucket == bucket,
            delivery.order_id == order_id,
            delivery.via == DeliveryVia.TOPUP,
        )
    )
