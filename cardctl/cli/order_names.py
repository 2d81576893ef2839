"""The orders that a command line names: as arguments, or on stdin, a line each."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cardctl.cli.language import _
from cardctl.errors import BadValue, InputRefused, UsageRefused
from cardctl.identifiers import OrderName, parse_order_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_STDIN = "-"
_LONGEST_LINE = 4096


def _order_or_stdin(text: str) -> OrderName | str:
    return _STDIN if text == _STDIN else parse_order_name(text)


Order = Annotated[
    OrderName,
    typer.Argument(
        help="The order, as CHANNEL:NUMBER.", parser=parse_order_name, metavar="CHANNEL:NUMBER"
    ),
]
OrdersOrStdin = Annotated[
    list[Any] | None,
    typer.Argument(
        help="The orders; - reads them from stdin.",
        parser=_order_or_stdin,
        metavar="CHANNEL:NUMBER|-",
    ),
]
"""Typer's own type; `names_of` makes names of it."""
ManyOrders = Annotated[
    list[Any],
    typer.Argument(
        help="The order, or several; - reads them from stdin.",
        parser=_order_or_stdin,
        metavar="CHANNEL:NUMBER|-",
    ),
]


class BadLine(InputRefused):
    """A line of stdin is no name of an order; it is not shown, as it may be a key."""

    code = "bad-line"
    message = "line {line} is not {expected}"
    hint = "cardctl order list"


class StdinAlone(UsageRefused):
    """Names were to be read from stdin, and others stand on the command line."""

    code = "stdin-alone"
    message = "- reads all names from stdin: name no order beside it"


def is_one(given: "Sequence[OrderName | str]") -> bool:
    """Whether one order stands on the command line, so that one thing is the answer."""
    return len(given) == 1 and given[0] != _STDIN


def names_of(given: "Sequence[OrderName | str]") -> "list[OrderName]":
    """The orders named, or those on stdin, a line each, as in a list of orders alone.

    Empty lines are passed over, and so is the heading of such a list. Raises `BadLine` and
    `StdinAlone`.
    """
    if list(given) == [_STDIN]:
        # A line without an end is read up to what no name is as long as.
        given_lines = iter(lambda: sys.stdin.readline(_LONGEST_LINE), "")
        lines = enumerate((line.strip("\ufeff \t\r\n") for line in given_lines), start=1)
        headings = ("", "order", _("order"))
        return [_name_on(number, line) for number, line in lines if line not in headings]
    if _STDIN in given:
        raise StdinAlone
    return cast("list[OrderName]", list(given))


def _name_on(number: int, line: str) -> OrderName:
    try:
        return parse_order_name(line)
    except BadValue as error:
        raise BadLine(line=number, expected=error.details["expected"]) from None
