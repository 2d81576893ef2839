"""Order lists as platforms export them, and what becomes of each order: written by `make`.

Every number, name and address is made up. The columns are those of real exports; the orders are of
the sample shop, whose channels PDD and DY and whose names for products are in `channels.xlsx`.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardctl.workbooks.write import SheetPage, write_sheets, write_workbook

Row = list[str]

MONTH, YEAR, GIFT = "VIP1M", "VIP1Y", "GIFT100"
TITLE, NEW_TITLE = "样例视频会员 自动发货", "样例新品"
PRIVATE = ("样例收货人", "13900000000", "样例市样例路1号", "样例留言", "sample@alipay.invalid")
"""What is in the lists and must not be kept: receiver, phone, address, message, payment account."""

_RECEIVER, _PHONE, _ADDRESS, _MESSAGE, _PAYMENT = PRIVATE
TOPUP_ACCOUNT = "13800000008"
_PAID_AT = "2026-09-10 08:00:05"


def _columns(text: str) -> list[str]:
    return text.split(",")


TAOBAO_46 = _columns(
    "订单编号,买家会员名,买家支付宝账号,买家应付货款,买家应付邮费,买家支付积分,总金额,返点积分,"
    "买家实际支付金额,买家实际支付积分,订单状态,买家留言,收货人姓名,收货地址 ,运送方式,联系电话 ,"
    "联系手机,订单创建时间,订单付款时间 ,宝贝标题 ,宝贝种类 ,物流单号 ,物流公司,订单备注,"
    "宝贝总数量,店铺Id,店铺名称,订单关闭原因,卖家服务费,买家服务费,发票抬头,是否手机订单,分阶段订单信息,"
    "特权订金订单id,是否上传合同照片,是否上传小票,是否代付,定金排名,修改后的sku,修改后的收货地址,"
    "异常信息,天猫卡券抵扣,集分宝抵扣,是否是O2O交易,退款金额,预约门店"
)
TAOBAO_67 = _columns(
    "订单编号,买家会员名,买家支付宝账号,支付单号,支付详情,买家应付货款,买家应付邮费,买家支付积分,"
    "总金额,返点积分,买家实际支付金额,买家实际支付积分,订单状态,买家留言,收货人姓名,收货地址,运送方式,"
    "联系电话,联系手机,订单创建时间,订单付款时间,宝贝标题,宝贝种类,物流单号,物流公司,订单备注,"
    "宝贝总数量,店铺Id,店铺名称,订单关闭原因,卖家服务费,买家服务费,发票抬头,是否手机订单,"
    "分阶段订单信息,特权订金订单id,是否上传合同照片,是否上传小票,是否代付,定金排名,修改后的sku,"
    "修改后的收货地址,异常信息,天猫卡券抵扣,集分宝抵扣,是否是O2O交易,满返红包金额,新零售交易类型,"
    "新零售导购门店名称,新零售导购门店id,新零售发货门店名称,新零售发货门店id,退款金额,预约门店,"
    "确认收货时间,打款商家金额,含应开票给个人的个人红包,是否信用购,体验期结束时间,前N有礼,配送类型,"
    "直播返现状态,返现金额,新零售成交门店昵称,新零售成交门店id,新零售成交经销商id,主订单编号"
)
TAOBAO_ITEMS = _columns(
    "子订单编号,主订单编号,商品标题,商品价格,购买数量,外部系统编号,商品属性,商家编码,"
    "买家实际支付金额,退款状态,物流单号,物流公司"
)
PDD = _columns(
    "订单成交时间,商品,订单号,订单状态,商品总价(元),邮费(元),店铺优惠折扣(元),平台优惠折扣(元),"
    "多多支付立减金额(元),用户实付金额(元),商家实收金额(元),商品数量(件),发货时间,确认收货时间,商品id,"
    "商品规格,样式ID,商家编码-规格维度,商家编码-商品维度,商家备注,售后状态,快递单号,快递公司,充值号码"
)
DOUYIN = _columns(
    "主订单编号,子订单编号,选购商品,商品规格,商品数量,商家编码,订单应付金额,运费,收件人,收件人手机号,"
    "详细地址,订单提交时间,商家备注,订单完成时间,订单状态,售后状态,取消原因,发货时间,"
    "平台实际承担优惠金额,商家实际承担优惠金额,达人实际承担优惠金额"
)
GENERIC = _columns("订单号,商品编码,数量,实付金额,付款时间,买家,订单状态,备注")

CHANNELS = {"taobao": "TB", "taobao-67": "TB", "pdd": "PDD", "douyin": "DY", "generic": "TB"}
"""The channel of the sample shop that each list is imported into."""
WORKBOOKS = ("taobao-67", "generic")
"""The lists that are workbooks; the others are csv."""


@dataclass(frozen=True, kw_only=True)
class OrderList:
    """A list, and what importing it comes to: the exit status, the orders kept, the rows told.

    `wanted` is by order number: status, what was paid in fen, and the lines (SKU, quantity, fen).
    """

    header: Sequence[str]
    rows: list[Row]
    encoding: str
    quoted: bool = False
    wanted: Mapping[str, tuple[str, int, list[tuple[str, int, int]]]] = field(default_factory=dict)
    not_taken: int = 0
    rejects: list[tuple[int, str, str]] = field(default_factory=list)
    items: "OrderList | None" = None
    orders: int = 0
    """How many there are; else as many as rows."""

    def expected(self) -> dict[str, Any]:
        """What stands beside the sample."""
        return {
            "status": 8 if self.rejects else 0,
            "orders": self.orders or len(self.rows),
            "not_taken": self.not_taken,
            "rejects": [list(reject) for reject in self.rejects],
            "wanted": {
                number: {
                    "status": status,
                    "paid_fen": paid,
                    "lines": [list(line) for line in lines],
                }
                for number, (status, paid, lines) in self.wanted.items()
            },
        }

    def as_text(self) -> bytes:
        """The list as its platform writes it."""
        return csv_bytes([self.header, *self.rows], encoding=self.encoding, quoted=self.quoted)


def csv_bytes(rows: Iterable[Sequence[str]], *, encoding: str, quoted: bool) -> bytes:
    """A csv as bytes."""
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    return stream.getvalue().encode(encoding)


def write(folder: Path) -> None:
    """Write a sample of each format, and its expected result beside it."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    lists = {
        "taobao": taobao(),
        "taobao-67": taobao(1, header=TAOBAO_67),
        "pdd": pdd(),
        "douyin": douyin(),
        "generic": generic(),
    }
    for name, one in lists.items():
        if name in WORKBOOKS:
            write_workbook(folder / f"{name}.xlsx", one.header, one.rows)
        else:
            _write(folder / f"{name}.csv", one.as_text())
        if one.items is not None:
            _write(folder / f"{name}-items.csv", one.items.as_text())
        expected = json.dumps(one.expected(), ensure_ascii=False, indent=1)
        _write(folder / f"{name}.json", f"{expected}\n".encode())
    kept = [("PDD", "拼多多店", "拼多多", "WX"), ("DY", "抖音小店", "抖音", "WX")]
    names = [
        (channel, TITLE, variant, sku)
        for channel in ("TB", "PDD", "DY")
        for variant, sku in (("月卡", MONTH), ("年卡", YEAR))
    ]
    write_sheets(
        folder / "channels.xlsx",
        [
            SheetPage("渠道", ("编码", "名称", "种类", "资金账户"), kept),
            SheetPage("渠道商品对照", ("渠道", "渠道叫法", "规格", "商品编码"), names),
        ],
    )


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def _row(header: Sequence[str], facts: Mapping[str, str]) -> Row:
    return [facts.get(name.strip(), "") for name in header]


