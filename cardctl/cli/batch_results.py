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
    Column("sheet", "sheet"),
    Column("already_sold", "sold before"),
)
KEY_REJECT = (*REJECT, Column("member", "file in the zip"))
_SKIPPED = (Column("row", "row"), Column("member", "file in the zip"), Column("masked", "masked"))
_ONE = (*BATCH, Column("rejects", "rejects", of=KEY_REJECT))


def import_columns(*, is_json: bool = True) -> tuple[Column, ...]:
    """The columns of an import; on a terminal its batches show only what differs in each."""
    alike = set() if is_json else {"supplier", "pool", "file", "sha256", "sheet", "already_sold"}
    return (
        *_ONE,
        Column("skipped_lines", "lines skipped"),
        Column("skipped", "lines without a key", of=_SKIPPED),
        Column("batches", "batches", of=tuple(one for one in _ONE if one.name not in alike)),
    )


IMPORTED = import_columns()
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
            "member": reject.member,
        }
        for reject in rejects
    ]


def import_row(result: "ImportResult") -> dict[str, object]:
    """The result of an import with the first of its rejects."""
    return {
        **_one(result),
        "skipped_lines": result.skipped_lines,
        "skipped": result.skipped,
        "batches": [_one(part) for part in result.batches],
    }


def _one(result: "ImportResult") -> dict[str, object]:
    facts = {column.name: getattr(result, column.name) for column in BATCH}
    return {**facts, "rejects": rejected_rows(result.rejects)}


def tell_import(context: "Context", result: "ImportResult") -> None:
    """Say what a person should know of an import."""
    for warning in result.warnings:
        context.warn(warning.message, **warning.details)
    for field, column in result.remembered.items():
        context.note(
            "The column {column} was taken as {field}, as an import before was told.",
            column=column,
            field=field.removeprefix("field:"),
        )
    for skipped in result.skipped:
        context.note("line {row} holds no key: {masked}", row=skipped.row, masked=skipped.masked)
    if result.skipped_lines > len(result.skipped):
        context.note("{count} lines hold no key.", count=result.skipped_lines)
    for command in _commands(result.rejects):
        context.note(command)
    if result.cost_missing:
        context.warn("the cost of {count} cards is not known", count=result.cost_missing)
    if result.status == ImportStatus.REFUSED:
        context.note(
            "Nothing was imported: correct the rows, or leave them out with --skip-bad-rows."
        )
    if result.status == ImportStatus.UNCHANGED:
        codes = [part.batch or "" for part in result.batches or (result,)]
        context.note("The file was imported before, as batch {batch}.", batch=", ".join(codes))


def _commands(rejects: "Iterable[Reject]") -> "Iterable[str]":
    """What to say once for each name that nobody knows, however many rows have it."""
    unknown = (reject.problem for reject in rejects if reject.problem.code == "unmapped-product")
    return dict.fromkeys(describe(problem)[1] for problem in unknown)


def dispose_of_source(
    context: "Context", source: "Source", result: "ImportResult", *, wanted: bool
) -> None:
    """Delete the source once every key of it is in the store, or say that it lies in clear."""
    done = result.whole and result.status in (ImportStatus.IMPORTED, ImportStatus.UNCHANGED)
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
