"""What happens to an order after the sale."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import Reason, yuan
from cardctl.cli.order_names import Order
from cardctl.cli.order_results import CANCELLED, EDITED, REFUNDED, REPLACED
from cardctl.cli.verbs import Noun
from cardctl.identifiers import parse_card_code

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
    """Record that the bank took back what was left of an order."""
    from cardctl.orders.refund import CHARGEBACK_NO, RefundWish, refund_order
    from cardctl.vocabulary import RefundKind

    channel, number = order
    wish = RefundWish(kind=RefundKind.CHARGEBACK, refund_no=CHARGEBACK_NO, reason=reason)
    with context.change() as (session, run):
        refunded = refund_order(session, run=run, channel=channel, number=number, wish=wish)
    context.show(refunded, REFUNDED)


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

    An empty text takes away what is there. An order that was stopped for lack of what is told can
    be issued again.
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
