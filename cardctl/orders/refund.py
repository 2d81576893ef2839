"""Pay orders back, in parts or whole, once a refund number (退款, 拒付).

What is paid back is shared out over the lines by what is left of each, so that partial refunds in
any split end at exactly 0. The books follow the revenue law of `ledger.postings`: what was not
issued had earned nothing, and posts nothing. An order that was paid back whole is never issued nor
delivered after; one that was issued, and paid back in part, stays delivered as it is.

One order or many, it is one way. A chunk of orders is one transaction: it locks them, then their
deliveries, then the batches and the cards that go back into stock; everything is decided
(`refund_decision`) before a handful of statements writes it. One that is refused stops none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.deliveries.cancel import cancel_open, hold_open
from cardctl.errors import CardctlError, StateForbids
from cardctl.orders.held import HeldOrder, Name, hold_orders
from cardctl.orders.many import ManyResult, RefusedOrder, do_in_chunks
from cardctl.orders.queries import OrderKey
from cardctl.orders.refund_decision import (
    CardsWereSeen,
    Paying,
    RefundCase,
    Refunded,
    RefundWish,
    StoredRefund,
    check_wish,
    decide_refund,
)
from cardctl.orders.refund_shares import RefundLine, share_refund
from cardctl.orders.restock import (
    RestockedCard,
    hold_sold_cards,
    orders_seen,
    orders_with_cards,
    restock_cards,
)
from cardctl.orders.stops import unpaid_when_cancelled
from cardctl.orders.write_refund import DecidedRefund, write_refunds
from cardctl.schema.orders import order_lines, refunds
from cardctl.stock.release import release_cards_of
from cardctl.storage.dialects import select_many
from cardctl.storage.store import Store
from cardctl.vocabulary import OrderStatus, Outcome

_KEY = ("bucket", "order_id")


def refund_order(
    session: Session, *, run: Run, channel: str, number: str, wish: RefundWish
) -> Refunded:
    """Pay an order back; the same refund number again changes nothing.

    Raises `BadValue`, `NotFound`, `CannotRefund`, `RefundTooMuch`, `RefundOfNothing`,
    `RefundConflict`, `RestockOfPart` and `CardsWereSeen`.
    """
    result = refund_within(session, run=run, names=[(channel, number)], wish=wish)
    for one in result.refused:
        raise one.problem
    return result.done[0]


def refund_orders(
    store: Store,
    *,
    run: Run,
    names: Sequence[Name],
    wish: RefundWish,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> ManyResult[Refunded]:
    """The same to many orders, by (channel code, external number), a chunk a transaction.

    Raises `BadValue` and `RefundOfNothing`; killed in between and run again it goes on.
    """
    return do_in_chunks(
        store,
        run=run,
        names=names,
        work=lambda session, part: refund_within(session, run=run, names=part, wish=wish),
        dry_run=dry_run,
        advance=advance,
    )


def refund_within(
    session: Session, *, run: Run, names: Sequence[Name], wish: RefundWish
) -> ManyResult[Refunded]:
    """The same to some thousand orders, in the transaction of the caller."""
    wish = check_wish(wish)
    held, missing = hold_orders(session, names)
    outcomes: dict[str, Refunded | Paying | CardctlError] = {}
    for case in _cases(session, held, wish):
        try:
            outcomes[case.name] = decide_refund(case, wish, number=run.code)
        except StateForbids as problem:
            outcomes[case.name] = problem
    paying = [one for one in outcomes.values() if isinstance(one, Paying)]
    told = _pay(session, run, paying, wish)
    outcomes |= {":".join(name): problem for name, problem in missing.items()}
    result: ManyResult[Refunded] = ManyResult()
    for name in map(":".join, names):
        outcome = told.get(name, outcomes[name])
        if isinstance(outcome, CardctlError):
            result.refused.append(RefusedOrder(name, outcome))
        else:
            assert isinstance(outcome, Refunded)
            result.done.append(outcome)
    return result


def _cases(
    session: Session, held: Mapping[Name, HeldOrder], wish: RefundWish
) -> Iterable[RefundCase]:
    """What is known of each order."""
    stored = _stored(session, [order.key for order in held.values()], wish.refund_no)
    cancelled = [one.key for one in held.values() if one.status == OrderStatus.CANCELLED]
    never_paid = unpaid_when_cancelled(session, orders=cancelled)
    kept = orders_with_cards(session, stored) if wish.restock else set()
    for name, order in held.items():
        yield RefundCase(
            name=":".join(name),
            order=order,
            stored=stored.get(order.key),
            never_paid=order.key in never_paid,
            keeps_cards=order.key in kept,
        )


def _stored(
    session: Session, keys: Sequence[OrderKey], refund_no: str | None
) -> dict[OrderKey, StoredRefund]:
    """The refunds with a number, or without one the last of each order."""
    columns = (*_KEY, "at", "id", "refund_no", "kind", "amount_fen", "restocked")
    rows = select_many(session, refunds, columns=columns, key=_KEY, rows=keys)
    return {
        OrderKey(row[0], row[1]): StoredRefund(
            refund_no=row[4], kind=row[5], amount_fen=row[6], restocked=row[7]
        )
        for row in sorted(rows)
        if refund_no in (None, row[4])
    }


def _pay(
    session: Session, run: Run, paying: Sequence[Paying], wish: RefundWish
) -> dict[str, Refunded | CardsWereSeen]:
    """Carry out what is decided; what came of each, by the order's name."""
    whole = [one.order.key for one in paying if one.is_whole]
    leaving = hold_open(session, whole)
    sold, batches = hold_sold_cards(session, whole) if wish.restock else ([], {})
    seen = orders_seen(session, orders=whole, sold=sold) if wish.restock else set()
    going = [one for one in paying if one.order.key not in seen]
    asked = cancel_open(session, [one for one in leaving if one.order not in seen])
    cards = [card for card in sold if card.order not in seen]
    restocked = restock_cards(session, run=run, going=cards, batches=batches)
    release_cards_of(session, run=run, held=[key for key in whole if key not in seen])
    decided = _shared_out(session, going, restocked)
    write_refunds(session, run=run, wish=wish, decided=decided)
    told: dict[str, Refunded | CardsWereSeen] = {
        one.name: CardsWereSeen(order=one.name) for one in paying if one.order.key in seen
    }
    return told | {one.paying.name: _refunded(one, asked[one.paying.order.key]) for one in decided}


