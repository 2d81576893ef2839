"""The stock: how much is there, what has expired, and whether it is all there."""

from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.options import Reason, yuan
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.clock import now_ms
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
    Column("frozen", "frozen"),
    Column("cost_fen", "cost on hand"),
    Column("cost_missing", "cost unknown"),
)
MOVED = (Column("product", "product"), Column("cards", "cards"), Column("cost_fen", "cost"))
POOL_MOVE = (
    Column("product", "product"),
    Column("from_pool", "from"),
    Column("to_pool", "to"),
    Column("cards", "cards"),
)
FREEZE = (
    Column("product", "product"),
    Column("frozen", "frozen"),
    Column("reason", "reason"),
    Column("frozen_at", "since"),
    Column("outcome", "outcome"),
)
ALERT = (
    Column("alert", "what"),
    Column("product", "product"),
    Column("pool", "pool"),
    Column("to_pool", "to"),
    Column("available", "available"),
    Column("safety_stock", "safety stock"),
    Column("sold", "sold in 14 days"),
    Column("cover_days", "days of cover"),
    Column("count", "count"),
    Column("expires_first_at", "first expires"),
    Column("reason", "reason"),
    Column("frozen_at", "since"),
    Column("command", "next command"),
)
PURCHASE = (
    Column("supplier", "supplier"),
    Column("product", "product"),
    Column("qty", "quantity"),
    Column("unit_cost_fen", "last cost of one"),
    Column("cost_fen", "cost"),
    Column("available", "available"),
    Column("waiting", "orders wait for"),
    Column("safety_stock", "safety stock"),
    Column("sold", "sold in 14 days"),
    Column("cover_days", "days of cover"),
)
GENERATED = (
    Column("batch", "batch"),
    Column("product", "product"),
    Column("supplier", "supplier"),
    Column("pool", "pool"),
    Column("pattern", "pattern"),
    Column("codes", "codes"),
    Column("cards", "cards"),
    Column("cost_fen", "cost"),
    Column("expires_on", "expires"),
)
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
        found = stock_levels(session, at=now_ms(), sku=product, pool=pool)
    context.show(found, LEVEL)


@noun.verb(
    "move",
    columns=POOL_MOVE,
    writes=True,
    examples=("cardctl stock move --product VIP --from main --to live --qty 200",),
)
def move(
    context: Context,
    product: Annotated[str, typer.Option(help="The product.", metavar="SKU")],
    from_pool: Annotated[str, typer.Option("--from", help="The pool that gives.", metavar="CODE")],
    to_pool: Annotated[str, typer.Option("--to", help="The pool that gets.", metavar="CODE")],
    qty: Annotated[int, typer.Option(help="How many.", min=1)],
) -> None:
    """Move cards to another pool, exactly so many.

    Those that expire first go first. Run again, it moves as many again.
    """
    from cardctl.stock.move import move_cards

    with context.change() as (session, run):
        moved = move_cards(
            session, run=run, sku=product, from_pool=from_pool, to_pool=to_pool, count=qty
        )
    context.show(moved, POOL_MOVE)


