"""Money is integer fen; rates are integer basis points (1 bp = 0.01 %).

Amounts are read from their text with Decimal and never pass through a float.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from cardctl.errors import BadValue

FEN_MAX = 10**15
"""Ten trillion yuan: beyond it an amount is a typing error, and sums stay within 63 bits."""

_RATE_MAX = 1_000_000
"""A hundredfold, in basis points."""

_YUAN = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


def parse_yuan(text: str) -> int:
    """Fen of an amount in yuan such as ``28``, ``¥1,234.50`` or ``12.5 元``.

    Raises `BadValue` for anything else, for fractions of a fen and beyond `FEN_MAX`.
    """
    bare = text.strip().removeprefix("¥").removeprefix("￥").removesuffix("元").strip()
    if not bare.isascii() or not _YUAN.fullmatch(bare):
        raise BadValue(value=text, expected="an amount in yuan, such as 12.50")
    fen = Decimal(bare.replace(",", "")) * 100
    if fen != fen.to_integral_value():
        raise BadValue(value=text, expected="a whole number of fen: two decimals at most")
    if abs(fen) > FEN_MAX:
        raise BadValue(value=text, expected="an amount within ten trillion yuan")
    return int(fen)


def parse_amount(text: str) -> int:
    """Fen of what is paid or asked for: as `parse_yuan`, but never negative; raises `BadValue`."""
    fen = parse_yuan(text)
    if fen < 0:
        raise BadValue(value=text, expected="an amount that is not negative")
    return fen


def format_yuan(fen: int) -> str:
    """Yuan with two decimals: ``-12.05`` for -1205."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def parse_rate(text: str) -> int:
    """Basis points of a percentage such as ``92%`` or ``0.6%``.

    Raises `BadValue` for anything else and for fractions of a basis point.
    """
    match = _RATE.fullmatch(text.strip())
    if not match:
        raise BadValue(value=text, expected="a rate in percent, such as 0.6%")
    basis_points = Decimal(match[1]) * 100
    if basis_points != basis_points.to_integral_value() or basis_points > _RATE_MAX:
        raise BadValue(value=text, expected="a rate with two decimals at most, such as 0.65%")
    return int(basis_points)


def format_rate(basis_points: int) -> str:
    """Percent, as short as it is exact: ``0.6%`` for 60."""
    text = f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".")
    return f"{text}%"


def apply_rate(fen: int, basis_points: int) -> int:
    """The share of an amount, rounded half up to the fen."""
    exact = Decimal(fen) * basis_points / 10_000
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def share_out(fen: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights so that the parts sum to it exactly.

    The fen that rounding leaves over go one each to the first parts with a weight. Weights that
    sum to zero share equally. Raises ValueError for no weights or a negative one.
    """
    if not weights or min(weights) < 0:
        raise ValueError(weights)
    if not sum(weights):
        weights = [1] * len(weights)
    total = sum(weights)
    size, sign = abs(fen), -1 if fen < 0 else 1
    parts = [size * weight // total for weight in weights]
    left = size - sum(parts)
    for position, weight in enumerate(weights):
        if left and weight:
            parts[position] += 1
            left -= 1
    return [sign * part for part in parts]


def known_cost(fen: int, *, of: int, missing: int) -> int | None:
    """The sum of the known costs of so many cards; None when there are some and none is known.

    A cost that is not known is not 0.
    """
    return None if of and missing == of else fen


def sum_known(costs: Sequence[int | None]) -> int | None:
    """The same of costs one by one."""
    known = [cost for cost in costs if cost is not None]
    return known_cost(sum(known), of=len(costs), missing=len(costs) - len(known))
