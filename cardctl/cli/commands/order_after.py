"""What happens to an order after the sale."""

from cardctl.cli.context import Context
from cardctl.cli.order_names import Order
from cardctl.cli.order_results import CANCELLED
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
