"""Suppliers: where batches come from."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import rate
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import SupplierTier

noun = Noun("supplier")

SUPPLIER = (
    Column("code", "code"),
    Column("name", "name"),
    Column("tier", "tier"),
    Column("cost_rate_bp", "cost rate"),
    Column("created_at", "created"),
)
CHANGED = (Column("status", "status"), *SUPPLIER)


class Clearable(StrEnum):
    """What --clear empties."""

    COST_RATE = "cost-rate"


_EMPTY: dict[StrEnum, tuple[str, object]] = {Clearable.COST_RATE: ("cost_rate_bp", None)}

Code = Annotated[str, typer.Argument(help="Short name of the supplier.", metavar="CODE")]
CostRate = Annotated[int | None, rate("Cost as a share of the face value, if a file has none.")]


@noun.verb(
    "add",
    writes=True,
    columns=CHANGED,
    examples=("cardctl supplier add SUP --name 批发商 --tier authorised --cost-rate 92%",),
)
def add(
    context: Context,
    supplier: Code,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    tier: Annotated[
        SupplierTier, typer.Option(help="How near it stands to the brand.")
    ] = SupplierTier.UNKNOWN,
    cost_rate: CostRate = None,
) -> None:
    """Add a supplier; adding the same again changes nothing."""
    from cardctl.catalog.suppliers import SupplierEntry, add_supplier

    entry = SupplierEntry(code=supplier, name=name, tier=tier, cost_rate_bp=cost_rate)
    with context.change() as (session, run):
        added = add_supplier(session, run=run, supplier=entry)
    context.show({"status": added.outcome, **asdict(added.entry)}, CHANGED)


@noun.verb("list", examples=("cardctl supplier list",))
def list_(context: Context) -> None:
    """List the suppliers."""
    from cardctl.catalog.suppliers import list_suppliers

    with context.reading() as session:
        found = list_suppliers(session)
    context.show(found, SUPPLIER)


@noun.verb("show", examples=("cardctl supplier show SUP",))
def show(context: Context, supplier: Code) -> None:
    """Show a supplier."""
    from cardctl.catalog.suppliers import show_supplier

    with context.reading() as session:
        found = show_supplier(session, code=supplier)
    context.show(found, SUPPLIER)


@noun.verb(
    "edit",
    writes=True,
    columns=CHANGED,
    examples=("cardctl supplier edit SUP --cost-rate 91.5%",),
)
def edit(
    context: Context,
    supplier: Code,
    name: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    tier: Annotated[
        SupplierTier | None, typer.Option(help="How near it stands to the brand.")
    ] = None,
    cost_rate: CostRate = None,
    clear: Annotated[
        list[Clearable] | None, typer.Option(help="Empty a field; may be repeated.")
    ] = None,
) -> None:
    """Change a supplier."""
    from cardctl.catalog.suppliers import edit_supplier

    given = {"name": name, "tier": tier, "cost_rate_bp": cost_rate}
    changes = changes_of("cardctl supplier edit", given, clear=clear, empty=_EMPTY)
    with context.change() as (session, run):
        edited = edit_supplier(session, run=run, code=supplier, changes=changes)
    context.show({"status": edited.outcome, **asdict(edited.entry)}, CHANGED)
