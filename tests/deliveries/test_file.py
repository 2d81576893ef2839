"""The workbook that is delivered: encrypted while it grows, every cell as it was, safely there."""

import errno
import io
import os
import shutil
import subprocess
import zipfile

import msoffcrypto
import olefile
import openpyxl
import pytest

from cardctl.vault.protected_package import PASSWORD_MAX, ProtectedPackage, stretch
from cardctl.vault.secret import Secret
from cardctl.workbooks.write import GrowingWorkbook
from tests.support.written import Written

KEYS = ["0001234567890123456", "=1+1", "长" * 4000, "+cmd|' /C calc'!A0", "<a>&\"'", "x up"]
PASSWORD = "密码-made-up"
SEND = "delivery send --pending --via file --out cards.xlsx --password-source env:PW --json"


def opened(path, password=PASSWORD):
    """A protected workbook, its integrity checked."""
    with path.open("rb") as stream:
        office = msoffcrypto.OfficeFile(stream)
        office.load_key(password=password, verify_password=True)
        plain = io.BytesIO()
        office.decrypt(plain, verify_integrity=True)
    return openpyxl.load_workbook(plain)


def rows_of(book):
    return [[cell.value for cell in row] for row in book.active.rows]


@pytest.fixture
def sold(shop):
    shop.seed_catalog()
    shop.env["PW"] = PASSWORD
    shop.run("product edit VIP --guide 在官网兑换")
    shop.run("config set shop_contact 微信:made-up")
    shop.import_codes("VIP", KEYS)
    rows = "".join(f"{number},VIP,28,=小王\n" for number in range(len(KEYS)))
    (shop.folder / "orders.csv").write_text(f"order,sku,paid,buyer\n{rows}")
    shop.run("order import orders.csv --channel TB")
    shop.run("order issue --all")
    return shop


def test_every_cell_is_as_it_was_and_nothing_is_ever_written_in_clear(sold):
    with Written() as written:
        result = sold.run(SEND).json
    assert (result["delivered"], result["skipped"]) == (len(KEYS), 0)
    path = sold.folder / "cards.xlsx"
    assert path.stat().st_mode & 0o777 == 0o600
    book = opened(path)
    _, *rows = rows_of(book)
    assert sorted(row[4] for row in rows) == sorted(KEYS)
    assert {cell.data_type for row in book.active.rows for cell in row} <= {"s", "inlineStr", "n"}
    assert {(row[1], *row[6:]) for row in rows} == {
        ("=小王", "2099-12-31", "在官网兑换", "微信:made-up")
    }
    # One file grew beside its place, and no other was opened to be written: what is in the file
    # that is left is all that was ever on the disk.
    grown = written.beside_the_store()
    assert len(grown) == 1
    assert grown.pop().startswith(".cards.xlsx.")
    assert not list(sold.temporary.iterdir())
    assert not list(sold.folder.glob(".cards*"))
    octets = path.read_bytes()
    assert not [key for key in KEYS if key.encode() in octets]
    assert b"PK\x03\x04" not in octets


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_chat_row_is_a_text_to_paste(sold):
    sold.run("config set language zh")
    sold.run(f"{SEND} --layout chat")
    book = opened(sold.folder / "cards.xlsx")
    header, *rows = rows_of(book)
    assert header == ["Order", "Buyer", "Text"]
    assert len(rows) == len(KEYS)
    [text] = [row[2] for row in rows if "=1+1" in row[2]]
    assert text.splitlines()[2:] == [
        "Product: 视频会员",
        "Code: =1+1",
        "Good until: 2099-12-31",
        "",
        "How to use it: 在官网兑换",
        "",
        "Questions: 微信:made-up",
    ]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_cards_that_no_cell_could_hold_in_one_text_are_given_in_several(shop):
    shop.seed_catalog()
    shop.env["PW"] = PASSWORD
    keys = [f"{place:02}" + "k" * 3998 for place in range(20)]
    shop.import_codes("VIP", keys)
    shop.run("order add --channel TB --number 1 --sku VIP --qty 20 --paid 560")
    shop.run("order issue --all")
    shop.run(f"{SEND} --layout chat")
    _, *rows = rows_of(opened(shop.folder / "cards.xlsx"))
    assert len(rows) == 3
    text = "\n".join(row[2] for row in rows)
    assert all(f"Code: {key}\n" in text for key in keys)


