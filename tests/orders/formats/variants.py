"""What becomes of an order list on its way: how each is made of a sample, and what it comes to.

A variant is refused whole with a code, or comes to the same as the sample, or to some other rows
told; what is told more, or instead, stands beside it.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace

import openpyxl

from sample_data import order_lists
from sample_data.order_lists import OrderList, csv_bytes

TAOBAO_WORD, PDD_WORD = "买家已付款，等待卖家发货", "已发货，待签收"


@dataclass(frozen=True)
class Variant:
    """How a list is changed, and what comes of it.

    `refused`: the code of the error that refuses the file. `told`: rows that are told beside those
    of the sample, instead of being taken; `again`: only told. `shift`: by how many rows everything
    stands lower.
    """

    name: str
    make: Callable[[OrderList], bytes]
    refused: str | None = None
    told: tuple[tuple[int, str, str], ...] = ()
    again: tuple[tuple[int, str, str], ...] = ()
    shift: int = 0


def rows_of(table):
    """The header and all rows, as lists that may be changed."""
    return [list(table.header), *(list(row) for row in table.rows)]


def text(table, rows, **how):
    """The rows as the platform writes them."""
    given = {"encoding": table.encoding, "quoted": table.quoted} | how
    return csv_bytes(rows, **given)


def place(table, name):
    """Where a column stands."""
    return [title.strip() for title in table.header].index(name)


def with_cell(name, value, *, row=None):
    """Write into a column: into one row (1 is the first below the header), or into all."""

    def make(table):
        rows = rows_of(table)
        for one in rows[1:] if row is None else [rows[row]]:
            one[place(table, name)] = value(one[place(table, name)]) if callable(value) else value
        return text(table, rows)

    return make


def without(name):
    """Leave a column out."""

    def make(table):
        at = place(table, name)
        return text(table, [row[:at] + row[at + 1 :] for row in rows_of(table)])

    return make


def twice(table):
    """Every row once more at the end."""
    header, *rows = rows_of(table)
    return text(table, [header, *rows, *rows])


def reordered(table):
    """The last column first."""
    return text(table, [row[::-1] for row in rows_of(table)])


def narrow(table):
    """Half-width commas, and blanks around the words."""
    header, *rows = rows_of(table)
    return text(table, [header, *([cell.replace("，", ", ") for cell in row] for row in rows)])


def trailed(*cells):
    """Blank lines, and one that sums up."""

    def make(table):
        header, *rows = rows_of(table)
        blank = [""] * len(header)
        rows = [header, blank, *rows[:2], blank, *rows[2:], blank]
        summed = [*cells, *blank][: len(header)]
        return text(table, [*rows, summed])

    return make


def titled(table):
    """Two lines above the header."""
    return text(table, [["样例小店 订单导出"], ["导出时间：2026-09-11 09:00:00"], *rows_of(table)])


def utf16(table):
    """Saved as Unicode text."""
    return text(table, rows_of(table), encoding="utf-16")


def mojibake(table):
    """UTF-8 taken for GBK, and saved so."""
    wrong = text(table, rows_of(table), encoding="utf-8").decode("gbk", "replace")
    return wrong.encode()


def cut(table):
    """The end is missing, in the middle of a row and of a cell."""
    return table.as_text().rstrip()[:-9]


def workbook(table, *, merge=None):
    """As a workbook, with merged cells if asked: a column, first and last row of the sheet."""
    book = openpyxl.Workbook()
    for row in rows_of(table):
        book.active.append([cell.removeprefix('="').removesuffix('"') for cell in row])
    for cell in (cell for line in book.active.iter_rows() for cell in line):
        cell.data_type = "s" if cell.value else cell.data_type
    if merge is not None:
        name, first, last = merge
        column = place(table, name) + 1
        book.active.merge_cells(
            start_row=first, end_row=last, start_column=column, end_column=column
        )
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def merged(name, first, last):
    """A workbook in which cells of a column are merged."""
    return lambda table: workbook(table, merge=(name, first, last))


def zipped(table):
    """In a zip whose names are GBK and do not say so, beside a picture."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("____.csv", table.as_text())
        archive.writestr("logo.png", b"\x89PNG")
    return stream.getvalue().replace(b"____.csv", "订单".encode("gbk") + b".csv")


COMMON = (
    Variant("as a workbook", workbook),
    Variant("in a zip", zipped),
    Variant("columns in another order", reordered),
    Variant("lines above the header", titled, shift=2),
    Variant("in another encoding", utf16, refused="encoding-unknown"),
    Variant("taken for another encoding and saved", mojibake, refused="header-missing"),
)

