"""The header is found by what it says."""

import pytest

from cardctl.workbooks.cells import Row
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing, MappedColumnMissing
from cardctl.workbooks.headers import find_header

SYNONYMS = {"number": ("卡号",), "cost": ("成本(元)", "cost"), "secret": ("卡密", "password")}


def rows(*lines):
    return iter([Row(number, list(line)) for number, line in enumerate(lines, 1)])


def test_titles_above_it_width_case_and_spaces_do_not_matter():
    found = rows(["发货清单"], ["\ufeff 卡 号 *", "成本（元）", "PassWord："], ["1", "2", "3"])
    header = find_header(found, SYNONYMS, ["number", "secret"])
    assert header.row_number == 2
    assert header.columns == {"number": 0, "cost": 1, "secret": 2}
    assert next(found).cells == ["1", "2", "3"]


def test_what_is_missing_is_named_with_what_was_found():
    with pytest.raises(HeaderMissing) as told:
        find_header(rows(["卡号", "数量"]), SYNONYMS, ["number", "secret"])
    assert told.value.details == {"missing": "secret", "found": "卡号, 数量", "example": "secret"}


def test_a_file_without_header_shows_no_key():
    with pytest.raises(HeaderMissing) as told:
        find_header(rows(["6200-1", "SECRET"]), SYNONYMS, ["number"])
    assert "6200-1" not in str(told.value.details)


def test_a_named_column_wins():
    header = find_header(
        rows(["卡号", "卡密", "密令"]), SYNONYMS, ["number", "secret"], given={"secret": "密令"}
    )
    assert header.columns["secret"] == 2
    with pytest.raises(MappedColumnMissing):
        find_header(rows(["卡号"]), SYNONYMS, ["number"], given={"secret": "密令"})


def test_two_columns_of_one_meaning_are_refused():
    with pytest.raises(HeaderAmbiguous) as told:
        find_header(rows(["卡号", "卡密", "password"]), SYNONYMS, ["number", "secret"])
    assert told.value.details["columns"] == "卡密, password"


def test_it_is_not_looked_for_further_down_than_forty_rows():
    with pytest.raises(HeaderMissing):
        find_header(rows(*[["x"]] * 40, ["卡号"]), SYNONYMS, ["number"])
