"""Look at single cards: find one by its number, show one by its name.

A number is never stored in clear: it is found by its keyed fingerprint, so finding needs the
fingerprint key, and nothing else of the vault.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from cardctl.errors import NotFound
from cardctl.identifiers import card_code, fingerprint_bucket, parse_card_code
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels, pools, products, suppliers
from cardctl.schema.deliveries import card_deliveries, deliveries
from cardctl.schema.orders import order_events, orders, replacements
from cardctl.stock.named_cards import CardsUnknown
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.secret import Secret
from cardctl.vocabulary import CardStatus, OrderEventKind

_AFTER_ISSUE = (CardStatus.REDEEMED, CardStatus.VOID)
"""What becomes of a card of an order; it stays the order's."""


class NumberUnknown(NotFound):
    """No card has the number that was asked for; it is not repeated."""

    message = "no card in the store has that number"
    hint = "cardctl stock levels"


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What is known of a card without opening it; times in epoch ms, cost in fen."""

    id: str
    product: str
    batch: str
    supplier: str
    pool: str
    status: str
    masked: str
    seat: int
    serial: str | None
    cost_fen: int | None
    expires_on: int
    order: str | None
    agent: str | None
    issued_at: int | None
    """When its order got it, also if it was used or replaced since; None: it has none, or the order
    got cards several times, and which of them came when is not kept."""
    delivered_at: int | None


def find_cards(session: Session, *, number: Secret, fingerprint_key: bytes) -> list[CardFacts]:
    """Every card (every seat) with that number or code, in whatever key space.

    Raises `NumberUnknown` when there is none.
    """
    prints = fingerprints_of(session, number=number, fingerprint_key=fingerprint_key)
    found: list[CardFacts] = []
    for one in prints:
        at = (cards.c.bucket == fingerprint_bucket(one)) & (cards.c.fingerprint == one)
        query = _select_facts().where(at).order_by(cards.c.seat)
        found += [_facts(session, row) for row in session.execute(query).all()]
    if not found:
        raise NumberUnknown
    return found


def fingerprints_of(session: Session, *, number: Secret, fingerprint_key: bytes) -> list[bytes]:
    """The fingerprints that a number has by the rules of the products there are, sorted."""
    product = products.c
    rules = select(product.key_space, product.fold_case, product.fold_hyphens).distinct()
    prints = set()
    for key_space, fold_case, fold_hyphens in session.execute(rules):
        text = canonical(number.reveal(), fold_case=fold_case, fold_hyphens=fold_hyphens)
        prints.add(fingerprint(fingerprint_key, key_space=key_space, canonical=text))
    return sorted(prints)


def show_card(session: Session, *, name: str) -> CardFacts:
    """One card by its name. Raises `BadValue` for what is no name, `CardsUnknown`."""
    bucket, card_id = parse_card_code(name)
    query = _select_facts().where(cards.c.bucket == bucket, cards.c.id == card_id)
    row = session.execute(query).first()
    if row is None:
        raise CardsUnknown(count=1, cards=name)
    return _facts(session, row)


def _select_facts() -> Select[Any]:
    card, handed = cards.c, card_deliveries
    return (
        select(
            cards,
            products.c.sku,
            batches.c.code.label("batch"),
            suppliers.c.code.label("supplier"),
            pools.c.code.label("pool"),
            channels.c.code.label("channel"),
            orders.c.number,
            orders.c.agent,
            deliveries.c.delivered_at,
        )
        .join(products, products.c.id == card.product_id)
        .join(batches, batches.c.id == card.batch_id)
        .join(suppliers, suppliers.c.id == batches.c.supplier_id)
        .join(pools, pools.c.id == card.pool_id)
        .outerjoin(handed, (handed.c.bucket == card.bucket) & (handed.c.card_id == card.id))
        .outerjoin(
            deliveries,
            (deliveries.c.bucket == handed.c.order_bucket)
            & (deliveries.c.id == handed.c.delivery_id),
        )
        .outerjoin(orders, (orders.c.bucket == card.order_bucket) & (orders.c.id == card.order_id))
        .outerjoin(channels, channels.c.id == orders.c.channel_id)
    )


def _facts(session: Session, row: Any) -> CardFacts:
    return CardFacts(
        id=card_code(row.bucket, row.id),
        product=row.sku,
        batch=row.batch,
        supplier=row.supplier,
        pool=row.pool,
        status=row.status,
        masked=row.masked,
        seat=row.seat,
        serial=row.serial,
        cost_fen=row.cost_fen,
        expires_on=row.expires_at,
        order=f"{row.channel}:{row.number}" if row.number else None,
        agent=row.agent,
        issued_at=_issued_at(session, row),
        delivered_at=row.delivered_at,
    )


def _issued_at(session: Session, row: Any) -> int | None:
    """When a card came to its order: by its status, else by what the order says of itself."""
    if row.status == CardStatus.ISSUED:
        return int(row.status_at)
    if row.status not in _AFTER_ISSUE or row.order_id is None:
        return None
    given, event = replacements.c, order_events.c
    replacing = select(given.at).where(
        given.bucket == row.order_bucket,
        given.order_id == row.order_id,
        given.new_card_bucket == row.bucket,
        given.new_card_id == row.id,
    )
    replaced_at: int | None = session.execute(replacing).scalar()
    if replaced_at is not None:
        return replaced_at
    issuing = select(event.at, event.detail).where(
        event.bucket == row.order_bucket,
        event.order_id == row.order_id,
        event.kind == OrderEventKind.ISSUED,
    )
    times = [at for at, detail in session.execute(issuing) if json.loads(detail).get("cards")]
    return times[0] if len(times) == 1 else None
