"""Seal where a webhook is and what signs its messages.

The address is sealed with the key: that of a chat group's bot lets anybody write to the group. The
shape is bound to both, so that an address that takes messages without secrets cannot be turned, in
the database, into one that is sent cards.
"""

import json
from dataclasses import dataclass

from cardctl.vault.failures import WebhookTampered
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vault.shared_secret import open_shared, seal_shared
from cardctl.vocabulary import WebhookShape

_PURPOSE = "webhook"


@dataclass(frozen=True, slots=True)
class WebhookOwner:
    """Whose webhook it is: the noun (`channel` or `supplier`), its id and its code."""

    noun: str
    id: int
    code: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go, what they look like, and the key that signs them; a bot may have none."""

    url: Secret
    shape: WebhookShape
    key: Secret | None


def seal_webhook(vault: Vault, webhook: Webhook, *, owner: WebhookOwner) -> bytes:
    """The record of a webhook."""
    key = webhook.key.reveal() if webhook.key else None
    text = Secret(json.dumps({"url": webhook.url.reveal(), "key": key}))
    return seal_shared(vault, text, purpose=_PURPOSE, owner=_bound(owner, webhook.shape))


def open_webhook(
    vault: Vault, sealed: bytes, *, owner: WebhookOwner, shape: WebhookShape
) -> Webhook:
    """The webhook that was sealed; raises `WebhookTampered`, which names the owner."""
    text = open_shared(vault, sealed, purpose=_PURPOSE, owner=_bound(owner, shape))
    if text is None:
        raise WebhookTampered(noun=owner.noun, name=owner.code)
    kept = json.loads(text.reveal())
    key = Secret(kept["key"]) if kept["key"] is not None else None
    return Webhook(url=Secret(kept["url"]), shape=shape, key=key)


def _bound(owner: WebhookOwner, shape: WebhookShape) -> tuple[str, int, str]:
    return owner.noun, owner.id, str(shape)
