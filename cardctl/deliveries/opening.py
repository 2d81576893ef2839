"""Open leased deliveries: their cards in clear, as the messages that channels take."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from cardctl.catalog.webhooks import SUPPLIER, NoWebhook
from cardctl.deliveries.channel import Answer, give_up
from cardctl.deliveries.lease import Lease
from cardctl.deliveries.message import Message, SentCard, TopUp
from cardctl.deliveries.outbox import OrderKey
from cardctl.errors import CardctlError, StateForbids
from cardctl.schema.cards import cards
from cardctl.schema.catalog import channels, products, suppliers
from cardctl.schema.orders import order_lines, orders
from cardctl.storage.dialects import select_many
from cardctl.vault.failures import KeyTampered, Tampered
from cardctl.vault.keyset import Vault
from cardctl.vault.sealing import CardOpener
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ProductKind

_ORDER_FACTS = (
    *("bucket", "id", "channel_id", "number", "buyer", "email", "phone", "topup_account"),
)
_CARD_FACTS = (
    *("bucket", "id", "batch_id", "product_id", "order_line_id", "expires_at"),
    *("sealed_number", "sealed_secret", "sealed_fields"),
)
_LINE_FACTS = ("bucket", "id", "position", "product_id", "qty")


class TopUpUnknown(StateForbids):
    """A line cannot be topped up as things are."""

    code = "topup-unknown"
    message = "the order has no account to top up, or its product no supplier who does"
    hint = "cardctl order edit {order} --topup-account ACCOUNT --reason TEXT"


@dataclass(frozen=True, slots=True)
class Opened:
    """A lease with its message; or without one, with the answer that says why it has none."""

    lease: Lease
    order: str
    message: Message | None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is read for some leases, all at once."""

    channels: dict[int, str]
    products: dict[int, Any]
    suppliers: dict[int, str]
    orders: dict[OrderKey, dict[str, Any]]
    lines: dict[OrderKey, dict[str, Any]]
    cards: dict[tuple[int, int], dict[str, Any]]
    opener: CardOpener


def open_leases(session: Session, *, vault: Vault, leases: Sequence[Lease]) -> list[Opened]:
    """The messages of some leases, in their order; what does not open is answered as dead."""
    facts = _read(session, vault, leases)
    return [_open(facts, lease) for lease in leases]


def _read(session: Session, vault: Vault, leases: Sequence[Lease]) -> _Facts:
    codes = session.execute(select(channels.c.id, channels.c.code))
    handed = [card[:2] for lease in leases for card in lease.cards]
    sealed = _by_key(session, cards, _CARD_FACTS, handed)
    lines = {
        (lease.delivery.bucket, sealed[card[:2]]["order_line_id"])
        for lease in leases
        for card in lease.cards
    }
    lines |= {
        (lease.delivery.bucket, lease.delivery.order_line_id)
        for lease in leases
        if lease.delivery.order_line_id is not None
    }
    return _Facts(
        channels={row.id: row.code for row in codes},
        products={row.id: row for row in session.execute(select(products))},
        suppliers={row.id: row.code for row in session.execute(select(suppliers))},
        orders=_by_key(session, orders, _ORDER_FACTS, {one.delivery.order for one in leases}),
        lines=_by_key(session, order_lines, _LINE_FACTS, lines),
        cards=sealed,
        opener=CardOpener(session, vault),
    )


def _by_key(
    session: Session, table: Any, columns: Sequence[str], keys: Iterable[Any]
) -> dict[tuple[int, int], dict[str, Any]]:
    rows = select_many(session, table, columns=columns, key=("bucket", "id"), rows=keys)
    return {row[:2]: dict(zip(columns, row, strict=True)) for row in rows}


def _open(facts: _Facts, lease: Lease) -> Opened:
    delivery = lease.delivery
    order = facts.orders[delivery.order]
    channel = facts.channels[order["channel_id"]]
    name = f"{channel}:{order['number']}"
    topup = None
    if delivery.order_line_id is not None:
        if delivery.supplier_id is None:
            return Opened(lease, name, None, give_up(_why_not_asked(facts, lease, order, name)))
        topup = _topup(facts, lease, order)
    try:
        opened = tuple(_open_card(facts, delivery.bucket, card[:2]) for card in lease.cards)
    except (Tampered, KeyTampered) as error:
        return Opened(lease, name, None, give_up(error))
    message = Message(
        bucket=delivery.bucket,
        delivery_id=delivery.id,
        idempotency_key=delivery.idempotency_key,
        attempt=lease.attempt,
        reprint=delivery.reprint,
        created_at=delivery.created_at,
        order=name,
        channel=channel,
        number=order["number"],
        channel_id=order["channel_id"],
        buyer=order["buyer"],
        email=order["email"],
        phone=order["phone"],
        cards=tuple(sorted(opened, key=lambda card: card.line)),
        topup=topup,
    )
    return Opened(lease, name, message)


def _why_not_asked(facts: _Facts, lease: Lease, order: dict[str, Any], name: str) -> CardctlError:
    """Why nobody was there to be asked to top up when the lease was taken."""
    _, product = _line_and_product(facts, lease)
    supplier = facts.suppliers.get(product.topup_supplier_id)
    if supplier is None or not order["topup_account"]:
        return TopUpUnknown(order=name)
    return NoWebhook(noun=SUPPLIER, name=supplier)


def _topup(facts: _Facts, lease: Lease, order: dict[str, Any]) -> TopUp:
    line, product = _line_and_product(facts, lease)
    assert lease.delivery.supplier_id is not None
    return TopUp(
        line=line["position"] + 1,
        sku=product.sku,
        product=product.name,
        qty=line["qty"],
        face_value_fen=product.face_value_fen,
        account=order["topup_account"],
        supplier_id=lease.delivery.supplier_id,
    )


def _line_and_product(facts: _Facts, lease: Lease) -> tuple[dict[str, Any], Any]:
    assert lease.delivery.order_line_id is not None
    line = facts.lines[lease.delivery.bucket, lease.delivery.order_line_id]
    return line, facts.products[line["product_id"]]


def _open_card(facts: _Facts, order_bucket: int, key: tuple[int, int]) -> SentCard:
    card = facts.cards[key]
    product = facts.products[card["product_id"]]
    open_field = _field_opener(facts.opener, card)
    number = open_field("number")
    secret = open_field("secret")
    assert secret is not None
    fields = json.loads(open_field("fields") or "{}")
    return SentCard(
        line=facts.lines[order_bucket, card["order_line_id"]]["position"] + 1,
        sku=product.sku,
        product=product.name,
        kind=ProductKind(product.kind),
        number=Secret(number) if number is not None else None,
        secret=Secret(secret),
        fields={name: Secret(text) for name, text in fields.items()},
        expires_at=card["expires_at"],
        guide=product.guide,
        secret_in_text=product.secret_in_text,
    )


def _field_opener(opener: CardOpener, card: dict[str, Any]) -> Callable[[str], str | None]:
    def open_field(field: str) -> str | None:
        sealed = card[f"sealed_{field}"]
        if sealed is None:
            return None
        return opener.open(
            field,
            batch_id=card["batch_id"],
            bucket=card["bucket"],
            card_id=card["id"],
            product_id=card["product_id"],
            sealed=bytes(sealed),
        ).decode()

    return open_field
