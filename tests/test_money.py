"""The laws of money: text and fen agree, nothing is lost in rounding."""

from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cardctl.errors import BadValue
from cardctl.money import (
    FEN_MAX,
    apply_rate,
    format_rate,
    format_yuan,
    parse_rate,
    parse_yuan,
    share_out,
    sum_known,
)

amounts = st.integers(-FEN_MAX, FEN_MAX)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)


@given(amounts)
def test_an_amount_reads_back_as_it_was_written(fen):
    assert parse_yuan(format_yuan(fen)) == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("28", 2800),
        ("28.5", 2850),
        ("12.50", 1250),
        ("0.01", 1),
        ("-12.05", -1205),
        ("+3", 300),
        ("¥1,234.50", 123450),
        ("￥ 99", 9900),
        ("12.5 元", 1250),
        ("  7  ", 700),
        ("12.3400", 1234),
        ("10000000000000", FEN_MAX),
    ],
)
def test_an_amount_is_read(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "¥", "-", ".5", "5.", "1.234", "1e3", "0x10", "1_000", "12,34", "1,2345"),
        *("NaN", "inf", "-inf", "２８", "٢٨", "28 RMB", "2 8", "--1", "1\n2", "10000000000000.01"),
    ],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(BadValue):
        parse_yuan(text)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_bad_value(text):
    try:
        fen = parse_yuan(text)
    except BadValue:
        return
    assert isinstance(fen, int)
    assert abs(fen) <= FEN_MAX


@given(st.integers(0, 1_000_000))
def test_a_rate_reads_back_as_it_was_written(basis_points):
    assert parse_rate(format_rate(basis_points)) == basis_points


@pytest.mark.parametrize(
    ("basis_points", "text"),
    [(0, "0%"), (60, "0.6%"), (65, "0.65%"), (9200, "92%"), (10000, "100%")],
)
def test_a_rate_is_as_short_as_it_is_exact(basis_points, text):
    assert format_rate(basis_points) == text


@pytest.mark.parametrize("text", ["", "92", "%", "-1%", "0.655%", "1e2%", "10001%", "９%x", "1 2%"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(BadValue):
        parse_rate(text)


@given(amounts, st.integers(0, 1_000_000))
def test_a_share_is_the_exact_one_rounded_half_away_from_zero(fen, basis_points):
    exact = abs(Fraction(fen * basis_points, 10_000))
    rounded = int(exact + Fraction(1, 2))

    assert apply_rate(fen, basis_points) == (-rounded if fen < 0 else rounded)


@given(amounts, weights)
@example(fen=100, parts=[1, 1, 1])
@example(fen=-1, parts=[0, 0])
def test_shares_sum_to_the_whole(fen, parts):
    shares = share_out(fen, parts)

    assert sum(shares) == fen
    assert len(shares) == len(parts)


@given(amounts, weights)
def test_a_share_is_within_a_fen_of_its_weight(fen, parts):
    assume(sum(parts))

    for share, weight in zip(share_out(fen, parts), parts, strict=True):
        assert abs(share - Fraction(fen * weight, sum(parts))) < 1
        assert share == 0 or weight > 0


@pytest.mark.parametrize("parts", [[], [1, -1]])
def test_shares_need_weights(parts):
    with pytest.raises(ValueError, match=r"."):
        share_out(1, parts)


@pytest.mark.parametrize(
    ("costs", "total"), [([], 0), ([5, None], 5), ([None, None], None), ([0], 0), ([None], None)]
)
def test_a_cost_that_nobody_knows_is_not_zero(costs, total):
    assert sum_known(costs) == total
