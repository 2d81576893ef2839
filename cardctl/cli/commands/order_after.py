"""What happens to an order after the sale."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import Reason, yuan
from cardctl.cli.order_names import Order
from cardctl.cli.order_results import CANCELLED, REFUNDED
from cardctl.cli.verbs import Noun

noun = Noun("order")


@noun.verb("cancel", writes=True, columns=CANCELLED, examples=("cardctl order cancel TB:1002",))
def cancel(context: Context, order: Order) -> None:
    """Cancel an order that has no cards."""
    from cardctl.orders.cancel import cancel_order

    channel, number = order
    with context.change() as (session, run):
        cancelled = cancel_order(session, run=run, channel=channel, number=number)
    context.show(cancelled, CANCELLED)


@noun.verb(
    "refund",
    writes=True,
    columns=REFUNDED,
    examples=(
        "cardctl order refund TB:1001 --amount 5 --refund-no R1 --reason 'half a month late'",
        "cardctl order refund TB:1001 --reason 'the buyer changed their mind'",
    ),
)
def refund(
    context: Context,
    order: Order,
    reason: Reason,
    amount: Annotated[int | None, yuan("How much; else all that is left.")] = None,
    refund_no: Annotated[
        str | None,
        typer.Option(help="Its number: the same again changes nothing.", metavar="NUMBER"),
    ] = None,
    restock: Annotated[
        bool,
        typer.Option("--restock", help="Sell its cards again; nobody may have seen one."),
    ] = False,
) -> None:
    """Pay an order back, whole or in part.

    What was paid back whole is never issued nor delivered after. Without --refund-no a number is
    made, and the same command again is another refund.
    """
    from cardctl.orders.refund import RefundWish, refund_order

    channel, number = order
    wish = RefundWish(amount_fen=amount, refund_no=refund_no, restock=restock, reason=reason)
    with context.change() as (session, run):
        refunded = refund_order(session, run=run, channel=channel, number=number, wish=wish)
    context.show(refunded, REFUNDED)


@noun.verb(
    "chargeback",
    writes=True,
    columns=REFUNDED,
    examples=("cardctl order chargeback TB:1001 --reason 'the bank took it back'",),
)
def chargeback(context: Context, order: Order, reason: Reason) -> None:
    """Record that the buyer's bank took back what was left of an order."""
    from cardctl.orders.refund import CHARGEBACK_NO, RefundWish, refund_order
    from cardctl.vocabulary import RefundKind

    channel, number = order
    wish = RefundWish(kind=RefundKind.CHARGEBACK, refund_no=CHARGEBACK_NO, reason=reason)
    with context.change() as (session, run):
        refunded = refund_order(session, run=run, channel=channel, number=number, wish=wish)
    context.show(refunded, REFUNDED)
