"""Files that nobody means well with: each is refused by its name, none takes the reader down."""

import io
import os
from signal import SIGSTOP

import olefile
import pytest

from cardctl.workbooks.failures import (
    CellOutOfRange,
    CsvMalformed,
    DocumentTypeRefused,
    EncodingUnknown,
    FileDamaged,
    FileEmpty,
    FileIsFolder,
    FileMissing,
    FileTooLarge,
    FileUnreadable,
    FormatUnknown,
    LineMalformed,
    MembersDuplicate,
    PasswordNeeded,
    ReaderDied,
    SheetAmbiguous,
    SheetMissing,
    SheetUnknown,
    WrongPassword,
    XmlEncodingRefused,
    ZipBomb,
)
from cardctl.workbooks.read import Source, open_table
from tests.workbooks.build import (
    HEAD,
    KEYS,
    encrypted,
    one_sheet,
    pack,
    parts,
    sheet,
    table,
    text_cell,
    xlsx,
)


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


PLAIN = xlsx([["兑换码"], ["K-1"]])
SEALED = encrypted(PLAIN, "right")
# The version that a member in the central directory needs: 8.4.
VERSION_NEEDED = PLAIN.index(b"PK\x01\x02") + 6
NEEDS_A_LATER_ZIP = PLAIN[:VERSION_NEEDED] + b"\x54" + PLAIN[VERSION_NEEDED + 1 :]
BIG = b"<row></row>" * (3 * 2**20)

