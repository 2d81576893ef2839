"""Rows and files that need more than a glance: any cell, the wrong channel, several tables."""

import io
from dataclasses import replace
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.item_reports.taobao import ITEMS
from cardctl.orders.reading import CellRefused, FieldRow
from cardctl.orders.records import check_order
from cardctl.orders.tables import order_formats
from cardctl.workbooks.cells import NotText, Row
from cardctl.workbooks.headers import find_header
from sample_data import order_lists
from tests.orders.formats.variants import list_of, rows_of, text

FORMATS = order_formats()
WORDS = [
    "1",
    "28.00",
    "-",
    "2026-09-10 08:00:05",
    '="1"',
    "6.9E+18",
    "待发货",
    "交易成功",
    "已完成",
]
WORDS += ["退款成功", "已关闭", "售后处理中", "无售后或售后取消", "合计：1笔"]
KINDS = st.sampled_from(["number", "date", "boolean", "error", "formula"])
CELLS = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.builds(NotText, KINDS, st.sampled_from([*WORDS, "351531000000000001", "#N/A"])),
)


def outcome(known, row):
    """Why a row is not read, or what it says."""
    try:
        return None, known.read(row)
    except CellRefused as refused:
        return refused.reject, None


@pytest.mark.parametrize("known", [*FORMATS.values(), ITEMS], ids=lambda known: known.code)
def test_any_row_is_read_or_names_a_cell(known):
    names = list(known.synonyms)
    row = Row(1, [known.synonyms[name][0] for name in names])
    header = find_header(iter([row]), known.synonyms, known.required)

    @given(st.lists(CELLS, max_size=len(names)))
    def read(cells):
        row = FieldRow(7, cells, header, exact_numbers=False, zone=ZoneInfo("Asia/Shanghai"))
        reject, record = outcome(known, row)
        if reject is not None:
            assert (reject.row, str(reject.problem) != "") == (7, True)
        elif known is not ITEMS:
            assert check_order(record) == record

    read()


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    for line in ("channel add PDD --name x --kind pdd", "channel add OWN --name x --kind own"):
        shop.run(line)
    return shop


def refused(shop, content, more="", *, status=3, channel="TB"):
    line = f"order import - --channel {channel} --json {more}"
    return shop.run(line, stdin=content, status=status).error["code"]


def test_a_list_belongs_to_the_channel_it_is_taken_for(stocked):
    taobao, pdd = list_of("taobao", 1), list_of("pdd", 1)
    assert refused(stocked, pdd.as_text()) == "wrong-channel"
    assert refused(stocked, taobao.as_text(), channel="PDD") == "wrong-channel"
    line = "order import - --channel OWN --json"
    assert stocked.run(line, stdin=pdd.as_text(), status=8).json["format"] == "pdd"
    assert refused(stocked, pdd.as_text(), "--order-format taobao") == "header-missing"
    # What is only a part of a list is no list.
    assert refused(stocked, taobao.items.as_text()) == "header-missing"
    (stocked.folder / "items.csv").write_bytes(taobao.items.as_text())
    (stocked.folder / "wrong.csv").write_bytes(pdd.as_text())
    told = refused(stocked, pdd.as_text(), "--items items.csv", status=2, channel="PDD")
    assert told == "items-not-taken"
    assert refused(stocked, taobao.as_text(), "--items wrong.csv") == "header-missing"


def test_without_its_item_report_a_list_says_what_it_can(stocked):
    stocked.run(["channel", "map", "add", "TB", order_lists.TITLE, "VIP"])
    table = list_of("taobao", 1)
    line = "order import - --channel TB --json"
    told = stocked.run(line, stdin=table.as_text(), status=8).json

    # Two kinds of things, and a title that nobody mapped; no after-sale is told of here.
    assert [(one["row"], one["code"]) for one in told["rejects"]] == [
        *((3, "items-needed"), (7, "partly-refunded"), (8, "unmapped")),
    ]
    assert told["new"] == 4
    report = table.items
    broken = replace(report, rows=[row for row in report.rows if table.rows[0][0] != row[1]])
    at = report.header.index("退款状态")
    broken.rows[0][at] = "仲裁"
    (stocked.folder / "items.csv").write_bytes(broken.as_text())
    again = stocked.run(f"{line} --items items.csv", stdin=table.as_text(), status=8).json
    codes = {(one["row"], one["code"]) for one in again["rejects"]}
    assert {(2, "items-missing"), (3, "item-row"), (9, "conflict")} <= codes
    rows = [
        ["3.51531E+17" if cell.startswith("=") else cell for cell in row] for row in rows_of(report)
    ]
    saved = text(report, rows)
    (stocked.folder / "items.csv").write_bytes(saved)
    assert refused(stocked, table.as_text(), "--items items.csv") == "excel-resaved"


def test_a_workbook_may_hold_more_than_the_list(stocked):
    table = list_of("pdd", 1)
    book = openpyxl.Workbook()
    book.active.append(["说明"])
    for name in ("订单", "副本"):
        sheet = book.create_sheet(name)
        for row in rows_of(table):
            sheet.append([cell.strip() for cell in row])

    def content():
        stream = io.BytesIO()
        book.save(stream)
        return stream.getvalue()

    assert refused(stocked, content(), channel="PDD") == "several-tables"
    book["副本"].sheet_state = "hidden"
    line = "order import - --channel PDD"
    done = stocked.run(line, stdin=content(), status=8)
    assert "Sheet, inside -, is no table of orders" in done.stderr


def test_a_list_without_what_the_shop_receives_is_taken_with_a_warning(stocked):
    table = list_of("pdd", 1)
    at = table.header.index("商家实收金额(元)")
    rows = [[cell for place, cell in enumerate(row) if place != at] for row in rows_of(table)]
    for kept in (rows_of(table), rows):
        stocked.run("order import - --channel PDD --dry-run", stdin=text(table, kept), status=8)
    told = stocked.run("order import - --channel PDD", stdin=text(table, rows), status=8).stderr
    assert "- has no column 商家实收金额(元): 用户实付金额(元) is booked as paid" in told
