"""What a supplier answers to a request to top up, and whether it is the supplier's answer.

An answer is signed with the key of the supplier's webhook over ``timestamp.body``; its body is::

    {"request": …, "order": …, "result": "success" | "failed" | "pending",
     "reference": "the supplier's own number", "message": "words for people"}

It counts for the request and the order that it names, and for nothing else.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from cardctl.deliveries.channel import Answer
from cardctl.deliveries.failures import foreign_words
from cardctl.deliveries.signed import WINDOW_MS, SignedAnswer
from cardctl.errors import InputRefused, StateForbids
from cardctl.vault.secret import Secret
from cardctl.vocabulary import DeliveryStatus

_NAME_LONGEST = 200


class TopUpResult(StrEnum):
    """What came of a request to top up."""

    SUCCESS = "success"
    FAILED = "failed"
    PENDING = "pending"


class AnswerUnreadable(InputRefused):
    """An answer that does not read as one."""

    code = "answer-unreadable"
    message = "the answer cannot be read: {reason}"
    hint = "a line holds timestamp, signature and body, the body as the text that was signed"


class AnswerForged(InputRefused):
    """An answer that the supplier did not sign."""

    code = "answer-forged"
    message = "the answer for order {order} is not signed with the key of supplier {supplier}"
    hint = "cardctl supplier webhook show {supplier}"


class AnswerStale(InputRefused):
    """An answer that was signed too long ago, or is ahead of our clock."""

    code = "answer-stale"
    message = "the answer for order {order} was not signed within {minutes} minutes of now"
    hint = "ask the supplier to send it again, and check the clock of this machine"


class AnswerOfOther(InputRefused):
    """An answer that names a request that we did not make, or another order's."""

    code = "answer-of-other"
    message = "the answer names request {request} of order {order}, which is none of ours"
    hint = "cardctl delivery list"


class AnswerReplayed(InputRefused):
    """An answer about an earlier request for the order, which the supplier refused."""

    code = "answer-replayed"
    message = "the answer is about an earlier request for order {order}, which was refused"
    hint = "cardctl order show {order}"


class AnswerContradicts(StateForbids):
    """An answer that takes back a success."""

    code = "answer-contradicts"
    message = "supplier {supplier} says that order {order} failed, after it said that it succeeded"
    hint = "ask the supplier; nothing was changed"


class ToppedUpAnyway(StateForbids):
    """A success for a request that was cancelled, as its order was paid back."""

    code = "topped-up-anyway"
    message = "supplier {supplier} has topped up order {order}, which was paid back meanwhile"
    hint = "ask the supplier for the money, or the buyer: cardctl order show {order}"


class TopUpRefused(StateForbids):
    """The supplier will not top up."""

    code = "topup-refused"
    message = "supplier {supplier} did not top up: {words}"
    hint = "cardctl delivery retry {order}"


@dataclass(frozen=True, slots=True)
class TopUpAnswer:
    """An answer, which nobody has held against a key yet."""

    request: str
    order: str
    result: TopUpResult
    reference: str | None
    words: str


def read_answer(body: bytes) -> TopUpAnswer:
    """Read the body of an answer; raises `AnswerUnreadable`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerUnreadable(reason="its body is no JSON") from None
    if not isinstance(document, dict):
        raise AnswerUnreadable(reason="its body is no JSON object")
    request, order, result = (document.get(name) for name in ("request", "order", "result"))
    if not (_is_name(request) and _is_name(order)):
        raise AnswerUnreadable(reason="it names no request or no order")
    if not isinstance(result, str) or result not in set(TopUpResult):
        raise AnswerUnreadable(reason="its result is none of success, failed and pending")
    reference = foreign_words(str(document.get("reference") or ""))
    return TopUpAnswer(
        request=str(request),
        order=str(order),
        result=TopUpResult(result),
        reference=reference or None,
        words=foreign_words(str(document.get("message") or "")),
    )


def check_signature(signed: SignedAnswer, key: Secret, *, order: str, supplier: str) -> None:
    """Raises `AnswerForged` unless the supplier signed it."""
    if not signed.is_of(key):
        raise AnswerForged(order=order, supplier=supplier)


def check_time(signed: SignedAnswer, *, order: str, now: int) -> None:
    """Raises `AnswerStale` unless it was signed a short while ago; `now` is epoch ms."""
    if not signed.is_fresh(now):
        raise AnswerStale(order=order, minutes=WINDOW_MS // 60_000)


def what_follows(answer: TopUpAnswer, *, supplier: str, signed_at: int | None) -> Answer:
    """What an answer that is the supplier's means for the delivery; `signed_at` is epoch ms."""
    if answer.result == TopUpResult.SUCCESS:
        return Answer(DeliveryStatus.DELIVERED, reference=answer.reference)
    if answer.result == TopUpResult.PENDING:
        return Answer(DeliveryStatus.WAITING, reference=answer.reference)
    refused = TopUpRefused(supplier=supplier, words=answer.words, order=answer.order)
    return Answer(
        DeliveryStatus.DEAD, error=refused, reference=answer.reference, refused_at=signed_at
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _NAME_LONGEST and value.isprintable()
