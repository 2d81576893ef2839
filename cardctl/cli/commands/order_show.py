"""Look at orders, and reveal their cards."""

from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import OptionalReason, Since
from cardctl.cli.order_names import Order
from cardctl.cli.order_results import ORDER, REVEALED, SHOWN, revealed_order
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import OrderStatus

if TYPE_CHECKING:
    from cardctl.orders.reveal import RevealedCard

noun = Noun("order")


@noun.verb(
    "list",
    columns=ORDER,
    examples=("cardctl order list --status short --channel TB",),
)
def list_(
    context: Context,
    status: Annotated[OrderStatus | None, typer.Option(help="Only in this status.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Only from this channel.", metavar="CODE")
    ] = None,
    buyer: Annotated[str | None, typer.Option(help="Only of this buyer.")] = None,
    phone: Annotated[str | None, typer.Option(help="Only with this phone number.")] = None,
    since: Since = None,
) -> None:
    """List orders, those recorded first at the top."""
    from cardctl.orders.queries import OrderFilter, list_orders

    wanted = OrderFilter(
        status=status,
        channel=channel,
        buyer=buyer,
        phone=phone,
        since=context.instant("--since", since),
    )
    with context.reading() as session:
        found = list(list_orders(session, wanted=wanted))
    context.show(found, ORDER)


@noun.verb(
    "show",
    columns=SHOWN,
    examples=(
        "cardctl order show TB:1001",
        "cardctl order show TB:1001 --reveal --reason 'the buyer asked again'",
    ),
)
def show(
    context: Context,
    order: Order,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Show the cards in clear; needs a full key and --reason."),
    ] = False,
    reason: OptionalReason = None,
) -> None:
    """Show an order with its lines, cards, entries and events."""
    from cardctl.orders.queries import show_order
    from cardctl.orders.reveal import reveal_order

    channel, number = order
    opened: list[RevealedCard] = []
    if reveal:
        vault = context.vault
        with context.change() as (session, run):
            opened = reveal_order(
                session, run=run, vault=vault, channel=channel, number=number, reason=reason or ""
            )
    with context.reading() as session:
        found = show_order(session, channel=channel, number=number)
    if reveal:
        context.show(revealed_order(found, opened), REVEALED)
    else:
        context.show(found, SHOWN)
