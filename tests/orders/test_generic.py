"""Cells of the generic table: any cell is read or told with its row, nothing else is raised."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.formats.generic import FORMAT
from cardctl.orders.reading import CellRefused, FieldRow
from cardctl.orders.records import check_order
from cardctl.workbooks.cells import NotText, Row
from cardctl.workbooks.headers import find_header

FIELDS = list(FORMAT.synonyms)
HEADER = find_header(iter([Row(1, FIELDS)]), FORMAT.synonyms, FORMAT.required)
ZONE = ZoneInfo("Asia/Shanghai")

KINDS = st.sampled_from(["number", "date", "boolean", "error", "formula"])
CELLS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["1", "28.00", "2026-11-20 10:00", '="1"', "'1", "=", '="', "unpaid", "6e9"]),
    st.integers().map(str).map(lambda digits: NotText("number", digits)),
    st.builds(NotText, KINDS, st.text(max_size=10)),
)


def row_of(cells, *, exact_numbers=False):
    return FieldRow(7, cells, HEADER, exact_numbers, ZONE)


def read(cells):
    """The record of a row, or why it is none."""
    try:
        return FORMAT.read(row_of(cells)), None
    except CellRefused as refused:
        return None, refused.reject


@given(st.lists(CELLS, max_size=len(FIELDS)))
def test_any_row_is_an_order_that_can_be_placed_or_names_a_cell(cells):
    record, reject = read(cells)
    if record is None:
        assert (reject.row, reject.column in FIELDS) == (7, True)
        assert str(reject.problem)
    else:
        assert check_order(record) == record
        assert 1 <= record.lines[0].qty <= 100_000
        assert (record.paid_fen or 0) >= 0


@pytest.mark.parametrize("digits", ["١٢", "１２", "1_2"])
def test_a_quantity_is_written_in_the_digits_of_an_amount(digits):
    for field in ("qty", "paid", "paid_at"):
        cells = ["1" if name == "order" else "VIP" if name == "sku" else "" for name in FIELDS]
        cells[FIELDS.index(field)] = digits

        assert read(cells)[1].column == field


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,40}", fullmatch=True).filter(
        # What Excel makes of a long number is refused.
        lambda number: not re.fullmatch(r"\d+(\.\d+)?[eE]\d+", number)
    )
)
def test_an_id_comes_out_of_every_wrapper(number):
    wrappers = ["{}", '="{}"', "'{}", "`{}", "\t{}", "{}\t", '="{}"\t', " {} "]
    read = {row_of([wrapper.format(number)]).order_number() for wrapper in wrappers}

    assert read == {number}


@given(st.integers(min_value=10**14, max_value=10**22))
def test_a_long_number_is_exact_in_json_and_lost_in_a_workbook(number):
    cells = [NotText("number", str(number))]

    assert row_of(cells, exact_numbers=True).order_number() == str(number)
    with pytest.raises(CellRefused) as refused:
        row_of(cells).order_number()
    assert refused.value.reject.problem.code == "excel-resaved"
