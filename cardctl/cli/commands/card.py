"""Single cards, by the number that is on them or by the name they have here."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.holders import HOLDER, OrdersFile, orders_output, write_orders
from cardctl.cli.options import OptionalReason, Reason
from cardctl.cli.output import Column
from cardctl.cli.passwords import read_secret
from cardctl.cli.verbs import Noun
from cardctl.errors import InputRefused, UsageRefused
from cardctl.identifiers import parse_card_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardctl.stock.named_cards import CardKey
    from cardctl.vault.secret import Secret

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
    Column("delivered_at", "delivered at"),
)
REDEEMED = (
    Column("card", "card"),
    Column("product", "product"),
    Column("masked", "masked"),
    Column("seat", "seat"),
    Column("order", "order"),
    Column("redeemed_at", "redeemed"),
)
VOIDED = (
    Column("cards", "cards"),
    Column("cost_fen", "cost written off"),
    Column("cost_missing", "cards of unknown cost"),
    Column("unchanged", "void before"),
)
FROZEN = (Column("cards", "cards frozen"), Column("unchanged", "frozen before"))
UNFROZEN = (
    Column("cards", "cards unfrozen"),
    Column("available", "available again"),
    Column("recalled", "quarantined, batch recalled"),
    Column("expired", "expired meanwhile"),
    Column("unchanged", "not frozen before"),
)
UPDATED = (
    Column("cards", "cards"),
    Column("unchanged", "unchanged"),
    Column("held_by", "held by", of=HOLDER),
)

_LONGEST_INPUT = 65_536

Cards = Annotated[
    list[str] | None, typer.Argument(help="The cards' names, as lists show them.", metavar="ID")
]
CardsFile = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Take the cards from a table with a column id, or a name a line; - reads stdin.",
        metavar="FILE|-",
    ),
]


NumberSource = Annotated[
    str | None,
    typer.Argument(help="- reads the number from stdin; else it is asked for.", metavar="-"),
]


class NumberOnCommandLine(UsageRefused):
    """A number was given as an argument, where the process list and the history show it."""

    code = "secret-in-argument"
    message = "a card's number is never given as an argument: others can read it there"
    hint = "{command}, and type the number; or pipe it to {command} -"


class NumberMissing(UsageRefused):
    """No number was typed or piped."""

    code = "number-missing"
    message = "no number was given"
    hint = NumberOnCommandLine.hint


class SeveralNumbers(InputRefused):
    """More than one line was piped; which of them was meant cannot be told."""

    code = "several-numbers"
    message = "stdin has {count} lines: one number is looked for at a time"
    hint = "pipe one number to each {command} -"


class CardsOrFile(UsageRefused):
    """Cards were named neither one by one nor in a file, or both."""

    code = "cards-or-file"
    message = "name the cards, or give a file of them with --from"
    hint = "cardctl card find, and take the card's name from there"


@noun.verb(
    "find",
    columns=CARD,
    examples=("cardctl card find", "printf '%s' \"$NUMBER\" | cardctl card find -"),
)
def find(
    context: Context,
    source: NumberSource = None,
) -> None:
    """Find a card by its number.

    Never give the number as an argument.
    """
    from cardctl.stock.find_cards import find_cards

    number = _number(context, source)
    with context.reading() as session:
        found = find_cards(session, number=number, fingerprint_key=context.vault.fingerprint_key)
    context.show(found, CARD)


@noun.verb("show", columns=CARD, examples=("cardctl card show 018SXKSPZY9M000",))
def show(
    context: Context,
    card: Annotated[str, typer.Argument(help="The card's name, as lists show it.", metavar="ID")],
) -> None:
    """Show what is known of a card, masked."""
    from cardctl.stock.find_cards import show_card

    with context.reading() as session:
        found = show_card(session, name=card)
    context.show(found, CARD)


@noun.verb(
    "redeem",
    columns=REDEEMED,
    writes=True,
    examples=("cardctl card redeem", "printf '%s' \"$NUMBER\" | cardctl card redeem -"),
)
def redeem(
    context: Context,
    source: NumberSource = None,
    product: Annotated[
        str | None,
        typer.Option(help="Which product, where several share numbers.", metavar="SKU"),
    ] = None,
) -> None:
    """Mark the card used whose number somebody brings, once.

    Never give the number as an argument. Too many failed tries lock you out for a while.
    """
    from cardctl.stock.redeem import redeem_card

    redeemed = redeem_card(
        context.store,
        run=context.run,
        actor=context.actor,
        number=_number(context, source),
        fingerprint_key=context.vault.fingerprint_key,
        sku=product,
        dry_run=context.dry_run,
    )
    context.show(redeemed, REDEEMED)


@noun.verb(
    "void",
    columns=VOIDED,
    destroys=True,
    examples=(
        "cardctl card void 018SXKSPZY9M000 --reason 'dead on arrival'",
        "cardctl card void --from dead.xlsx --reason 'dead on arrival' --yes",
    ),
)
def void(
    context: Context,
    cards: Cards = None,
    cards_file: CardsFile = None,
    reason: OptionalReason = None,
) -> None:
    """Write cards off that are on hand; all of them or none."""
    from cardctl.stock.void_cards import void_cards

    keys = _cards(cards, cards_file)
    context.confirm("Write off {count} cards?", count=len(keys))
    with context.change() as (session, run):
        voided = void_cards(session, run=run, keys=keys, reason=reason or "")
    context.show(voided, VOIDED)


@noun.verb(
    "freeze",
    columns=FROZEN,
    writes=True,
    examples=(
        "cardctl card freeze 018SXKSPZY9M000 --reason 'a buyer complains'",
        "cardctl card freeze --from doubtful.csv --reason 'the supplier asks us to wait'",
    ),
)
def freeze(
    context: Context, reason: Reason, cards: Cards = None, cards_file: CardsFile = None
) -> None:
    """Keep cards from sale until they are unfrozen.

    All of them or none. They stay frozen when the recall of their batch is taken back.
    """
    from cardctl.stock.freeze_cards import freeze_cards

    keys = _cards(cards, cards_file)
    with context.change() as (session, run):
        frozen = freeze_cards(session, run=run, keys=keys, reason=reason)
    context.show(frozen, FROZEN)


@noun.verb(
    "unfreeze",
    columns=UNFROZEN,
    writes=True,
    examples=("cardctl card unfreeze 018SXKSPZY9M000", "cardctl card unfreeze --from good.csv"),
)
def unfreeze(
    context: Context,
    cards: Cards = None,
    cards_file: CardsFile = None,
    reason: OptionalReason = None,
) -> None:
    """Let frozen cards be sold again.

    Where their batch is recalled they wait for its release, where their time is over they expire.
    """
    from cardctl.stock.freeze_cards import unfreeze_cards

    keys = _cards(cards, cards_file)
    with context.change() as (session, run):
        unfrozen = unfreeze_cards(session, run=run, keys=keys, reason=reason or "")
    context.show(unfrozen, UNFROZEN)


@noun.verb(
    "update",
    columns=UPDATED,
    destroys=True,
    examples=(
        "cardctl card update 018SXKSPZY9M000 --secret-source prompt --reason 'changed by owner'",
        "cardctl card update --from passwords.xlsx --orders tell-them.xlsx --yes",
    ),
)
def update(
    context: Context,
    card: Annotated[
        str | None, typer.Argument(help="The card's name, as lists show it.", metavar="ID")
    ] = None,
    secret_source: Annotated[
        str | None,
        typer.Option(
            help="Where its new password comes from, e.g. env:NAME; else it is asked for.",
            metavar="SPEC",
        ),
    ] = None,
    passwords_file: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Take cards and passwords from a table with columns id and password.",
            metavar="FILE|-",
        ),
    ] = None,
    orders: OrdersFile = None,
    reason: OptionalReason = None,
) -> None:
    """Give keys another password, whoever has them.

    Every seat of a shared card gets it. The orders that hold one are listed, so that their buyers
    can be told.
    """
    from cardctl.batches.update_cards import update_cards

    orders_file = orders_output(context, orders)
    secrets = _passwords(context, card, secret_source, passwords_file)
    context.confirm("Replace the passwords of {count} cards?", count=len(secrets))
    with context.change() as (session, run):
        updated = update_cards(
            session, run=run, vault=context.vault, secrets=secrets, reason=reason or ""
        )
    write_orders(context, orders_file, updated.held_by)
    context.show(updated, UPDATED)


def _number(context: Context, source: str | None) -> "Secret":
    """A card's number, typed or piped; raises `NumberOnCommandLine` and `NumberMissing`."""
    from cardctl.vault.secret import Secret

    command = context.invocation.command
    if source not in (None, "-"):
        raise NumberOnCommandLine(command=command)
    if source is None and context.no_input:
        raise NumberMissing(command=command)
    number = Secret(_one_line(command) if source else context.ask_secret("Number of the card"))
    if not number.reveal().strip():
        raise NumberMissing(command=command)
    return number


