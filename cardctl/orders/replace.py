"""Give a card for a bad one of the same order (补发): the old one is void, but names its order.

What the new card cost is no cost of a sale: it stands in an account of its own, with its reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.catalog.entries import check_text
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import card_code, new_id
from cardctl.ledger.journal import Posting, post
from cardctl.ledger.postings import Event, replace_lines
from cardctl.orders.held import HeldOrder, hold_order
from cardctl.orders.waiting import IssuingCatalog, read_catalog
from cardctl.schema.cards import cards
from cardctl.schema.catalog import MAIN_POOL_ID, products
from cardctl.schema.orders import orders, replacements
from cardctl.stock.claim import Binding, ClaimLost, PickedCard, Shelf, bind_cards
from cardctl.stock.freeze import read_frozen
from cardctl.stock.named_cards import CardKey
from cardctl.storage.dialects import hides_locked_rows, select_many, update_many
from cardctl.vocabulary import CardStatus, OrderEventKind, OrderStatus, Outcome

_REPLACING = (
    OrderStatus.PARTLY_ISSUED,
    OrderStatus.ISSUED,
    OrderStatus.DELIVERED,
    OrderStatus.PARTLY_REFUNDED,
)
"""The states of an order whose buyer still has a right to cards that work."""


class CardElsewhere(NotFound):
    """The card that was named is none of the order's."""

    message = "card {card} is none of order {order}"
    hint = "cardctl order show {order}"


class CannotReplace(StateForbids):
    """The order has no right to a card any more, or none yet."""

    code = "cannot-replace"
    message = "order {order} is {status}: its cards are not replaced"
    hint = "cardctl order show {order}"


class CardNotReplaced(StateForbids):
    """The card is not with the buyer as it was issued."""

    code = "card-not-replaced"
    message = "card {card} is {status}: only a card that was issued is replaced"
    hint = "cardctl card show {card}"


class NoReplacement(StateForbids):
    """There is no card to give."""

    code = "short"
    message = "order {order}: no card of {sku} is left to give for it"
    hint = "cardctl stock levels --product {sku}"


class ReplacementFrozen(StateForbids):
    """The product's stock is frozen."""

    code = "frozen"
    message = "order {order}: the stock of {sku} is frozen"
    hint = "cardctl stock unfreeze --product {sku}"


@dataclass(frozen=True, slots=True)
class Replaced:
    """The old card, the one that was given for it, what that cost (fen), and the order now."""

    order: str
    card: str
    replacement: str
    masked: str
    outcome: Outcome
    cost_fen: int | None
    status: str


class _OldCard(NamedTuple):
    """The card that is replaced."""

    bucket: int
    id: int
    product_id: int
    status: str
    order_line_id: int
    fingerprint: bytes

    @property
    def name(self) -> str:
        """How it is named outside."""
        return card_code(self.bucket, self.id)


class _Swap(NamedTuple):
    """A replacement that is decided."""

    old: _OldCard
    new: PickedCard
    reason: str


def replace_card(
    session: Session, *, run: Run, channel: str, number: str, card: CardKey, reason: str
) -> Replaced:
    """Void a card of an order and give it another one; again is unchanged, the same new card.

    The new one is another key of the same product, as issuing would choose it. An order that was
    delivered counts as issued again, until the new card is delivered, too. Raises `NotFound`,
    `CardElsewhere`, `CannotReplace`, `CardNotReplaced`, `NoReplacement`, `ReplacementFrozen`.
    """
    reason = check_text(reason)
    frozen = read_frozen(session, holding=True)
    order = hold_order(session, channel=channel, number=number)
    name = f"{channel}:{number}"
    old = _old_card(session, order, name, card)
    told = _told_before(session, name, order, old)
    if told is not None:
        return told
    _check(name, order, old)
    catalog = read_catalog(session, at=run.at)
    sku = catalog.skus[old.product_id]
    if frozen.holds(old.product_id):
        raise ReplacementFrozen(order=name, sku=sku)
    new = _pick(session, order, old, catalog)
    if new is None:
        raise NoReplacement(order=name, sku=sku)
    _swap(session, run, order, old, new)
    status = _set_status(session, order)
    _tell(session, run, name, order, _Swap(old, new, reason))
    masked = _masked(session, new.bucket, new.id)
    given = card_code(new.bucket, new.id)
    return Replaced(name, old.name, given, masked, Outcome.NEW, new.cost_fen, status)


def _old_card(session: Session, order: HeldOrder, name: str, card: CardKey) -> _OldCard:
    """The card, locked. Raises `CardElsewhere`."""
    found = select_many(
        session,
        cards,
        columns=(*_OldCard._fields, "order_bucket", "order_id"),
        key=("bucket", "id"),
        rows=[card],
        lock_order=("id",),
    )
    if not found or found[0][-2:] != order.key:
        raise CardElsewhere(card=card_code(*card), order=name)
    return _OldCard(*found[0][:-2])


