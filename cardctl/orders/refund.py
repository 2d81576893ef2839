"""Pay an order back, in parts or whole, once a refund number (退款, 拒付).

What is paid back is shared out over the lines by what is left of each, so that partial refunds in
any split end at exactly 0. The books follow the revenue law of `ledger.postings`: what was not
issued had earned nothing, and posts nothing. An order that was paid back whole is never issued nor
delivered after; one that was issued, and paid back in part, stays delivered as it is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select, update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.catalog.entries import check_text
from cardctl.deliveries.cancel import cancel_deliveries
from cardctl.errors import BadValue, StateForbids, UsageRefused
from cardctl.identifiers import new_id
from cardctl.ledger.journal import Posting, post
from cardctl.ledger.postings import Event, Returned, refund_lines
from cardctl.money import format_yuan
from cardctl.orders.held import HeldOrder, hold_order, was_never_paid
from cardctl.orders.records import check_number
from cardctl.orders.refund_shares import RefundLine, share_refund
from cardctl.orders.restock import RestockedCard, has_cards, restock_cards
from cardctl.schema.catalog import accounts
from cardctl.schema.orders import order_lines, orders, refunds
from cardctl.stock.release import release_cards_of
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import LedgerAccount, OrderEventKind, OrderStatus, Outcome, RefundKind

CHARGEBACK_NO = "chargeback"
"""Its number: an order is charged back once."""

_PARTLY = (OrderStatus.ISSUED, OrderStatus.DELIVERED)
"""What becomes partly refunded; an order that waits goes on waiting, and earns less."""

_EVENTS = {
    RefundKind.REFUND: (Event.REFUND, OrderEventKind.REFUNDED),
    RefundKind.CHARGEBACK: (Event.CHARGEBACK, OrderEventKind.CHARGED_BACK),
}


class CannotRefund(StateForbids):
    """Nothing was paid for the order."""

    code = "cannot-refund"
    message = "order {order} is {status} and was never paid: there is nothing to pay back"
    hint = "cardctl order cancel {order}"


class RefundTooMuch(StateForbids):
    """More was to be paid back than is left."""

    code = "refund-too-much"
    message = "order {order}: {amount} cannot be paid back, {left} is left of {paid}"
    hint = "cardctl order show {order}"


class RefundOfNothing(UsageRefused):
    """A refund of no money."""

    code = "refund-of-nothing"
    message = "a refund is of more than 0.00; without --amount all that is left is paid back"
    hint = "cardctl order show {order}"


class RefundConflict(StateForbids):
    """The refund number is there already, with another content."""

    code = "refund-conflict"
    message = "order {order} has a refund {refund_no} of {amount} already, and this is another one"
    hint = "cardctl order show {order}"


class RestockOfPart(StateForbids):
    """Cards were to be sold again that the buyer paid for, at least in part."""

    code = "restock-of-part"
    message = "order {order}: its cards go back into stock only when all of it is paid back"
    hint = "cardctl order refund {order} --restock --reason TEXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """What is to be paid back: so many fen, or all that is left; without a number one is made."""

    reason: str
    amount_fen: int | None = None
    refund_no: str | None = None
    restock: bool = False
    """Whether its cards are to be sold again: only with what makes the refund whole."""
    kind: RefundKind = RefundKind.REFUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A refund and its order now; money in fen, `restocked` cards are on the shelf again."""

    order: str
    refund_no: str
    outcome: Outcome
    amount_fen: int
    refunded_fen: int
    left_fen: int
    status: str
    was: str
    restocked: int
    topups_asked: int = 0
    """How many of its top-ups, cancelled now, a supplier was asked for already."""


