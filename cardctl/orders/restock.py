"""Put the cards of a refunded order back into stock, if nobody outside can have seen one."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import StateForbids
from cardctl.ledger.bearers import bearer
from cardctl.orders.held import HeldOrder
from cardctl.schema.cards import cards
from cardctl.schema.deliveries import card_deliveries
from cardctl.schema.orders import order_events
from cardctl.stock.claim import ClaimLost, in_claim_order
from cardctl.stock.named_cards import hold_batches
from cardctl.storage.dialects import lock_rows, select_many, update_many
from cardctl.vocabulary import BatchStatus, CardStatus, OrderEventKind, Quarantine

_SOLD = (CardStatus.ISSUED.value, CardStatus.REDEEMED.value)


class CardsWereSeen(StateForbids):
    """Cards of the order were handed over, revealed or redeemed."""

    code = "cards-were-seen"
    message = "order {order}: its cards were handed over, shown or redeemed, and are not sold again"
    hint = "refund it without --restock, or cardctl order show {order}"


class RestockedCard(NamedTuple):
    """A card that was an order's; cost in fen, and the ledger account in which that stood."""

    bucket: int
    id: int
    product_id: int
    batch_id: int
    order_line_id: int
    status: str
    expires_at: int
    cost_fen: int | None
    bearer: str


def restock_cards(
    session: Session, *, run: Run, order: HeldOrder, name: str
) -> list[RestockedCard]:
    """Take all cards from a locked order whose deliveries are locked; raises `CardsWereSeen`.

    They are for sale again, unless their batch was recalled or their time is over meanwhile. A
    card that was replaced stays void.
    """
    keys = select(cards.c.bucket, cards.c.id).where(_of(order))
    batches = hold_batches(session, [(row.bucket, row.id) for row in session.execute(keys)])
    going = _lock(session, order)
    if _was_seen(session, order, going):
        raise CardsWereSeen(order=name)
    recalled = [card for card in going if batches[card.batch_id] == BatchStatus.RECALLED]
    rest = [card for card in going if batches[card.batch_id] != BatchStatus.RECALLED]
    expired = [card for card in rest if card.expires_at < run.at]
    available = [card for card in rest if card.expires_at >= run.at]
    _put_back(session, run, recalled, CardStatus.QUARANTINED, Quarantine.RECALL)
    _put_back(session, run, expired, CardStatus.EXPIRED)
    _put_back(session, run, available, CardStatus.AVAILABLE)
    return going


def has_cards(session: Session, order: HeldOrder) -> bool:
    """Whether an order has cards that could have gone back into stock, and did not."""
    query = select(cards.c.id).where(_of(order), cards.c.status.in_(_SOLD)).limit(1)
    return session.execute(query).first() is not None


def _of(order: HeldOrder) -> ColumnElement[bool]:
    return (cards.c.order_bucket == order.bucket) & (cards.c.order_id == order.id)


def _lock(session: Session, order: HeldOrder) -> list[RestockedCard]:
    card = cards.c
    columns = [card[name] for name in RestockedCard._fields if name != "bearer"]
    sold = card.status.in_(_SOLD)
    query = in_claim_order(select(*columns, bearer()).where(_of(order), sold))
    locked = lock_rows(session, query, table=cards, skip_locked=False)
    return [RestockedCard(*row) for row in session.execute(locked)]


def _was_seen(session: Session, order: HeldOrder, found: Sequence[RestockedCard]) -> bool:
    if any(card.status == CardStatus.REDEEMED for card in found):
        return True
    event = order_events.c
    revealed = select(event.id).where(
        event.bucket == order.bucket,
        event.order_id == order.id,
        event.kind == OrderEventKind.REVEALED.value,
    )
    handed = select_many(
        session,
        card_deliveries,
        columns=("card_id",),
        key=("bucket", "card_id"),
        rows=[(card.bucket, card.id) for card in found],
    )
    return bool(handed) or session.execute(revealed).first() is not None


def _put_back(
    session: Session,
    run: Run,
    going: Sequence[RestockedCard],
    status: CardStatus,
    cause: Quarantine | None = None,
) -> None:
    """Take locked cards from their order; raises `ClaimLost` when one is no longer issued."""
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(card.bucket, card.id) for card in going],
        guard=f"card.status = '{CardStatus.ISSUED}'",
        constants={
            "status": status.value,
            "quarantined_for": cause.value if cause else None,
            "status_at": run.at,
            "order_bucket": None,
            "order_id": None,
            "order_line_id": None,
        },
    )
    if changed != len(going):
        raise ClaimLost(missing=len(going) - changed)
