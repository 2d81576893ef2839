"""The stock: how much is there, what has expired, and whether it is all there."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus

noun = Noun("stock")

LEVEL = (
    Column("product", "product"),
    Column("pool", "pool"),
    Column("available", "available"),
    Column("reserved", "reserved"),
    Column("issued", "issued"),
    Column("redeemed", "redeemed"),
    Column("quarantined", "quarantined"),
    Column("void", "void"),
    Column("expired", "expired"),
    Column("already_sold", "sold before"),
    Column("cost_fen", "cost on hand"),
    Column("cost_missing", "cost unknown"),
)
MOVED = (Column("product", "product"), Column("cards", "cards"), Column("cost_fen", "cost"))
DRIFT = (
    Column("check", "check"),
    Column("subject", "subject"),
    Column("expected", "expected"),
    Column("found", "found"),
)
CHECK = (
    Column("cards", "cards"),
    Column("order_lines", "order lines"),
    Column("drifts", "drifts", of=DRIFT),
)


@noun.verb("levels", columns=LEVEL, examples=("cardctl stock levels --product VIP",))
def levels(
    context: Context,
    product: Annotated[str | None, typer.Option(help="Only this product.", metavar="SKU")] = None,
    pool: Annotated[str | None, typer.Option(help="Only this pool.", metavar="CODE")] = None,
) -> None:
    """Count the cards by product, pool and status."""
    from cardctl.stock.levels import stock_levels

    with context.reading() as session:
        found = stock_levels(session, sku=product, pool=pool)
    context.show(found, LEVEL)


@noun.verb("expire", columns=MOVED, writes=True, examples=("cardctl stock expire",))
def expire(
    context: Context,
    as_of: Annotated[
        str | None,
        typer.Option(help="Take this time for now.", metavar="TIME"),
    ] = None,
) -> None:
    """Take cards off the shelf whose time is over."""
    from cardctl.stock.expire import expire_cards

    moment = context.instant("--as-of", as_of)
    with context.change() as (session, run):
        moved = expire_cards(session, run=run, as_of=run.at if moment is None else moment)
    context.show(moved, MOVED)


@noun.verb("release", columns=MOVED, writes=True, examples=("cardctl stock release",))
def release(context: Context) -> None:
    """Put reserved cards back whose order waits no more."""
    from cardctl.stock.expire import release_cards

    with context.change() as (session, run):
        moved = release_cards(session, run=run)
    context.show(moved, MOVED)


@noun.verb("check", columns=CHECK, examples=("cardctl stock check",))
def check(context: Context) -> None:
    """Prove that cards, orders and batches agree."""
    from cardctl.stock.check import check_stock

    with context.reading() as session:
        found = check_stock(session)
    status = ExitStatus.NEEDS_PERSON if found.drifts else ExitStatus.DONE
    context.show(found, CHECK, status=status)
