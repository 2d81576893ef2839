"""What is written comes back as it was, and belongs to its owner alone."""

import csv

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardctl.workbooks.failures import OutputExists, OutputUnwritable
from cardctl.workbooks.read import Source, open_sheets, open_table
from cardctl.workbooks.write import SheetPage, write_csv, write_sheets, write_workbook

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=30
)


def rows_of(path):
    with open_table(Source.of(str(path))) as table:
        return [row.cells for row in table.rows]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(texts.filter(bool), min_size=1, max_size=20))
def test_every_text_comes_back_from_a_workbook(tmp_path, values):
    path = tmp_path / "out.xlsx"
    path.unlink(missing_ok=True)
    write_workbook(path, ("head",), [(value,) for value in values])
    assert rows_of(path) == [["head"], *([value] for value in values)]


def test_formulas_stay_text_and_numbers_numbers(tmp_path):
    path = tmp_path / "out.xlsx"
    write_workbook(path, ("a", "b"), [("=cmd|' /c calc'!A0", 3), ("0012", None)], sheet="卡<密>")
    sheet = openpyxl.load_workbook(path)["卡<密>"]
    assert [(cell.value, cell.data_type) for row in sheet["A2:B3"] for cell in row] == [
        ("=cmd|' /c calc'!A0", "s"),
        (3, "n"),
        ("0012", "s"),
        (None, "n"),
    ]


def test_csv_begins_with_a_bom(tmp_path):
    path = tmp_path / "out.csv"
    write_csv(path, ("卡号", "note"), [("0012", None), ("a,b", 'c"d')])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert rows_of(path) == [["卡号", "note"], ["0012", ""], ["a,b", 'c"d']]


def test_no_cell_of_a_csv_is_run_by_a_spreadsheet_program(tmp_path):
    path = tmp_path / "out.csv"
    run = [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "＝1+1",
        "+86 138-0013",
    ]
    kept = ["-12.05", "+8613800138000", "-0.6%", "a=1", "'=1", "1-1"]
    write_csv(path, ("=head",), [(text,) for text in (*run, *kept)] + [(-3,)])
    (heading, *cells) = [row[0] for row in csv.reader(path.read_text("utf-8-sig").splitlines())]
    assert heading == "'=head"
    assert cells == [f"'{text}" for text in run] + [*kept, "-3"]


def test_files_are_their_owners_and_never_written_over(tmp_path):
    path = tmp_path / "out.csv"
    write_csv(path, ("a",), [])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OutputExists):
        write_csv(path, ("b",), [])
    with pytest.raises(OutputUnwritable):
        write_csv(tmp_path / "none" / "out.csv", ("b",), [])


def test_a_file_that_fails_half_way_is_taken_away(tmp_path):
    path = tmp_path / "out.csv"
    with pytest.raises(ZeroDivisionError):
        write_csv(path, ("a",), ((1 // place,) for place in (1, 0)))
    assert not path.exists()


def test_sheets_stand_in_their_order_and_say_what_their_columns_are_for(tmp_path):
    path = tmp_path / "out.xlsx"
    page = SheetPage("商品 & 价", ("编号", "名称"), [("A", "=x")], True, ('必填 "一"', ""))
    write_sheets(path, [page, SheetPage("b", ("c",), []), SheetPage("d", (), [("1",)])])

    with open_sheets(Source.of(str(path))) as tables:
        read = [(table.sheet, [row.cells for row in table.rows]) for table in tables]
    assert read == [("商品 & 价", [["编号", "名称"], ["A", "=x"]]), ("b", [["c"]]), ("d", [["1"]])]

    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["商品 & 价", "b", "d"]
    [note] = book["商品 & 价"].data_validations.dataValidation
    assert (note.promptTitle, note.prompt) == ("编号", '必填 "一"')
    assert "A7" in note.sqref
