"""Write what was decided of refunds: orders, lines, events, the refunds, books and audit log."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.identifiers import new_ids
from cardctl.ledger.journal import Posting, post
from cardctl.ledger.postings import Event, Returned, refund_lines
from cardctl.orders.digest import digest_of
from cardctl.orders.refund_decision import Paying, RefundWish
from cardctl.orders.refund_shares import RefundLine
from cardctl.orders.restock import RestockedCard
from cardctl.schema.catalog import accounts
from cardctl.schema.orders import order_lines, orders, refunds
from cardctl.storage.dialects import insert_many, update_many
from cardctl.vocabulary import LedgerAccount, OrderEventKind, RefundKind

_EVENTS = {
    RefundKind.REFUND: (Event.REFUND, OrderEventKind.REFUNDED),
    RefundKind.CHARGEBACK: (Event.CHARGEBACK, OrderEventKind.CHARGED_BACK),
}
_REFUND_COLUMNS = (
    *("bucket", "id", "order_id", "refund_no", "kind", "amount_fen", "reason", "restocked"),
    *("at", "run_id"),
)


class DecidedRefund(NamedTuple):
    """A refund, the lines of its order with their shares in fen, and the cards that came back."""

    paying: Paying
    lines: Sequence[RefundLine]
    shares: Sequence[int]
    restocked: Sequence[RestockedCard]


def write_refunds(
    session: Session, *, run: Run, wish: RefundWish, decided: Sequence[DecidedRefund]
) -> None:
    """Write the new sums of locked orders and their lines, and say it everywhere."""
    if not decided:
        return
    _update(session, decided)
    event, kind = _EVENTS[wish.kind]
    facts = [_facts(one, wish) for one in decided]
    keys = [one.paying.order.key for one in decided]
    ids = new_ids(2 * len(decided))
    event_ids, refund_ids = ids[: len(decided)], ids[len(decided) :]
    told = zip(keys, event_ids, facts, strict=True)
    events = (NewEvent(key.bucket, event_id, key.id, kind, fact) for key, event_id, fact in told)
    write_events(session, run=run, events=events)
    rows = (
        (
            *(one.paying.order.bucket, refund_id, one.paying.order.id, one.paying.refund_no),
            *(wish.kind.value, one.paying.amount_fen, wish.reason, len(one.restocked)),
            *(run.at, run.id),
        )
        for one, refund_id in zip(decided, refund_ids, strict=True)
    )
    insert_many(session, refunds, _REFUND_COLUMNS, rows)
    post(session, run=run, postings=_postings(session, event, decided, event_ids))
    if len(decided) == 1:
        summary = {"order": decided[0].paying.name, **facts[0]}
    else:
        summary = _summary(decided, wish)
    run.record(session, f"order.{wish.kind}", summary)


def _update(session: Session, decided: Sequence[DecidedRefund]) -> None:
    """Write the new sums of the orders and their lines."""
    paid = [one.paying for one in decided]
    update_many(
        session,
        orders,
        key=("bucket", "id"),
        changed=("status", "refunded_fen"),
        rows=[
            (one.status, one.order.refunded_fen + one.amount_fen, one.order.bucket, one.order.id)
            for one in paid
        ],
    )
    update_many(
        session,
        order_lines,
        key=("bucket", "id"),
        changed=("refunded_fen", "issued_qty"),
        rows=[row for one in decided for row in _lines_after(one)],
    )


def _lines_after(one: DecidedRefund) -> Iterator[tuple[int, int, int, int]]:
    """What was paid back for each line then, how many it has, and its key."""
    taken = Counter(card.card.order_line_id for card in one.restocked)
    for line, share in zip(one.lines, one.shares, strict=True):
        issued_qty = line.issued_qty - taken[line.id]
        yield line.refunded_fen + share, issued_qty, one.paying.order.bucket, line.id


def _facts(one: DecidedRefund, wish: RefundWish) -> dict[str, object]:
    return {
        "refund_no": one.paying.refund_no,
        "amount_fen": one.paying.amount_fen,
        "restocked": len(one.restocked),
        "status": one.paying.status,
        "reason": wish.reason,
    }


def _postings(
    session: Session, event: Event, decided: Sequence[DecidedRefund], event_ids: Sequence[int]
) -> Iterator[Posting]:
    codes = {row.id: row.code for row in session.execute(select(accounts.c.id, accounts.c.code))}
    for one, event_id in zip(decided, event_ids, strict=True):
        order = one.paying.order
        shares = zip(one.lines, one.shares, strict=True)
        lines = refund_lines(
            # Of an order without an account, as issuing posted it.
            account="" if order.account_id is None else codes[order.account_id],
            falls=[(line.product_id, line.fall_fen(share)) for line, share in shares],
            returned=_returned(one.restocked),
        )
        yield Posting(order.bucket, event, event_id, order.id, lines)


def _returned(restocked: Sequence[RestockedCard]) -> list[Returned]:
    costs: Counter[tuple[int, LedgerAccount]] = Counter()
    for card, bearer in restocked:
        costs[card.product_id, bearer] += card.cost_fen or 0
    return [Returned(*place, fen) for place, fen in sorted(costs.items())]


def _summary(decided: Sequence[DecidedRefund], wish: RefundWish) -> dict[str, object]:
    """What the audit log keeps of many: sums, and digests of the refunds and of the cards."""
    paid = [one.paying for one in decided]
    cards = [card.card for one in decided for card in one.restocked]
    return {
        "orders": len(paid),
        "whole": sum(one.is_whole for one in paid),
        "amount_fen": sum(one.amount_fen for one in paid),
        "restocked": len(cards),
        "refund_no": paid[0].refund_no,
        "reason": wish.reason,
        "refunds_sha256": digest_of((*one.order.key, one.amount_fen) for one in paid),
        "pairs_sha256": digest_of((*card.order, *card.key) for card in cards),
    }
