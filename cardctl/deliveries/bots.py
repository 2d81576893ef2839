"""What the bots of chat groups take and answer: WeCom, DingTalk and Feishu.

They answer 200 whatever happens; whether a message was taken stands in the body. As documented:
WeCom and DingTalk say `errcode` 0 and `errmsg`, Feishu `code` 0 and `msg`. A text for WeCom has at
most 2,048 octets.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from cardctl import clock
from cardctl.deliveries.failures import Rejected, foreign_words
from cardctl.deliveries.post import Reply
from cardctl.deliveries.signed import json_body
from cardctl.vault.secret import Secret
from cardctl.vault.signing import sign_for_dingtalk, sign_for_feishu
from cardctl.vault.webhook_key import Webhook
from cardctl.vocabulary import WebhookShape

_TEXT_LONGEST = 2_000
"""Octets, for all of them."""

_CODES = {
    WebhookShape.WECOM: ("errcode", "errmsg"),
    WebhookShape.DINGTALK: ("errcode", "errmsg"),
    WebhookShape.FEISHU: ("code", "msg"),
}


@dataclass(frozen=True, slots=True)
class BotPost:
    """Where a text goes now, and as what; the address holds the key of the bot."""

    url: Secret
    body: bytes


def bot_post(webhook: Webhook, text: str) -> BotPost:
    """A text as a bot takes it, signed where the bot has a key."""
    cut = text.encode()[:_TEXT_LONGEST].decode(errors="ignore")
    if webhook.shape == WebhookShape.FEISHU:
        document: dict[str, object] = {"msg_type": "text", "content": {"text": cut}}
        if webhook.key:
            timestamp = str(clock.now_ms() // 1000)
            sign = sign_for_feishu(webhook.key, timestamp=timestamp)
            document |= {"timestamp": timestamp, "sign": sign}
        return BotPost(webhook.url, json_body(document))
    body = json_body({"msgtype": "text", "text": {"content": cut}})
    if webhook.shape == WebhookShape.DINGTALK and webhook.key:
        return BotPost(_signed_for_dingtalk(webhook.url, webhook.key), body)
    return BotPost(webhook.url, body)


def check_bot_reply(shape: WebhookShape, reply: Reply) -> None:
    """Raises `Rejected` unless the body says that the message was taken."""
    code_name, words_name = _CODES[shape]
    document = _document(reply.body)
    # True is no code, though it equals 1; nor is a code that is missing.
    if reply.is_taken and document.get(code_name) == 0 and document[code_name] is not False:
        return
    words = f"{document.get(code_name, '')} {document.get(words_name, '')}"
    raise Rejected(host=reply.host, status=reply.status, words=foreign_words(words))


def _signed_for_dingtalk(url: Secret, key: Secret) -> Secret:
    timestamp = str(clock.now_ms())
    sign = quote(sign_for_dingtalk(key, timestamp=timestamp), safe="")
    parts = urlsplit(url.reveal())
    query = "&".join(filter(None, (parts.query, f"timestamp={timestamp}&sign={sign}")))
    return Secret(urlunsplit(parts._replace(query=query)))


def _document(body: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(body or b"")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