@noun.verb(
    "generate",
    columns=GENERATED,
    writes=True,
    examples=(
        "cardctl stock generate --product VIP --count 1000 --pattern XXXX-XXXX-XXXX",
        "cardctl stock generate --product VIP --count 50 --pattern VIP-XXXXX-XXXXX --expires +12m",
    ),
)
def generate(
    context: Context,
    product: Annotated[str, typer.Option(help="The product, of kind code.", metavar="SKU")],
    count: Annotated[int, typer.Option(help="How many codes.", min=1, max=1_000_000)],
    pattern: Annotated[
        str,
        typer.Option(
            help="How they look: a random character for each X, but the last, a check character.",
            metavar="PATTERN",
        ),
    ],
    pool: Annotated[str, typer.Option(help="The pool they lie in.", metavar="CODE")] = "main",
    cost: Annotated[int | None, yuan("What a code costs; else nothing.")] = None,
    expires: Annotated[
        str, typer.Option(help="Their last good day: a day, +12m or never.", metavar="DAY")
    ] = "never",
) -> None:
    """Make codes of your own, which nobody has seen yet.

    No character in them is taken for another. Run again, it makes as many again.
    """
    from cardctl.batches.generate import CodeOrder, generate_codes

    order = CodeOrder(
        sku=product,
        count=count,
        pattern=pattern,
        pool=pool,
        cost_fen=cost or 0,
        expires_at=context.expiry("--expires", expires) or 0,
    )
    with context.progress("Generating codes", total=count) as progress:
        generated = generate_codes(
            context.store,
            run=context.run,
            vault=context.vault,
            order=order,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    context.show(generated, GENERATED)


@noun.verb(
    "freeze",
    columns=FREEZE,
    writes=True,
    examples=(
        "cardctl stock freeze --product VIP --reason 'buyers report dead keys'",
        "cardctl stock freeze --reason 'stocktaking'",
    ),
)
def freeze(
    context: Context,
    reason: Reason,
    product: Annotated[
        str | None, typer.Option(help="Only this product; else everything.", metavar="SKU")
    ] = None,
) -> None:
    """Issue nothing of a product, or nothing at all.

    Orders that need it wait. Importing, moving and writing off go on.
    """
    from cardctl.stock.freeze import freeze_stock

    with context.change() as (session, run):
        frozen = freeze_stock(session, run=run, sku=product, reason=reason)
    context.show(frozen, FREEZE)


@noun.verb(
    "unfreeze",
    columns=FREEZE,
    writes=True,
    examples=("cardctl stock unfreeze --product VIP", "cardctl stock unfreeze"),
)
def unfreeze(
    context: Context,
    product: Annotated[
        str | None,
        typer.Option(help="This product's freeze; else that of everything.", metavar="SKU"),
    ] = None,
) -> None:
    """Issue again what was frozen.

    A product that was frozen by itself stays so when everything else is unfrozen.
    """
    from cardctl.stock.freeze import unfreeze_stock

    with context.change() as (session, run):
        unfrozen = unfreeze_stock(session, run=run, sku=product)
    context.show(unfrozen, FREEZE)


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
    from cardctl.stock.release import release_cards

    with context.change() as (session, run):
        moved = release_cards(session, run=run)
    context.show(moved, MOVED)


@noun.verb(
    "alerts",
    examples=("cardctl stock alerts", "cardctl stock alerts --purchase --out purchase.xlsx"),
)
def alerts(
    context: Context,
    purchase: Annotated[
        bool, typer.Option("--purchase", help="What to buy instead, by supplier.")
    ] = False,
    cover_days: Annotated[
        int, typer.Option(help="Alert when stock lasts fewer days than this.", min=1, metavar="N")
    ] = 7,
    expiring_days: Annotated[
        int, typer.Option(help="Alert when cards expire within so many days.", min=0, metavar="N")
    ] = 30,
    target_days: Annotated[
        int, typer.Option(help="Buy and move for so many days of sales.", min=1, metavar="N")
    ] = 30,
) -> None:
    """Show stock that is low, expiring, misplaced or frozen.

    Days are reckoned at the pace of the last 14. Ends with 8 when there is anything.
    """
    from cardctl.stock.alerts import Limits, stock_alerts
    from cardctl.stock.purchase import purchase_list

    limits = Limits(cover_days=cover_days, expiring_days=expiring_days, target_days=target_days)
    look = purchase_list if purchase else stock_alerts
    with context.reading() as session:
        found = look(session, at=now_ms(), limits=limits)
    status = ExitStatus.NEEDS_PERSON if found else ExitStatus.DONE
    context.show(found, PURCHASE if purchase else ALERT, status=status)


@noun.verb("check", columns=CHECK, examples=("cardctl stock check",))
def check(context: Context) -> None:
    """Prove that cards, orders and batches agree."""
    from cardctl.stock.check import check_stock

    with context.reading() as session:
        found = check_stock(session)
    status = ExitStatus.NEEDS_PERSON if found.drifts else ExitStatus.DONE
    context.show(found, CHECK, status=status)
