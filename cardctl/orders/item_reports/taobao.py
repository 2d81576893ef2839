"""Taobao's item report (宝贝销售明细): a row a sub order, which says its SKU, variant and quantity.

It has no statuses of orders and is never imported alone: it goes with an order list
(`formats.taobao`). The smallest one has seven columns; merchants choose more.
"""

from cardctl.orders.reading import FieldRow, ItemFormat, ItemLine
from cardctl.orders.records import LineRecord
from cardctl.orders.words import read_after_sale, words
from cardctl.vocabulary import OrderStatus

_SYNONYMS = {
    "order": ("主订单编号", "订单号"),
    "sub_order": ("子订单编号", "子订单号"),
    "sku": ("商家编码",),
    "item_code": ("外部系统编号",),
    "title": ("商品标题", "商品名称", "宝贝标题"),
    "variant": ("商品属性",),
    "qty": ("购买数量", "商品数量", "数量"),
    "paid": ("买家实际支付金额", "订单实际金额(元)"),
    "after_sale": ("退款状态",),
}

_AFTER_SALES = words(
    {
        OrderStatus.PAID: ("没有申请退款", "无退款", "退款关闭", "退款已关闭"),
        OrderStatus.HELD: (
            "退款中",
            "买家已经申请退款，等待卖家同意",
            "卖家已经同意退款，等待买家退货",
            "买家已经退货，等待卖家确认收货",
            "卖家拒绝退款",
            "卖家未收到货，拒绝退款",
        ),
        OrderStatus.REFUNDED: ("退款成功",),
    }
)


def _read(row: FieldRow) -> ItemLine:
    qty = row.identifier("qty")
    line = LineRecord(
        sku=row.identifier("sku") or row.identifier("item_code") or "",
        title=row.text("title"),
        variant=row.variant("variant"),
        qty=row.qty("qty"),
        paid_fen=row.yuan("paid"),
    )
    return ItemLine(
        row=row.number,
        sub_order=row.required("sub_order"),
        line=line,
        says_qty=qty is not None,
        after_sale=read_after_sale(row, _AFTER_SALES),
    )


ITEMS = ItemFormat(
    code="taobao-items",
    goes_with="taobao",
    synonyms=_SYNONYMS,
    required=("order", "sub_order", "title"),
    line_fields=tuple(name for name in _SYNONYMS if name != "order"),
    read=_read,
)
