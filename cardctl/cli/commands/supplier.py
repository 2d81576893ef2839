"""Suppliers: where batches come from."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli import webhooks
from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import PasswordSource, rate
from cardctl.cli.output import Column
from cardctl.cli.passwords import read_password
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import SupplierTier

noun = Noun("supplier")
names = noun.group("map", "What a supplier calls our products.")
file_columns = noun.group("column", "What a supplier calls the columns of its files.")
password = noun.group("password", "The password of a supplier's files.")
webhook = noun.group("webhook", "Where a supplier takes requests to top up.")

SUPPLIER = (
    Column("code", "code"),
    Column("name", "name"),
    Column("tier", "tier"),
    Column("cost_rate_bp", "cost rate"),
    Column("created_at", "created"),
)
CHANGED = (Column("status", "status"), *SUPPLIER)
SHOWN = (
    *SUPPLIER,
    Column("maps", "names of ours"),
    Column("columns", "columns remembered"),
    Column("file_password", "file password kept"),
)
MAP = (
    Column("supplier", "supplier"),
    Column("their_name", "their name"),
    Column("sku", "SKU"),
)
MAPPED = (Column("status", "status"), *MAP, Column("was_sku", "SKU before"))
COLUMN = (Column("field", "field"), Column("column", "column"))
FORGOTTEN = (
    Column("status", "status"),
    Column("supplier", "supplier"),
    Column("forgotten", "columns forgotten"),
)
PASSWORD = (
    Column("status", "status"),
    Column("supplier", "supplier"),
    Column("set_at", "file password since"),
)


class Clearable(StrEnum):
    """What --clear empties."""

    COST_RATE = "cost-rate"


_EMPTY: dict[StrEnum, tuple[str, object]] = {Clearable.COST_RATE: ("cost_rate_bp", None)}

Code = Annotated[str, typer.Argument(help="Short name of the supplier.", metavar="CODE")]
TheirName = Annotated[
    str, typer.Argument(help="The supplier's name, as its files have it.", metavar="'THEIR NAME'")
]
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


@noun.verb("show", columns=SHOWN, examples=("cardctl supplier show SUP",))
def show(context: Context, supplier: Code) -> None:
    """Show a supplier, and what is remembered of its files."""
    from cardctl.catalog.supplier_details import show_details

    with context.reading() as session:
        details = show_details(session, code=supplier)
    context.show({**asdict(details.entry), **asdict(details)}, SHOWN)


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


@names.verb(
    "add",
    writes=True,
    columns=MAPPED,
    examples=("cardctl supplier map add SUP '视频会员 月卡' VIP",),
)
def add_name(
    context: Context,
    supplier: Code,
    their_name: TheirName,
    sku: Annotated[str, typer.Argument(help="The product that it means.", metavar="SKU")],
) -> None:
    """Let a supplier's name mean a product.

    A name that meant another product until now is changed, and the result says what it meant.
    """
    from cardctl.catalog.supplier_maps import map_name

    with context.change() as (session, run):
        mapped = map_name(session, run=run, supplier=supplier, their_name=their_name, sku=sku)
    context.show({**asdict(mapped.entry), "status": mapped.outcome, "was_sku": mapped.was}, MAPPED)


@names.verb("list", columns=MAP, examples=("cardctl supplier map list SUP",))
def list_names(context: Context, supplier: Code) -> None:
    """List what a supplier calls our products."""
    from cardctl.catalog.supplier_maps import list_maps

    with context.reading() as session:
        found = list_maps(session, supplier=supplier)
    context.show(found, MAP)


@names.verb(
    "remove",
    writes=True,
    columns=MAPPED,
    examples=("cardctl supplier map remove SUP '视频会员 月卡'",),
)
def remove_name(context: Context, supplier: Code, their_name: TheirName) -> None:
    """Forget what a name of a supplier's means."""
    from cardctl.catalog.supplier_maps import unmap_name

    with context.change() as (session, run):
        mapped = unmap_name(session, run=run, supplier=supplier, their_name=their_name)
    context.show({**asdict(mapped.entry), "status": mapped.outcome, "was_sku": mapped.was}, MAPPED)


@file_columns.verb("list", columns=COLUMN, examples=("cardctl supplier column list SUP",))
def list_columns(context: Context, supplier: Code) -> None:
    """List the columns that --map named at imports."""
    from cardctl.catalog.supplier_details import show_details

    with context.reading() as session:
        known = show_details(session, code=supplier).columns
    context.show([{"field": name, "column": column} for name, column in known.items()], COLUMN)


@file_columns.verb(
    "forget",
    writes=True,
    columns=FORGOTTEN,
    examples=("cardctl supplier column forget SUP",),
)
def forget(context: Context, supplier: Code) -> None:
    """Forget the columns that --map named at imports.

    The names that everybody uses count again.
    """
    from cardctl.catalog.supplier_columns import forget_columns

    with context.change() as (session, run):
        forgotten = forget_columns(session, run=run, supplier=supplier)
    context.show(forgotten, FORGOTTEN)


@password.verb(
    "set",
    writes=True,
    columns=PASSWORD,
    examples=(
        "cardctl supplier password set SUP",
        "cardctl supplier password set SUP --password-source env:FILE_PASSWORD",
    ),
)
def set_password(context: Context, supplier: Code, password_source: PasswordSource = None) -> None:
    """Keep the password of a supplier's files.

    It is sealed, and an import uses it when a file asks for one.
    """
    from cardctl.catalog.supplier_passwords import set_password as keep_password
    from cardctl.vault.secret import Secret

    given = read_password(context, password_source)
    given = given or Secret(context.ask_new_secret("Password of the supplier's files"))
    with context.change() as (session, run):
        state = keep_password(
            session, run=run, vault=context.vault, supplier=supplier, password=given
        )
    context.show(state, PASSWORD)


@password.verb(
    "remove",
    writes=True,
    columns=PASSWORD,
    examples=("cardctl supplier password remove SUP",),
)
def remove_password(context: Context, supplier: Code) -> None:
    """Forget the password of a supplier's files."""
    from cardctl.catalog.supplier_passwords import remove_password as forget_password

    with context.change() as (session, run):
        state = forget_password(session, run=run, supplier=supplier)
    context.show(state, PASSWORD)


@webhook.verb(
    "set",
    writes=True,
    columns=webhooks.CHANGED,
    examples=(
        "cardctl supplier webhook set SUP --url https://example.com --secret-source env:HOOK_KEY",
    ),
)
def set_webhook(
    context: Context,
    supplier: Code,
    url: webhooks.Url = None,
    url_source: webhooks.UrlSource = None,
    secret_source: webhooks.SecretSource = None,
) -> None:
    """Say where a supplier takes requests to top up.

    The key signs the requests, and the supplier's answers are held against it.
    """
    given = webhooks.read_webhook(
        context, url=url, url_source=url_source, secret_source=secret_source
    )
    webhooks.put(context, "supplier", supplier, given)


@webhook.verb("show", columns=webhooks.SHOWN, examples=("cardctl supplier webhook show SUP",))
def show_webhook(context: Context, supplier: Code) -> None:
    """Show where a supplier takes requests, but no secret of it."""
    webhooks.show(context, "supplier", supplier)


@webhook.verb(
    "remove",
    writes=True,
    columns=webhooks.CHANGED,
    examples=("cardctl supplier webhook remove SUP",),
)
def remove_webhook(context: Context, supplier: Code) -> None:
    """Send nothing to a supplier's webhook any more."""
    webhooks.remove(context, "supplier", supplier)