def _told_before(session: Session, name: str, order: HeldOrder, old: _OldCard) -> Replaced | None:
    """What was given for the card when it was asked for before; None when it was not."""
    one = replacements.c
    query = select(one.new_card_bucket, one.new_card_id, one.cost_fen).where(
        one.bucket == order.bucket,
        one.order_id == order.id,
        one.old_card_bucket == old.bucket,
        one.old_card_id == old.id,
    )
    row = session.execute(query).first()
    if row is None:
        return None
    new = row.new_card_bucket, row.new_card_id
    return Replaced(
        order=name,
        card=old.name,
        replacement=card_code(*new),
        masked=_masked(session, *new),
        outcome=Outcome.UNCHANGED,
        cost_fen=row.cost_fen,
        status=order.status,
    )


def _check(name: str, order: HeldOrder, old: _OldCard) -> None:
    if order.status not in _REPLACING:
        raise CannotReplace(order=name, status=order.status)
    if old.status != CardStatus.ISSUED:
        raise CardNotReplaced(card=old.name, status=old.status)


def _pick(
    session: Session, order: HeldOrder, old: _OldCard, catalog: IssuingCatalog
) -> PickedCard | None:
    """The card to give: first of those that nobody else looks at, then of all."""
    seats = session.execute(
        select(products.c.seats).where(products.c.id == old.product_id)
    ).scalar_one()
    pools = catalog.pools.get(order.channel_id, (MAIN_POOL_ID,))
    for waiting in (False, True) if hides_locked_rows(session) else (True,):
        for pool_id in pools:
            good_until = catalog.good_until[old.product_id]
            shelf = Shelf(old.product_id, pool_id, good_until, waiting, locking=True)
            # As many as share a key: unless the pool has no more, one of them is of another.
            shelf.stock_up(session, seats)
            picked = _of_another_key(session, old, shelf.take(seats))
            if picked is not None:
                return picked
    return None


def _of_another_key(
    session: Session, old: _OldCard, offered: Sequence[PickedCard]
) -> PickedCard | None:
    """The first card that is no other seat of the bad key."""
    rows = select_many(
        session,
        cards,
        columns=("id", "fingerprint"),
        key=("bucket", "id"),
        rows=[(card.bucket, card.id) for card in offered],
    )
    seats_of_it = {card_id for card_id, fingerprint in rows if fingerprint == old.fingerprint}
    return next((card for card in offered if card.id not in seats_of_it), None)


def _swap(session: Session, run: Run, order: HeldOrder, old: _OldCard, new: PickedCard) -> None:
    """Void the one and bind the other; raises `ClaimLost` when either was changed meanwhile."""
    voided = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(old.bucket, old.id)],
        guard=f"card.status = '{CardStatus.ISSUED}'",
        constants={"status": CardStatus.VOID.value, "status_at": run.at},
    )
    if voided != 1:
        raise ClaimLost(missing=1)
    binding = Binding(new, order.bucket, order.id, old.order_line_id)
    bind_cards(session, bindings=[binding], at=run.at)


def _set_status(session: Session, order: HeldOrder) -> str:
    """An order is not delivered while one of its cards is not."""
    delivered = order.status == OrderStatus.DELIVERED
    status = OrderStatus.ISSUED.value if delivered else order.status
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(status=status, delivered_at=None)
    )
    return status


def _tell(session: Session, run: Run, name: str, order: HeldOrder, swap: _Swap) -> None:
    """Say it everywhere: the replacement itself, event, journal, audit."""
    old, new = swap.old, swap.new
    facts = {"card": old.name, "replacement": card_code(new.bucket, new.id), "reason": swap.reason}
    told = NewEvent(order.bucket, new_id(), order.id, OrderEventKind.REPLACED, facts)
    write_events(session, run=run, events=[told])
    session.execute(
        insert(replacements).values(
            bucket=order.bucket,
            id=new_id(),
            order_id=order.id,
            order_line_id=old.order_line_id,
            old_card_bucket=old.bucket,
            old_card_id=old.id,
            new_card_bucket=new.bucket,
            new_card_id=new.id,
            cost_fen=new.cost_fen,
            reason=swap.reason,
            at=run.at,
            run_id=run.id,
        )
    )
    lines = replace_lines(product_id=old.product_id, cost_fen=new.cost_fen or 0)
    post(
        session, run=run, postings=[Posting(order.bucket, Event.REPLACE, told.id, order.id, lines)]
    )
    run.record(session, "order.replace", {"order": name, **facts})


def _masked(session: Session, bucket: int, card_id: int) -> str:
    card = cards.c
    query = select(card.masked).where(card.bucket == bucket, card.id == card_id)
    return str(session.execute(query).scalar_one())
