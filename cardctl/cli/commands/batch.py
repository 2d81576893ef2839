"""Batches: import a file of keys, look at imports, take them back."""

from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from cardctl.cli.batch_changes import CORRECTED, RECALLED, RELEASED, UNDONE
from cardctl.cli.batch_results import (
    IMPORT_STATUS,
    IMPORTED,
    KEY_REJECT,
    LISTED,
    SHOWN,
    TEMPLATE,
    dispose_of_source,
    import_columns,
    import_row,
    rejected_rows,
    tell_import,
)
from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.holders import OrdersFile, orders_output, write_orders
from cardctl.cli.importing import (
    AlreadySold,
    KeyExpiry,
    KeyFile,
    KeyProduct,
    LineTemplate,
    MappedColumns,
    given_columns,
    import_file,
)
from cardctl.cli.language import spoken
from cardctl.cli.options import OptionalReason, PasswordSource, Reason, rate, yuan
from cardctl.cli.parsing import BadOptionValue
from cardctl.cli.passwords import read_password
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus
from cardctl.settings import Language

noun = Noun("batch")


@noun.verb(
    "template",
    columns=TEMPLATE,
    examples=("cardctl batch template --product VIP --out keys.xlsx",),
)
def template(
    context: Context,
    out: Annotated[Path, typer.Option(help="The workbook to write.", metavar="PATH")],
    product: Annotated[
        str | None, typer.Option(help="The product whose keys it is for.", metavar="SKU")
    ] = None,
) -> None:
    """Write an empty workbook for a supplier to fill in."""
    from cardctl.batches.template import write_template
    from cardctl.workbooks.write import replaced

    if out.suffix.lower() != ".xlsx":
        raise BadOptionValue(option="--out", value=str(out), expected="a file that ends in .xlsx")
    chinese = spoken() == Language.ZH
    place = replaced(out) if context.yes and out.is_file() else nullcontext(out)
    with context.reading() as session, place as path:
        written = write_template(session, sku=product, path=path, chinese=chinese)
    context.show(replace(written, file=str(out)), TEMPLATE)


@noun.verb(
    "import",
    writes=True,
    columns=IMPORTED,
    examples=(
        "cardctl batch import keys.xlsx --product VIP --supplier SUP --expires 2027-12-31",
        "cardctl batch import mixed.xlsx --supplier SUP",
        "cardctl batch import sealed.xlsx --product VIP --supplier SUP --password-source prompt",
        "cardctl batch import keys.csv --product VIP --supplier SUP --map secret=卡密 --dry-run",
        "cardctl batch import sold.txt --product VIP --supplier SUP --already-sold",
    ),
)
def import_(
    context: Context,
    file: KeyFile,
    supplier: Annotated[str, typer.Option(help="Who sent them.", metavar="CODE")],
    product: KeyProduct = None,
    pool: Annotated[str, typer.Option(help="Where the cards go.", metavar="CODE")] = "main",
    cost: Annotated[int | None, yuan("Cost of a key, where the file says none.")] = None,
    cost_rate: Annotated[int | None, rate("Cost as a share of the face value.")] = None,
    expires: KeyExpiry = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet.", metavar="NAME")] = None,
    line: LineTemplate = None,
    mapped: MappedColumns = None,
    password_source: PasswordSource = None,
    already_sold: AlreadySold = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Import the good rows, leave out the others.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Write all rejected rows to this file.", metavar="PATH")
    ] = None,
    delete_source: Annotated[
        bool,
        typer.Option("--delete-source", help="Delete the file once its keys are in the store."),
    ] = False,
) -> None:
    """Import a file of keys; one bad row refuses the whole file.

    Without --product a column 商品 says what each row is of, and each product gets a batch.
    """
    from cardctl.batches.results import ImportOptions
    from cardctl.workbooks.source import Source

    rejects_file = rejects_output(context, rejects, KEY_REJECT)
    source = Source.of(file)
    options = ImportOptions(
        product=product,
        pool=pool,
        password=read_password(context, password_source),
        sheet=sheet,
        line=line,
        given=given_columns(mapped or []),
        cost_fen=cost,
        cost_rate_bp=cost_rate,
        expires_at=context.expiry("--expires", expires),
        already_sold=already_sold,
        skip_bad_rows=skip_bad_rows,
        dry_run=context.dry_run,
    )
    result, kept = import_file(context, source, supplier, options, keep=rejects_file is not None)
    write_rejects(context, rejects_file, rejected_rows(kept), KEY_REJECT)
    tell_import(context, result)
    dispose_of_source(context, source, result, wanted=delete_source)
    status = IMPORT_STATUS.get(result.status, ExitStatus.DONE)
    context.show(import_row(result), import_columns(is_json=context.output.is_json), status=status)


