"""No secret is readable at rest or on its way: files, WAL, output, temporary folders, /proc.

And what went in comes out: every secret of a password-protected workbook, byte for byte.
"""

import io
import threading
import time
from pathlib import Path

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from tests.support.clear_text import Needles, files_holding

PASSWORD = "made-up-workbook-password"
IMPORT = (
    "batch import sealed.xlsx --product CARDP --supplier SUP --cost 3.21 --expires never"
    " --password-source env:WORKBOOK_PASSWORD"
)


def made_up_rows(count):
    """Numbers and passwords as suppliers send them, the awkward ones included."""
    awkward = [
        ("0000000000000000019", "=cmd|' /C calc'!A0"),
        ("1234567890123456789", "<a href='x'>&amp;</a>"),
        ("0012", "密码-含中文-123"),
        ("CARD-+-SUM", "+SUM(A1:A9)"),
        ("EMOJI-CARD", "🎁🎁🎁🎁"),
        ("LONG-CARD", "L0ng" * 1_000),
    ]
    plain = [(f"NR{place:010d}", f"Secret-{place:06d}-made-up") for place in range(count)]
    return (awkward + plain)[:count]


def write_sealed_workbook(path, rows):
    """An xlsx with Chinese headers, encrypted with a password; never in clear on the disk."""
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("卡密")
    sheet.append(["卡号", "密码", "备注"])
    for number, secret in rows:
        cells = [openpyxl.cell.WriteOnlyCell(sheet, text) for text in (number, secret)]
        for cell in cells:
            cell.data_type = "s"
        sheet.append([*cells, "现货"])
    plain = io.BytesIO()
    workbook.save(plain)
    with path.open("wb") as file:
        OOXMLFile(plain).encrypt(PASSWORD, file)


class ProcessWatch:
    """Reads the command lines and environments of all processes while a block runs."""

    def __init__(self, needles):
        self.needles = [needle.encode() for needle in needles]
        self.found = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    told = path.read_bytes()
                except OSError:
                    continue
                self.found += [needle for needle in self.needles if needle in told]
            time.sleep(0.02)


@pytest.fixture
def watched(shop):
    """A shop whose server log is read from here on."""
    shop.seed_catalog()
    if shop.backend == "postgres":
        shop.first_log = shop.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")[0][0]
    return shop


def stored_octets(shop):
    """What a Postgres server has on its disk of this database: tables and the log before them."""
    if shop.backend == "sqlite":
        return b""
    shop.execute("CHECKPOINT")
    tables = shop.sql(
        "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    log = shop.sql(
        "SELECT pg_read_binary_file('pg_wal/' || name) FROM pg_ls_waldir()"
        " WHERE name BETWEEN :first AND pg_walfile_name(pg_current_wal_lsn())",
        first=shop.first_log,
    )
    return b"".join(bytes(octets) for (octets,) in tables + log)


def assert_nothing_in_clear(shop, rows, *outputs):
    needles = [text for row in rows for text in row if len(text) >= 8] + [PASSWORD]
    folders = [shop.home, shop.temporary, shop.folder]
    assert list(files_holding(needles, folders)) == []
    wanted = Needles(needles)
    assert wanted.found_in("".join(outputs).encode()) == set()
    assert wanted.found_in(stored_octets(shop)) == set()


def import_as_process(shop, line, rows):
    """Run an import as a process that is watched; (exit status, everything it said)."""
    sample = [text for row in rows[:200] for text in row if len(text) >= 8]
    with ProcessWatch([PASSWORD, *sample]) as watch:
        process = shop.spawn(line, env={"WORKBOOK_PASSWORD": PASSWORD}, afresh=True)
        stdout, stderr = process.communicate(timeout=300)
    assert watch.found == []
    return process.returncode, stdout + stderr


