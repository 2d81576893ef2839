"""Options that several verbs share: one name, one type, one help text everywhere.

A fixed option is an annotation: ``reason: Reason``. Where the help differs from verb to verb only
the kind of value is shared: ``price: Annotated[int | None, yuan("Sale price.")] = None``. Kinds
that need the store's time zone come as text and are read with `Context.instant` and `Context.day`.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cardctl.clock import parse_days, parse_minutes
from cardctl.money import parse_amount, parse_rate
from cardctl.settings import Language
from cardctl.vocabulary import DeliveryLayout


def yuan(help_text: str, *names: str) -> Any:
    """An option in yuan, never negative; the verb gets integer fen."""
    return typer.Option(*names, help=help_text, parser=parse_amount, metavar="YUAN")


def rate(help_text: str, *names: str) -> Any:
    """An option in percent; the verb gets integer basis points."""
    return typer.Option(*names, help=help_text, parser=parse_rate, metavar="PERCENT")


def days(help_text: str, *names: str) -> Any:
    """An option such as 30d; the verb gets whole days."""
    return typer.Option(*names, help=help_text, parser=parse_days, metavar="DAYS")


def minutes(help_text: str, *names: str) -> Any:
    """An option such as 30m, 2h or 1d; the verb gets whole minutes."""
    return typer.Option(*names, help=help_text, parser=parse_minutes, metavar="TIME")


Reason = Annotated[str, typer.Option(help="Why; it goes to the audit log.", metavar="TEXT")]
OptionalReason = Annotated[
    str | None, typer.Option("--reason", help="Why; it goes to the audit log.", metavar="TEXT")
]
Note = Annotated[
    str | None, typer.Option(help="A remark; it goes to the audit log.", metavar="TEXT")
]
Since = Annotated[
    str | None,
    typer.Option(help="Only what happened since, as in 2026-11-22 10:47:00.", metavar="TIME"),
]
PasswordSource = Annotated[
    str | None,
    typer.Option(
        help="Where the password of the file comes from, e.g. env:NAME; else it is asked for.",
        metavar="SPEC",
    ),
]
CardFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Where cards go into a file: the workbook to write, encrypted. One that is there"
        " is never replaced, with --yes neither: it may be the only copy of its cards.",
        metavar="FILE.xlsx",
    ),
]
Layout = Annotated[
    DeliveryLayout,
    typer.Option(help="In such a file: a row a card, or a row an order with its text to paste."),
]

ROOT_OPTIONS: dict[str, Any] = {
    "store": Annotated[
        str | None, typer.Option(help="The store: sqlite:///… or postgresql://…", metavar="URL")
    ],
    "profile": Annotated[
        str | None, typer.Option(help="Take the settings of this profile.", metavar="NAME")
    ],
    "key_source": Annotated[
        str | None, typer.Option(help="Where the key of the vault comes from.", metavar="SPEC")
    ],
    "lang": Annotated[Language | None, typer.Option(help="Speak English or Chinese.")],
    "no_color": Annotated[bool, typer.Option("--no-color", help="Show no colours.")],
    "quiet": Annotated[
        bool, typer.Option("--quiet", help="Say nothing but results, errors and warnings.")
    ],
    "verbose": Annotated[bool, typer.Option("--verbose", help="Show where a bug happened.")],
    "no_input": Annotated[
        bool, typer.Option("--no-input", help="Never ask; end with status 2 instead.")
    ],
}
"""Options of the program; they may stand anywhere on the line."""