def _shared_out(
    session: Session, paying: Sequence[Paying], restocked: Sequence[RestockedCard]
) -> list[DecidedRefund]:
    """Refunds with each line's share, and the cards that came back with them."""
    columns = (*_KEY, "position", *RefundLine._fields)
    keys = [one.order.key for one in paying]
    lines: dict[OrderKey, list[RefundLine]] = {key: [] for key in keys}
    for row in sorted(select_many(session, order_lines, columns=columns, key=_KEY, rows=keys)):
        lines[OrderKey(row[0], row[1])].append(RefundLine(*row[3:]))
    cards: dict[OrderKey, list[RestockedCard]] = {key: [] for key in keys}
    for card in restocked:
        cards[card.card.order].append(card)
    return [
        DecidedRefund(
            one,
            lines[one.order.key],
            share_refund(lines[one.order.key], one.amount_fen),
            cards[one.order.key],
        )
        for one in paying
    ]


def _refunded(one: DecidedRefund, asked: int) -> Refunded:
    paying, order = one.paying, one.paying.order
    return Refunded(
        order=paying.name,
        refund_no=paying.refund_no,
        outcome=Outcome.NEW,
        amount_fen=paying.amount_fen,
        refunded_fen=order.refunded_fen + paying.amount_fen,
        left_fen=order.left_fen - paying.amount_fen,
        status=paying.status,
        was=order.status,
        restocked=len(one.restocked),
        topups_asked=asked,
    )