@dataclass(frozen=True, slots=True)
class _Paying:
    """A refund that is decided."""

    name: str
    order: HeldOrder
    refund_no: str
    amount_fen: int
    wish: RefundWish

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left then."""
        return self.amount_fen == self.order.left_fen

    @property
    def status(self) -> str:
        """The status of the order then."""
        if self.is_whole:
            return OrderStatus.REFUNDED.value
        partly = self.order.status in _PARTLY
        return OrderStatus.PARTLY_REFUNDED.value if partly else self.order.status


def refund_order(
    session: Session, *, run: Run, channel: str, number: str, wish: RefundWish
) -> Refunded:
    """Pay an order back; the same refund number again changes nothing.

    An order that is refunded is unchanged, too, when no number and no amount are given. Raises
    `BadValue`, `NotFound`, `CannotRefund`, `RefundTooMuch`, `RefundOfNothing`, `RefundConflict`,
    `RestockOfPart` and `CardsWereSeen`.
    """
    wish = _checked(wish)
    order = hold_order(session, channel=channel, number=number)
    name = f"{channel}:{number}"
    told_before = _told_before(session, name, order, wish)
    if told_before is not None:
        return told_before
    _check(session, name, order, wish)
    amount_fen = order.left_fen if wish.amount_fen is None else wish.amount_fen
    paying = _Paying(name, order, wish.refund_no or run.code, amount_fen, wish)
    if wish.restock and not paying.is_whole:
        raise RestockOfPart(order=name)
    asked = 0
    if paying.is_whole:
        asked = cancel_deliveries(session, order_bucket=order.bucket, order_id=order.id)
    lines = _lines(session, order)
    restocked = restock_cards(session, run=run, order=order, name=name) if wish.restock else []
    shares = share_refund(lines, amount_fen)
    _update(session, run, paying, _after(lines, shares, restocked))
    _tell(session, run, paying, _falls(lines, shares), restocked)
    return _refunded(paying, restocked, asked)


def _checked(wish: RefundWish) -> RefundWish:
    """The wish with its texts trimmed; raises `BadValue`."""
    reason, refund_no = check_text(wish.reason), wish.refund_no
    if refund_no is not None:
        try:
            refund_no = check_number(refund_no)
        except BadValue as error:
            raise BadValue(
                value=error.details["value"],
                expected="a refund number: up to 128 characters, no spaces",
            ) from None
        if refund_no == CHARGEBACK_NO and wish.kind is not RefundKind.CHARGEBACK:
            # Taken by a refund, it would keep the order from being charged back.
            raise BadValue(
                value=refund_no,
                expected="a refund number: only cardctl order chargeback has this one",
            )
    return replace(wish, reason=reason, refund_no=refund_no)


def _told_before(
    session: Session, name: str, order: HeldOrder, wish: RefundWish
) -> Refunded | None:
    """What came of it when it was told before; None when it is new."""
    is_refunded = order.status == OrderStatus.REFUNDED
    stored = _stored(session, order, wish.refund_no)
    if stored is None or (wish.refund_no is None and not (is_refunded and wish.amount_fen is None)):
        return None
    agrees = (
        (is_refunded if wish.amount_fen is None else stored.amount_fen == wish.amount_fen)
        and stored.kind == wish.kind
        and (stored.restocked or not wish.restock or not has_cards(session, order))
    )
    if not agrees:
        amount = format_yuan(stored.amount_fen)
        raise RefundConflict(order=name, refund_no=stored.refund_no, amount=amount)
    return Refunded(
        order=name,
        refund_no=stored.refund_no,
        outcome=Outcome.UNCHANGED,
        amount_fen=stored.amount_fen,
        refunded_fen=order.refunded_fen,
        left_fen=order.left_fen,
        status=order.status,
        was=order.status,
        restocked=stored.restocked,
    )


def _stored(session: Session, order: HeldOrder, refund_no: str | None) -> Any:
    """The refund with a number, or without one the last of the order."""
    refund = refunds.c
    query = select(refunds).where(refund.bucket == order.bucket, refund.order_id == order.id)
    if refund_no is not None:
        query = query.where(refund.refund_no == refund_no)
    return session.execute(query.order_by(refund.at.desc(), refund.id.desc())).first()


def _check(session: Session, name: str, order: HeldOrder, wish: RefundWish) -> None:
    """Refuse what the order or the amount forbids."""
    cancelled = order.status == OrderStatus.CANCELLED
    if order.status == OrderStatus.UNPAID or (cancelled and was_never_paid(session, order)):
        raise CannotRefund(order=name, status=order.status)
    if wish.amount_fen == 0 and order.left_fen:
        raise RefundOfNothing(order=name)
    nothing_left = order.status == OrderStatus.REFUNDED
    if nothing_left or (wish.amount_fen or 0) > order.left_fen:
        raise RefundTooMuch(
            order=name,
            amount=format_yuan(order.paid_fen if wish.amount_fen is None else wish.amount_fen),
            left=format_yuan(order.left_fen),
            paid=format_yuan(order.paid_fen),
        )


def _lines(session: Session, order: HeldOrder) -> list[RefundLine]:
    line = order_lines.c
    query = select(*(line[name] for name in RefundLine._fields))
    query = query.where(line.bucket == order.bucket, line.order_id == order.id)
    return [RefundLine(*row) for row in session.execute(query.order_by(line.position))]


def _falls(lines: Sequence[RefundLine], shares: Sequence[int]) -> list[tuple[int, int]]:
    """By how much the revenue of each line's product falls."""
    return [
        (line.product_id, line.fall_fen(share)) for line, share in zip(lines, shares, strict=True)
    ]


