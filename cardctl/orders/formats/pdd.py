"""Pinduoduo's order list (拼多多订单导出): a row an order; the merchant picks columns and order.

What counts as paid is what the shop receives (商家实收金额): what Pinduoduo adds for its own
coupons is the shop's money, too. A list without that column is read with a warning. Receivers,
addresses and remarks are not read.
"""

from cardctl.orders.reading import FieldRow, OrderFormat
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.words import read_platform_status, words
from cardctl.vocabulary import ChannelKind, OrderStatus

_SYNONYMS = {
    "order": ("订单号",),
    "status": ("订单状态",),
    "after_sale": ("售后状态",),
    "qty": ("商品数量(件)",),
    "received": ("商家实收金额(元)",),
    "paid": ("用户实付金额(元)",),
    "title": ("商品",),
    "variant": ("商品规格",),
    "sku": ("商家编码-规格维度",),
    "item_code": ("商家编码-商品维度",),
    "paid_at": ("支付时间",),
    "dealt_at": ("订单成交时间",),
    "topup_account": ("充值号码",),
}

_STATUSES = words(
    {
        # Nothing is sent before a group is complete: until then the money may go back.
        OrderStatus.UNPAID: ("待付款", "待支付", "待成团", "待分享"),
        OrderStatus.PAID: (
            "待发货",
            "部分发货",
            "已发货",
            "已发货，待签收",
            "已发货，待收货",
            "已签收",
            "已收货",
        ),
        OrderStatus.CANCELLED: ("已取消", "未成团", "交易关闭"),
        OrderStatus.REFUNDED: (
            "退款成功",
            "未发货，退款成功",
            "已发货，退款成功",
            "已签收，退款成功",
            "已收货，退款成功",
        ),
    }
)
_AFTER_SALES = words(
    {
        OrderStatus.PAID: ("无售后或售后取消", "无售后", "售后取消", "售后关闭", "无"),
        OrderStatus.HELD: (
            "售后处理中",
            "退款中",
            "待商家处理",
            "待买家处理",
            "待平台处理",
            "平台处理中",
            "退款待处理",
            "退货待商家收货",
        ),
        OrderStatus.REFUNDED: ("退款成功", "退货退款成功"),
    }
)


def _read(row: FieldRow) -> OrderRecord:
    number = row.order_number()
    status = read_platform_status(row, _STATUSES, _AFTER_SALES)
    if status not in (OrderStatus.UNPAID, OrderStatus.PAID):
        return OrderRecord(number=number, lines=(), told_status=status)
    received = row.yuan("received")
    line = LineRecord(
        sku=row.identifier("sku") or row.identifier("item_code") or "",
        title=row.text("title"),
        variant=row.variant("variant"),
        qty=row.told_qty("qty"),
    )
    return OrderRecord(
        number=number,
        lines=(line,),
        told_status=status,
        paid_fen=row.yuan("paid") if received is None else received,
        paid_at=row.instant("paid_at") or row.instant("dealt_at"),
        topup_account=row.identifier("topup_account"),
    )


FORMAT = OrderFormat(
    code="pdd",
    platform=ChannelKind.PDD,
    synonyms=_SYNONYMS,
    required=("order", "status", "after_sale", "qty"),
    one_of=(("received", "paid"), ("sku", "item_code", "title")),
    money="received",
    line="order",
    line_fields=tuple(_SYNONYMS),
    times=("paid_at", "dealt_at"),
    read=_read,
)