VARIANTS = {
    "taobao": (
        *COMMON,
        Variant(
            "times re-saved by Excel", with_cell("订单付款时间", "2026/9/10 8:00"), "excel-resaved"
        ),
        Variant("ids re-saved by Excel", with_cell("订单编号", "3.51531E+17"), "excel-resaved"),
        Variant("without its statuses", without("订单状态"), "header-missing"),
        Variant("commas of the other width", narrow),
        Variant("every row twice", twice, again=((17, "宝贝标题", "unmapped"),)),
        Variant("two shops", with_cell("店铺名称", "另一家店", row=3), "several-shops"),
        Variant("cut off", cut, told=((10, "订单编号", "row-cut-off"),)),
        Variant("a number merged", merged("订单编号", 2, 3), "merged-cells"),
        Variant("a trailer that counts right", trailed("合计：9笔"), shift=2),
        Variant("a trailer that counts wrong", trailed("合计：10笔"), "control-total"),
        Variant(
            "an amount missing",
            with_cell("买家实际支付金额", "", row=1),
            told=((2, "买家实际支付金额", "missing"),),
        ),
        Variant(
            "another platform's status",
            with_cell("订单状态", PDD_WORD, row=1),
            told=((2, "订单状态", "unknown-status"),),
        ),
        Variant(
            "more items than its report",
            with_cell("宝贝总数量", "5", row=1),
            told=((2, "宝贝总数量", "items-disagree"),),
        ),
    ),
    "pdd": (
        *COMMON,
        Variant(
            "times re-saved by Excel", with_cell("订单成交时间", "2026/9/10 8:00"), "excel-resaved"
        ),
        Variant("ids re-saved by Excel", with_cell("订单号", "2.6091E+20"), "excel-resaved"),
        Variant("without its after-sales", without("售后状态"), "header-missing"),
        Variant("commas of the other width", narrow),
        Variant("every row twice", twice, again=((16, "商家编码-规格维度", "unmapped"),)),
        Variant("cut off", cut, told=((9, "订单号", "row-cut-off"),)),
        Variant("quantities merged", merged("商品数量(件)", 2, 3), "merged-cells"),
        Variant("a trailer that sums up wrong", trailed("合计：8笔，共1.00元"), "control-total"),
        Variant(
            "a quantity missing",
            with_cell("商品数量(件)", "", row=1),
            told=((2, "商品数量(件)", "missing"),),
        ),
        Variant(
            "another platform's status",
            with_cell("订单状态", TAOBAO_WORD, row=1),
            told=((2, "订单状态", "unknown-status"),),
        ),
        Variant(
            "an unknown after-sale",
            with_cell("售后状态", "仲裁", row=1),
            told=((2, "售后状态", "unknown-after-sale"),),
        ),
    ),
    "douyin": (
        *COMMON,
        Variant(
            "times re-saved by Excel", with_cell("订单提交时间", "2026/9/10 8:00"), "excel-resaved"
        ),
        Variant("ids re-saved by Excel", with_cell("主订单编号", "6.917E+18"), "excel-resaved"),
        Variant("without its sub orders", without("子订单编号"), "header-missing"),
        Variant("every row twice", twice, again=((21, "商家编码", "unmapped"),)),
        Variant("cut off", cut, "csv-malformed"),
        Variant("the number of two sub orders merged", merged("主订单编号", 3, 4)),
        Variant("what two sub orders cost merged", merged("订单应付金额", 3, 4), "merged-cells"),
        Variant("a trailer that counts right", trailed("合计", "10条"), shift=2),
        Variant("a trailer that counts wrong", trailed("合计", "11条"), "control-total"),
        Variant(
            "an amount missing",
            with_cell("订单应付金额", "", row=1),
            told=((2, "订单应付金额", "missing"),),
        ),
        Variant(
            "another platform's status",
            with_cell("订单状态", TAOBAO_WORD, row=1),
            told=((2, "订单状态", "unknown-status"),),
        ),
        Variant(
            "an unknown after-sale",
            with_cell("售后状态", "仲裁", row=1),
            told=((2, "售后状态", "unknown-after-sale"),),
        ),
    ),
    "generic": (
        *COMMON,
        Variant(
            "an id re-saved by Excel",
            with_cell("订单号", "6.9E+18", row=1),
            told=((2, "订单号", "excel-resaved"),),
        ),
        Variant(
            "times re-saved by Excel", with_cell("付款时间", lambda was: was and "2026/9/10 8:00")
        ),
        Variant("without its SKUs", without("商品编码"), "header-missing"),
        Variant("quantities merged", merged("数量", 2, 3), "merged-cells"),
        Variant("the number of two lines merged", merged("订单号", 3, 4)),
        Variant("a trailer that counts wrong", trailed("合计：9单"), "control-total"),
        Variant(
            "an amount missing",
            with_cell("实付金额", "", row=1),
            told=((2, "实付金额", "missing"),),
        ),
        Variant(
            "an unknown status",
            with_cell("订单状态", "已发往火星", row=1),
            told=((2, "订单状态", "unknown-status"),),
        ),
    ),
}
"""By format; ten of them at least for each, which a test counts."""


def list_of(code: str, case: int) -> OrderList:
    """The sample of a format with order numbers of its own."""
    made: OrderList = getattr(order_lists, code)(case)
    return replace(made)