@noun.verb("list", columns=LISTED, examples=("cardctl batch list",))
def list_(context: Context) -> None:
    """List the imports, the latest first."""
    from cardctl.batches.queries import list_batches

    with context.reading() as session:
        found = list_batches(session)
    context.show(found, LISTED)


@noun.verb("show", columns=SHOWN, examples=("cardctl batch show B-20261122-7KQ2MX",))
def show(
    context: Context, code: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")]
) -> None:
    """Show an import, and where its cards are now."""
    from cardctl.batches.queries import show_batch

    with context.reading() as session:
        batch, counts = show_batch(session, code=code)
    context.show({**asdict(batch), "cards": counts}, SHOWN)


@noun.verb(
    "undo",
    destroys=True,
    columns=UNDONE,
    examples=("cardctl batch undo B-20261122-7KQ2MX --reason 'wrong product' --yes",),
)
def undo(
    context: Context,
    code: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    reason: Reason,
    unsold: Annotated[
        bool, typer.Option("--unsold", help="Take back what is unsold, although some was sold.")
    ] = False,
) -> None:
    """Take an import back.

    Its unsold cards go, and the file can be imported again.
    """
    from cardctl.batches.undo import undo_batch

    context.confirm_by_typing(
        code, "The unsold cards of batch {batch} will be deleted.", batch=code
    )
    with context.change() as (session, run):
        undone = undo_batch(session, run=run, code=code, unsold=unsold, reason=reason)
    context.show(undone, UNDONE)


@noun.verb(
    "correct",
    writes=True,
    columns=CORRECTED,
    examples=(
        "cardctl batch correct B-20261122-7KQ2MX --cost 12.30 --reason 'price list of May'",
        "cardctl batch correct B-20261122-7KQ2MX --supplier SUP --reason 'sent by another'",
        "cardctl batch correct B-20261122-7KQ2MX --expires 2027-06-30 --reason 'misread'",
    ),
)
def correct(
    context: Context,
    code: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    reason: Reason,
    supplier: Annotated[str | None, typer.Option(help="Who sent them.", metavar="CODE")] = None,
    cost: Annotated[int | None, yuan("What each of its keys costs.")] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            help="Last good day of each of its keys: a day, +12m from its import, or never.",
            metavar="DAY",
        ),
    ] = None,
    orders: OrdersFile = None,
) -> None:
    """Correct the supplier, the cost or the expiry of a batch.

    The differences are posted, also for what was sold. Another expiry holds for cards that were
    sold, too: the orders that hold one are listed.
    """
    from cardctl.batches.correct import Correction, correct_batch
    from cardctl.batches.queries import show_batch

    with context.reading() as session:
        batch, _ = show_batch(session, code=code)
    given = {
        "supplier": supplier,
        "cost_fen": cost,
        "expires_at": context.expiry("--expires", expires, since=batch.imported_at),
    }
    correction = Correction(**changes_of("cardctl batch correct", given))
    orders_file = orders_output(context, orders)
    with context.change() as (session, run):
        corrected = correct_batch(session, run=run, code=code, correction=correction, reason=reason)
    write_orders(context, orders_file, corrected.orders)
    context.show(corrected, CORRECTED)


@noun.verb(
    "recall",
    destroys=True,
    columns=RECALLED,
    examples=(
        "cardctl batch recall B-20261122-7KQ2MX --reason 'keys do not work' --yes",
        "cardctl batch recall B-20261122-7KQ2MX --reason dead --orders orders.xlsx --yes",
    ),
)
def recall(
    context: Context,
    code: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    reason: Reason,
    orders: OrdersFile = None,
) -> None:
    """Quarantine the unsold cards of a batch.

    The orders that got others of it are listed; --orders writes that list to a file.
    """
    from cardctl.batches.recall import recall_batch

    orders_file = orders_output(context, orders)
    context.confirm("Quarantine every unsold card of batch {batch}?", batch=code)
    with context.change() as (session, run):
        recalled = recall_batch(session, run=run, code=code, reason=reason)
    write_orders(context, orders_file, recalled.orders)
    context.show(recalled, RECALLED)


@noun.verb(
    "release",
    writes=True,
    columns=RELEASED,
    examples=("cardctl batch release B-20261122-7KQ2MX --reason 'the supplier repaired them'",),
)
def release(
    context: Context,
    code: Annotated[str, typer.Argument(help="The batch.", metavar="BATCH")],
    reason: OptionalReason = None,
) -> None:
    """Take a recall back: what it quarantined is sold again.

    Cards that were frozen by themselves stay frozen.
    """
    from cardctl.batches.release import release_batch

    with context.change() as (session, run):
        released = release_batch(session, run=run, code=code, reason=reason or "")
    context.show(released, RELEASED)
