"""Webhooks: where a channel's deliveries and a supplier's requests go, and what signs them."""

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Table, delete, insert, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.channels import lock_channel
from cardctl.catalog.suppliers import lock_supplier
from cardctl.errors import InputRefused, NotFound, UsageRefused
from cardctl.schema.catalog import channel_webhooks, channels, supplier_webhooks, suppliers
from cardctl.vault.failures import WebhookTampered
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vault.signing import key_id
from cardctl.vault.webhook_key import Webhook, WebhookOwner, open_webhook, seal_webhook
from cardctl.vocabulary import Outcome, WebhookShape

_KEY_LEAST = 16
_URL_MAX = 2_000
_HIDDEN = "/***"

CHANNEL = "channel"
SUPPLIER = "supplier"

_TABLES: dict[str, tuple[Table, Table]] = {
    CHANNEL: (channel_webhooks, channels),
    SUPPLIER: (supplier_webhooks, suppliers),
}
"""By noun: the webhooks, and whose they are."""


class BadWebhookAddress(InputRefused):
    """An address that nothing is sent to; it is not repeated, as it may be a secret."""

    code = "bad-webhook-address"
    message = "the address of the webhook is refused: {reason}"
    hint = "https://HOST/PATH; http:// only on this machine"


class WebhookKeyMissing(UsageRefused):
    """Messages of that shape are signed, and no key was given."""

    code = "webhook-key-missing"
    message = "messages of this webhook are signed, and no key was given"
    hint = "add --secret-source SPEC"


class WebhookKeyShort(InputRefused):
    """A key that could be guessed."""

    code = "webhook-key-short"
    message = "the key of a webhook has at least {least} characters"
    hint = "make one with: openssl rand -hex 32"


class NoWebhook(NotFound):
    """A channel or a supplier has no webhook."""

    code = "no-webhook"
    message = "{noun} {name} has no webhook"
    hint = "cardctl {noun} webhook set {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEntry:
    """A webhook as it may be shown; `set_at` is epoch ms, None: there is none."""

    status: Outcome | None = None
    name: str
    """The code of the channel or the supplier."""
    url: str | None
    shape: WebhookShape | None
    key_id: str | None = None
    """Which key signs, if one does; known when it is set."""
    set_at: int | None


def set_webhook(
    session: Session, *, run: Run, vault: Vault, noun: str, code: str, webhook: Webhook
) -> WebhookEntry:
    """Send a channel's deliveries, or a supplier's requests, to an address from now on.

    Raises `NotFound`, `BadWebhookAddress`, `WebhookKeyMissing` and `WebhookKeyShort`.
    """
    shown = _shown(_checked_address(webhook.url))
    _check_key(webhook)
    owner = _lock_owner(session, noun, code)
    table, _ = _TABLES[noun]
    before = _row(session, noun, owner.id)
    if before is not None and _is_kept(vault, before, owner, webhook):
        return _entry(before, code, webhook, Outcome.UNCHANGED)
    session.execute(delete(table).where(_owner_column(noun) == owner.id))
    row = {
        f"{noun}_id": owner.id,
        "url": shown,
        "sealed": seal_webhook(vault, webhook, owner=owner),
        "set_at": run.at,
    }
    row |= {"shape": webhook.shape.value} if noun == CHANNEL else {}
    session.execute(insert(table).values(row))
    outcome = Outcome.NEW if before is None else Outcome.UPDATED
    entry = _entry(_row(session, noun, owner.id), code, webhook, outcome)
    told = {noun: code, "url": shown, "shape": webhook.shape.value, "key_id": entry.key_id}
    run.record(session, f"{noun}.webhook.set", told)
    return entry


def remove_webhook(session: Session, *, run: Run, noun: str, code: str) -> WebhookEntry:
    """Send nothing there any more; raises `NotFound`."""
    owner = _lock_owner(session, noun, code)
    before = _row(session, noun, owner.id)
    if before is None:
        return WebhookEntry(status=Outcome.UNCHANGED, name=code, url=None, shape=None, set_at=None)
    table, _ = _TABLES[noun]
    session.execute(delete(table).where(_owner_column(noun) == owner.id))
    run.record(session, f"{noun}.webhook.remove", {noun: code, "url": before.url})
    return _entry(before, code, None, Outcome.UPDATED)


