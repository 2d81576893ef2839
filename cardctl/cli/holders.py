"""The orders that hold cards in question: shown in a result, and written to a file for --orders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.output import Column, Output, Shown, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.cli.context import Context
    from cardctl.stock.holders import Holder

HOLDER = (
    Column("order", "order"),
    Column("status", "status"),
    Column("cards", "cards"),
    Column("buyer", "buyer"),
    Column("phone", "phone"),
    Column("email", "e-mail"),
)

OrdersFile = Annotated[
    Path | None,
    typer.Option(
        "--orders",
        help="Write the orders that hold such cards to this file, one a row.",
        metavar="PATH",
    ),
]


def orders_output(context: "Context", path: Path | None) -> Output | None:
    """Where --orders writes, refused before the work is done when it cannot be."""
    if path is None:
        return None
    output = Output(path=path)
    output.check(HOLDER, may_replace=context.yes)
    return output


def write_orders(context: "Context", output: Output | None, orders: "Sequence[Holder]") -> None:
    """Write the orders to the file that --orders names, also when there are none."""
    if output is not None and not context.dry_run:
        show(output, Shown(columns=HOLDER, rows=orders, single=False, extra={}, zone=context.zone))
