"""The sample files are those that `make sample-data` writes, and import as their README says."""

from pathlib import Path

from cardctl.workbooks.read import Source, open_table
from sample_data import make

FOLDER = Path(make.__file__).parent
PATTERN = "DEMO(-[0-9A-F]{4}){3}"


class Password:
    """The password of the sealed workbook."""

    def reveal(self):
        return make.PASSWORD


def cells(path):
    with open_table(Source.of(str(path)), password=Password()) as table:
        return [row.cells for row in table.rows]


def test_they_are_what_the_code_makes(tmp_path):
    make.make(tmp_path)
    for name in make.FILES:
        assert cells(tmp_path / name) == cells(FOLDER / name), name
    # How a workbook is packed is up to the Python that made it.
    for name in ("codes-gbk.csv", "orders.csv"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_they_do_what_their_readme_says(shop):
    assert make.PASSWORD in (FOLDER / "README.md").read_text("utf-8")
    for line in (
        "supplier add SUP --name 批发商",
        "channel add TB --name 淘宝店 --kind taobao",
        f"product add VIP1M --name 视频会员月卡 --price 25 --pattern '{PATTERN}'",
        "product add GIFT100 --name 礼品卡 --kind card --face-value 100 --price 98",
    ):
        shop.run(line)

    def load(name, product, status=0):
        line = f"batch import {FOLDER / name} --product {product} --supplier SUP"
        return shop.run(
            f"{line} --password-source env:PW --json", env={"PW": make.PASSWORD}, status=status
        ).json

    assert load("cards-sealed.xlsx", "GIFT100")["imported"] == 120
    assert load("codes.xlsx", "VIP1M")["imported"] == 60
    assert load("codes-gbk.csv", "VIP1M")["imported"] == 40
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
