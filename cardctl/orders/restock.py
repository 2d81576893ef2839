"""Put the cards of refunded orders back into stock, where nobody outside can have seen one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.ledger.bearers import given_for_others
from cardctl.orders.queries import OrderKey
from cardctl.schema.cards import cards
from cardctl.schema.deliveries import card_deliveries
from cardctl.schema.orders import order_events
from cardctl.stock.claim import PLACE, ClaimLost
from cardctl.stock.named_cards import hold_batches
from cardctl.storage.dialects import select_many, update_many
from cardctl.vocabulary import BatchStatus, CardStatus, LedgerAccount, OrderEventKind, Quarantine

_SOLD = (CardStatus.ISSUED, CardStatus.REDEEMED)
_OF_ORDER = ("order_bucket", "order_id")


class SoldCard(NamedTuple):
    """A card that an order got, and that nobody else changes; cost in fen."""

    bucket: int
    id: int
    product_id: int
    batch_id: int
    order_bucket: int
    order_id: int
    order_line_id: int
    status: str
    expires_at: int
    cost_fen: int | None

    @property
    def key(self) -> tuple[int, int]:
        """Where it is."""
        return self.bucket, self.id

    @property
    def order(self) -> OrderKey:
        """Whose it is."""
        return OrderKey(self.order_bucket, self.order_id)


class RestockedCard(NamedTuple):
    """A card that is no order's any more, and the ledger account in which its cost stood."""

    card: SoldCard
    bearer: LedgerAccount


def hold_sold_cards(
    session: Session, orders: Collection[OrderKey]
) -> tuple[list[SoldCard], Mapping[int, str]]:
    """Lock the cards that locked orders got, and before them their batches.

    Returns the cards and the statuses of the batches; a card that was replaced is none of them.
    """
    keys = select_many(session, cards, columns=("bucket", "id"), key=_OF_ORDER, rows=orders)
    batches = hold_batches(session, [(bucket, card_id) for bucket, card_id in keys])
    found = select_many(
        session, cards, columns=SoldCard._fields, key=_OF_ORDER, rows=orders, lock_order=PLACE
    )
    return [one for one in map(SoldCard._make, found) if one.status in _SOLD], batches


def orders_with_cards(session: Session, orders: Iterable[OrderKey]) -> set[OrderKey]:
    """Those of some orders with cards that could have gone back into stock, and did not."""
    rows = select_many(session, cards, columns=(*_OF_ORDER, "status"), key=_OF_ORDER, rows=orders)
    return {OrderKey(bucket, order_id) for bucket, order_id, status in rows if status in _SOLD}


def orders_seen(
    session: Session, *, orders: Iterable[OrderKey], sold: Sequence[SoldCard]
) -> set[OrderKey]:
    """Those of some orders whose cards were redeemed, handed over or revealed."""
    redeemed = {card.order for card in sold if card.status == CardStatus.REDEEMED}
    order_of = {card.key: card.order for card in sold}
    handed = select_many(
        session,
        card_deliveries,
        columns=("bucket", "card_id"),
        key=("bucket", "card_id"),
        rows=order_of,
    )
    events = select_many(
        session,
        order_events,
        columns=("bucket", "order_id", "kind"),
        key=("bucket", "order_id"),
        rows=orders,
    )
    revealed = {
        OrderKey(bucket, order_id)
        for bucket, order_id, kind in events
        if kind == OrderEventKind.REVEALED
    }
    return redeemed | revealed | {order_of[bucket, card_id] for bucket, card_id in handed}


def restock_cards(
    session: Session, *, run: Run, going: Sequence[SoldCard], batches: Mapping[int, str]
) -> list[RestockedCard]:
    """Take cards that are held from their orders; raises `ClaimLost`.

    They are for sale again, unless their batch was recalled or their time is over meanwhile.
    """
    for_others = given_for_others(session, {card.order for card in going})
    recalled = [card for card in going if batches[card.batch_id] == BatchStatus.RECALLED]
    rest = [card for card in going if batches[card.batch_id] != BatchStatus.RECALLED]
    expired = [card for card in rest if card.expires_at < run.at]
    available = [card for card in rest if card.expires_at >= run.at]
    _put_back(session, run, recalled, CardStatus.QUARANTINED, Quarantine.RECALL)
    _put_back(session, run, expired, CardStatus.EXPIRED)
    _put_back(session, run, available, CardStatus.AVAILABLE)
    return [RestockedCard(card, _bearer(card, for_others)) for card in going]


def _bearer(card: SoldCard, for_others: Collection[tuple[int, int]]) -> LedgerAccount:
    return LedgerAccount.REPLACEMENT if card.key in for_others else LedgerAccount.COST_OF_GOODS


def _put_back(
    session: Session,
    run: Run,
    going: Sequence[SoldCard],
    status: CardStatus,
    cause: Quarantine | None = None,
) -> None:
    """Take locked cards from their orders; raises `ClaimLost` when one is no longer issued."""
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[card.key for card in going],
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
