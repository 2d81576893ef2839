"""Single cards, by the number that is on them or by the name they have here."""

import sys
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import OptionalReason
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import UsageRefused

noun = Noun("card")

CARD = (
    Column("id", "card"),
    Column("product", "product"),
    Column("status", "status"),
    Column("masked", "masked"),
    Column("seat", "seat"),
    Column("batch", "batch"),
    Column("supplier", "supplier"),
    Column("pool", "pool"),
    Column("serial", "serial"),
    Column("cost_fen", "cost"),
    Column("expires_on", "expires"),
    Column("order", "order"),
    Column("agent", "agent"),
    Column("issued_at", "issued"),
    Column("delivered_at", "delivered"),
)
VOIDED = (
    Column("cards", "cards"),
    Column("cost_fen", "cost written off"),
    Column("cost_missing", "cards of unknown cost"),
    Column("unchanged", "void before"),
)


class NumberOnCommandLine(UsageRefused):
    """A number was given as an argument, where the process list and the history show it."""

    code = "secret-in-argument"
    message = "a card's number is never given as an argument: others can read it there"
    hint = "cardctl card find, and type the number; or pipe it to cardctl card find -"


class NumberMissing(UsageRefused):
    """No number was typed or piped."""

    code = "number-missing"
    message = "no number was given"
    hint = NumberOnCommandLine.hint


@noun.verb(
    "find",
    columns=CARD,
    examples=("cardctl card find", "printf '%s' \"$NUMBER\" | cardctl card find -"),
)
def find(
    context: Context,
    source: Annotated[
        str | None,
        typer.Argument(help="- reads the number from stdin; else it is asked for.", metavar="-"),
    ] = None,
) -> None:
    """Find a card by its number.

    Never give the number as an argument.
    """
    from cardctl.stock.cards import find_cards
    from cardctl.vault.secret import Secret

    if source not in (None, "-"):
        raise NumberOnCommandLine
    if source is None and context.no_input:
        raise NumberMissing
    typed = sys.stdin.readline() if source else context.ask_secret("Number of the card")
    number = Secret(typed.strip("\r\n"))
    if not number.reveal().strip():
        raise NumberMissing
    with context.reading() as session:
        found = find_cards(session, number=number, fingerprint_key=context.vault.fingerprint_key)
    context.show(found, CARD)


@noun.verb("show", columns=CARD, examples=("cardctl card show 018SXKSPZY9M000",))
def show(
    context: Context,
    card: Annotated[str, typer.Argument(help="The card's name, as lists show it.", metavar="ID")],
) -> None:
    """Show what is known of a card, masked."""
    from cardctl.stock.cards import show_card

    with context.reading() as session:
        found = show_card(session, name=card)
    context.show(found, CARD)


@noun.verb(
    "void",
    columns=VOIDED,
    destroys=True,
    examples=("cardctl card void 018SXKSPZY9M000 --reason 'dead on arrival'",),
)
def void(
    context: Context,
    cards: Annotated[list[str], typer.Argument(help="The cards' names.", metavar="ID")],
    reason: OptionalReason = None,
) -> None:
    """Write cards off that are on hand; all of them or none."""
    from cardctl.stock.cards import void_cards

    context.confirm("Write off {count} cards?", count=len(set(cards)))
    with context.change() as (session, run):
        voided = void_cards(session, run=run, names=cards, reason=reason or "")
    context.show(voided, VOIDED)
