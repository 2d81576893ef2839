"""A webhook: a channel's orders as signed JSON, or a notice without secrets to a chat group."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus

from sqlmodel import Session

from cardctl.catalog.webhooks import CHANNEL as OF_CHANNEL
from cardctl.catalog.webhooks import NoWebhook, find_webhook, owners_of_webhooks
from cardctl.deliveries.bots import bot_post, check_bot_reply
from cardctl.deliveries.channel import (
    DELIVERED,
    Answer,
    DeliveryChannel,
    Outlet,
    Receivers,
    give_up,
    try_again,
)
from cardctl.deliveries.failures import Rejected, TooSlow, Unreachable
from cardctl.deliveries.lease import Waiting
from cardctl.deliveries.message import Message
from cardctl.deliveries.outbox import HeldOrder, Lacks
from cardctl.deliveries.post import Poster
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.signed import json_body, signed_headers
from cardctl.deliveries.templates import Templates
from cardctl.deliveries.wording import described
from cardctl.errors import UsageRefused
from cardctl.schema.orders import orders
from cardctl.storage.dialects import select_many
from cardctl.vault.webhook_key import Webhook
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, PassedOver, WebhookShape

_GONE = 410
"""The one status that says it will be the same for ever."""


class NoWebhooks(UsageRefused):
    """No channel has a webhook, so nothing can be sent to one."""

    code = "no-webhooks"
    message = "no channel has a webhook yet"
    hint = "cardctl channel webhook set --help"


class _Webhook:
    """Posts each order to its channel's webhook."""

    via = DeliveryVia.WEBHOOK
    staged = False

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._templates = Templates(outlet.settings.home, outlet.sender.language)
        self._templates.check()
        self._webhooks: dict[int, Webhook | NoWebhook] = {}
        self._poster = Poster()
        self.deadline_ms = self._poster.deadline_ms

    def begin(self) -> None:
        """The other side answers each message by itself."""

    def send(self, message: Message) -> Answer:
        webhook = self._webhook_of(message.channel_id)
        if isinstance(webhook, NoWebhook):
            return give_up(webhook)
        try:
            if webhook.shape == WebhookShape.JSON:
                return self._send_json(webhook, message)
            return self._send_notice(webhook, message)
        except (Unreachable, TooSlow, Rejected) as error:
            return try_again(error)

    def finish(self, result: SendResult) -> None:
        """Nothing was staged."""

    def close(self) -> None:
        self._poster.close()

    def _send_json(self, webhook: Webhook, message: Message) -> Answer:
        assert webhook.key is not None
        document = {
            "type": "order.delivery",
            "idempotency_key": message.idempotency_key,
            **described(message, self._outlet.sender, secrets="all"),
        }
        body = json_body(document)
        headers = signed_headers(webhook.key, body, idempotency_key=message.idempotency_key)
        reply = self._poster.post(webhook.url, body, headers)
        if reply.is_taken:
            return DELIVERED
        # Not in the receiver's own words: many say what they were sent, and it would be kept.
        refused = Rejected(host=reply.host, status=reply.status, words=_phrase(reply.status))
        return give_up(refused) if reply.status == _GONE else try_again(refused)

    def _send_notice(self, webhook: Webhook, message: Message) -> Answer:
        """Tell a chat group that cards wait to be handed over: the buyer has got nothing yet."""
        told = described(message, self._outlet.sender, secrets="none")
        post = bot_post(webhook, self._templates.notice(told))
        check_bot_reply(webhook.shape, self._poster.post(post.url, post.body, {}))
        return Answer(DeliveryStatus.WAITING)

    def _webhook_of(self, channel_id: int) -> Webhook | NoWebhook:
        """Where a channel's orders go; raises `WebhookTampered`, which ends the run."""
        if channel_id not in self._webhooks:
            try:
                with self._outlet.store.reading() as session:
                    self._webhooks[channel_id] = find_webhook(
                        session, vault=self._outlet.vault, noun=OF_CHANNEL, owner_id=channel_id
                    )
            except NoWebhook as error:
                self._webhooks[channel_id] = error
        return self._webhooks[channel_id]


def _phrase(status: int) -> str:
    """What a status means, where that is known."""
    with suppress(ValueError):
        return HTTPStatus(status).phrase
    return ""


@contextmanager
def _open(outlet: Outlet) -> Iterator[_Webhook]:
    with outlet.store.reading() as session:
        if not owners_of_webhooks(session, noun=OF_CHANNEL):
            raise NoWebhooks
    channel = _Webhook(outlet)
    try:
        yield channel
    finally:
        channel.close()


def _needs(session: Session) -> Lacks:
    """An order needs a webhook of its channel."""
    channel_ids = owners_of_webhooks(session, noun=OF_CHANNEL)

    def lacks(order: HeldOrder) -> PassedOver | None:
        return None if order.channel_id in channel_ids else PassedOver.NO_WEBHOOK

    return lacks


def _receivers(session: Session, found: Sequence[Waiting]) -> Receivers:
    """The channels (ids) whose webhooks get them."""
    keys = {one.order for one in found}
    columns = ("bucket", "id", "channel_id")
    rows = select_many(session, orders, columns=columns, key=columns[:2], rows=keys)
    channel_of = {row[:2]: row[2] for row in rows}
    return {one.key: channel_of[one.order] for one in found}


CHANNEL = DeliveryChannel(DeliveryVia.WEBHOOK, _open, _needs, _receivers)
