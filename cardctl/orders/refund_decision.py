"""Decide refunds: what is paid back, what was told before, what is refused. Money in fen."""

from dataclasses import dataclass, replace

from cardctl.catalog.entries import check_text
from cardctl.errors import BadValue, StateForbids, UsageRefused
from cardctl.money import format_yuan
from cardctl.orders.held import HeldOrder
from cardctl.orders.records import check_number
from cardctl.vocabulary import OrderStatus, Outcome, RefundKind

CHARGEBACK_NO = "chargeback"
"""Its number: an order is charged back once."""

_PARTLY = (OrderStatus.ISSUED, OrderStatus.DELIVERED)
"""What becomes partly refunded; an order that waits goes on waiting, and earns less."""


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


class CardsWereSeen(StateForbids):
    """Cards of the order were handed over, revealed or redeemed."""

    code = "cards-were-seen"
    message = "order {order}: its cards were handed over, shown or redeemed, and are not sold again"
    hint = "refund it without --restock, or cardctl order show {order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """What is to be paid back: so many fen, or all that is left.

    Without a number a part has one of its amount: told twice, it is one refund.
    """

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefund:
    """A refund that was told before."""

    refund_no: str
    kind: str
    amount_fen: int
    restocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCase:
    """What must be known of a held order before a refund of it is decided."""

    name: str
    order: HeldOrder
    stored: StoredRefund | None
    """The refund with the number of the wish, or without one the last of the order."""
    never_paid: bool
    """Whether it was cancelled before anything was paid."""
    keeps_cards: bool
    """Whether it has cards that a refund with --restock would have put back."""


@dataclass(frozen=True, slots=True)
class Paying:
    """A refund that is decided."""

    name: str
    order: HeldOrder
    refund_no: str
    amount_fen: int

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


def check_wish(wish: RefundWish) -> RefundWish:
    """The wish with its texts trimmed, and of a part with its number; raises `BadValue`."""
    reason, refund_no = check_text(wish.reason), wish.refund_no
    if refund_no is None:
        refund_no = _number_of_part(wish.amount_fen) if wish.amount_fen else None
    else:
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


def _number_of_part(amount_fen: int) -> str:
    """The number of a part that was told without one: who types it twice pays once."""
    return f"part-{format_yuan(amount_fen)}"


def decide_refund(case: RefundCase, wish: RefundWish, *, number: str) -> Refunded | Paying:
    """What is to be paid back, or what came of it when it was told before.

    An order that is refunded is unchanged, too, when no number and no amount are given; `number`
    is taken by a whole refund without one. Raises `CannotRefund`, `RefundTooMuch`,
    `RefundOfNothing`, `RefundConflict` and `RestockOfPart`.
    """
    told_before = _told_before(case, wish)
    if told_before is not None:
        return told_before
    _check(case, wish)
    left_fen = case.order.left_fen
    amount_fen = left_fen if wish.amount_fen is None else wish.amount_fen
    paying = Paying(case.name, case.order, wish.refund_no or number, amount_fen)
    if wish.restock and not paying.is_whole:
        raise RestockOfPart(order=case.name)
    return paying


def _told_before(case: RefundCase, wish: RefundWish) -> Refunded | None:
    """What came of it when it was told before; None when it is new."""
    order, stored = case.order, case.stored
    is_refunded = order.status == OrderStatus.REFUNDED
    if stored is None or (wish.refund_no is None and not (is_refunded and wish.amount_fen is None)):
        return None
    agrees = (
        (is_refunded if wish.amount_fen is None else stored.amount_fen == wish.amount_fen)
        and stored.kind == wish.kind
        and (stored.restocked or not wish.restock or not case.keeps_cards)
    )
    if not agrees:
        amount = format_yuan(stored.amount_fen)
        raise RefundConflict(order=case.name, refund_no=stored.refund_no, amount=amount)
    return Refunded(
        order=case.name,
        refund_no=stored.refund_no,
        outcome=Outcome.UNCHANGED,
        amount_fen=stored.amount_fen,
        refunded_fen=order.refunded_fen,
        left_fen=order.left_fen,
        status=order.status,
        was=order.status,
        restocked=stored.restocked,
    )


def _check(case: RefundCase, wish: RefundWish) -> None:
    """Refuse what the order or the amount forbids."""
    order = case.order
    if order.status == OrderStatus.UNPAID or case.never_paid:
        raise CannotRefund(order=case.name, status=order.status)
    if wish.amount_fen == 0 and order.left_fen:
        raise RefundOfNothing(order=case.name)
    nothing_left = order.status == OrderStatus.REFUNDED
    if nothing_left or (wish.amount_fen or 0) > order.left_fen:
        raise RefundTooMuch(
            order=case.name,
            amount=format_yuan(order.paid_fen if wish.amount_fen is None else wish.amount_fen),
            left=format_yuan(order.left_fen),
            paid=format_yuan(order.paid_fen),
        )