def _one_line(command: str) -> str:
    """The one line that stdin has; raises `SeveralNumbers`."""
    lines = sys.stdin.read(_LONGEST_INPUT).split("\n")
    filled = [line.strip("\r") for line in lines if line.strip()]
    if len(filled) > 1:
        raise SeveralNumbers(count=len(filled), command=command)
    return filled[0] if filled else ""


def _cards(names: list[str] | None, path: str | None) -> "set[CardKey]":
    """The cards that a line names, or the file that it names."""
    from cardctl.stock.card_list import read_card_list
    from cardctl.workbooks.source import Source

    if bool(names) == (path is not None):
        raise CardsOrFile
    if path is not None:
        return read_card_list(Source.of(path))
    return {parse_card_code(name) for name in names or []}


def _passwords(
    context: Context, card: str | None, spec: str | None, path: str | None
) -> "Mapping[CardKey, Secret]":
    """New passwords: of one card from where `spec` leads, or of those in a file."""
    from cardctl.batches.update_cards import check_password, read_passwords
    from cardctl.workbooks.source import Source

    if (card is None) == (path is None) or (path is not None and spec is not None):
        raise CardsOrFile
    if path is not None:
        return read_passwords(Source.of(path))
    key = parse_card_code(card or "")
    if spec in (None, "prompt"):
        return {key: check_password(context.ask_new_secret("New password"))}
    return {key: check_password(read_secret(spec or "", option="--secret-source").reveal())}
