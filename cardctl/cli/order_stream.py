"""`order run --stream`: lines of orders on stdin, an answer for each on stdout."""

import json
import sys
from typing import TYPE_CHECKING, Any

from cardctl.cli.failures import describe
from cardctl.cli.language import _
from cardctl.cli.order_results import CARD, REVEALED_CARD
from cardctl.cli.output import Column, json_object
from cardctl.cli.stdin_lines import lines_of_stdin, stopping
from cardctl.cli.terminal import speaks_unicode, write
from cardctl.errors import CardctlError, InputRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cardctl.cli.context import Context
    from cardctl.orders.given import GivenCard
    from cardctl.orders.stream import Answer, OrderStream

ANSWER = (
    Column("line", "line"),
    Column("order", "order"),
    Column("status", "status"),
    Column("outcome", "outcome"),
    Column("reason", "reason"),
)


def serve(
    context: "Context",
    stream: "OrderStream",
    *,
    reveal: bool,
    answered: "Callable[[], None]" = lambda: None,
) -> None:
    """Answer line after line until stdin ends, nobody reads any more, or a signal says so.

    `answered` is called after answers went out.
    """
    from cardctl.orders.stream_lines import LINE_MAX_BYTES, StreamLine

    if sys.stdin.isatty():
        context.note("Reading orders from the terminal, a JSON line each; Ctrl-D ends.")
    with stopping() as stop:
        for came in lines_of_stdin(stop, most=LINE_MAX_BYTES):
            if not came:
                stream.rest()
            for answers in stream.serve([StreamLine(*line) for line in came]):
                if not _say(context, answers, reveal=reveal):
                    return
                answered()
                if stop.asked:
                    break
        context.status = stop.status


def _say(context: "Context", answers: "Sequence[Answer]", *, reveal: bool) -> bool:
    """Write answers; whether somebody reads them."""
    ascii_only = not speaks_unicode(sys.stdout)
    lines = (
        json.dumps(_row(context, answer, reveal=reveal), ensure_ascii=ascii_only, default=str)
        for answer in answers
    )
    return write(sys.stdout, "".join(f"{line}\n" for line in lines))


def _row(context: "Context", answer: "Answer", *, reveal: bool) -> dict[str, Any]:
    columns = REVEALED_CARD if reveal else CARD
    cards = [_in_clear(card) for card in answer.cards] if reveal else answer.cards
    row = json_object(answer, ANSWER, context.zone)
    row["order"] = answer.order or None
    row["cards"] = [json_object(card, columns, context.zone) for card in cards]
    row["error"] = None if answer.error is None else _error(answer.error, answer.field)
    return row | ({"dry_run": True} if context.dry_run else {})


def _error(error: CardctlError, field: str | None) -> dict[str, Any]:
    """An error as stderr would tell it, with the field of the line that it is about."""
    message, hint = describe(error)
    if not hint and isinstance(error, InputRefused):
        hint = _hint_for_field(error, field)
    details = error.details | ({"field": field} if field else {})
    return {"code": error.code, "message": message, "hint": hint or None, "details": details}


def _hint_for_field(error: InputRefused, field: str | None) -> str:
    """What a script does about a line whose problem says by itself what is expected."""
    if field is None:
        return _("correct the line and send it again")
    if error.code == "missing":
        return _("add {field} to the line and send it again").format(field=field)
    return _("correct {field} and send the line again").format(field=field)


def _in_clear(card: "GivenCard") -> dict[str, Any]:
    """A card whose reveal is audited and committed; one that is not the buyer's stays masked."""
    return {
        "id": card.id,
        "line": card.line,
        "masked": card.masked,
        "status": card.status,
        "expires_on": card.expires_on,
        "number": card.number.reveal() if card.number else None,
        "secret": card.secret.reveal() if card.secret else None,
        "fields": {name: secret.reveal() for name, secret in card.fields.items()},
    }
