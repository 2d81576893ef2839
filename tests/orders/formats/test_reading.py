"""Rows and files that need more than a glance: any cell, the wrong channel, several tables."""

import io
from dataclasses import replace
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.orders.item_reports.taobao import ITEMS
from cardctl.orders.reading import CellRefused, FieldRow, ItemLine
from cardctl.orders.records import LineRecord, check_order
from cardctl.orders.tables import ExportIncomplete, open_orders, order_formats
from cardctl.workbooks.cells import NotText, Row
from cardctl.workbooks.headers import find_header
from cardctl.workbooks.source import Source
from sample_data import order_lists
from sample_data.order_lists import csv_bytes
from tests.orders.formats.variants import list_of, rows_of, text, without

FORMATS = order_formats()
ZONE = ZoneInfo("Asia/Shanghai")
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
    # The report is no list, nor is a list the report: each is told where it belongs.
    items, wrong = stocked.folder / "items.csv", stocked.folder / "wrong.csv"
    assert refused(stocked, taobao.items.as_text()) == "item-report"
    renamed = replace(taobao.items, header=["子订单号", "订单号", *taobao.items.header[2:]])
    assert refused(stocked, renamed.as_text()) == "item-report"
    items.write_bytes(taobao.items.as_text())
    told = refused(stocked, pdd.as_text(), "--items items.csv", status=2, channel="PDD")
    assert told == "items-not-taken"
    for table in (pdd, taobao):
        wrong.write_bytes(table.as_text())
        assert refused(stocked, taobao.as_text(), "--items wrong.csv") == "order-list"


NEEDED = {
    "taobao": ("总金额", "退款金额"),
    "pdd": ("售后状态",),
    "douyin": ("售后状态", "平台实际承担优惠金额", "达人实际承担优惠金额"),
}
"""Without one of these, other money is booked or nobody sees that the buyer asks it back."""


@pytest.mark.parametrize("code", NEEDED)
def test_a_list_that_hides_money_or_refunds_is_refused_with_the_column(code, tmp_path):
    table = list_of(code, 1)
    path = tmp_path / "list.csv"
    for name in NEEDED[code]:
        path.write_bytes(without(name)(table))
        with (
            pytest.raises(ExportIncomplete) as caught,
            open_orders(Source.of(str(path)), "auto", ZONE),
        ):
            pass
        assert caught.value.details["missing"] == name


def taobao_row(**facts):
    """What Taobao's list says of an order of two things of which money went back."""
    told = {"订单编号": "1", "订单状态": "交易成功", "宝贝标题": "x", "宝贝总数量": "2"} | facts
    names = [name.strip() for name in order_lists.TAOBAO_46]
    header = find_header(iter([Row(1, names)]), FORMATS["taobao"].synonyms, ())
    line = LineRecord(sku="VIP", qty=2, variant="")
    items = {"1": (ItemLine(row=2, sub_order="1", line=line),)}
    cells = [told.get(name, "") for name in names]
    row = FieldRow(2, cells, header, exact_numbers=False, zone=ZONE, items=items)
    reject, record = outcome(FORMATS["taobao"], row)
    if reject is not None:
        return reject.column, reject.problem.code
    return record.status.value, record.paid_fen, record.refunded_fen


def test_what_was_paid_back_is_in_the_sum_or_out_of_it_or_a_person_says():
    def told(paid, refunded, payable):
        facts = {"买家实际支付金额": paid, "退款金额": refunded, "总金额": payable}
        return taobao_row(**facts)

    assert told("25.00", "25.00", "50.00") == ("paid", 5000, 2500)
    assert told("50.00", "25.00", "50.00") == ("paid", 5000, 2500)
    assert told("50.00", "50.00", "50.00") == ("refunded", None, None)
    assert told("0.00", "50.00", "50.00") == ("refunded", None, None)
    # Of 60 owed it may be half of what was paid, or all of it.
    assert told("25.00", "25.00", "60.00") == ("退款金额", "refund-unclear")
    assert told("25.00", "25.00", "") == ("总金额", "missing")
    assert told("", "25.00", "25.00") == ("买家实际支付金额", "missing")
    unpaid = {"订单状态": "等待买家付款", "买家实际支付金额": "0.00"}
    assert taobao_row(**unpaid) == ("总金额", "missing")


def test_an_unknown_word_of_a_platform_names_what_its_reader_can_do():
    for code, names in (("pdd", ("订单状态", "售后状态")), ("taobao", ("订单状态",))):
        table = list_of(code, 1)
        header = find_header(iter([Row(1, table.header)]), FORMATS[code].synonyms, ())
        for name in names:
            cells = [
                "外星" if title == name else cell
                for title, cell in zip(table.header, table.rows[0], strict=True)
            ]
            row = FieldRow(2, cells, header, exact_numbers=False, zone=ZONE)
            reject, _ = outcome(FORMATS[code], row)
            assert (reject.column, "cardctl order add" in reject.problem.hint) == (name, True)


