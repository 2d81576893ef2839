"""The options of the verbs that read a file of orders."""

from pathlib import Path
from typing import Annotated

import typer

OrdersFile = Annotated[
    str, typer.Argument(help="A table of orders; - reads stdin.", metavar="FILE")
]
OfChannel = Annotated[str, typer.Option(help="Where they come from.", metavar="CODE")]
ItemReport = Annotated[
    str | None,
    typer.Option(help="The item report that goes with a Taobao list (宝贝报表).", metavar="FILE"),
]
OrderFormatName = Annotated[
    str,
    typer.Option(
        help="The format of the file, such as taobao; auto looks at its header.", metavar="NAME"
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Take the whole file or nothing of it.")]
RejectsFile = Annotated[
    Path | None,
    typer.Option(help="Write all rows that were not taken to this file.", metavar="PATH"),
]
