"""What goes beside deliveries: the answers of suppliers, and the passwords of attachments."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.failures import describe
from cardctl.cli.options import Reason
from cardctl.cli.order_names import OrdersOrStdin, names_of
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus

if TYPE_CHECKING:
    from cardctl.deliveries.confirm import Confirmed

noun = Noun("delivery")

_STDIN = "-"
_LONGEST_LINE = 65_536

ANSWER = (
    Column("line", "line"),
    Column("order", "order"),
    Column("request", "request"),
    Column("status", "status"),
    Column("code", "code"),
    Column("message", "message"),
)
CONFIRMED = (
    Column("delivered", "delivered"),
    Column("dead", "given up"),
    Column("waiting", "waiting for an answer"),
    Column("unchanged", "unchanged"),
    Column("refused", "refused"),
    Column("anyway", "topped up although paid back"),
    Column("answers", "answers", of=ANSWER),
)
PASSWORD = (Column("order", "order"), Column("password", "password"))


@noun.verb(
    "confirm",
    writes=True,
    columns=CONFIRMED,
    examples=(
        "cardctl delivery confirm answers.jsonl",
        "cat answers.jsonl | cardctl delivery confirm -",
    ),
)
def confirm(
    context: Context,
    source: Annotated[
        str,
        typer.Argument(
            help="Answers, a JSON line each: timestamp, signature, body; - reads stdin.",
            metavar="FILE|-",
        ),
    ],
) -> None:
    """Take the answers of suppliers to requests to top up.

    An answer that is forged, old, told before or of another order changes nothing and is reported.
    A success for an order that was paid back meanwhile is kept, and reported.
    """
    from cardctl.deliveries.confirm import confirm_answers

    with context.progress("Checking answers") as progress:
        result = confirm_answers(
            context.store,
            run=context.run,
            vault=context.vault,
            lines=_lines(source),
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    facts = {column.name: getattr(result, column.name) for column in CONFIRMED}
    told = [_told(one) for one in result.answers]
    status = ExitStatus.NEEDS_PERSON if result.refused or result.anyway else ExitStatus.DONE
    context.show({**facts, "answers": told}, CONFIRMED, status=status)


@noun.verb(
    "password",
    writes=True,
    columns=PASSWORD,
    examples=("cardctl delivery password TB:1001 --reason 'the buyer asks for it'",),
)
def password(context: Context, names: OrdersOrStdin, reason: Reason) -> None:
    """Show the passwords of the workbooks that were mailed.

    Tell them to the buyers by another way than the mail. They need no keeping: an order's is
    always the same. What was mailed with --password-source opens with that password instead.
    """
    from cardctl.deliveries.passwords import passwords_of

    with context.change() as (session, run):
        shown = passwords_of(
            session, run=run, vault=context.vault, names=names_of(names or []), reason=reason
        )
    context.show(
        [{"order": one.order, "password": one.password.reveal()} for one in shown], PASSWORD
    )


def _told(one: "Confirmed") -> dict[str, object]:
    message = describe(one.error)[0] if one.error else None
    return {
        "line": one.line,
        "order": one.order,
        "request": one.request,
        "status": one.status,
        "code": one.error.code if one.error else None,
        "message": message,
    }


def _lines(source: str) -> Iterator[bytes]:
    """The lines of a file or of stdin; what is too long comes in parts that are no answers."""
    from cardctl.workbooks.failures import FileMissing, FileUnreadable

    if source == _STDIN:
        yield from iter(lambda: sys.stdin.buffer.readline(_LONGEST_LINE), b"")
        return
    try:
        with Path(source).open("rb") as stream:
            yield from iter(lambda: stream.readline(_LONGEST_LINE), b"")
    except FileNotFoundError:
        raise FileMissing(file=source) from None
    except OSError as error:
        raise FileUnreadable(file=source, reason=str(error.strerror)) from None
