"""Single cards: find one by its number, show one by its name, write some off.

A number is never stored in clear: it is found by its keyed fingerprint, so finding needs the
fingerprint key, and nothing else of the vault.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import card_code, fingerprint_bucket, parse_card_code
from cardctl.ledger.journal import post_void
from cardctl.money import sum_known
from cardctl.schema.cards import batches, cards
from cardctl.schema.catalog import channels, pools, products, suppliers
from cardctl.schema.orders import orders
from cardctl.stock.claim import ClaimLost
from cardctl.storage.dialects import lock_rows, select_many, update_many
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.secret import Secret
from cardctl.vocabulary import CardStatus

VOIDABLE = (CardStatus.AVAILABLE, CardStatus.QUARANTINED, CardStatus.EXPIRED)

_LOCKED_AT_ONCE = 2_000
"""Postgres has a limit to how long a list of keys may be."""


class CardsLeft(StateForbids):
    """Some of the cards are with a buyer, or are kept for one."""

    code = "card-not-on-hand"
    message = "{count} of the cards cannot be written off: {cards}"
    hint = "cardctl card show {first}"


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
    delivered_at: int | None


@dataclass(frozen=True, slots=True)
class Voided:
    """Cards written off, their known cost in fen, and those that were void before."""

    cards: int
    cost_fen: int | None
    cost_missing: int
    unchanged: int


def find_cards(session: Session, *, number: Secret, fingerprint_key: bytes) -> list[CardFacts]:
    """Every card (every seat) with that number or code, in whatever key space.

    Raises `NumberUnknown` when there is none.
    """
    product = products.c
    rules = select(product.key_space, product.fold_case, product.fold_hyphens).distinct()
    prints = set()
    for key_space, fold_case, fold_hyphens in session.execute(rules):
        text = canonical(number.reveal(), fold_case=fold_case, fold_hyphens=fold_hyphens)
        prints.add(fingerprint(fingerprint_key, key_space=key_space, canonical=text))
    found: list[CardFacts] = []
    for one in sorted(prints):
        at = (cards.c.bucket == fingerprint_bucket(one)) & (cards.c.fingerprint == one)
        query = _select_facts().where(at).order_by(cards.c.seat)
        found += [_facts(row) for row in session.execute(query)]
    if not found:
        raise NumberUnknown
    return found


def show_card(session: Session, *, name: str) -> CardFacts:
    """One card by its name. Raises `BadValue` for what is no name, `NotFound`."""
    bucket, card_id = parse_card_code(name)
    query = _select_facts().where(cards.c.bucket == bucket, cards.c.id == card_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFound(noun="card", name=name)
    return _facts(row)


def void_cards(session: Session, *, run: Run, names: Iterable[str], reason: str = "") -> Voided:
    """Write cards on hand off (报损): all that were named, or none.

    What is void already is left alone. Raises `NotFound` for an unknown card and `CardsLeft` for
    one that was sold or is reserved.
    """
    rows = _lock(session, {parse_card_code(name) for name in names})
    left = [card_code(row.bucket, row.id) for row in rows if _has_left(row.status)]
    if left:
        raise CardsLeft(count=len(left), cards=", ".join(left[:5]), first=left[0])
    going = [row for row in rows if row.status != CardStatus.VOID]
    voided = Voided(
        cards=len(going),
        cost_fen=sum_known([row.cost_fen for row in going]),
        cost_missing=sum(1 for row in going if row.cost_fen is None),
        unchanged=len(rows) - len(going),
    )
    if going:
        _write_off(session, run, going)
        named = [card_code(row.bucket, row.id) for row in going]
        run.record(session, "card.void", {"cards": named, "reason": reason})
    return voided


def _write_off(session: Session, run: Run, rows: Sequence[Any]) -> None:
    words = ", ".join(repr(str(status)) for status in VOIDABLE)
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(row.bucket, row.id) for row in rows],
        guard=f"card.status IN ({words})",
        constants={
            "status": CardStatus.VOID.value,
            "quarantined_for": None,
            "status_at": run.at,
        },
    )
    if changed != len(rows):
        raise ClaimLost(missing=len(rows) - changed)
    costs: dict[int, int] = {}
    for row in rows:
        costs[row.product_id] = costs.get(row.product_id, 0) + (row.cost_fen or 0)
    post_void(session, run=run, costs=costs)


def _lock(session: Session, keys: set[tuple[int, int]]) -> list[Any]:
    """The cards, locked in the order in which claims lock them; raises `NotFound`."""
    card = cards.c
    place = (card.product_id, card.pool_id, card.expires_at, card.id)
    there = select_many(
        session,
        cards,
        columns=(*(column.name for column in place), "bucket"),
        key=("bucket", "id"),
        rows=sorted(keys),
    )
    there.sort()
    found = [(bucket, card_id) for *_, card_id, bucket in there]
    for bucket, card_id in sorted(keys - set(found)):
        raise NotFound(noun="card", name=card_code(bucket, card_id))
    rows: list[Any] = []
    for first in range(0, len(found), _LOCKED_AT_ONCE):
        query = (
            select(card.bucket, card.id, card.product_id, card.status, card.cost_fen)
            .where(tuple_(card.bucket, card.id).in_(found[first : first + _LOCKED_AT_ONCE]))
            .order_by(*place)
        )
        rows += session.execute(lock_rows(session, query, table=cards, skip_locked=False))
    return rows


def _has_left(status: str) -> bool:
    return status not in VOIDABLE and status != CardStatus.VOID


def _select_facts() -> Select[Any]:
    card = cards.c
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
        )
        .join(products, products.c.id == card.product_id)
        .join(batches, batches.c.id == card.batch_id)
        .join(suppliers, suppliers.c.id == batches.c.supplier_id)
        .join(pools, pools.c.id == card.pool_id)
        .outerjoin(orders, (orders.c.bucket == card.order_bucket) & (orders.c.id == card.order_id))
        .outerjoin(channels, channels.c.id == orders.c.channel_id)
    )


def _facts(row: Any) -> CardFacts:
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
        issued_at=row.status_at if row.status == CardStatus.ISSUED else None,
        delivered_at=None,
    )