_NO_AFTER_SALE = "没有申请退款"
_ASKED_BACK = "买家已经申请退款，等待卖家同意"
_TAOBAO = (
    # Status, owed, paid, paid back, title, lines (variant, SKU, quantity, paid), after-sale.
    ("买家已付款，等待卖家发货", "25.00", "25.00", "0.00", TITLE, [("月卡", "", "1", "25.00")]),
    (
        *("交易成功", "248.00", "248.00", "0.00", TITLE),
        [("月卡", "", "2", "50.00"), ("年卡", "", "1", "198.00")],
    ),
    ("等待买家付款", "25.00", "0.00", "0.00", TITLE, [("月卡", "", "1", "0.00")]),
    ("交易关闭", "25.00", "0.00", "0.00", TITLE, [("月卡", "", "1", "0.00")]),
    ("退款成功", "25.00", "0.00", "25.00", TITLE, [("月卡", "", "1", "0.00")]),
    # What was paid back is out of what was paid already.
    ("交易成功", "50.00", "25.00", "25.00", TITLE, [("月卡", "", "2", "50.00")]),
    ("买家已付款，等待卖家发货", "9.90", "9.90", "0.00", NEW_TITLE, [("红", "", "1", "9.90")]),
    ("卖家已发货，等待买家确认", "25.00", "25.00", "0.00", TITLE, [("月卡", "", "1", "25.00")]),
    ("卖家已发货，等待买家确认", "98.00", "98.00", "0.00", TITLE, [("", GIFT, "1", "98.00")]),
)


