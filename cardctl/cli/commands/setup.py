"""setup: the shop in one workbook, written as it is and read back as it is to be."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.failures import describe
from cardctl.cli.language import spoken
from cardctl.cli.options import PasswordSource
from cardctl.cli.output import Column
from cardctl.cli.parsing import BadOptionValue
from cardctl.cli.passwords import read_password
from cardctl.cli.rejects import REJECT, SHOWN_MOST
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus
from cardctl.settings import Language
from cardctl.vocabulary import ImportStatus

if TYPE_CHECKING:
    from cardctl.setup.import_setup import SetupResult

noun = Noun("setup")

_SHEET = Column("sheet", "sheet")
TEMPLATE = (
    Column("file", "file"),
    Column("sheets", "sheets", of=(Column("noun", "noun"), _SHEET, Column("entries", "rows"))),
)
COUNT = (
    Column("noun", "noun"),
    _SHEET,
    Column("added", "added"),
    Column("changed", "changed"),
    Column("unchanged", "unchanged"),
)
CHANGE = (
    Column("name", "name"),
    Column("noun", "noun"),
    Column("outcome", "outcome"),
    Column("fields", "fields"),
)
IMPORTED = (
    Column("file", "file"),
    Column("status", "status"),
    Column("nouns", "nouns", of=COUNT),
    Column("changes", "changes", of=CHANGE),
    Column("rejected", "rejected"),
    Column("rejects", "rejects", of=(_SHEET, *REJECT)),
)


@noun.verb(
    "template",
    columns=TEMPLATE,
    examples=("cardctl setup template --out setup.xlsx",),
)
def template(
    context: Context,
    out: Annotated[Path, typer.Option(help="The workbook to write.", metavar="PATH")],
) -> None:
    """Write the shop as it is into a workbook to fill in."""
    from cardctl.setup.template import write_setup
    from cardctl.workbooks.write import replaced

    if out.suffix.lower() != ".xlsx":
        raise BadOptionValue(option="--out", value=str(out), expected="a file that ends in .xlsx")
    place = replaced(out) if context.yes and out.is_file() else nullcontext(out)
    with context.reading() as session, place as path:
        written = write_setup(session, path=path, chinese=spoken() == Language.ZH)
    context.show({"file": str(out), "sheets": written}, TEMPLATE)


@noun.verb(
    "import",
    writes=True,
    columns=IMPORTED,
    examples=(
        "cardctl setup import setup.xlsx --dry-run",
        "cardctl setup import setup.xlsx",
    ),
)
def import_(
    context: Context,
    file: Annotated[str, typer.Argument(help="The workbook; - reads stdin.", metavar="FILE|-")],
    password_source: PasswordSource = None,
) -> None:
    """Add and change what a workbook says, all of it or nothing.

    An empty cell leaves what is stored alone, - clears it; a row that is missing removes nothing.
    """
    from cardctl.setup.import_setup import import_setup
    from cardctl.setup.read import read_setup
    from cardctl.workbooks.source import Source

    found = read_setup(Source.of(file), password=read_password(context, password_source))
    for warning in found.warnings:
        context.warn(warning.message, **warning.details)
    with context.change() as (session, run):
        result = import_setup(session, run=run, file=found)
    refused = result.status == ImportStatus.REFUSED
    status = ExitStatus.INPUT_REFUSED if refused else ExitStatus.DONE
    context.show(_row(result), IMPORTED, status=status)


def _row(result: "SetupResult") -> dict[str, object]:
    rejects = [
        {
            "sheet": reject.sheet,
            "row": reject.row,
            "column": reject.column,
            "code": reject.problem.code,
            "message": describe(reject.problem)[0],
        }
        for reject in result.rejects[:SHOWN_MOST]
    ]
    return {
        "file": result.file,
        "status": result.status,
        "nouns": result.nouns,
        "changes": result.changes,
        "rejected": len(result.rejects),
        "rejects": rejects,
    }
