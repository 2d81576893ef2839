"""Take cards off the shelf whose time is over, and put back what nobody waits for any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import UsageRefused
from cardctl.money import sum_known
from cardctl.schema.cards import cards
from cardctl.schema.catalog import products
from cardctl.schema.orders import orders
from cardctl.stock.claim import in_claim_order
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.vocabulary import CardStatus, OrderStatus


class NotYet(UsageRefused):
    """Cards were to expire before their time."""

    code = "not-yet"
    message = "cards do not expire before their time: --as-of lies in the future"
    hint = "cardctl stock expire"


@dataclass(frozen=True, slots=True)
class Moved:
    """How many cards of a product changed their status, and their known cost in fen."""

    product: str
    cards: int
    cost_fen: int | None


def expire_cards(session: Session, *, run: Run, as_of: int) -> list[Moved]:
    """Mark available cards expired whose last good instant lies before `as_of` (epoch ms).

    They stay stock at their cost until they are written off. Raises `NotYet` for an instant to
    come: what is marked expired is never sold again.
    """
    if as_of > run.at:
        raise NotYet
    card = cards.c
    over = (card.status == CardStatus.AVAILABLE) & (card.expires_at < as_of)
    return _move(session, run=run, verb="stock.expire", which=over, to=CardStatus.EXPIRED)


def release_cards(session: Session, *, run: Run) -> list[Moved]:
    """Put reserved cards back whose order was cancelled or is not there."""
    card, order = cards.c, orders.c
    waiting = (
        select(1)
        .where(
            order.bucket == card.order_bucket,
            order.id == card.order_id,
            order.status != OrderStatus.CANCELLED,
        )
        .exists()
    )
    stale = (card.status == CardStatus.RESERVED) & ~waiting
    return _move(session, run=run, verb="stock.release", which=stale, to=CardStatus.AVAILABLE)


def _move(
    session: Session, *, run: Run, verb: str, which: ColumnElement[bool], to: CardStatus
) -> list[Moved]:
    """Change the status of some cards, locked in the order of the claim, and count them."""
    card = cards.c
    found = session.execute(
        lock_rows(
            session,
            in_claim_order(
                select(card.bucket, card.id, card.product_id, card.cost_fen).where(which)
            ),
            table=cards,
            skip_locked=False,
        )
    ).all()
    if not found:
        return []
    update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(row.bucket, row.id) for row in found],
        constants={
            "status": to.value,
            "status_at": run.at,
            "order_bucket": None,
            "order_id": None,
            "order_line_id": None,
        },
    )
    moved = _by_product(session, found)
    run.record(session, verb, {"cards": {one.product: one.cards for one in moved}})
    return moved


def _by_product(session: Session, rows: Sequence[Any]) -> list[Moved]:
    costs: dict[int, list[int | None]] = {}
    for row in rows:
        costs.setdefault(row.product_id, []).append(row.cost_fen)
    named = session.execute(
        select(products.c.sku, products.c.id).where(products.c.id.in_(costs)).order_by("sku")
    )
    return [Moved(sku, len(costs[one]), sum_known(costs[one])) for sku, one in named]
