"""Write what was decided of orders: cards, lines, orders, events, books, outbox and audit log."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.outbox import LineToDeliver, enqueue_lines
from cardctl.errors import ServiceUnavailable
from cardctl.identifiers import new_ids
from cardctl.ledger.journal import Posting, post
from cardctl.ledger.postings import Event, Sale, issue_lines, recognised_fen
from cardctl.orders.allocate import Allocation, Grant
from cardctl.orders.digest import digest_of
from cardctl.schema.orders import order_lines, orders
from cardctl.stock.claim import Binding, PickedCard, bind_cards
from cardctl.stock.reserved import issue_reserved, put_back
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import ISSUABLE, OrderEventKind

_STILL_WAITS = f"orders.status IN ({', '.join(repr(str(status)) for status in ISSUABLE)})"


class OrderMoved(ServiceUnavailable):
    """An order changed under the hands of this command; its chunk was rolled back."""

    code = "order-moved"
    message = "{missing} orders were changed by another command meanwhile; nothing was issued"
    hint = "run the same command again: what was done is not done twice"


def write_issue(session: Session, *, run: Run, decided: Sequence[Allocation]) -> None:
    """Bind the cards of locked orders, and say so everywhere.

    Orders that stay as they are leave no trace. Raises `OrderMoved` and `ClaimLost`.
    """
    _put_back_unused(session, run, decided)
    changed = [one for one in decided if one.grants or one.status != one.order.status]
    if not changed:
        return
    fresh, kept = bindings(changed)
    bind_cards(session, bindings=fresh, at=run.at)
    issue_reserved(session, bindings=kept, at=run.at)
    _update_lines(session, changed)
    _update_orders(session, changed)
    event_ids = new_ids(len(changed))
    events = (
        NewEvent(one.order.bucket, event_id, one.order.id, _kind(one), _detail(one))
        for one, event_id in zip(changed, event_ids, strict=True)
    )
    write_events(session, run=run, events=events)
    post(session, run=run, postings=_postings(changed, event_ids))
    if lines := _lines_to_deliver(changed):
        enqueue_lines(session, run=run, lines=lines)
    run.record(session, "order.issue", _summary(changed, [*fresh, *kept]))


def bindings(decided: Sequence[Allocation]) -> tuple[list[Binding], list[Binding]]:
    """The cards that come from the shelf with their lines, and those that were reserved."""
    fresh: list[Binding] = []
    kept: list[Binding] = []
    for one in decided:
        bucket, order_id = one.order.bucket, one.order.id
        for need, _, cards, reserved in one.grants:
            bound = [Binding(card, bucket, order_id, need.line_id) for card in cards]
            kept += bound[:reserved]
            fresh += bound[reserved:] if reserved else bound
    return fresh, kept


def digest_of_pairs(pairs: Sequence[Binding]) -> str:
    """What the audit log keeps of (order, card) pairs."""
    return digest_of((b.order_bucket, b.order_id, b.card.bucket, b.card.id) for b in pairs)


def _put_back_unused(session: Session, run: Run, decided: Sequence[Allocation]) -> None:
    """What is reserved for an order and was not given to it: it is not kept for ever."""
    unused = {
        (one.order.bucket, one.order.id): cards
        for one in decided
        if one.order.reserved_until is not None and (cards := list(_unused(one, run.at)))
    }
    if not unused:
        return
    kept = [(card, key) for key, cards in unused.items() for card in cards]
    put_back(session, kept=kept, at=run.at)
    events = (
        NewEvent(key[0], event_id, key[1], OrderEventKind.RELEASED, {"cards": len(cards)})
        for (key, cards), event_id in zip(unused.items(), new_ids(len(unused)), strict=True)
    )
    write_events(session, run=run, events=events)
    run.record(session, "stock.release", {"orders": len(unused), "cards": len(kept)})


def _unused(one: Allocation, at: int) -> Iterator[PickedCard]:
    order = one.order
    yield from order.unfit
    over = order.reserved_until is not None and order.reserved_until < at
    if one.complete or over:
        given = {card for grant in one.grants for card in grant.cards}
        for card in chain.from_iterable(order.reserved.values()):
            if card not in given:
                yield card


def _update_lines(session: Session, decided: Sequence[Allocation]) -> None:
    rows = [
        (grant.need.issued_qty + grant.qty, one.order.bucket, grant.need.line_id)
        for one in decided
        for grant in one.grants
    ]
    update_many(session, order_lines, key=("bucket", "id"), changed=("issued_qty",), rows=rows)


def _update_orders(session: Session, decided: Sequence[Allocation]) -> None:
    """Move the orders on, each only if it still waits; all of them or `OrderMoved`."""
    moved = update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("status",),
        rows=[(one.status, one.order.bucket, one.order.id) for one in decided],
        guard=_STILL_WAITS,
    )
    if moved != len(decided):
        raise OrderMoved(missing=len(decided) - moved)
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=(),
        rows=[
            (one.order.bucket, one.order.id)
            for one in decided
            if one.complete and one.order.reserved_until is not None
        ],
        constants={"reserved_until": None},
    )


def _postings(decided: Sequence[Allocation], event_ids: Sequence[int]) -> Iterator[Posting]:
    for one, event_id in zip(decided, event_ids, strict=True):
        lines = issue_lines(account=one.order.account, sales=[_sale(part) for part in one.grants])
        yield Posting(one.order.bucket, Event.ISSUE, event_id, one.order.id, lines)


def _sale(grant: Grant) -> Sale:
    """What the line earns now; an unknown cost of a card is left out, not taken for 0."""
    need, issued = grant.need, grant.need.issued_qty + grant.qty
    before = recognised_fen(need.paid_fen, issued=need.issued_qty, qty=need.qty)
    after = recognised_fen(need.paid_fen, issued=issued, qty=need.qty)
    known = sum([card.cost_fen for card in grant.cards if card.cost_fen is not None])
    return Sale(need.product_id, after - before, known)


def _lines_to_deliver(decided: Sequence[Allocation]) -> list[LineToDeliver]:
    """What goes to a supplier or into a parcel instead of being a card."""
    return [
        LineToDeliver(one.order.bucket, one.order.id, grant.need.line_id, grant.need.via)
        for one in decided
        for grant in one.grants
        if grant.need.via is not None
    ]


def _summary(decided: Sequence[Allocation], pairs: Sequence[Binding]) -> dict[str, object]:
    """What the audit log keeps of a chunk: counts, and a digest of its (order, card) pairs."""
    return {
        "issued": sum(1 for one in decided if one.complete),
        "short": sum(1 for one in decided if one.lacking),
        "stopped": sum(1 for one in decided if one.order.verdict),
        "cards": len(pairs),
        "pairs_sha256": digest_of_pairs(pairs),
    }


def _kind(one: Allocation) -> OrderEventKind:
    if one.order.verdict is not None:
        return OrderEventKind(one.order.verdict.status)
    return OrderEventKind.ISSUED if one.grants else OrderEventKind.SHORT


def _detail(one: Allocation) -> Mapping[str, object]:
    verdict = one.order.verdict
    if verdict is not None:
        return {"reason": verdict.reason, "status": verdict.status}
    return _issued(one.card_count, one.status)


@lru_cache(maxsize=64)
def _issued(cards: int, status: str) -> Mapping[str, object]:
    """The same object for what thousands of orders have in common; it is written as one."""
    return {"cards": cards, "status": status}