def show_webhook(session: Session, *, noun: str, code: str) -> WebhookEntry:
    """The webhook of a channel or a supplier; raises `NotFound` and `NoWebhook`."""
    owner_id = _owner_id(session, noun, code)
    row = _row(session, noun, owner_id)
    if row is None:
        raise NoWebhook(noun=noun, name=code)
    return _entry(row, code, None, None)


def owners_of_webhooks(session: Session, *, noun: str) -> frozenset[int]:
    """The ids of those channels or suppliers that have one."""
    return frozenset(session.execute(select(_owner_column(noun))).scalars())


def find_webhook(session: Session, *, vault: Vault, noun: str, owner_id: int) -> Webhook:
    """Where to send, in clear; raises `NoWebhook` and `WebhookTampered`."""
    _, owners = _TABLES[noun]
    code = session.execute(select(owners.c.code).where(owners.c.id == owner_id)).scalar_one()
    row = _row(session, noun, owner_id)
    if row is None:
        raise NoWebhook(noun=noun, name=code)
    owner = WebhookOwner(noun, owner_id, code)
    return open_webhook(vault, row.sealed, owner=owner, shape=_shape_of(row))


def _checked_address(url: Secret) -> SplitResult:
    """The parts of an address; raises `BadWebhookAddress`."""
    text = url.reveal()
    if not (text.isascii() and text.isprintable() and " " not in text and len(text) <= _URL_MAX):
        raise BadWebhookAddress(reason="it is not an address of up to 2000 ASCII characters")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise BadWebhookAddress(reason="it cannot be read") from None
    if parts.scheme not in ("https", "http") or not host:
        raise BadWebhookAddress(reason="it does not begin with https:// and a host")
    if "@" in parts.netloc:
        raise BadWebhookAddress(reason="it holds a user name")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadWebhookAddress(reason="messages would travel unencrypted")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or number alone: nobody is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(parts: SplitResult) -> str:
    hides = parts.path not in ("", "/") or parts.query or parts.fragment
    return f"{parts.scheme}://{parts.netloc}{_HIDDEN if hides else '/'}"


def _check_key(webhook: Webhook) -> None:
    if webhook.key is None:
        if webhook.shape == WebhookShape.JSON:
            raise WebhookKeyMissing
    elif len(webhook.key.reveal()) < _KEY_LEAST:
        raise WebhookKeyShort(least=_KEY_LEAST)


def _lock_owner(session: Session, noun: str, code: str) -> WebhookOwner:
    locked = lock_channel(session, code=code) if noun == CHANNEL else lock_supplier(session, code)
    return WebhookOwner(noun, locked, code)


def _owner_id(session: Session, noun: str, code: str) -> int:
    _, owners = _TABLES[noun]
    found = session.execute(select(owners.c.id).where(owners.c.code == code)).scalar_one_or_none()
    if found is None:
        raise NotFound(noun=noun, name=code)
    return int(found)


def _owner_column(noun: str) -> Any:
    table, _ = _TABLES[noun]
    return table.c[f"{noun}_id"]


def _row(session: Session, noun: str, owner_id: int) -> Any:
    table, _ = _TABLES[noun]
    return session.execute(select(table).where(_owner_column(noun) == owner_id)).first()


def _shape_of(row: Any) -> WebhookShape:
    """A supplier's requests have our own shape."""
    return WebhookShape(getattr(row, "shape", WebhookShape.JSON))


def _is_kept(vault: Vault, row: Any, owner: WebhookOwner, wanted: Webhook) -> bool:
    try:
        return open_webhook(vault, row.sealed, owner=owner, shape=_shape_of(row)) == wanted
    except WebhookTampered:
        # It is replaced, as by whoever reads the hint of that error.
        return False


def _entry(row: Any, code: str, webhook: Webhook | None, status: Outcome | None) -> WebhookEntry:
    key = webhook.key if webhook else None
    return WebhookEntry(
        status=status,
        name=code,
        url=row.url,
        shape=_shape_of(row),
        key_id=key_id(key) if key else None,
        set_at=row.set_at,
    )
