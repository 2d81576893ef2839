"""Importing whole files on both databases."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.workbooks.build import encrypted, one_sheet, table, text_cell, xlsx

IMPORT = "batch import {file} --product {product} --supplier SUP --expires never --json"


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    return shop


def write(shop, name, content):
    (shop.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def run(shop, file, *more, product="VIP", **options):
    line = IMPORT.format(file=file, product=product).split()
    return shop.run([*line, *more], **options)


def count(shop):
    return shop.sql("SELECT count(*) FROM card")[0][0]


def keys(number):
    return [f"KEY-{place:06d}" for place in range(number)]


def code_book(number):
    return xlsx([["兑换码"], *([key] for key in keys(number))])


def test_the_document_of_an_import(stocked):
    content = "卡号,卡密,成本,序列号\n0001,pw1,12.50,s1\n0002,pw2,,s2\n"
    result = run(stocked, write(stocked, "cards.csv", content), product="CARDP").json
    batch = result.pop("batch")
    sha256 = result.pop("sha256")
    assert result == {
        "status": "imported",
        "product": "CARDP",
        "supplier": "SUP",
        "pool": "main",
        "file": "cards.csv",
        "rows": 2,
        "imported": 2,
        "rejected": 0,
        "duplicates": 0,
        "cost_missing": 1,
        "cost_fen": 1250,
        "sheet": "",
        "already_sold": False,
        "rejects": [],
        "skipped_lines": 0,
        "skipped": [],
        "batches": [],
    }
    shown = stocked.run(f"batch show {batch} --json").json
    assert shown["sha256"] == sha256
    assert shown["cards"] == [{"status": "available", "cards": 2}]
    assert [row["batch"] for row in stocked.run("batch list --json").json] == [batch]
    balances = {
        row["account"]: row["balance_fen"] for row in stocked.run("ledger balance --json").json
    }
    assert balances == {"stock": 1250, "payable:SUP": -1250}


def test_the_same_file_again_changes_nothing(stocked):
    file = write(stocked, "codes.xlsx", code_book(20))
    first = run(stocked, file).json
    records = stocked.sql("SELECT count(*) FROM audit_record")
    again = run(stocked, file).json
    assert (again["status"], again["batch"], again["imported"]) == ("unchanged", first["batch"], 0)
    assert stocked.sql("SELECT count(*) FROM audit_record") == records
    assert count(stocked) == 20


def test_a_dry_run_says_the_same_and_keeps_nothing(stocked):
    file = write(stocked, "codes.xlsx", code_book(20))
    tried = run(stocked, file, "--dry-run").json
    assert tried.pop("dry_run") is True
    assert (count(stocked), stocked.sql("SELECT count(*) FROM batch")) == (0, [(0,)])
    done = run(stocked, file).json
    assert tried | {"batch": None} == done | {"batch": None}


def test_one_bad_row_refuses_the_file_and_the_good_ones_may_be_taken(stocked):
    stocked.import_codes("VIP", ["KEY-000001"])
    file = write(stocked, "codes.csv", "兑换码\nKEY-000000\nKEY-000001\n\u200bx\nKEY-000000\n")
    told = run(stocked, file, status=3)
    assert "--skip-bad-rows" in told.stderr
    refused = told.json
    assert (refused["status"], refused["batch"], refused["imported"]) == ("refused", None, 0)
    found = [(error["row"], error["column"], error["code"]) for error in refused["rejects"]]
    assert found == [
        (3, "兑换码", "duplicate-in-store"),
        (4, "兑换码", "invisible-character"),
        (5, "兑换码", "duplicate-in-file"),
    ]
    assert count(stocked) == 1
    partial = run(stocked, file, "--skip-bad-rows", "--rejects", "rejects.csv", status=8).json
    assert (partial["status"], partial["imported"], partial["rejected"], partial["duplicates"]) == (
        "partial",
        1,
        3,
        2,
    )
    rejects = (stocked.folder / "rejects.csv").read_text("utf-8-sig").splitlines()
    assert len(rejects) == 4
    assert rejects[1].startswith("3,兑换码,duplicate-in-store")
    assert count(stocked) == 2


def test_a_duplicate_is_one_however_it_is_written(stocked):
    stocked.import_codes("VIP", ["AB-1234"])
    refused = run(stocked, write(stocked, "codes.csv", "code\nAB1234\n"), status=3).json
    assert refused["rejects"][0]["code"] == "duplicate-in-store"
    stocked.run("product add OTHER --name 别的 --key-space other")
    file = write(stocked, "other.csv", "code\nAB1234\n")
    assert run(stocked, file, product="OTHER").json["imported"] == 1


def test_an_encrypted_workbook_from_every_source_of_its_password(stocked):
    file = write(stocked, "sealed.xlsx", encrypted(code_book(5), "sesame 芝麻"))
    needed = run(stocked, file, status=3)
    assert json.loads(needed.stderr)["error"]["code"] == "password-needed"
    wrong = run(stocked, file, "--password-source", "env:WRONG", env={"WRONG": "x"}, status=3)
    assert json.loads(wrong.stderr)["error"]["code"] == "wrong-password"
    for spec in ("file:none", "env:NONE", "fd:77", "nonsense", "file:"):
        told = run(stocked, file, "--password-source", spec, status=2)
        assert "none" not in told.stderr.replace("names no", "")
    (stocked.folder / "pw").write_text("sesame 芝麻\n")
    done = run(stocked, file, "--password-source", "file:pw", "--dry-run")
    assert done.json["imported"] == 5
    done = run(stocked, file, "--password-source", "command:cat pw", "--dry-run")
    assert done.json["imported"] == 5
    done = run(stocked, file, "--password-source", "env:PW", env={"PW": "sesame 芝麻"})
    assert done.json["status"] == "imported"
    assert "in clear" not in done.stderr


def test_seats_share_the_cost_of_their_card(stocked):
    stocked.run("product add SHARED --name 共享 --kind account --seats 3 --field 密保")
    content = "账号,密码,密保\nuser,pw,dog\n"
    result = run(stocked, write(stocked, "a.csv", content), "--cost", "10", product="SHARED").json
    assert (result["rows"], result["imported"], result["cost_fen"]) == (1, 3, 1000)
    found = stocked.sql("SELECT seat, cost_fen, sealed_fields IS NOT NULL FROM card ORDER BY seat")
    assert [(seat, cost, bool(sealed)) for seat, cost, sealed in found] == [
        (1, 334, True),
        (2, 333, True),
        (3, 333, True),
    ]


def test_cost_by_rate_of_the_face_value(stocked):
    told = run(stocked, write(stocked, "a.csv", "code\nA\n"), "--cost-rate", "92%", status=2)
    assert json.loads(told.stderr)["error"]["code"] == "face-value-needed"
    content = "code,面值\nA,100\nB,50\n"
    result = run(stocked, write(stocked, "b.csv", content), "--cost-rate", "92%").json
    assert result["cost_fen"] == 13800
    told = run(stocked, "b.csv", "--cost-rate", "92%", "--cost", "1", status=2)
    assert json.loads(told.stderr)["error"]["code"] == "cost-twice"


def test_silence_about_the_expiry_is_asked_about(stocked):
    file = write(stocked, "a.csv", "code\nA\n")
    told = stocked.run(f"batch import {file} --product VIP --supplier SUP --json", status=2)
    assert json.loads(told.stderr)["error"]["code"] == "expiry-needed"
    for bad in ("2020-01-01", "someday"):
        stocked.run(f"batch import {file} --product VIP --supplier SUP --expires {bad}", status=2)


UNIMPORTABLE = [
    ("a.csv --product NONE --supplier SUP", 4, "not-found"),
    ("a.csv --product VIP --supplier NONE", 4, "not-found"),
    ("a.csv --product VIP --supplier SUP --pool NONE", 4, "not-found"),
    ("none.csv --product VIP --supplier SUP", 4, "file-missing"),
    (". --product VIP --supplier SUP", 3, "file-is-folder"),
    ("a.csv --product CARDP --supplier SUP", 3, "header-missing"),
    ("a.csv --product VIP --supplier SUP --map secret=none", 3, "mapped-column-missing"),
    ("a.csv --product VIP --supplier SUP --map secret", 2, "usage"),
    ("head.csv --product VIP --supplier SUP", 3, "no-rows"),
]


def test_what_cannot_be_imported_says_why(stocked):
    write(stocked, "a.csv", "code\nA\n")
    write(stocked, "head.csv", "code\n")
    for line, status, code in UNIMPORTABLE:
        told = stocked.run(f"batch import {line} --expires never --json", status=status)
        error = json.loads(told.stderr)["error"]
        assert error["code"] == code
        assert error["hint"] or code == "usage"
    assert count(stocked) == 0


def test_merged_cells_in_a_column_of_keys_refuse_the_file(stocked):
    merged = '<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
    book = one_sheet(table([["兑换码"], ["A"], [""]]), after=merged)
    told = run(stocked, write(stocked, "m.xlsx", book), status=3)
    assert json.loads(told.stderr)["error"]["code"] == "merged-cells"
    title = '<mergeCells count="1"><mergeCell ref="A1:C1"/></mergeCells>'
    book = one_sheet(table([["发货单"], ["兑换码"], ["A"]]), after=title)
    assert run(stocked, write(stocked, "t.xlsx", book)).json["imported"] == 1


def test_hidden_rows_are_imported_and_told(stocked):
    rows = table([["兑换码"]]) + f'<row r="2" hidden="1">{text_cell("A2", "A")}</row>'
    done = run(stocked, write(stocked, "h.xlsx", one_sheet(rows)))
    assert done.json["imported"] == 1
    assert "1 rows of the sheet Sheet1 are hidden" in done.stderr


def test_stdin_is_read_and_the_source_may_be_deleted(stocked):
    assert run(stocked, "-", stdin="code\nA\n").json["file"] == "-"
    file = write(stocked, "b.csv", "code\nB\n")
    assert "in clear" in run(stocked, file).stderr
    run(stocked, file, "--delete-source")
    assert not (stocked.folder / file).exists()
    bad = write(stocked, "c.csv", "code\nB\nC\n")
    run(stocked, bad, "--delete-source", "--skip-bad-rows", status=8)
    assert (stocked.folder / bad).exists()


def test_every_secret_comes_out_as_it_went_in(stocked):
    from cardctl.vault.sealing import CardOpener
    from cardctl.vault.unlock import unlock_vault

    odd = [
        "00012",
        "6225880212345678901",
        "=cmd|' /c calc'!A0",
        "<a>&amp;",
        "卡密é",
        "x" * 4000,
        "👍",
        "_x000D_",
    ]
    rows = [["卡号", "密码"], *([f"N{place}", key] for place, key in enumerate(odd))]
    escaped = [
        [cell.replace("&", "&amp;").replace("<", "&lt;").replace("_x", "_x005F_x") for cell in row]
        for row in rows
    ]
    run(stocked, write(stocked, "odd.xlsx", xlsx(escaped)), product="CARDP")
    cards = stocked.sql(
        "SELECT batch_id, bucket, id, product_id, sealed_number, sealed_secret FROM card"
    )
    settings = __import__("cardctl.settings", fromlist=["load_settings"]).load_settings
    with stocked.store.reading() as session:
        vault = unlock_vault(
            session,
            store_id=stocked.store.store_id,
            settings=settings({"store": stocked.url}, stocked.env, stocked.folder),
            environment=dict(stocked.env),
            ask=None,
        )
        opener = CardOpener(session, vault)
        found = {}
        for batch_id, bucket, card_id, product_id, number, secret in cards:
            place = {
                "batch_id": batch_id,
                "bucket": bucket,
                "card_id": card_id,
                "product_id": product_id,
            }
            name = opener.open("number", sealed=bytes(number), **place).decode()
            found[name] = opener.open("secret", sealed=bytes(secret), **place).decode()
    assert found == {f"N{place}": key for place, key in enumerate(odd)}


def test_two_shells_importing_one_file_make_one_batch(stocked):
    file = write(stocked, "codes.xlsx", code_book(3000))
    line = IMPORT.format(file=file, product="VIP")
    shells = [stocked.spawn(line) for _ in range(2)]
    found = sorted(json.loads(shell.communicate()[0])["status"] for shell in shells)
    assert found == ["imported", "unchanged"]
    assert count(stocked) == 3000
    stocked.run("audit verify")
    stocked.run("ledger check")


@pytest.mark.parametrize("delay", [0.8, 1.6])
def test_a_killed_import_leaves_nothing_or_everything(stocked, delay):
    file = write(stocked, "codes.csv", "code\n" + "\n".join(keys(20_000)))
    line = IMPORT.format(file=file, product="VIP")
    shell = stocked.spawn(line)
    time.sleep(delay)
    shell.kill()
    shell.wait()
    assert count(stocked) in (0, 20_000)
    done = run(stocked, file).json
    assert done["status"] in ("imported", "unchanged")
    assert count(stocked) == 20_000
    stocked.run("audit verify")
    stocked.run("ledger check")


def test_a_killed_reader_is_an_error_of_the_file(stocked):
    file = write(stocked, "codes.csv", "code\n" + "\n".join(keys(200_000)))
    shell = stocked.spawn(IMPORT.format(file=file, product="VIP"))
    while not (children := _children(shell.pid)):
        assert shell.poll() is None
        time.sleep(0.01)
    os.kill(children[0], signal.SIGKILL)
    _, told = shell.communicate()
    assert shell.returncode == 3
    assert json.loads(told)["error"]["code"] == "file-too-large"
    assert count(stocked) == 0


def _children(pid):
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def test_nothing_secret_is_left_in_clear(stocked):
    """Neither a good import nor a refused one leaves a key at home, in a file or in its talk."""
    marker = "CLEARTEXT"
    book = xlsx(
        [["卡号", "密码"], *([f"{marker}-N{place}", f"{marker}-S{place}"] for place in range(500))]
    )
    bad = xlsx([["卡号", "密码"], [f"{marker}-N9999", f"{marker}-S\u200b"]])
    outputs = []
    for name, content, status in (("good.xlsx", book, 0), ("bad.xlsx", bad, 3)):
        file = write(stocked, name, encrypted(content, "sesame"))
        line = ["--password-source", "env:PW", "--rejects", f"{name}.csv"]
        outputs.append(
            run(stocked, file, *line, product="CARDP", env={"PW": "sesame"}, status=status)
        )
    for result in outputs:
        assert marker not in result.stdout + result.stderr
        assert "sesame" not in result.stdout + result.stderr
    folders = (stocked.home, stocked.temporary, stocked.folder)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert marker.encode() not in content, path
        assert b"sesame" not in content, path
    for table_name in ("card", "batch", "audit_record", "data_key", "journal_entry"):
        assert marker not in str(stocked.sql(f"SELECT * FROM {table_name}"))


def test_a_store_that_may_not_grow_is_told_and_left_as_it_was(stocked):
    """SQLite only: the store is a file of this user's."""
    if stocked.backend != "sqlite":
        return
    file = write(stocked, "codes.csv", "code\n" + "\n".join(keys(20_000)))
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from cardctl.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    line = IMPORT.format(file=file, product="VIP").split()
    done = subprocess.run(
        [sys.executable, "-c", program, *line],
        env=stocked.env,
        cwd=stocked.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert json.loads(done.stderr)["error"]["code"].startswith("store-")
    assert count(stocked) == 0