def test_delivered_is_what_is_safely_on_the_disk(sold, monkeypatch):
    """A disk full on the way or at the very end: no file, nothing delivered; the next run does."""
    fdopen = os.fdopen

    def full(descriptor, *mode):
        if "w+b" in mode:
            os.dup2(os.open("/dev/full", os.O_RDWR), descriptor)
        return fdopen(descriptor, *mode)

    def full_at_last(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name, fails in (("fdopen", full), ("fsync", full_at_last)):
        with monkeypatch.context() as patch:
            patch.setattr(f"cardctl.deliveries.channels.file.os.{name}", fails)
            told = sold.run(SEND, status=3)
        assert told.error["code"] == "output-unwritable"
        assert not list(sold.folder.glob("*cards*"))
    rows = sold.run("delivery list --json").json
    assert {(row["status"], row["attempts"]) for row in rows} == {("pending", 0)}
    assert {row["last_error"][:17] for row in rows} == {"output-unwritable"}
    assert sold.run(SEND).json["delivered"] == len(KEYS)
    sold.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_wrong_is_told_before_anything_is_leased(sold):
    (sold.folder / "there.xlsx").write_text("theirs")
    long, short = {"PW": "x" * (PASSWORD_MAX + 1)}, {"PW": "密" * 7}
    by_file = "delivery send --pending --via file"
    for line, env, status, code in (
        (f"{by_file} --password-source env:PW", {}, 2, "out-missing"),
        (f"{by_file} --out cards.csv --password-source env:PW", {}, 2, "not-a-workbook"),
        (f"{by_file} --out cards.xlsx --no-input", {}, 2, None),
        (f"{by_file} --out cards.xlsx --password-source env:PW", long, 2, "password-too-long"),
        (f"{by_file} --out cards.xlsx --password-source env:PW", short, 2, "password-too-short"),
        (f"{by_file} --out there.xlsx --password-source env:PW", {}, 5, "output-exists"),
        (f"{by_file} --out no/cards.xlsx --password-source env:PW", {}, 3, "output-unwritable"),
        ("delivery send --via terminal", {}, 2, "names-or-pending"),
        ("delivery send TB:1 --pending --via terminal", {}, 2, "names-or-pending"),
        ("delivery send TB:9 --via terminal", {}, 4, "not-found"),
    ):
        told = sold.run(f"{line} --json", status=status, env=env)
        assert code in (None, told.error["code"]), line
    assert sold.run("delivery list --json").json == []
    # The cards of an earlier workbook count as delivered: cron may not write over it, either.
    there = f"{by_file} --out there.xlsx --password-source env:PW --yes --json"
    assert sold.run(there, status=5).error["code"] == "output-exists"
    (sold.folder / "there.xlsx").unlink()
    sold.run(there)
    assert len(rows_of(opened(sold.folder / "there.xlsx"))) == len(KEYS) + 1
    # The same again has nothing to deliver, and leaves the file alone.
    sold.run(there)
    assert len(rows_of(opened(sold.folder / "there.xlsx"))) == len(KEYS) + 1
    # Nothing left to deliver makes no file.
    sold.run(SEND)
    assert not (sold.folder / "cards.xlsx").exists()


STRETCHED = stretch(Secret(PASSWORD))


@pytest.mark.parametrize("size", [10, 3_500, 4_096, 60_000, 9_000_000])
def test_a_container_of_any_size_opens(size):
    """From what shares a stream with others to what the header cannot list the sectors of.

    One password, hashed once, opens them all.
    """
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("part", os.urandom(size))
    file = io.BytesIO()
    protected = ProtectedPackage(file, STRETCHED)
    for start in range(0, len(package.getvalue()), 70_001):
        protected.write(package.getvalue()[start : start + 70_001])
    protected.finish()
    olefile.OleFileIO(file, raise_defects=olefile.DEFECT_POTENTIAL)
    file.seek(0)
    office = msoffcrypto.OfficeFile(file)
    office.load_key(password=PASSWORD, verify_password=True)
    plain = io.BytesIO()
    office.decrypt(plain, verify_integrity=True)
    assert plain.getvalue() == package.getvalue()


def test_what_does_not_fit_a_sheet_goes_on_in_another(monkeypatch):
    monkeypatch.setattr("cardctl.workbooks.write._LAST", 4)
    file = io.BytesIO()
    book = GrowingWorkbook(file, ("a", "b"), sheet="Cards")
    for place in range(7):
        book.add((f"0{place}", None))
    book.finish()
    sheets = openpyxl.load_workbook(file).worksheets
    assert [sheet.title for sheet in sheets] == ["Cards", "Cards 2", "Cards 3"]
    cells = [[row[0].value for row in sheet.rows] for sheet in sheets]
    assert cells == [["a", "00", "01", "02"], ["a", "03", "04", "05"], ["a", "06"]]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_libreoffice_opens_it(sold):
    sold.run(SEND)
    done = subprocess.run(
        (
            *("soffice", "--headless", f"--infilter=Calc MS Excel 2007 XML:{PASSWORD}"),
            *("--convert-to", "csv", "--outdir", str(sold.folder), "cards.xlsx"),
        ),
        cwd=sold.folder,
        check=True,
        capture_output=True,
    )
    assert "=1+1" in (sold.folder / "cards.csv").read_text(), done
