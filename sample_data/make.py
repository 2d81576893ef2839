"""Write the sample files anew: `python -m sample_data.make [FOLDER]`.

Every key is made up and says so. What can be the same each time is the same: only the encryption
of the sealed workbook draws a new salt, and the workbook of bad rows notes when it was made.
"""

import csv
import io
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl import Workbook

from cardctl.workbooks.write import SheetPage, new_file, write_sheets, write_workbook
from sample_data import order_lists

PASSWORD = "sample-2026"  # noqa: S105 -- it stands in the README too
FILES = (
    "shop.xlsx",
    "cards-sealed.xlsx",
    "codes.xlsx",
    "codes-gbk.csv",
    "delivery.zip",
    "pasted.txt",
    "bad-rows.xlsx",
    "orders.csv",
    "staff.xlsx",
)

_CARDS, _CODES, _MORE_CODES, _ORDERS, _STAFF = 120, 60, 40, 24, 8
_FIRST_MIXED, _MIXED = 200, 12
_FIRST_PASTED, _PASTED = 500, 6
_PATTERN = "DEMO(-[0-9A-F]{4}){3}"
_GOOD_UNTIL = "2035-12-31"
_KEY_MAX = 4000


def make(folder: Path) -> None:
    """Write all sample files into a folder, over those that are there."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    write_sheets(folder / "shop.xlsx", [SheetPage(name, *rows) for name, *rows in _shop()])
    _write_sealed(folder / "cards-sealed.xlsx")
    write_workbook(folder / "codes.xlsx", ("兑换码", "成本", "有效期", "备注"), _code_rows())
    _write_gbk(folder / "codes-gbk.csv")
    _write_delivery(folder / "delivery.zip")
    _write_pasted(folder / "pasted.txt")
    _write_bad_rows(folder / "bad-rows.xlsx")
    _write_orders(folder / "orders.csv")
    write_workbook(
        folder / "staff.xlsx", ("员工编号", "姓名", "邮箱", "商品编码", "数量"), _staff()
    )
    order_lists.write(folder / "orders")


def code(index: int) -> str:
    """A redeem code of the product VIP1M."""
    digits = blake2b(f"code {index}".encode(), digest_size=6).hexdigest().upper()
    return f"DEMO-{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def card(index: int) -> tuple[str, str]:
    """Number (19 digits, leading zeros) and password of a card of the product GIFT100."""
    password = blake2b(f"card {index}".encode(), digest_size=4).hexdigest().upper()
    return f"{9_000_000_000_000_000 + index * 7919:019d}", f"DEMO{password}"


def _shop() -> list[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """The sheets of a setup workbook: who delivers, what is sold where, where money arrives."""
    return [
        ("供应商", ("编码", "名称", "级别"), [("SUP", "样例批发商", "授权")]),
        (
            "商品",
            ("商品编码", "名称", "种类", "面值", "售价", "最短有效天数", "安全库存", "格式规则"),
            [
                ("VIP1M", "视频会员月卡", "兑换码", "", "25", "30", "100", _PATTERN),
                ("VIP1Y", "视频会员年卡", "兑换码", "", "198", "30", "", _PATTERN),
                ("GIFT100", "购物卡100元", "卡号卡密", "100", "98", "", "", ""),
            ],
        ),
        ("资金账户", ("编码", "名称", "种类", "费率"), [("WX", "微信商户", "微信", "0.6%")]),
        ("渠道", ("编码", "名称", "种类", "资金账户"), [("TB", "淘宝店", "淘宝", "WX")]),
        ("库存池", ("编码", "渠道"), [("live", "")]),
        (
            "商品对照",
            ("供应商", "供应商名称", "商品编码"),
            [("SUP", "视频会员（月）", "VIP1M"), ("SUP", "视频会员（年）", "VIP1Y")],
        ),
    ]


def _write_delivery(path: Path) -> None:
    """A zip of two workbooks; a column says in the supplier's words what each code is of."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            book = Path(folder) / f"发货单{number + 1}.xlsx"
            write_workbook(book, ("商品", "兑换码", "成本", "有效期"), _mixed_rows(number))
            archive.writestr(zipfile.ZipInfo(book.name), book.read_bytes())
    path.chmod(0o600)


