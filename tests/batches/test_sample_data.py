"""The sample files are those that `make sample-data` writes, and import as their README says."""

from pathlib import Path

from cardctl.workbooks.read import Source, open_sheets, open_tables
from sample_data import make

FOLDER = Path(make.__file__).parent
PATTERN = "DEMO(-[0-9A-F]{4}){3}"


class Password:
    """The password of the sealed workbook."""

    def reveal(self):
        return make.PASSWORD


def cells(path):
    opened = open_sheets if path.name == "shop.xlsx" else open_tables
    with opened(Source.of(str(path)), password=Password()) as tables:
        return [(table.member, [row.cells for row in table.rows]) for table in tables]


def test_they_are_what_the_code_makes(tmp_path):
    make.make(tmp_path)
    for name in make.FILES:
        assert cells(tmp_path / name) == cells(FOLDER / name), name
    # How a workbook is packed is up to the Python that made it.
    for name in ("codes-gbk.csv", "orders.csv", "pasted.txt"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_they_do_what_their_readme_says(shop):
    assert make.PASSWORD in (FOLDER / "README.md").read_text("utf-8")
    assert shop.run(f"setup import {FOLDER / 'shop.xlsx'} --json").json["status"] == "imported"
    assert shop.run("product show VIP1M --json").json["pattern"] == PATTERN
    env = {"PW": make.PASSWORD}
    shop.run("supplier password set SUP --password-source env:PW", env=env)

    def load(name, product, status=0):
        line = f"batch import {FOLDER / name} --product {product} --supplier SUP --json"
        return shop.run(line, status=status).json

    assert load("cards-sealed.xlsx", "GIFT100")["imported"] == 120
    assert load("codes.xlsx", "VIP1M")["imported"] == 60
    assert load("codes-gbk.csv", "VIP1M")["imported"] == 40
    mixed = shop.run(f"batch import {FOLDER / 'delivery.zip'} --supplier SUP --json").json
    assert [(one["product"], one["imported"]) for one in mixed["batches"]] == [
        *(("VIP1M", 18), ("VIP1Y", 6)),
    ]
    line = f"batch import {FOLDER / 'pasted.txt'} --product GIFT100 --supplier SUP --cost 92.50"
    pasted = shop.run(f"{line} --expires 2035-12-31 --json").json
    assert (pasted["imported"], pasted["skipped_lines"]) == (6, 2)
    assert [reject["code"] for reject in load("bad-rows.xlsx", "VIP1M", 3)["rejects"]] == [
        "number-not-text",
        "missing",
        "bad-format",
        "invisible-character",
        "bad-date",
        "expired",
        "bad-money",
        "formula",
        "error-cell",
        "too-long",
        "duplicate-in-file",
        "duplicate-in-store",
    ]
    assert shop.run(f"order import {FOLDER / 'orders.csv'} --channel TB --json").json["new"] == 25
    issued = shop.run("order issue --all --json", status=8).json
    assert (issued["issued"], issued["short"]) == (24, 1)
