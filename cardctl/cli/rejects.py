"""The rows of a file that were not taken: shown in part, written whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cardctl.cli.output import Column, Output, Shown, show

if TYPE_CHECKING:
    from cardctl.cli.context import Context

REJECT = (
    Column("row", "row"),
    Column("column", "column"),
    Column("code", "code"),
    Column("message", "message"),
)
SHOWN_MOST = 100
"""How many a result shows; --rejects writes all."""


def rejects_output(
    context: "Context", path: Path | None, columns: Sequence[Column] = REJECT
) -> Output | None:
    """Where --rejects writes, refused before the work is done when it cannot be."""
    if path is None:
        return None
    output = Output(path=path)
    output.check(columns, may_replace=context.yes)
    return output


def write_rejects(
    context: "Context",
    output: Output | None,
    rejects: Sequence[Mapping[str, object]],
    columns: Sequence[Column] = REJECT,
) -> None:
    """Write all rejects to the file that --rejects names; none make no file."""
    if output is not None and rejects and not context.dry_run:
        shown = Shown(
            columns=tuple(columns), rows=rejects, single=False, extra={}, zone=context.zone
        )
        show(output, shown)
