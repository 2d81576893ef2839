"""How a file of keys is named and imported, and its password asked for when it needs one."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.parsing import BadOptionValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.batches.results import ImportOptions, ImportResult
    from cardctl.batches.row_errors import Reject
    from cardctl.workbooks.source import Source


KeyFile = Annotated[
    str,
    typer.Argument(
        help="xlsx, xls, csv, tsv, text, or a zip of those; - reads stdin.", metavar="FILE|-"
    ),
]
KeyProduct = Annotated[
    str | None,
    typer.Option(help="What the keys are of, where no column 商品 says it.", metavar="SKU"),
]
KeyExpiry = Annotated[
    str | None,
    typer.Option(
        help="Last good day of keys whose row says none: a day, +12m or never.", metavar="DAY"
    ),
]
LineTemplate = Annotated[
    str | None,
    typer.Option(
        help="What a line of pasted text is like, e.g. '{number}/{secret}'.", metavar="TEMPLATE"
    ),
]
MappedColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Which column is product, number, secret, expires, cost, face_value, serial or"
        " note; it is remembered for the supplier.",
        metavar="FIELD=COLUMN",
    ),
]
AlreadySold = Annotated[
    bool,
    typer.Option(
        "--already-sold", help="Keys sold before: keep fingerprints only, to meet them again."
    ),
]


def import_file(
    context: Context, source: "Source", supplier: str, options: "ImportOptions", *, keep: bool
) -> "tuple[ImportResult, list[Reject]]":
    """The result, and every reject in the order of the rows if they are to be kept."""
    from cardctl.vault.secret import Secret
    from cardctl.workbooks.failures import PasswordNeeded

    try:
        return _attempt(context, source, supplier, options, keep=keep)
    except PasswordNeeded:
        if options.password is not None or context.no_input:
            raise
    password = Secret(context.ask_secret("Password of {file}", file=source.name))
    options = replace(options, password=password)
    return _attempt(context, source, supplier, options, keep=keep)


def given_columns(mapped: "Sequence[str]") -> dict[str, str]:
    """The columns that --map names, by field: each field and each column once."""
    given: dict[str, str] = {}
    for item in mapped:
        field, sign, column = item.partition("=")
        if not (field.strip() and sign and column.strip()):
            raise BadOptionValue(option="--map", value=item, expected="a field, = and a column")
        if field.strip() in given or column.strip() in given.values():
            raise BadOptionValue(
                option="--map", value=item, expected="another field and another column"
            )
        given[field.strip()] = column.strip()
    return given


def _attempt(
    context: Context, source: "Source", supplier: str, options: "ImportOptions", *, keep: bool
) -> "tuple[ImportResult, list[Reject]]":
    from cardctl.batches.import_batch import import_batch

    kept: list[Reject] = []
    with context.progress("Importing keys") as progress:
        result = import_batch(
            context.store,
            run=context.run,
            vault=context.vault,
            source=source,
            supplier=supplier,
            options=options,
            advance=progress.advance,
            on_reject=kept.append if keep else None,
        )
    # Duplicates are known last: the database finds them.
    return result, sorted(kept, key=lambda reject: reject.place())
