"""Rows become orders whatever their order, and every row belongs to exactly one order."""

from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.grouping import ReadRow, group_rows, last_rows_of_scattered

NUMBERS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=40)


def by_row(rows):
    return sorted(rows, key=lambda row: row.row)


@given(NUMBERS)
def test_every_order_is_one_group_with_all_its_rows(numbers):
    rows = [ReadRow(row, number, None) for row, number in enumerate(numbers, 2)]
    scattered = last_rows_of_scattered((row.row, row.number) for row in rows if row.number)
    groups = list(group_rows(rows, scattered))

    assert by_row(row for group in groups for row in group.rows) == rows
    named = [group for group in groups if group.rows[0].number]
    assert all(len({row.number for row in group.rows}) == 1 for group in groups)
    assert len(named) == len(set(numbers) - {""})
    assert all(len(group.rows) == 1 for group in groups if not group.rows[0].number)
    assert all(group.rows == by_row(group.rows) for group in groups)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=20).map(sorted))
def test_nothing_is_held_while_rows_of_an_order_stand_together(numbers):
    assert last_rows_of_scattered(enumerate(numbers)) == {}
