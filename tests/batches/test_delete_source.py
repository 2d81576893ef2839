"""--delete-source: only what is in the store whole is deleted; a key is nowhere else."""

import pytest

from tests.batches.files import sheets
from tests.workbooks import build

IMPORT = "batch import {file} --product VIP --supplier SUP --expires never --delete-source --json"


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    return shop


def kept(shop, name, content, *, more="", status=0):
    """Import a file twice, to be deleted; whether it is there after that, and the statuses told."""
    path = shop.folder / name
    path.write_bytes(content)
    told = []
    for place in range(2):
        done = shop.run(f"{IMPORT.format(file=name)} {more}", status=None if place else status)
        told.append(done.json["status"])
        assert ("was kept" in done.stderr) == path.exists()
        if not path.exists():
            break
    return path.exists(), told


def test_what_is_in_the_store_whole_is_deleted(stocked):
    assert kept(stocked, "a.csv", b"code\nA-1\n") == (False, ["imported"])
    tables = build.pack({"b.csv": "code\nB-1\n"})
    assert kept(stocked, "tables.zip", tables) == (False, ["imported"])
    (stocked.folder / "c.csv").write_text("code\nC-1\n", "utf-8")
    stocked.run("batch import c.csv --product VIP --supplier SUP --expires never")
    assert kept(stocked, "c.csv", b"code\nC-1\n") == (False, ["unchanged"])


def test_a_file_with_rows_that_were_left_out_is_kept(stocked):
    bad = b"code\nB\n\xe2\x80\x8b\nC\nC\n"
    found = kept(stocked, "bad.csv", bad, more="--skip-bad-rows", status=8)
    assert found == (True, ["partial", "unchanged"])


def test_a_workbook_with_another_sheet_is_kept(stocked):
    book = sheets(A=[["兑换码"], ["A-1"]], B=[["兑换码"], ["B-1"]])
    assert kept(stocked, "book.xlsx", book, more="--sheet A") == (True, ["imported", "unchanged"])


def test_a_zip_with_something_unread_is_kept(stocked):
    mixed = build.pack({"a.csv": "code\nA-1\n", "b.rar": b"Rar!\x1a\x07\x00\x01 more keys"})
    assert kept(stocked, "keys.zip", mixed) == (True, ["imported", "unchanged"])
