"""Zips of files of keys: each that is a table comes in its turn, the rest is told of."""

import pytest

from cardctl.workbooks.cells import MemberUnread
from cardctl.workbooks.contents import tables_in
from cardctl.workbooks.failures import (
    FileDamaged,
    FormatUnknown,
    MembersDuplicate,
    PasswordNeeded,
    SheetAmbiguous,
    WrongPassword,
    ZipBomb,
    ZipEncryptionUnknown,
    ZipWithoutTables,
)
from cardctl.workbooks.parsed import Request
from cardctl.workbooks.read import Source, open_table, open_tables
from tests.workbooks import old, zips
from tests.workbooks.build import encrypted, pack, parts, sheet, table, xlsx


class Typed:
    """A password as the reader takes it."""

    def __init__(self, text):
        self.text = text

    def reveal(self):
        return self.text


@pytest.fixture
def read(tmp_path):
    """Reads all tables of a file: (member, format, rows), and what the first one warns of."""

    def make(content, *, password=None, sheet=None):
        path = tmp_path / "bundle.bin"
        path.write_bytes(content)
        found, warned = [], []
        source = Source.of(str(path))
        with open_tables(source, password=password and Typed(password), sheet=sheet) as tables:
            for one in tables:
                warned += one.warnings
                found.append((one.member, one.format, [row.cells for row in one.rows]))
        return found, warned

    return make


BOOK = xlsx([["兑换码"], ["A-1"]])
TEXT = "K-1----S-1\n"


def test_every_shape_inside_one_zip(read):
    content = zips.packed(
        {
            "八月/卡密.xlsx": BOOK,
            "old.dat": old.plain_xls([["兑换码"], ["B-1"]]),
            "table.txt": "兑换码\nC-1\n",
            "chat": TEXT,
            "lines.jsonl": '{"code": "D-1"}\n',
        }
    )
    found, warned = read(content)
    assert found == [
        ("八月/卡密.xlsx", "xlsx", [["兑换码"], ["A-1"]]),
        ("old.dat", "xls", [["兑换码"], ["B-1"]]),
        ("table.txt", "csv", [["兑换码"], ["C-1"]]),
        ("chat", "text", [["number", "secret"], ["K-1", "S-1"]]),
        ("lines.jsonl", "jsonl", [["code"], ["D-1"]]),
    ]
    assert not warned


def test_what_is_no_table_is_left_out_and_told_of(read):
    rest = {
        "readme.txt": "亲，感谢惠顾\n",
        "note.txt": "Dear customer, thank you. See the table.\n",
        "empty.csv": "",
        "photo.jpg": b"\xff\xd8\xff\xe0" + bytes(64),
        "more.zip": zips.packed({"keys.csv": "兑换码\nZ-1\n"}),
        "letter.docx": pack({"[Content_Types].xml": "<Types/>", "word/document.xml": "<a/>"}),
        "letter.doc": old.ole({"WordDocument": b"x"}),
        "program.exe": b"MZ\x90\x00\xff\xff\xff",
    }
    found, warned = read(zips.packed({"keys.csv": "兑换码\nA-1\n"} | rest))
    assert [member for member, _, _ in found] == ["keys.csv"]
    assert {type(warning) for warning in warned} == {MemberUnread}
    assert [warning.details["member"] for warning in warned] == list(rest)


def test_what_systems_add_is_passed_over_in_silence(read):
    members = {
        "__MACOSX/._keys.csv": b"\0\5\x16\7",
        ".DS_Store": b"\0\0\0\1Bud1",
        "x/Thumbs.db": b"x",
        "._other.csv": b"\0",
        "keys.csv": "兑换码\nA-1\n",
    }
    assert read(zips.packed(members)) == (
        [("keys.csv", "csv", [["兑换码"], ["A-1"]])],
        [],
    )


