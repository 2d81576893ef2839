"""xls workbooks, plain and protected: the same cells, the same refusals as of an xlsx."""

import tempfile

import pytest

from cardctl.workbooks.cells import MergedCells, NotText, Row
from cardctl.workbooks.failures import (
    CellOutOfRange,
    EncryptionUnknown,
    FileDamaged,
    FormatUnknown,
    PasswordNeeded,
    SheetAmbiguous,
    SheetMissing,
    WrongPassword,
)
from cardctl.workbooks.protected import unprotected
from cardctl.workbooks.read import Source, open_table
from cardctl.workbooks.records import scan_sheets
from tests.workbooks import old
from tests.workbooks.build import xlsx


class Typed:
    """A password as the reader takes it."""

    def __init__(self, text):
        self.text = text

    def reveal(self):
        return self.text


def read(tmp_path, content, *, password=None, sheet=None):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    source = Source.of(str(path))
    with open_table(source, password=password and Typed(password), sheet=sheet) as opened:
        return opened, list(opened.rows)


KEYS = [["卡号", "密码"], ["0012", "=cmd"], ["00" * 12, "<a>"]]
SHEETS = {"卡密": old.table(KEYS)}
READ = [Row(place, row) for place, row in enumerate(KEYS, 1)]


def test_cells_say_what_they_are(tmp_path):
    cells = (
        old.label(0, 0, "0012")
        + old.number(0, 1, 6225880212345678)
        + old.number(0, 2, 45000, style=old.DATE)
        + old.formula(0, 3, 7)
        + old.error(0, 4)
        + old.boolean(0, 5)
        + old.shared(0, 6, 0)
    )
    opened, rows = read(tmp_path, old.xls({"S": cells}, strings=["共享"]))
    assert opened.format == "xls"
    assert rows == [
        Row(
            1,
            [
                "0012",
                NotText("number", "6225880212345678"),
                NotText("date", "2023-03-15"),
                NotText("formula", "7"),
                NotText("error", ""),
                NotText("boolean", "TRUE"),
                "共享",
            ],
        )
    ]


def test_rows_keep_the_numbers_of_the_sheet(tmp_path):
    _, rows = read(tmp_path, old.xls({"S": old.label(4, 2, "卡号") + old.label(8, 2, "K-1")}))
    assert rows == [Row(5, ["", "", "卡号"]), Row(9, ["", "", "K-1"])]


def test_hidden_rows_and_merged_cells_are_told(tmp_path):
    book = old.xls({"S": old.hidden_row(1) + old.table(KEYS) + old.merged(1, 2, 0, 1)})
    opened, rows = read(tmp_path, book)
    assert rows == READ
    assert [warning.details["count"] for warning in opened.warnings] == [1]
    assert opened.merged == (MergedCells(2, 0, 3, 1),)


def test_sheets_are_chosen_as_in_an_xlsx(tmp_path):
    two = {"八月": old.table([["兑换码"], ["A-8"]]), "空": b"", "九月": old.table([["兑换码"]])}
    with pytest.raises(SheetAmbiguous):
        read(tmp_path, old.xls(two))
    opened, rows = read(tmp_path, old.xls(two), sheet="八月")
    assert (opened.sheet, opened.alone, rows[1].cells) == ("八月", False, ["A-8"])
    assert read(tmp_path, old.xls(two, hidden=["九月"]))[0].sheet == "八月"
    with pytest.raises(SheetMissing):
        read(tmp_path, old.xls({"空": b""}))


SEALS = {"rc4": old.sealed_rc4, "rc4 cryptoapi": old.sealed_cryptoapi, "xor": old.sealed_xor}


@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_a_protected_workbook_opens_with_its_password_only(tmp_path, seal):
    sealed = seal(SHEETS, "right-1")
    opened, rows = read(tmp_path, sealed, password="right-1")
    assert opened.encrypted
    assert rows == READ
    with pytest.raises(WrongPassword):
        read(tmp_path, sealed, password="wrong")
    with pytest.raises(PasswordNeeded):
        read(tmp_path, sealed)
    assert b"=cmd" not in sealed
    assert "卡号".encode("utf-16-le") not in sealed


@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_nothing_in_clear_goes_to_a_temporary_file(seal, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    sealed = seal(SHEETS, "right-1")
    stream = old.stream_in(sealed)
    data, plain = unprotected(sealed, "Workbook", stream, "right-1")
    assert old.stream_in(data) == plain
    assert scan_sheets(plain)[0].cells == 6


def test_what_is_only_protected_against_changes_opens_by_itself(tmp_path):
    assert read(tmp_path, old.sealed_cryptoapi(SHEETS, "VelvetSweatshop"))[1] == READ
    assert read(tmp_path, old.sealed_rc4(SHEETS, "VelvetSweatshop"), password="any")[1] == READ


def test_a_password_for_a_file_without_one_is_ignored(tmp_path):
    opened, rows = read(tmp_path, old.xls(SHEETS), password="whatever")
    assert (rows, opened.encrypted) == (READ, False)


def test_an_xlsx_in_the_older_standard_encryption(tmp_path):
    rows = [["卡号"], *([f"K-{place * 7919}"] for place in range(300))]
    sealed = old.sealed_standard(xlsx(rows), "right")
    opened, read_rows = read(tmp_path, sealed, password="right")
    assert opened.encrypted
    assert [row.cells for row in read_rows] == rows
    with pytest.raises(WrongPassword):
        read(tmp_path, sealed, password="wrong")
    with pytest.raises(PasswordNeeded):
        read(tmp_path, sealed)
    at = len(sealed) - 2000
    with pytest.raises(FileDamaged):
        read(tmp_path, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], password="right")


FAR = old.label(0, 0, "兑换码") + old.label(65535, 0, "K-1") + old.label(1, 1023, "K-2")
REFUSED = {
    "a letter": (old.ole({"WordDocument": b"x"}), FormatUnknown),
    "slides": (old.ole({"PowerPoint Document": b"x"}), FormatUnknown),
    "no stream that is known": (old.ole({"Other": b"x"}), FileDamaged),
    "a stream of nothing": (old.ole({"Workbook": b""}), SheetMissing),
    "a package that is none": (old.sealed_standard(b"code\nK-1\n" * 600, "pw"), FileDamaged),
    "the old encryption of Excel 95": (
        old.ole({"Book": old.stream(SHEETS, filepass=b"\1\2\3\4")}),
        EncryptionUnknown,
    ),
    "an encryption nobody knows": (
        old.xls(SHEETS, filepass=b"\1\0\7\0\7\0" + bytes(64)),
        EncryptionUnknown,
    ),
    "an encryption cut off": (old.xls(SHEETS, filepass=b"\1\0"), FileDamaged),
    "a cell far out and alone": (old.xls({"S": FAR}), CellOutOfRange),
    "a record beyond the end": (
        old.ole({"Workbook": old.stream(SHEETS)[:-9] + b"\xfd\0\xff\xff"}),
        FileDamaged,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_its_name(tmp_path, case):
    content, error = REFUSED[case]
    with pytest.raises(error) as told:
        read(tmp_path, content, password="pw")
    assert "K-1" not in str(told.value)
