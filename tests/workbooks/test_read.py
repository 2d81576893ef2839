"""Tables as suppliers and shops really send them, cell by cell."""

import io
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.workbooks.cells import MergedCells, NotText, Row, column_index, column_letters
from cardctl.workbooks.failures import FileChanged, FileTooLarge
from cardctl.workbooks.read import Source, open_table
from tests.workbooks.build import one_sheet, pack, parts, sheet, text_cell


def read(folder, content):
    path = folder / "table"
    path.write_bytes(content)
    with open_table(Source.of(str(path))) as table:
        return table, list(table.rows)


def workbook(rows, change=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_cells_say_what_they_are(tmp_path):
    moment = datetime(2027, 12, 31, 8, 30)  # noqa: DTZ001 -- a cell has no zone
    _, rows = read(
        tmp_path,
        workbook([["0012", 30, 12.5, True, date(2027, 12, 31), moment, "=1+1", "#N/A", None, "x"]]),
    )
    assert rows == [
        Row(
            1,
            [
                "0012",
                NotText("number", "30"),
                NotText("number", "12.5"),
                NotText("boolean", "TRUE"),
                NotText("date", "2027-12-31"),
                NotText("date", "2027-12-31 08:30:00"),
                NotText("formula", ""),
                NotText("error", ""),
                "",
                "x",
            ],
        )
    ]


def test_rows_keep_the_numbers_of_the_sheet(tmp_path):
    def move(sheet):
        sheet["C5"] = "卡号"
        sheet["C9"] = "K-1"

    _, rows = read(tmp_path, workbook([], move))
    assert rows == [Row(5, ["", "", "卡号"]), Row(9, ["", "", "K-1"])]


def test_formulas_are_found_in_large_and_prefixed_sheets(tmp_path):
    """The tag of a formula may be cut off from its cell where the scan reads on."""
    cells = "".join(
        f'<row r="{row}">{text_cell(f"A{row}", "x" * 900)}'
        f'<c r="B{row}" t="str"><f>1+{row}</f><v>{row}</v></c></row>'
        for row in range(1, 3001)
    )
    _, rows = read(tmp_path, one_sheet(cells))
    assert [row.cells[1] for row in rows] == [NotText("formula", str(n)) for n in range(1, 3001)]
    prefixed = sheet("").replace("<sheetData></sheetData>", "").replace("xmlns=", "xmlns:x=")
    prefixed = prefixed.replace("<worksheet", "<x:worksheet").replace(
        "</worksheet>",
        '<x:sheetData><x:row r="1"><x:c r="A1" t="str"><x:f>1</x:f><x:v>1</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>",
    )
    _, rows = read(tmp_path, pack(parts({"S": prefixed})))
    assert rows == [Row(1, [NotText("formula", "1")])]


def test_hidden_rows_and_merged_cells_are_told(tmp_path):
    def change(sheet):
        sheet.row_dimensions[2].hidden = True
        sheet.merge_cells("A3:A5")

    table, rows = read(tmp_path, workbook([["a"], ["b"], ["c"]], change))
    assert [row.cells for row in rows] == [["a"], ["b"], ["c"]]
    assert [warning.details["count"] for warning in table.warnings] == [1]
    assert table.merged == (MergedCells(3, 0, 5, 0),)


def test_a_long_cell_comes_through_whole(tmp_path):
    _, rows = read(tmp_path, one_sheet(f'<row r="1">{text_cell("A1", "k" * 40_000)}</row>'))
    assert rows == [Row(1, ["k" * 40_000])]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "卡号"), ("utf-8-sig", "卡号"), ("gbk", "卡号"), ("gb18030", "𠀀")],
)
def test_csv_in_every_encoding(tmp_path, encoding, text):
    table, rows = read(tmp_path, f'{text},"a,""b"\r\n\r\n1,2\r\n'.encode(encoding))
    assert table.format == "csv"
    assert rows == [Row(1, [text, 'a,"b']), Row(3, ["1", "2"])]


def test_tsv_is_told_by_its_tabs(tmp_path):
    table, rows = read(tmp_path, b"code\tcost\nA,1\t2\n")
    assert table.format == "tsv"
    assert rows[1].cells == ["A,1", "2"]


def test_jsonl_keeps_the_digits_of_numbers(tmp_path):
    content = (
        b'{"order": "1", "qty": 2}\n\n{"order": 6225880212345678901, "paid": 28.10, "x": null}\n'
    )
    table, rows = read(tmp_path, content)
    assert table.format == "jsonl"
    assert rows == [
        Row(0, ["order", "qty", "paid", "x"]),
        Row(1, ["1", NotText("number", "2"), "", ""]),
        Row(3, [NotText("number", "6225880212345678901"), "", NotText("number", "28.10"), ""]),
    ]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "table"
    path.write_text("code\nA\n")
    source = Source.of(str(path))
    assert source.sha256
    path.write_text("code\nB\n")
    with pytest.raises(FileChanged), open_table(source) as table:
        list(table.rows)


def test_no_secret_reaches_the_environment_or_the_arguments_of_the_child(tmp_path, monkeypatch):
    seen = []

    def feed(child, *_):
        folder = Path(f"/proc/{child.pid}")
        seen.append((folder / "environ").read_bytes() + (folder / "cmdline").read_bytes())
        child.kill()

    monkeypatch.setenv("CARDCTL_KEY", "cardctl-key")
    monkeypatch.setenv("PGPASSWORD", "database-password")
    monkeypatch.setattr("cardctl.workbooks.read._feed", feed)
    path = tmp_path / "table"
    path.write_text("code\n")
    with pytest.raises(FileTooLarge), open_table(Source.of(str(path)), password=Loud()):
        pass
    for secret in (b"cardctl-key", b"database-password", b"file-password"):
        assert secret not in seen[0]


class Loud:
    """A password, as the reader takes it."""

    def reveal(self):
        return "file-password"


@given(st.integers(0, 20_000))
def test_columns_have_the_letters_of_a_sheet(index):
    assert column_index(column_letters(index)) == index
