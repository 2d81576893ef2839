"""See what came of deliveries, and try again what was given up."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.order_names import OrdersOrStdin, names_of
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import UsageRefused
from cardctl.vocabulary import DeliveryStatus, DeliveryVia

noun = Noun("delivery")

DELIVERY = (
    Column("delivery", "delivery"),
    Column("order", "order"),
    Column("line", "line"),
    Column("via", "via"),
    Column("status", "status"),
    Column("attempts", "attempts"),
    Column("due_at", "due"),
    Column("last_error", "last error"),
    Column("delivered_at", "delivered at"),
    Column("reprint", "reprint"),
    Column("carrier", "carrier"),
    Column("reference", "reference"),
    Column("idempotency_key", "idempotency key"),
    Column("created_at", "recorded"),
)
RETRIED = (Column("retried", "to be tried again"), Column("unchanged", "unchanged"))


class NamesOrDead(UsageRefused):
    """Retrying was told neither which orders nor all that were given up, or both."""

    code = "names-or-all-dead"
    message = "name the orders to try again, or say --all-dead"
    hint = "cardctl delivery list --status dead"


@noun.verb(
    "list",
    columns=DELIVERY,
    examples=("cardctl delivery list --status dead", "cardctl delivery list --order TB:1001"),
)
def list_(
    context: Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only in this status.")] = None,
    via: Annotated[DeliveryVia | None, typer.Option(help="Only by this way.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Only from this channel.", metavar="CODE")
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(help="Only of this order; may be repeated.", metavar="CHANNEL:NUMBER"),
    ] = None,
) -> None:
    """List deliveries, those recorded first at the top.

    What was given up is dead: it waits for delivery retry.
    """
    from cardctl.deliveries.queries import DeliveryFilter, list_deliveries
    from cardctl.identifiers import parse_order_name

    wanted = DeliveryFilter(
        status=status,
        via=via,
        channel=channel,
        orders=tuple(parse_order_name(name) for name in order or ()),
    )
    with context.reading() as session:
        found = list_deliveries(session, wanted=wanted)
    context.show(found, DELIVERY)


@noun.verb(
    "retry",
    writes=True,
    columns=RETRIED,
    examples=("cardctl delivery retry --all-dead", "cardctl delivery retry TB:1001"),
)
def retry(
    context: Context,
    names: OrdersOrStdin = None,
    all_dead: Annotated[
        bool, typer.Option("--all-dead", help="Everything that was given up.")
    ] = False,
) -> None:
    """Put deliveries that were given up back into the outbox.

    A named order's delivery that waits for its next try is due at once, too. The next delivery
    send tries them, with the same idempotency key.
    """
    from cardctl.deliveries.queries import find_orders
    from cardctl.deliveries.retry import retry_dead, retry_orders

    if bool(names) == all_dead:
        raise NamesOrDead
    if all_dead:
        retried = retry_dead(context.store, run=context.run, dry_run=context.dry_run)
    else:
        with context.change() as (session, run):
            named = find_orders(session, names=names_of(names or []))
            retried = retry_orders(session, run=run, orders=[key for _, key in named])
    context.show(retried, RETRIED)
