"""What the verbs of `batch` show: their columns, results as rows of them, and what is said."""

from typing import TYPE_CHECKING

from cardctl.cli.failures import describe
from cardctl.cli.output import Column
from cardctl.cli.rejects import REJECT
from cardctl.errors import ExitStatus
from cardctl.vocabulary import ImportStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cardctl.batches.results import ImportResult
    from cardctl.batches.row_errors import Reject
    from cardctl.cli.context import Context
    from cardctl.workbooks.source import Source

BATCH = (
    Column("batch", "batch"),
    Column("status", "status"),
    Column("product", "product"),
    Column("supplier", "supplier"),
    Column("pool", "pool"),
    Column("file", "file"),
    Column("sha256", "SHA-256"),
    Column("rows", "rows"),
    Column("imported", "cards"),
    Column("rejected", "rejected"),
    Column("duplicates", "duplicates"),
    Column("cost_missing", "cost unknown"),
    Column("cost_fen", "cost"),
)
IMPORTED = (*BATCH, Column("rejects", "rejects", of=REJECT))
_IMPORTED_AT = Column("imported_at", "imported")
LISTED = (
    *(
        column
        for column in BATCH
        if column.name not in {"sha256", "rows", "rejected", "duplicates"}
    ),
    _IMPORTED_AT,
)
SHOWN = (
    *BATCH,
    _IMPORTED_AT,
    Column("cards", "cards now", of=(Column("status", "status"), Column("cards", "cards"))),
)
TEMPLATE = (Column("file", "file"), Column("product", "product"), Column("columns", "columns"))


IMPORT_STATUS = {
    ImportStatus.REFUSED: ExitStatus.INPUT_REFUSED,
    ImportStatus.PARTIAL: ExitStatus.NEEDS_PERSON,
}
"""What an import ends with, where it is not 0."""


def rejected_rows(rejects: "Iterable[Reject]") -> list[dict[str, object]]:
    """Rows that were not taken, with what is wrong in the language of the run."""
    return [
        {
            "row": reject.row,
            "column": reject.column,
            "code": reject.problem.code,
            "message": describe(reject.problem)[0],
        }
        for reject in rejects
    ]


def import_row(result: "ImportResult") -> dict[str, object]:
    """The result of an import with the first of its rejects."""
    return {
        **{column.name: getattr(result, column.name) for column in BATCH},
        "rejects": rejected_rows(result.rejects),
    }


def tell_import(context: "Context", result: "ImportResult") -> None:
    """Say what a person should know of an import."""
    for warning in result.warnings:
        context.warn(warning.message, **warning.details)
    if result.cost_missing:
        context.warn("the cost of {count} cards is not known", count=result.cost_missing)
    if result.status == ImportStatus.UNCHANGED:
        context.note("The file was imported before, as batch {batch}.", batch=result.batch)


def dispose_of_source(
    context: "Context", source: "Source", result: "ImportResult", *, wanted: bool
) -> None:
    """Delete the source once every key of it is in the store, or say that it lies in clear."""
    done = result.status in (ImportStatus.IMPORTED, ImportStatus.UNCHANGED)
    if context.dry_run or source.path is None:
        return
    if wanted and done:
        source.path.unlink(missing_ok=True)
        context.note("{file} was deleted.", file=source.name)
    elif wanted:
        context.warn("{file} was kept: not all of its keys are in the store", file=source.name)
    elif result.left_in_clear and result.status != ImportStatus.REFUSED:
        context.warn(
            "{file} still holds the keys in clear: delete it, or import with --delete-source",
            file=source.name,
        )