def _mixed_rows(number: int) -> Iterator[Sequence[str]]:
    for index in range(_MIXED):
        mine = _FIRST_MIXED + number * _MIXED + index
        name, cost = ("视频会员（年）", "165") if not index % 4 else ("视频会员（月）", "21.60")
        yield name, code(mine), cost, _GOOD_UNTIL


def _write_pasted(path: Path) -> None:
    """What a supplier writes in a chat: keys between other words."""
    lines = ["老板好，今天的购物卡，6 张："]
    lines += ["----".join(card(_FIRST_PASTED + index)) for index in range(_PASTED)]
    path.write_text("\n".join([*lines, "都是新卡，有问题随时找我", ""]), "utf-8")
    path.chmod(0o600)


def _write_sealed(path: Path) -> None:
    """A supplier's workbook as it comes: titles above the header, protected by a password."""
    sheet = Workbook(write_only=True)
    table = sheet.create_sheet("卡密")
    table.append(["样例供应商 发货清单（虚构数据）"])
    table.append([])
    table.append(["序列号", "卡号", "卡密", "面值（元）", "成本（元）", "有效期", "备注"])
    for index in range(_CARDS):
        number, password = card(index)
        table.append([f"S{index + 1:04d}", number, password, 100, 92.5, _GOOD_UNTIL, "样例"])
    plain, sealed = io.BytesIO(), io.BytesIO()
    sheet.save(plain)
    OOXMLFile(plain).encrypt(PASSWORD, sealed)
    with new_file(path) as stream:
        stream.write(sealed.getvalue())


def _code_rows() -> Iterator[Sequence[str]]:
    for index in range(_CODES):
        yield code(index), "21.80", "永久" if index % 10 == 0 else _GOOD_UNTIL, "样例"


def _write_gbk(path: Path) -> None:
    """A csv as a Chinese Excel saves it: GBK, other words for the same columns."""
    rows: list[Sequence[str]] = [("激活码", "到期日期", "进价")]
    rows += [(code(_CODES + index), "2035/12/31", "21.5") for index in range(_MORE_CODES)]
    _write_csv(path, rows, encoding="gbk")


def _write_bad_rows(path: Path) -> None:
    """One row for everything that can be wrong with a row, and a good one to begin with.

    The duplicate in the store is one once `codes.xlsx` was imported.
    """
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    good = ("21.80", _GOOD_UNTIL)
    sheet.append(["兑换码", "成本", "有效期"])
    for row in (
        (code(900), *good),
        (1234567890123456789, *good),
        ("", *good),
        ("WRONG-SHAPE", *good),
        (f"{code(901)}\u200b", *good),
        (code(902), "21.80", "someday"),
        (code(903), "21.80", "2020-01-01"),
        (code(904), "about 20", _GOOD_UNTIL),
        ('=CONCATENATE("DEMO","-0000")', *good),
        ("#N/A", *good),
        ("D" * (_KEY_MAX + 1), *good),
        (code(900), *good),
        (code(0), *good),
    ):
        sheet.append(row)
    workbook.save(path)
    path.chmod(0o600)


def _write_orders(path: Path) -> None:
    """Paid orders of one day; the last one wants more than there is."""
    rows: list[Sequence[str]] = [("订单号", "商品编码", "数量", "实付金额", "付款时间", "买家")]
    for index in range(_ORDERS):
        sku, price = ("VIP1M", 25) if index % 3 else ("GIFT100", 98)
        qty = 1 + index % 2
        paid_at = f"2026-11-20 {9 + index // 4:02d}:{index % 4 * 15:02d}:00"
        buyer = f"样例买家{index + 1}"
        rows.append(
            (f"2026112000{index + 1:04d}", sku, str(qty), f"{price * qty}.00", paid_at, buyer)
        )
    rows.append(("20261120009999", "VIP1M", "300", "7500.00", "2026-11-20 20:00:00", "样例大客户"))
    _write_csv(path, rows, encoding="utf-8-sig")


def _staff() -> Iterator[Sequence[str]]:
    """Who a company gives cards to: one each, and each fourth of them two gift cards."""
    for number in range(1, _STAFF + 1):
        sku, qty = ("VIP1M", "1") if number % 4 else ("GIFT100", "2")
        yield f"E{number:03d}", f"样例员工{number}", f"e{number:03d}@example.com", sku, qty


def _write_csv(path: Path, rows: Sequence[Sequence[str]], *, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows(rows)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
