"""The order list of a Douyin shop (抖店订单导出): a row a sub order, those of one order together.

What counts as paid is what the shop receives: what the buyer owes (订单应付金额), and what the
platform and the influencer bear of the discounts. Receivers, addresses and remarks are not read.
"""

from cardctl.orders.reading import FieldRow, OrderFormat
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.words import read_platform_status, words
from cardctl.vocabulary import ChannelKind, OrderStatus

_SYNONYMS = {
    "order": ("主订单编号",),
    "sub_order": ("子订单编号",),
    "status": ("订单状态",),
    "after_sale": ("售后状态",),
    "title": ("选购商品",),
    "variant": ("商品规格",),
    "qty": ("商品数量",),
    "sku": ("商家编码",),
    "paid": ("订单应付金额",),
    "by_platform": ("平台实际承担优惠金额",),
    "by_influencer": ("达人实际承担优惠金额",),
    "paid_at": ("支付完成时间",),
    "placed_at": ("订单提交时间",),
    "topup_account": ("充值号码", "充值账号"),
}

_BORNE = ("by_platform", "by_influencer")

_STATUSES = words(
    {
        OrderStatus.UNPAID: ("待支付", "待付款", "待确认"),
        OrderStatus.PAID: (
            "已支付",
            "备货中",
            "待发货",
            "部分发货",
            "已发货",
            "已收货",
            "已完成",
        ),
        OrderStatus.CANCELLED: ("已关闭", "已取消"),
        OrderStatus.REFUNDED: ("已退款", "退款成功"),
    }
)
_AFTER_SALES = words(
    {
        OrderStatus.PAID: ("无售后", "售后关闭", "售后取消", "售后已关闭", "已取消"),
        OrderStatus.HELD: (
            "售后处理中",
            "退款中",
            "部分退款",
            "待商家处理",
            "待买家处理",
            "待买家退货",
            "待收退货",
            "待平台处理",
            "退款待处理",
            "拒绝售后",
        ),
        OrderStatus.REFUNDED: ("退款成功", "已退款", "已全额退款", "同意退款，退款成功"),
    }
)


def _read(row: FieldRow) -> OrderRecord:
    number = row.order_number()
    status = read_platform_status(row, _STATUSES, _AFTER_SALES)
    if status not in (OrderStatus.UNPAID, OrderStatus.PAID):
        return OrderRecord(number=number, lines=(), told_status=status)
    owed = row.yuan("paid")
    borne = sum(row.yuan(field) or 0 for field in _BORNE)
    line = LineRecord(
        sku=row.identifier("sku") or "",
        title=row.text("title"),
        variant=row.variant("variant"),
        qty=row.told_qty("qty"),
        paid_fen=None if owed is None else owed + borne,
    )
    return OrderRecord(
        number=number,
        lines=(line,),
        told_status=status,
        paid_at=row.instant("paid_at") or row.instant("placed_at"),
        topup_account=row.identifier("topup_account"),
    )


FORMAT = OrderFormat(
    code="douyin",
    platform=ChannelKind.DOUYIN,
    synonyms=_SYNONYMS,
    required=(
        *("order", "sub_order", "status", "after_sale", "title", "qty"),
        *("paid", *_BORNE),
    ),
    line="sub_order",
    line_fields=("sub_order", "title", "variant", "qty", "sku", "paid", *_BORNE),
    closes_lines=True,
    times=("paid_at", "placed_at"),
    blanks=("-",),
    read=_read,
)