def test_without_its_item_report_a_list_says_what_it_can(stocked):
    stocked.run(["channel", "map", "add", "TB", order_lists.TITLE, "VIP"])
    table = list_of("taobao", 1)
    line = "order import - --channel TB --dry-run --json"
    done = stocked.run(line, stdin=table.as_text(), status=8)
    # Two kinds of things, and a title that nobody mapped; no after-sale is told of here.
    assert [(one["row"], one["code"]) for one in done.json["rejects"]] == [
        *((3, "items-needed"), (7, "partly-refunded"), (8, "unmapped")),
    ]
    assert done.json["new"] == 4
    assert "without its item report (--items FILE)" in done.stderr
    # A title that is sold in variants may be any of them, and is not to be mapped as a whole.
    stocked.run(["channel", "map", "add", "TB", order_lists.TITLE, "--variant", "月卡", "VIP"])
    told = stocked.run(line, stdin=table.as_text(), status=8).json
    unmapped = [one for one in told["rejects"] if one["code"] == "unmapped"]
    assert (told["new"], len(unmapped)) == (0, 6)
    for one in unmapped:
        assert "--items FILE" in one["hint"]
        assert "channel map" not in one["hint"]


def test_the_smallest_item_report_tells_the_codes(stocked):
    stocked.run(["channel", "map", "add", "TB", order_lists.TITLE, "--variant", "月卡", "VIP"])
    table = list_of("taobao", 1)
    header = [
        "子订单编号",
        "主订单编号",
        "商家编码",
        "外部系统编号",
        "商品标题",
        "物流单号",
        "物流公司",
    ]
    number, title = (table.rows[0][table.header.index(name)] for name in ("订单编号", "宝贝标题 "))
    for code, ends in (("VIP", []), ("", ["variant-needed"])):
        report = csv_bytes(
            [header, [number, number, code, "", title, "", ""]], encoding="gbk", quoted=True
        )
        (stocked.folder / "items.csv").write_bytes(report)
        line = "order import - --items items.csv --channel TB --dry-run --json"
        stdin = text(table, [table.header, table.rows[0]])
        done = stocked.run(line, stdin=stdin, status=None)
        assert [one["code"] for one in done.json["rejects"]] == ends
        assert "without its item report" not in done.stderr


def test_an_item_report_is_held_against_its_list(stocked):
    stocked.run(["channel", "map", "add", "TB", order_lists.TITLE, "VIP"])
    table = list_of("taobao", 1)
    line = "order import - --channel TB --json"
    report = table.items
    (stocked.folder / "items.csv").write_bytes(report.as_text())
    told = stocked.run(f"{line} --items items.csv", stdin=table.as_text(), status=8).json
    assert [(one["row"], one["code"]) for one in told["rejects"]] == [
        *((7, "partly-refunded"), (8, "unmapped"), (9, "after-sale"), (10, "unmapped")),
    ]
    broken = replace(report, rows=[row for row in report.rows if table.rows[0][0] != row[1]])
    at = report.header.index("退款状态")
    broken.rows[0][at] = "仲裁"
    (stocked.folder / "items.csv").write_bytes(broken.as_text())
    again = stocked.run(f"{line} --items items.csv", stdin=table.as_text(), status=8).json
    codes = {(one["row"], one["code"]) for one in again["rejects"]}
    assert {(2, "items-missing"), (3, "item-row")} <= codes
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


def test_what_is_sold_in_variants_is_never_mapped_nor_given_as_a_whole(stocked):
    for variant, sku in (("月卡", "VIP"), ("年卡", "CARDP")):
        stocked.run(["channel", "map", "add", "PDD", "会员", "--variant", variant, sku])
    table = list_of("pdd", 1)
    at = {name: table.header.index(name) for name in ("商品", "商品规格", "商家编码-规格维度")}

    def told(title, variant, code=""):
        row = list(table.rows[0])
        row[at["商品"]], row[at["商品规格"]], row[at["商家编码-规格维度"]] = title, variant, code
        line = "order import - --channel PDD --dry-run --json"
        stdin = text(table, [table.header, row])
        rejects = stocked.run(line, stdin=stdin, status=None).json["rejects"]
        return [(one["code"], one["hint"]) for one in rejects]

    assert told("会员", "月卡") == []
    [(code, hint)] = told("会员", "")
    assert (code, "channel map" in hint, "CARDP, VIP" in hint) == ("variant-needed", False, True)
    assert told("会员", "季卡") == [
        ("unmapped", "cardctl channel map add PDD '会员' --variant '季卡' SKU")
    ]
    assert told("新品", "") == [("unmapped", "cardctl channel map add PDD '新品' SKU")]
    # Who mapped all the others did not mean one that nobody tells, nor a code that is unknown.
    stocked.run("channel map add PDD 会员 VIP")
    assert told("会员", "") == []
    assert told("会员", "月卡", "NEW") == []
    assert told("会员", "", "NEW") == [("unmapped", "cardctl channel map add PDD NEW SKU")]
    own = "order,sku,paid\n1,会员,28\n"
    done = stocked.run("order import - --channel PDD --json", stdin=own, status=8).json
    assert [one["code"] for one in done["rejects"]] == ["variant-needed"]
    own = '{"order": "2", "sku": "会员", "paid": 28}\n'
    answer = stocked.run("order run - --channel PDD --stream", stdin=own)
    assert '"code": "variant-needed"' in answer.stdout


def test_a_list_without_what_the_shop_receives_is_taken_with_a_warning(stocked):
    table = list_of("pdd", 1)
    at = table.header.index("商家实收金额(元)")
    rows = [[cell for place, cell in enumerate(row) if place != at] for row in rows_of(table)]
    told = stocked.run("order import - --channel PDD", stdin=text(table, rows), status=8).stderr
    assert "- has no column 商家实收金额(元): 用户实付金额(元) is booked as paid" in told
