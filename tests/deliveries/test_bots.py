"""Bots of chat groups: what they are sent, and that a 200 alone means nothing."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from cardctl.deliveries.bots import bot_post, check_bot_reply
from cardctl.deliveries.failures import Rejected
from cardctl.deliveries.post import Reply
from cardctl.vault.secret import Secret
from cardctl.vault.webhook_key import Webhook
from cardctl.vocabulary import WebhookShape

KEY = "made-up-signing-key-0001"
URL = "https://bot.example.test/send?key=made-up"


def made(shape, *, key=KEY, text="订单 TB:1"):
    return bot_post(Webhook(Secret(URL), shape, Secret(key) if key else None), text)


def signature(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def test_each_gets_its_shape_and_its_signature(frozen_clock):
    now = frozen_clock.now_ms
    wecom, dingtalk, feishu = (
        made(shape) for shape in (WebhookShape.WECOM, WebhookShape.DINGTALK, WebhookShape.FEISHU)
    )
    text = {"msgtype": "text", "text": {"content": "订单 TB:1"}}
    assert (wecom.url.reveal(), json.loads(wecom.body)) == (URL, text)
    assert json.loads(dingtalk.body) == text
    assert parse_qs(urlsplit(dingtalk.url.reveal()).query) == {
        "key": ["made-up"],
        "timestamp": [str(now)],
        "sign": [signature(KEY, f"{now}\n{KEY}")],
    }
    seconds = str(now // 1000)
    assert json.loads(feishu.body) == {
        "msg_type": "text",
        "content": {"text": "订单 TB:1"},
        "timestamp": seconds,
        "sign": signature(f"{seconds}\n{KEY}", ""),
    }
    assert "sign" not in json.loads(made(WebhookShape.FEISHU, key=None).body)
    assert made(WebhookShape.DINGTALK, key=None).url.reveal() == URL


def test_a_long_text_is_cut_between_characters():
    told = json.loads(made(WebhookShape.WECOM, text="订" * 5_000).body)["text"]["content"]
    assert len(told.encode()) <= 2_048
    assert set(told) == {"订"}


@pytest.mark.parametrize(
    ("shape", "status", "body", "taken"),
    [
        (WebhookShape.WECOM, 200, '{"errcode":0,"errmsg":"ok"}', True),
        (WebhookShape.WECOM, 200, '{"errcode":93000,"errmsg":"invalid webhook url"}', False),
        (WebhookShape.DINGTALK, 200, '{"errcode":310000,"errmsg":"sign not match"}', False),
        (WebhookShape.FEISHU, 200, '{"code":0,"msg":"success","data":{}}', True),
        (WebhookShape.FEISHU, 200, '{"code":19021,"msg":"sign match fail"}', False),
        (WebhookShape.FEISHU, 200, '{"code":false}', False),
        (WebhookShape.FEISHU, 200, '{"errcode":0}', False),
        (WebhookShape.WECOM, 500, '{"errcode":0}', False),
        (WebhookShape.WECOM, 200, "[]", False),
        (WebhookShape.WECOM, 200, "<html>", False),
        (WebhookShape.WECOM, 200, None, False),
    ],
)
def test_only_the_body_says_that_it_was_taken(shape, status, body, taken):
    reply = Reply("bot.example.test", status, {}, body.encode() if body is not None else None)
    if taken:
        check_bot_reply(shape, reply)
        return
    with pytest.raises(Rejected):
        check_bot_reply(shape, reply)