def test_names_in_gbk_are_read_and_paths_are_only_names(read, tmp_path):
    members = {"卡密 8月.csv": "兑换码\nA-1\n", "../../etc/卡密.csv": "兑换码\nA-2\n"}
    found, _ = read(zips.bundle(members, encoding="gbk"))
    assert [member for member, _, _ in found] == list(members)
    assert [path.name for path in tmp_path.rglob("*")] == ["bundle.bin"]


@pytest.mark.parametrize(
    ("typed", "encoding"), [("pw-1", "utf-8"), ("口令", "gbk"), ("口令", "utf-8")]
)
def test_an_encrypted_zip_opens_with_its_password(read, typed, encoding):
    content = zips.bundle({"keys.csv": "兑换码\nA-1\n"}, password=typed.encode(encoding))
    assert read(content, password=typed)[0] == [("keys.csv", "csv", [["兑换码"], ["A-1"]])]
    with pytest.raises(PasswordNeeded):
        read(content)
    with pytest.raises(WrongPassword):
        read(content, password="wrong")


def test_the_same_password_opens_what_is_inside(read):
    content = zips.packed({"a.xlsx": encrypted(BOOK, "pw-1"), "b.csv": "兑换码\nB-1\n"})
    assert [rows[1] for _, _, rows in read(content, password="pw-1")[0]] == [["A-1"], ["B-1"]]


def test_the_whole_is_refused_for_one_bad_file_and_names_it(read):
    with pytest.raises(FileDamaged) as told:
        read(zips.packed({"a.csv": "兑换码\nA-1\n", "b.xlsx": BOOK[:400]}))
    assert told.value.details["file"] == "bundle.bin/b.xlsx"
    two = pack(parts({"A": sheet(table([["兑换码"]])), "B": sheet(table([["兑换码"]]))}))
    with pytest.raises(SheetAmbiguous):
        read(zips.packed({"a.xlsx": two}))
    assert read(zips.packed({"a.xlsx": two}), sheet="B")[0][0][0] == "a.xlsx"


def _broken():
    plain = zips.packed({"keys.csv": "兑换码\n" + "A-1\n" * 500})
    return plain[:60] + bytes([plain[60] ^ 0xFF]) + plain[61:]


REFUSED = {
    "nothing": (b"PK\5\6" + bytes(18), ZipWithoutTables),
    "no table": (zips.packed({"readme.txt": "您好"}), ZipWithoutTables),
    "a zip in a zip": (zips.packed({"a.zip": zips.packed({"a.csv": "code\nA"})}), ZipWithoutTables),
    "a bomb": (zips.packed({"a.csv": b"code\n" + bytes(64 * 2**20)}), ZipBomb),
    "the same name twice": (
        pack({"a.csv": "code\nA-1\n"}, twice="a.csv").replace(b"A.CSV", b"a.csv"),
        MembersDuplicate,
    ),
    "AES": (zips.sealed_with_aes(b"code\nA-1\n"), ZipEncryptionUnknown),
    "a flipped byte": (_broken(), FileDamaged),
    "a directory cut off": (zips.packed({"a.csv": "code\nA-1\n"})[:-30], FileDamaged),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_its_name(read, case):
    content, error = REFUSED[case]
    with pytest.raises(error) as told:
        read(content, password="pw")
    assert told.value.hint
    assert "A-1" not in str(told.value)


def test_all_files_together_are_capped(monkeypatch):
    monkeypatch.setattr("cardctl.workbooks.bundle.MAX_INFLATED_BYTES", 30)
    files = {f"{place}.csv": "code\nA-1\n" for place in range(4)}
    with pytest.raises(ZipBomb):
        tables_in([zips.packed(files)], Request("keys"))


def test_a_table_of_orders_is_never_a_zip(tmp_path):
    path = tmp_path / "orders.zip"
    path.write_bytes(zips.packed({"a.csv": "code\nA"}))
    with pytest.raises(FormatUnknown), open_table(Source.of(str(path))):
        pytest.fail("the file was opened")
