"""What happens to an order after the sale."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import Reason, yuan
from cardctl.cli.order_names import ManyOrders, Order, is_one, names_of
from cardctl.cli.order_results import (
    CANCELLED,
    EDITED,
    REFUNDED,
    REPLACED,
    cancelled_row,
    note_part_told_twice,
    refund_row,
    refused_row,
    warn_of_topups,
)
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus, UsageRefused
from cardctl.identifiers import parse_card_code

noun = Noun("order")


class AmountOfMany(UsageRefused):
    """A part was to be paid back of several orders at once."""

    code = "amount-of-many"
    message = "--amount is of one order: several are paid back whole"
    hint = "cardctl order refund TB:1001 --amount 5 --reason TEXT"


@noun.verb(
    "cancel",
    writes=True,
    columns=CANCELLED,
    examples=("cardctl order cancel TB:1002", "cardctl order cancel - < names.txt"),
)
def cancel(context: Context, orders: ManyOrders) -> None:
    """Cancel an order that has no cards, or many."""
    from cardctl.orders.cancel import cancel_order, cancel_orders

    named = names_of(orders)
    if is_one(orders):
        ((channel, number),) = named
        with context.change() as (session, run):
            cancelled = cancel_order(session, run=run, channel=channel, number=number)
        context.show(cancelled_row(cancelled), CANCELLED)
        return
    with context.progress("Cancelling", len(named)) as progress:
        result = cancel_orders(
            context.store,
            run=context.run,
            names=named,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    rows = [cancelled_row(one) for one in result.done]
    rows += [refused_row(one, CANCELLED) for one in result.refused]
    status = ExitStatus.NEEDS_PERSON if result.refused else ExitStatus.DONE
    context.show(rows, CANCELLED, status=status)


@noun.verb(
    "refund",
    writes=True,
    columns=REFUNDED,
    examples=(
        "cardctl order refund TB:1001 --amount 5 --refund-no R1 --reason 'half a month late'",
        "cardctl order refund TB:1001 --reason 'the buyer changed their mind'",
        "cardctl order refund - --reason 'the batch was recalled' < names.txt",
    ),
)
def refund(
    context: Context,
    orders: ManyOrders,
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
    """Pay an order back, whole or in part; or many, whole.

    What was paid back whole is never issued nor delivered after. The same command again changes
    nothing: a second refund of the same amount needs its own --refund-no.
    """
    from cardctl.orders.refund import refund_order, refund_orders
    from cardctl.orders.refund_decision import RefundWish

    wish = RefundWish(amount_fen=amount, refund_no=refund_no, restock=restock, reason=reason)
    if is_one(orders):
        (order,) = names_of(orders)
        channel, number = order
        with context.change() as (session, run):
            refunded = refund_order(session, run=run, channel=channel, number=number, wish=wish)
        warn_of_topups(context, refunded)
        if amount is not None and refund_no is None:
            note_part_told_twice(context, refunded)
        context.show(refund_row(refunded), REFUNDED)
        return
    if amount is not None:
        raise AmountOfMany
    named = names_of(orders)
    with context.progress("Refunding", len(named)) as progress:
        refunds = refund_orders(
            context.store,
            run=context.run,
            names=named,
            wish=wish,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    status = ExitStatus.NEEDS_PERSON if refunds.refused else ExitStatus.DONE
    for one in refunds.done:
        warn_of_topups(context, one)
    rows = [refund_row(one) for one in refunds.done]
    rows += [refused_row(one, REFUNDED) for one in refunds.refused]
    context.show(rows, REFUNDED, status=status)


@noun.verb(
    "chargeback",
    writes=True,
    columns=REFUNDED,
    examples=("cardctl order chargeback TB:1001 --reason 'the bank took it back'",),
)
def chargeback(context: Context, order: Order, reason: Reason) -> None:
    """Record that the bank took back what was left of an order.

    The order ends as one that was paid back whole does.
    """
    from cardctl.orders.refund import refund_order
    from cardctl.orders.refund_decision import CHARGEBACK_NO, RefundWish
    from cardctl.vocabulary import RefundKind

    channel, number = order
    wish = RefundWish(kind=RefundKind.CHARGEBACK, refund_no=CHARGEBACK_NO, reason=reason)
    with context.change() as (session, run):
        refunded = refund_order(session, run=run, channel=channel, number=number, wish=wish)
    warn_of_topups(context, refunded)
    context.show(refund_row(refunded), REFUNDED)


@noun.verb(
    "replace",
    writes=True,
    columns=REPLACED,
    examples=("cardctl order replace TB:1001 --card 4M6YV0G8Q2K1ZTD --reason 'was used before'",),
)
def replace(
    context: Context,
    order: Order,
    card: Annotated[str, typer.Option(help="The bad card, as order show names it.", metavar="ID")],
    reason: Reason,
) -> None:
    """Give another card for a bad one of an order.

    The bad one is void, and stays with its order. Asked for again, it is the same new card.
    """
    from cardctl.orders.replace import replace_card

    channel, number = order
    key = parse_card_code(card)
    with context.change() as (session, run):
        replaced = replace_card(
            session, run=run, channel=channel, number=number, card=key, reason=reason
        )
    context.show(replaced, REPLACED)


@noun.verb(
    "edit",
    writes=True,
    columns=EDITED,
    examples=(
        "cardctl order edit TB:1001 --region CN --reason 'asked the buyer'",
        "cardctl order edit TB:1001 --email buyer@example.com --reason 'the first one bounced'",
    ),
)
def edit(
    context: Context,
    order: Order,
    reason: Reason,
    region: Annotated[str | None, typer.Option(help="The buyer's region.")] = None,
    email: Annotated[str | None, typer.Option(help="The buyer's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The buyer's phone number.")] = None,
    topup_account: Annotated[
        str | None, typer.Option(help="The account that is to be topped up.")
    ] = None,
) -> None:
    """Set what an order lacks, or what is wrong with it.

    An empty text ('') takes away what is there. An order that was stopped for lack of what is told
    can be issued again.
    """
    from cardctl.orders.edit import OrderChanges, edit_order

    given = {"region": region, "email": email, "phone": phone, "topup_account": topup_account}
    changes = OrderChanges(**changes_of("cardctl order edit", given))
    channel, number = order
    with context.change() as (session, run):
        edited = edit_order(
            session, run=run, channel=channel, number=number, changes=changes, reason=reason
        )
    context.show(edited, EDITED)
