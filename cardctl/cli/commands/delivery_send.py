"""Send what was issued to its buyers, and requests to those who top up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.delivering import (
    SENT_ALL,
    FileMissing,
    make_outlet,
    password_for,
    show_sent,
)
from cardctl.cli.options import CardFile, Layout, OptionalReason, PasswordSource
from cardctl.cli.order_names import OrdersOrStdin, names_of
from cardctl.cli.verbs import Noun
from cardctl.errors import UsageRefused
from cardctl.vocabulary import DeliveryLayout, DeliveryVia, SentVia

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.deliveries.channel import Outlet
    from cardctl.deliveries.deliver import Wish
    from cardctl.identifiers import OrderName

noun = Noun("delivery")

_DEAD_BY_ANOTHER_WAY = (
    "cardctl delivery list --status dead --fields order --format plain"
    " | cardctl delivery send - --via terminal"
)


class NamesOrPending(UsageRefused):
    """Sending was told neither which orders nor all that wait, or both."""

    code = "names-or-pending"
    message = "name the orders to deliver, or say --pending (which may have a --channel)"
    hint = "cardctl order list --status issued"


class ReprintOptions(UsageRefused):
    """A reprint is of orders that are named, and for a reason."""

    code = "reprint-options"
    message = "to deliver once more what was delivered, name the orders and add --reason"
    hint = "cardctl delivery send TB:1001 --via terminal --reprint --reason TEXT"


@noun.verb(
    "send",
    writes=True,
    columns=SENT_ALL,
    examples=(
        "cardctl delivery send TB:1001 --via terminal",
        "cardctl delivery send --pending --via email",
        "cardctl delivery send --pending --via file --out cards.xlsx --password-source env:PW",
        _DEAD_BY_ANOTHER_WAY,
        "cardctl delivery send TB:1001 --via terminal --reprint --reason 'the buyer lost it'",
    ),
)
def send(
    context: Context,
    via: Annotated[SentVia, typer.Option(help="The way to the buyer; topup asks the suppliers.")],
    names: OrdersOrStdin = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Whatever was issued and not delivered.")
    ] = False,
    channel: Annotated[
        str | None, typer.Option(help="With --pending: only from this channel.", metavar="CODE")
    ] = None,
    layout: Layout = DeliveryLayout.TABLE,
    out: CardFile = None,
    password_source: PasswordSource = None,
    reprint: Annotated[
        bool, typer.Option("--reprint", help="Deliver named orders once more; needs --reason.")
    ] = False,
    reason: OptionalReason = None,
) -> None:
    """Deliver the cards of orders.

    What was delivered before is unchanged. What fails stays in the outbox, and the next send
    with --pending tries it again. An order that was to go by another way, or was given up there,
    is reported with --pending, and goes this way when it is named.
    """
    from cardctl.deliveries.channel import open_channel
    from cardctl.deliveries.deliver import deliver

    if bool(names) == pending or (channel and names):
        raise NamesOrPending
    if reprint and (pending or not (reason or "").strip()):
        raise ReprintOptions
    if via != SentVia.TOPUP:
        context.vault.full_keyset()
    given = None if pending else names_of(names or [])
    wish = _wish(context, given, channel, reprint=reprint, reason=reason or "")
    outlet = _outlet(context, wish, via, layout, out, password_source)
    with (
        context.progress("Delivering") as progress,
        open_channel(DeliveryVia(via), outlet) as opened,
    ):
        result = deliver(
            context.store,
            run=context.run,
            vault=context.vault,
            channel=opened,
            wish=wish,
            advance=progress.advance,
        )
    if result.stopped:
        context.warn("the other side seems to be down; what is for it stays in the outbox")
    # What goes by way of the terminal was shown before it counted as delivered.
    if via != SentVia.TERMINAL or context.dry_run:
        show_sent(context, result, single=len(wish.named or ()) == 1)


def _outlet(
    context: Context,
    wish: "Wish",
    via: SentVia,
    layout: DeliveryLayout,
    out: Path | None,
    password_source: str | None,
) -> "Outlet":
    """What the channel is opened with; raises what is missing before anything is done."""
    if via == SentVia.FILE and out is None:
        raise FileMissing
    single = len(wish.named or ()) == 1
    return make_outlet(
        context,
        path=out,
        password=password_for(context, via, password_source),
        layout=layout,
        show=lambda result, texts: show_sent(context, result, texts, single=single),
    )


def _wish(
    context: Context,
    names: "Sequence[OrderName] | None",
    channel: str | None,
    *,
    reprint: bool,
    reason: str,
) -> "Wish":
    from cardctl.deliveries.deliver import Wish
    from cardctl.deliveries.queries import find_channel, find_orders

    with context.reading() as session:
        named = None if names is None else find_orders(session, names=names)
        channel_id = find_channel(session, channel) if channel is not None else None
    return Wish(
        named=named,
        channel_id=channel_id,
        reprint=reprint,
        reason=reason,
        dry_run=context.dry_run,
    )
