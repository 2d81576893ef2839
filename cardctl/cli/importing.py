"""Import a file of keys, and ask for the password that it turns out to need."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cardctl.cli.context import Context
from cardctl.cli.parsing import BadOptionValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.batches.results import ImportOptions, ImportResult
    from cardctl.batches.row_errors import Reject
    from cardctl.workbooks.source import Source


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
    """The columns that --map names, by field."""
    given = {}
    for item in mapped:
        field, sign, column = item.partition("=")
        if not (field.strip() and sign and column.strip()):
            raise BadOptionValue(option="--map", value=item, expected="a field, = and a column")
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
            on_reject=kept.append if keep else _forget,
        )
    # Duplicates are known last: the database finds them.
    return result, sorted(kept, key=lambda reject: reject.place())


def _forget(_reject: "Reject") -> None:
    """The result keeps the first rejects; the others are not asked for."""