def _after(
    lines: Sequence[RefundLine], shares: Sequence[int], restocked: Sequence[RestockedCard]
) -> list[tuple[int, int, int]]:
    """What was paid back for each line then, how many it has, and its id."""
    taken = Counter(card.order_line_id for card in restocked)
    return [
        (line.refunded_fen + share, line.issued_qty - taken[line.id], line.id)
        for line, share in zip(lines, shares, strict=True)
    ]


def _update(
    session: Session, run: Run, paying: _Paying, lines: Sequence[tuple[int, int, int]]
) -> None:
    """Write the new sums of the order and its lines; what was kept for it goes back."""
    order = paying.order
    values = {"status": paying.status, "refunded_fen": order.refunded_fen + paying.amount_fen}
    if paying.is_whole:
        release_cards_of(session, run=run, order_bucket=order.bucket, order_id=order.id)
        values["reserved_until"] = None
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(**values)
    )
    update_many(
        session,
        order_lines,
        key=("bucket", "id"),
        changed=("refunded_fen", "issued_qty"),
        rows=[(refunded, issued, order.bucket, line_id) for refunded, issued, line_id in lines],
    )


def _tell(
    session: Session,
    run: Run,
    paying: _Paying,
    falls: Sequence[tuple[int, int]],
    restocked: Sequence[RestockedCard],
) -> None:
    """Say it everywhere: the refund itself, event, journal, audit."""
    order, wish = paying.order, paying.wish
    event, kind = _EVENTS[wish.kind]
    facts = {
        "refund_no": paying.refund_no,
        "amount_fen": paying.amount_fen,
        "restocked": len(restocked),
        "status": paying.status,
        "reason": wish.reason,
    }
    told = NewEvent(order.bucket, new_id(), order.id, kind, facts)
    write_events(session, run=run, events=[told])
    session.execute(
        insert(refunds).values(
            bucket=order.bucket,
            id=new_id(),
            order_id=order.id,
            refund_no=paying.refund_no,
            kind=wish.kind.value,
            amount_fen=paying.amount_fen,
            reason=wish.reason,
            restocked=len(restocked),
            at=run.at,
            run_id=run.id,
        )
    )
    lines = refund_lines(
        account=_account_code(session, order), falls=falls, returned=_returned(restocked)
    )
    post(session, run=run, postings=[Posting(order.bucket, event, told.id, order.id, lines)])
    run.record(session, f"order.{wish.kind}", {"order": paying.name, **facts})


def _account_code(session: Session, order: HeldOrder) -> str:
    """The code of the account where its money arrived, or empty; as issuing posted it."""
    query = select(accounts.c.code).where(accounts.c.id == order.account_id)
    return session.execute(query).scalar_one_or_none() or ""


def _returned(restocked: Sequence[RestockedCard]) -> list[Returned]:
    costs: dict[tuple[int, LedgerAccount], int] = {}
    for card in restocked:
        place = card.product_id, LedgerAccount(card.bearer)
        costs[place] = costs.get(place, 0) + (card.cost_fen or 0)
    return [Returned(*place, fen) for place, fen in sorted(costs.items())]


def _refunded(paying: _Paying, restocked: Sequence[RestockedCard], asked: int) -> Refunded:
    order = paying.order
    return Refunded(
        order=paying.name,
        refund_no=paying.refund_no,
        outcome=Outcome.NEW,
        amount_fen=paying.amount_fen,
        refunded_fen=order.refunded_fen + paying.amount_fen,
        left_fen=order.left_fen - paying.amount_fen,
        status=paying.status,
        was=order.status,
        restocked=len(restocked),
        topups_asked=asked,
    )