def taobao(case: int = 0, *, header: Sequence[str] = TAOBAO_46) -> OrderList:
    """Nine orders of all fates, with the item report that says what they are made of."""
    rows, items = [], []
    numbers = [f"35153{case:03d}{place:010d}" for place in range(10, 10 + len(_TAOBAO))]
    for place, (number, order) in enumerate(zip(numbers, _TAOBAO, strict=True)):
        rows.append(_row(header, _taobao_order(number, place, order)))
        for sub, (variant, sku, qty, paid) in enumerate(order[5]):
            item = {
                "子订单编号": f'="{int(number) + 100_000 * sub}"',
                "主订单编号": f'="{number}"',
                "商品标题": order[4],
                "购买数量": qty,
                "商品属性": variant,
                "商家编码": sku,
                "买家实际支付金额": paid,
                "退款状态": _ASKED_BACK if place == 7 else _NO_AFTER_SALE,  # noqa: PLR2004
            }
            items.append(_row(TAOBAO_ITEMS, item))
    return OrderList(
        header=header,
        rows=rows,
        encoding="gbk",
        quoted=True,
        wanted={
            numbers[0]: ("paid", 2500, [(MONTH, 1, 2500)]),
            numbers[1]: ("paid", 24800, [(MONTH, 2, 5000), (YEAR, 1, 19800)]),
            numbers[2]: ("unpaid", 2500, [(MONTH, 1, 2500)]),
            numbers[8]: ("paid", 9800, [(GIFT, 1, 9800)]),
        },
        not_taken=2,
        rejects=[(7, "", "partly-refunded"), (8, "宝贝标题", "unmapped"), (9, "", "after-sale")],
        items=OrderList(header=TAOBAO_ITEMS, rows=items, encoding="gbk", quoted=True),
    )


def _taobao_order(number: str, place: int, order: Any) -> dict[str, str]:
    status, owed, paid, refunded, title, lines = order
    return {
        "订单编号": f'="{number}"',
        "买家会员名": f"样例买家{place + 1}",
        "买家支付宝账号": _PAYMENT,
        "买家应付货款": owed,
        "买家应付邮费": "0.00",
        "总金额": owed,
        "买家实际支付金额": paid,
        "订单状态": status,
        "买家留言": _MESSAGE,
        "收货人姓名": _RECEIVER,
        "收货地址": _ADDRESS,
        "联系手机": f"'{_PHONE}",
        "订单创建时间": "2026-09-10 07:59:01",
        "订单付款时间": _PAID_AT if status != "等待买家付款" else "",
        "宝贝标题": "，".join([title] * len(lines)),
        "宝贝种类": str(len(lines)),
        "宝贝总数量": str(sum(int(line[2]) for line in lines)),
        "店铺Id": "0",
        "店铺名称": "样例小店",
        "退款金额": refunded,
    }


_PDD = (
    # Status, after-sale, title, variant, SKU, quantity, the shop receives, the buyer paid.
    ("待发货", "", TITLE, "月卡", MONTH, "1", "25.00", "20.00"),
    ("已发货，待签收", "", TITLE, "年卡", "", "2", "396.00", "396.00"),
    ("待成团", "", TITLE, "月卡", "", "1", "25.00", "25.00"),
    ("已取消", "", TITLE, "月卡", "", "1", "0.00", "0.00"),
    ("已收货", "退款成功", TITLE, "月卡", "", "1", "25.00", "25.00"),
    ("已发货，待签收", "售后处理中", TITLE, "月卡", "", "1", "25.00", "25.00"),
    ("待发货", "", NEW_TITLE, "红", "", "1", "9.90", "9.90"),
    ("已收货", "", TITLE, "红", GIFT, "1", "98.00", "98.00"),
)


def pdd(case: int = 0) -> OrderList:
    """Eight orders of all fates; the first of them for an account to be topped up."""
    numbers = [f"260910-{case:03d}{place:012d}" for place in range(10, 10 + len(_PDD))]
    rows = []
    for number, order in zip(numbers, _PDD, strict=True):
        status, after_sale, title, variant, sku, qty, received, paid = order
        facts = {
            "订单成交时间": _PAID_AT,
            "商品": title,
            "订单号": f"{number}\t",
            "订单状态": status,
            "商品总价(元)": received,
            "邮费(元)": "0.00",
            "用户实付金额(元)": paid,
            "商家实收金额(元)": received,
            "商品数量(件)": qty,
            "商品规格": variant,
            "商家编码-规格维度": sku,
            "商家备注": _MESSAGE,
            "售后状态": after_sale or "无售后或售后取消",
            "充值号码": TOPUP_ACCOUNT if number == numbers[0] else "",
        }
        rows.append(_row(PDD, facts))
    return OrderList(
        header=PDD,
        rows=rows,
        encoding="utf-8",
        wanted={
            numbers[0]: ("paid", 2500, [(MONTH, 1, 2500)]),
            numbers[1]: ("paid", 39600, [(YEAR, 2, 39600)]),
            numbers[2]: ("unpaid", 2500, [(MONTH, 1, 2500)]),
            numbers[7]: ("paid", 9800, [(GIFT, 1, 9800)]),
        },
        not_taken=2,
        rejects=[(7, "", "after-sale"), (8, "商家编码-规格维度", "unmapped")],
    )