def prove_round_trip(watched, count):
    rows = made_up_rows(count)
    write_sealed_workbook(watched.folder / "sealed.xlsx", rows)
    env = {"WORKBOOK_PASSWORD": PASSWORD}

    dry = watched.run(f"{IMPORT} --dry-run --json", env=env).json
    assert (dry["imported"], dry["dry_run"]) == (count, True)
    assert watched.sql("SELECT COUNT(*) FROM card") == [(0,)]

    status, said = import_as_process(watched, f"{IMPORT} --json", rows)
    assert status == 0, said
    assert watched.sql("SELECT COUNT(*) FROM card") == [(count,)]
    again = watched.run(f"{IMPORT} --json", env=env)
    assert again.json["status"] == "unchanged"

    watched.run(f"order add --channel TB --number 1 --sku CARDP --qty {count} --paid 100")
    issued = watched.run("order issue TB:1 --json")
    masked = watched.run("order show TB:1 --json")
    assert_nothing_in_clear(
        watched, rows, said, again.stdout, again.stderr, issued.stdout, masked.stdout
    )

    revealed = watched.run("order show TB:1 --reveal --reason 'the proof' --json").json["cards"]
    assert sorted((card["number"], card["secret"]) for card in revealed) == sorted(rows)
    line = "delivery send TB:1 --via file --out out.xlsx --password-source env:WORKBOOK_PASSWORD"
    sent = watched.run(line, env=env)
    assert sorted(delivered(watched.folder / "out.xlsx")) == sorted(rows)
    watched.run("audit verify")
    assert_nothing_in_clear(watched, rows, sent.stdout, sent.stderr)


def delivered(path):
    """The numbers and passwords in a delivered workbook."""
    plain = io.BytesIO()
    with path.open("rb") as file:
        office = OOXMLFile(file)
        office.load_key(password=PASSWORD)
        office.decrypt(plain, verify_integrity=True)
    sheet = openpyxl.load_workbook(plain, read_only=True).active
    return [(row[3], row[4]) for row in sheet.iter_rows(min_row=2, values_only=True)]


def test_what_goes_in_sealed_comes_out_byte_for_byte(watched):
    prove_round_trip(watched, 300)


@pytest.mark.prove
def test_ten_thousand_rows_go_in_sealed_and_come_out_byte_for_byte(watched):
    begun = time.monotonic()
    prove_round_trip(watched, 10_000)
    print(f"\n{watched.backend}: 10,000 sealed rows in and out in {time.monotonic() - begun:.0f} s")


def test_a_failed_import_leaves_nothing_in_clear(watched):
    rows = made_up_rows(200)
    write_sealed_workbook(watched.folder / "sealed.xlsx", [*rows, ("NR-WITHOUT-SECRET", "")])
    status, said = import_as_process(watched, IMPORT, rows)
    assert status == 3
    assert watched.sql("SELECT COUNT(*) FROM card") == [(0,)]
    assert_nothing_in_clear(watched, rows, said)


def test_a_wrong_password_says_so_and_repeats_none(watched):
    rows = made_up_rows(20)
    write_sealed_workbook(watched.folder / "sealed.xlsx", rows)
    refused = watched.run(IMPORT, env={"WORKBOOK_PASSWORD": "wrong-made-up"}, status=3)
    assert "wrong-made-up" not in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
    assert_nothing_in_clear(watched, rows, refused.stdout, refused.stderr)


def test_the_search_finds_what_stands_in_clear(tmp_path):
    needles = ["SecrSecret-000001", "Secret-000002-made-up", "密码-含中文-123"]
    (tmp_path / "plain").write_bytes(
        b"\0Secr" + needles[0].encode() + b"\xff" + needles[1].encode()
    )
    (tmp_path / "wide").write_bytes(b"x" + needles[2].encode("utf-16-le"))
    (tmp_path / "clean").write_bytes(b"Secret-000003-made-up Secret-00000")
    assert list(files_holding(needles, [tmp_path])) == [
        (tmp_path / "plain", needles[0]),
        (tmp_path / "plain", needles[1]),
        (tmp_path / "wide", needles[2]),
    ]