REFUSED = {
    "nothing": (b"", FileEmpty),
    "blank text": (b" \n\n", FileEmpty),
    "only separators": (b",,\n,,\n", FileEmpty),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", FormatUnknown),
    "html that calls itself xls": (b"<html><table><tr><td>1", FormatUnknown),
    "utf-16": ("兑换码\nK".encode("utf-16"), EncodingUnknown),
    "neither utf-8 nor gb18030": (b"code\n\xff\xff\xff\n", EncodingUnknown),
    "csv with an open quote": (b'code\n"K-1\n', CsvMalformed),
    "jsonl with a field twice": (b'{"order": "1", "order": "2"}\n', LineMalformed),
    "jsonl with a bare number": (b'{"order": "1"}\n5\n', LineMalformed),
    "jsonl that breaks off": (b'{"order": "1"}\n{"order": ', LineMalformed),
    "jsonl with a list": (b'{"order": ["1"]}\n', LineMalformed),
    "no password": (SEALED, PasswordNeeded),
    "a zip of a version to come": (NEEDS_A_LATER_ZIP, FileDamaged),
    "an empty zip": (b"PK\x05\x06" + bytes(18), FormatUnknown),
    "a zip of something": (pack({"a.txt": "hello"}), FormatUnknown),
    "a cut zip": (PLAIN[: len(PLAIN) // 2], FileDamaged),
    "ole of nothing": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), FileDamaged),
    "duplicate members": (
        pack(parts({"S": sheet(KEYS)}), twice="xl/worksheets/sheet1.xml"),
        MembersDuplicate,
    ),
    "a DTD": (
        pack(parts({"S": sheet(KEYS, head=HEAD + '<!DOCTYPE a [<!ENTITY b "c">]>')})),
        DocumentTypeRefused,
    ),
    "a DTD in the strings": (
        pack(parts({"S": sheet(KEYS)}) | {"xl/sharedStrings.xml": HEAD + "<!DOCTYPE sst><sst/>"}),
        DocumentTypeRefused,
    ),
    "declared latin-1": (
        pack(parts({"S": sheet(KEYS, head='<?xml version="1.0" encoding="ISO-8859-1"?>')})),
        XmlEncodingRefused,
    ),
    "utf-16 inside": (
        pack(parts({"S": sheet(KEYS)}) | {"xl/styles.xml": "<a/>".encode("utf-16-le")}),
        XmlEncodingRefused,
    ),
    "broken utf-8 inside": (
        pack(parts({"S": sheet(KEYS)}) | {"xl/styles.xml": b"<a>\xff</a>"}),
        XmlEncodingRefused,
    ),
    "the last corner": (one_sheet(KEYS + text_cell("XFD1048576", "x")), CellOutOfRange),
    "the last corner, oddly spelt": (
        one_sheet(KEYS + "<c  s = '1' r = 'XFD1048576' ><v>1</v></c>"),
        CellOutOfRange,
    ),
    "the last corner, prefixed": (
        one_sheet(KEYS + '<x:c xmlns:x="urn:x" r="XFD1048576"><v>1</v></x:c>'),
        CellOutOfRange,
    ),
    "a row beyond the last": (one_sheet(KEYS + text_cell("A1048577", "x")), CellOutOfRange),
    "far out and alone": (one_sheet(KEYS + text_cell("ZZ1000000", "x")), CellOutOfRange),
    "no sheet": (pack(parts({})), SheetMissing),
    "an empty sheet": (pack(parts({"S": sheet("")})), SheetMissing),
    "several sheets": (pack(parts({"A": sheet(KEYS), "B": sheet(KEYS)})), SheetAmbiguous),
    "a bomb": (pack(parts({"S": sheet(KEYS)}) | {"xl/worksheets/sheet1.xml": BIG}), ZipBomb),
    "cut xml": (pack(parts({"S": sheet(KEYS)}) | {"xl/workbook.xml": "<workbook>"}), FileDamaged),
    "not xml": (pack(parts({"S": "nonsense"})), SheetMissing),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_its_name(tmp_path, case):
    content, error = REFUSED[case]
    with pytest.raises(error) as told:
        read(tmp_path, content)
    assert told.value.hint
    assert "K-1" not in str(told.value)


def test_a_wrong_password_is_told_from_a_damaged_file(tmp_path):
    with pytest.raises(WrongPassword):
        read(tmp_path, SEALED, password="wrong")
    assert read(tmp_path, SEALED, password="right")[1][1].cells == ["K-1"]
    assert read(tmp_path, SEALED, password="right")[0].encrypted


def test_a_password_for_a_file_without_one_is_ignored(tmp_path):
    opened, rows = read(tmp_path, PLAIN, password="whatever")
    assert rows[1].cells == ["K-1"]
    assert not opened.encrypted


def test_a_truncated_encrypted_file_is_refused(tmp_path):
    for length in (len(SEALED) // 4, len(SEALED) // 2, len(SEALED) - 512):
        with pytest.raises((FileDamaged, WrongPassword)):
            read(tmp_path, SEALED[:length], password="right")


def test_a_flipped_bit_in_the_sealed_part_is_refused(tmp_path):
    package = olefile.OleFileIO(io.BytesIO(SEALED)).openstream("EncryptedPackage").read()
    at = SEALED.index(package[:512]) + 100
    flipped = SEALED[:at] + bytes([SEALED[at] ^ 1]) + SEALED[at + 1 :]
    with pytest.raises(FileDamaged):
        read(tmp_path, flipped, password="right")


def test_a_sheet_is_asked_for_by_name(tmp_path):
    book = pack(
        parts(
            {
                "八月": sheet(table([["兑换码"], ["A-8"]])),
                "九月": sheet(table([["兑换码"], ["A-9"]])),
            }
        )
    )
    assert read(tmp_path, book, sheet="九月")[1][1].cells == ["A-9"]
    with pytest.raises(SheetUnknown) as told:
        read(tmp_path, book, sheet="十月")
    assert told.value.details["sheets"] == "八月, 九月"


def test_empty_and_hidden_sheets_are_no_choice(tmp_path):
    book = pack(
        parts(
            {
                "空": sheet(""),
                "卡密": sheet(table([["兑换码"], ["A-1"]])),
                "旧": sheet(table([["兑换码"], ["A-0"]])),
            },
            hidden=["旧"],
        )
    )
    assert read(tmp_path, book)[1][1].cells == ["A-1"]


def test_a_folder_a_missing_and_a_closed_file(tmp_path):
    with pytest.raises(FileIsFolder):
        Source.of(str(tmp_path))
    with pytest.raises(FileMissing):
        Source.of(str(tmp_path / "none.xlsx"))
    closed = tmp_path / "closed.xlsx"
    closed.write_bytes(PLAIN)
    closed.chmod(0)
    if os.geteuid():
        with pytest.raises(FileUnreadable):
            Source.of(str(closed))
    with pytest.raises(FileUnreadable):
        Source.of("a\0b")


def test_what_exhausts_the_reader_is_refused(tmp_path, monkeypatch):
    """A child that is stopped or crashes is an error of the file, not of the program."""
    monkeypatch.setattr("cardctl.workbooks.read.SILENCE_S", 0.1)
    # It is a fork of this process, and comes to this instead of reading.
    monkeypatch.setattr("cardctl.workbooks.child.main", lambda: os.kill(os.getpid(), SIGSTOP))
    with pytest.raises((FileTooLarge, ReaderDied)):
        read(tmp_path, PLAIN)


def test_dense_sheets_beyond_the_memory_limit_are_refused(tmp_path):
    """Cells scattered so that no check of the extent finds them too far out."""
    rows = KEYS + "".join(
        f'<row r="{row}">{text_cell(f"{column}{row}", "x")}</row>'
        for row, column in zip(
            range(2, 1_000_000, 40_000), "BCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False
        )
    )
    with pytest.raises((CellOutOfRange, FileTooLarge, ReaderDied)):
        read(tmp_path, one_sheet(rows + text_cell("AZZ1000000", "x")))