_DOUYIN = (
    # Order, status, after-sale, title, variant, SKU, quantity, the buyer owes, the platform bears.
    (1, "待发货", "-", TITLE, "月卡", MONTH, "1", "25.00", "-"),
    (2, "已发货", "-", TITLE, "月卡", "-", "2", "45.00", "5.00"),
    (2, "已发货", "-", TITLE, "年卡", "-", "1", "198.00", "0"),
    (3, "待支付", "-", TITLE, "月卡", "-", "1", "25.00", "0"),
    (4, "已关闭", "-", TITLE, "月卡", "-", "1", "25.00", "0"),
    (5, "已完成", "已全额退款", TITLE, "月卡", "-", "1", "25.00", "0"),
    # Of two lines one was closed; the other is still wanted.
    (6, "已关闭", "退款成功", TITLE, "年卡", "-", "1", "198.00", "0"),
    (6, "已发货", "售后关闭", TITLE, "月卡", "-", "1", "25.00", "0"),
    (7, "已发货", "待商家处理", TITLE, "月卡", "-", "1", "25.00", "0"),
    (8, "待发货", "-", NEW_TITLE, "红", "-", "1", "9.90", "0"),
)


def douyin(case: int = 0) -> OrderList:
    """Eight orders of all fates in ten rows."""
    rows = []
    numbers = [f"6917{case:03d}{place:012d}" for place in range(10, 18)]
    for place, order in enumerate(_DOUYIN):
        which, status, after_sale, title, variant, sku, qty, owed, borne = order
        number = numbers[which - 1]
        facts = {
            "主订单编号": f"\t{number}",
            "子订单编号": f"\t{int(number) + 100_000 * place}",
            "选购商品": title,
            "商品规格": variant,
            "商品数量": qty,
            "商家编码": sku,
            "订单应付金额": owed,
            "运费": "0",
            "收件人": _RECEIVER,
            "收件人手机号": _PHONE,
            "详细地址": _ADDRESS,
            "订单提交时间": _PAID_AT,
            "商家备注": _MESSAGE,
            "订单状态": status,
            "售后状态": after_sale,
            "平台实际承担优惠金额": borne,
            "商家实际承担优惠金额": "0",
            "达人实际承担优惠金额": "0",
        }
        rows.append(_row(DOUYIN, facts))
    return OrderList(
        header=DOUYIN,
        rows=rows,
        encoding="utf-8-sig",
        quoted=True,
        orders=len(numbers),
        wanted={
            numbers[0]: ("paid", 2500, [(MONTH, 1, 2500)]),
            numbers[1]: ("paid", 24800, [(MONTH, 2, 5000), (YEAR, 1, 19800)]),
            numbers[2]: ("unpaid", 2500, [(MONTH, 1, 2500)]),
            numbers[5]: ("paid", 2500, [(MONTH, 1, 2500)]),
        },
        not_taken=2,
        rejects=[(10, "", "after-sale"), (11, "商家编码", "unmapped")],
    )


def generic(case: int = 0) -> OrderList:
    """Six orders in seven rows of the merchant's own table."""
    number = f"G{case:03d}-{{}}".format
    rows = [
        [number(1), MONTH, "1", "25.00", _PAID_AT, "样例买家1", "已付款", "样例备注"],
        [number(2), MONTH, "2", "248.00", _PAID_AT, "样例买家2", "已付款", ""],
        [number(2), YEAR, "1", "248.00", _PAID_AT, "样例买家2", "已付款", ""],
        [number(3), MONTH, "1", "25.00", "", "样例买家3", "待付款", ""],
        [number(4), MONTH, "1", "25.00", _PAID_AT, "样例买家4", "已关闭", ""],
        [number(5), MONTH, "1", "25.00", _PAID_AT, "样例买家5", "已退款", ""],
        [number(6), "RED", "1", "9.90", _PAID_AT, "样例买家6", "已付款", ""],
    ]
    return OrderList(
        header=GENERIC,
        rows=rows,
        encoding="utf-8-sig",
        orders=6,
        wanted={
            number(1): ("paid", 2500, [(MONTH, 1, 2500)]),
            # Shared out by price times quantity.
            number(2): ("paid", 24800, [(MONTH, 2, 5000), (YEAR, 1, 19800)]),
            number(3): ("unpaid", 2500, [(MONTH, 1, 2500)]),
        },
        not_taken=2,
        rejects=[(8, "商品编码", "unmapped")],
    )
