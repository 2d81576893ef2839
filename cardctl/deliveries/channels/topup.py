"""Topping up: a signed request to the supplier's webhook, and the supplier's signed answer.

The request carries the same id in every try, so that a supplier who took it once, and whose answer
was lost, tops up once. What is not the supplier's own answer to this very request counts for
nothing: the request is made again later.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import select
from sqlmodel import Session

from cardctl import clock
from cardctl.catalog.webhooks import SUPPLIER as OF_SUPPLIER
from cardctl.catalog.webhooks import NoWebhook, find_webhook
from cardctl.deliveries.channel import (
    Answer,
    DeliveryChannel,
    Outlet,
    Receivers,
    give_up,
    try_again,
)
from cardctl.deliveries.failures import Rejected, TooSlow, Unreachable, foreign_words
from cardctl.deliveries.lease import Waiting
from cardctl.deliveries.message import Message, TopUp
from cardctl.deliveries.post import Poster, Reply
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.signed import (
    SIGNATURE,
    TIMESTAMP,
    SignedAnswer,
    json_body,
    signed_headers,
)
from cardctl.deliveries.topup_answer import (
    AnswerOfOther,
    check_signature,
    check_time,
    read_answer,
    what_follows,
)
from cardctl.deliveries.topups import suppliers_to_ask
from cardctl.errors import InputRefused
from cardctl.schema.catalog import suppliers
from cardctl.vault.secret import Secret
from cardctl.vault.webhook_key import Webhook
from cardctl.vocabulary import DeliveryVia


class _TopUp:
    """Asks the supplier of each line to top up."""

    via = DeliveryVia.TOPUP
    staged = False

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._suppliers: dict[int, tuple[str, Webhook | NoWebhook]] = {}
        self._poster = Poster()
        self.deadline_ms = self._poster.deadline_ms

    def begin(self) -> None:
        """The other side answers each message by itself."""

    def send(self, message: Message) -> Answer:
        wanted = message.topup
        assert wanted is not None
        supplier, webhook = self._supplier_of(wanted.supplier_id)
        if isinstance(webhook, NoWebhook):
            return give_up(webhook)
        assert webhook.key is not None
        body = json_body(_request(message, wanted))
        headers = signed_headers(webhook.key, body, idempotency_key=message.idempotency_key)
        try:
            reply = self._poster.post(webhook.url, body, headers)
            return _follow(reply, message, supplier, webhook.key)
        except (Unreachable, TooSlow, Rejected, InputRefused) as error:
            return try_again(error)

    def finish(self, result: SendResult) -> None:
        """Nothing was staged."""

    def close(self) -> None:
        self._poster.close()

    def _supplier_of(self, supplier_id: int) -> tuple[str, Webhook | NoWebhook]:
        """A supplier's code and webhook; raises `WebhookTampered`, which ends the run."""
        if supplier_id not in self._suppliers:
            with self._outlet.store.reading() as session:
                query = select(suppliers.c.code).where(suppliers.c.id == supplier_id)
                code = session.execute(query).scalar_one()
                webhook: Webhook | NoWebhook
                try:
                    webhook = find_webhook(
                        session, vault=self._outlet.vault, noun=OF_SUPPLIER, owner_id=supplier_id
                    )
                except NoWebhook as error:
                    webhook = error
                self._suppliers[supplier_id] = code, webhook
        return self._suppliers[supplier_id]


def _request(message: Message, wanted: TopUp) -> dict[str, object]:
    return {
        "type": "topup.request",
        "request": message.idempotency_key,
        "order": message.order,
        "product": wanted.sku,
        "name": wanted.product,
        "qty": wanted.qty,
        "face_value_fen": wanted.face_value_fen,
        "account": wanted.account,
    }


def _follow(reply: Reply, message: Message, supplier: str, key: Secret) -> Answer:
    """What the answer means; raises `Rejected` or what is wrong with the answer."""
    headers = {name.lower(): text for name, text in reply.headers.items()}
    signature = headers.get(SIGNATURE.lower())
    if reply.body is None or (signature is None and not reply.is_taken):
        said = (reply.body or b"").decode(errors="replace")
        raise Rejected(host=reply.host, status=reply.status, words=foreign_words(said))
    signed = SignedAnswer(headers.get(TIMESTAMP.lower(), ""), signature or "", reply.body)
    check_signature(signed, key, order=message.order, supplier=supplier)
    check_time(signed, order=message.order, now=clock.now_ms())
    answer = read_answer(signed.body)
    if (answer.request, answer.order) != (message.idempotency_key, message.order):
        raise AnswerOfOther(request=answer.request, order=answer.order)
    return what_follows(answer, supplier=supplier, signed_at=signed.at)


@contextmanager
def _open(outlet: Outlet) -> Iterator[_TopUp]:
    channel = _TopUp(outlet)
    try:
        yield channel
    finally:
        channel.close()


def _receivers(session: Session, found: Sequence[Waiting]) -> Receivers:
    """The suppliers (ids) they were asked of, or will be; without one nobody is asked."""
    lines = {one.key: (one.bucket, one.order_line_id) for one in found if one.order_line_id}
    to_ask = suppliers_to_ask(session, list(lines.values()))
    asked = {one.key: one.supplier_id for one in found if one.supplier_id is not None}
    return {key: to_ask[line] for key, line in lines.items() if line in to_ask} | asked


CHANNEL = DeliveryChannel(DeliveryVia.TOPUP, _open, receivers=_receivers)
