"""Files that hold several tables: each comes in its turn, whatever was left of the one before."""

import pytest

from cardctl.workbooks.failures import FileDamaged, SheetAmbiguous
from cardctl.workbooks.read import Source, open_sheets, open_table, open_tables
from tests.workbooks.build import pack, parts, sheet, table


@pytest.fixture
def source(tmp_path):
    """Makes the source of some bytes."""

    def make(content):
        path = tmp_path / "file.bin"
        path.write_bytes(content)
        return Source.of(str(path))

    return make


def column(name, *keys):
    return sheet(table([[name], *([key] for key in keys)]))


BOOK = pack(
    parts(
        {"八月": column("兑换码", "A-8"), "空": sheet(""), "旧": column("兑换码", "A-0")},
        hidden=["旧"],
    )
)


def test_every_sheet_with_cells_is_a_table(source):
    with open_sheets(source(BOOK)) as tables:
        seen = [(one.sheet, one.alone, [row.cells for row in one.rows]) for one in tables]
    assert seen == [
        ("八月", False, [["兑换码"], ["A-8"]]),
        ("旧", False, [["兑换码"], ["A-0"]]),
    ]


def test_rows_that_are_left_are_passed_by(source):
    with open_sheets(source(BOOK)) as tables:
        seen = [(one.sheet, next(one.rows).cells) for one in tables]
    assert seen == [("八月", ["兑换码"]), ("旧", ["兑换码"])]


def test_a_hidden_sheet_is_not_chosen_but_told(source):
    with open_tables(source(BOOK)) as tables:
        (one,) = tables
        assert (one.sheet, one.alone) == ("八月", False)
    with open_table(source(pack(parts({"S": column("兑换码", "A")})))) as one:
        assert one.alone


def test_several_sheets_are_refused_before_anything_begins(source):
    book = pack(parts({"A": column("兑换码", "A"), "B": column("兑换码", "B")}))
    with pytest.raises(SheetAmbiguous), open_tables(source(book)):
        pytest.fail("the file was opened")


def test_a_text_file_is_one_table_without_a_sheet(source):
    with open_sheets(source("兑换码\nA-1\n".encode())) as tables:
        assert [(one.format, one.sheet, len(list(one.rows))) for one in tables] == [
            ("csv", None, 2)
        ]


def test_a_damaged_workbook_is_refused_whatever_was_asked(source):
    for opened in (open_table, open_tables, open_sheets):
        with pytest.raises(FileDamaged), opened(source(BOOK[:300])):
            pytest.fail("the file was opened")
