"""Put reserved cards back on the shelf that nobody waits for any more.

A reservation ends by itself: whatever issues looks here first. An order that was paid keeps its
cards beyond their time, until it is issued; it is the next to be.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, select, text
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.schema.cards import cards
from cardctl.schema.orders import orders
from cardctl.stock.moves import Moved, StatusMove, by_product
from cardctl.stock.reserved import ReservedCard, put_back, reserved_cards
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import ISSUABLE, CardStatus, OrderEventKind, OrderStatus

AT_ONCE = 5_000
"""Orders whose cards go back in one transaction."""

_PAID = ", ".join(repr(str(status)) for status in ISSUABLE)
_NOT_PAID = text(f"orders.status NOT IN ({_PAID})")


def any_reservation_over(session: Session, *, at: int) -> bool:
    """Whether the time of some reservation is over at an instant (epoch ms)."""
    return session.execute(_overdue(at).limit(1)).first() is not None


def release_overdue(session: Session, *, run: Run, most: int = AT_ONCE) -> tuple[int, list[Moved]]:
    """Put back what is kept for unpaid orders whose time is over: how many of them, and the cards.

    Orders that another command holds are left to it. At most so many orders at a time.
    """
    query = _overdue(run.at).order_by(orders.c.reserved_until).limit(most)
    locked = lock_rows(session, query, table=orders, skip_locked=True)
    keys = [(row.bucket, row.id) for row in session.execute(locked)]
    if not keys:
        return 0, []
    kept = reserved_cards(session, keys, locking=True)
    put_back(session, kept=[(one.card, one.order) for one in kept], at=run.at)
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=keys,
        constants={"reserved_until": None},
    )
    _tell_orders(session, run, keys, kept)
    moved = _count(session, kept)
    payload = {"orders": len(keys), "cards": {one.product: one.cards for one in moved}}
    run.record(session, "stock.release", payload)
    return len(keys), moved


def release_all_overdue(store: Store, *, run: Run) -> None:
    """The same of all there are, some thousand orders a transaction."""
    released = 1
    while released:
        with run.transaction(store, final=False) as session:
            released, _ = release_overdue(session, run=run)


def release_cards(session: Session, *, run: Run) -> list[Moved]:
    """Put reserved cards back whose time is over, or whose order was cancelled or is not there."""
    moved: list[Moved] = []
    while True:
        released, part = release_overdue(session, run=run)
        moved += part
        if released < AT_ONCE:
            break
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
    return _summed([*moved, *_release(session, run, ~waiting)])


def release_cards_of(session: Session, *, run: Run, held: Sequence[tuple[int, int]]) -> list[Moved]:
    """Put back what is kept for orders (bucket, id) that wait no more; the caller holds them."""
    # Their other cards are not locked: looked for first, and nobody reserves one meanwhile.
    waiting = {one.order for one in reserved_cards(session, held, locking=False)}
    kept = reserved_cards(session, waiting, locking=True)
    put_back(session, kept=[(one.card, one.order) for one in kept], at=run.at)
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=held,
        guard="orders.reserved_until IS NOT NULL",
        constants={"reserved_until": None},
    )
    moved = _count(session, kept)
    if moved:
        run.record(session, "stock.release", {"cards": {one.product: one.cards for one in moved}})
    return moved


def _overdue(at: int) -> Select[tuple[int, int]]:
    order = orders.c
    return select(order.bucket, order.id).where(order.reserved_until < at, _NOT_PAID)


def _tell_orders(
    session: Session, run: Run, keys: Sequence[tuple[int, int]], kept: Sequence[ReservedCard]
) -> None:
    counts = dict.fromkeys(keys, 0)
    for one in kept:
        counts[one.order] += 1
    write_events(
        session,
        run=run,
        events=(
            NewEvent(key[0], event_id, key[1], OrderEventKind.RELEASED, {"cards": count})
            for (key, count), event_id in zip(counts.items(), new_ids(len(counts)), strict=True)
        ),
    )


def _count(session: Session, kept: Sequence[ReservedCard]) -> list[Moved]:
    costs: dict[int, list[int | None]] = {}
    for one in kept:
        costs.setdefault(one.product_id, []).append(one.card.cost_fen)
    return by_product(session, costs) if costs else []


def _summed(moved: Sequence[Moved]) -> list[Moved]:
    """One row a product; a cost that is not known is left out, as everywhere."""
    found: dict[str, Moved] = {}
    for one in moved:
        before = found.get(one.product, Moved(one.product, 0, None))
        known = [fen for fen in (before.cost_fen, one.cost_fen) if fen is not None]
        cost_fen = sum(known) if known else None
        found[one.product] = Moved(one.product, before.cards + one.cards, cost_fen)
    return sorted(found.values(), key=lambda one: one.product)


def _release(session: Session, run: Run, which: ColumnElement[bool]) -> list[Moved]:
    reserved = cards.c.status == CardStatus.RESERVED
    move = StatusMove("stock.release", CardStatus.RESERVED, CardStatus.AVAILABLE)
    return move.carry_out(session, run, [reserved & which])
