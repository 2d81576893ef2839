"""The generic table: the merchant's own, in Chinese or English, xlsx, csv or JSON lines."""

from cardctl.orders.reading import FieldRow, OrderFormat
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.words import read_status, words
from cardctl.vocabulary import OrderStatus

_SYNONYMS = {
    "order": ("order", "订单号", "订单编号", "order number", "number"),
    "sku": ("sku", "商品编码", "商家编码", "SKU编码"),
    "qty": ("qty", "数量", "quantity", "购买数量"),
    "paid": ("paid", "实付金额", "实付", "订单金额", "paid amount"),
    "line_paid": ("line_paid", "行金额", "line paid"),
    "paid_at": ("paid_at", "付款时间", "支付时间", "paid at"),
    "buyer": ("buyer", "买家", "买家昵称"),
    "ip": ("ip", "IP地址"),
    "device": ("device", "设备", "设备号"),
    "region": ("region", "地区"),
    "phone": ("phone", "手机号", "手机", "mobile"),
    "email": ("email", "邮箱", "e-mail"),
    "account": ("account", "收款账户"),
    "agent": ("agent", "代理"),
    "status": ("status", "订单状态"),
    "note": ("note", "备注"),
    "topup_account": ("topup_account", "充值号码", "充值账号", "topup account"),
}

_STATUSES = words(
    {
        OrderStatus.UNPAID: ("unpaid", "待付款", "未付款", "等待买家付款", "待支付"),
        OrderStatus.PAID: ("paid", "已付款", "已支付", "待发货", "买家已付款"),
        OrderStatus.CANCELLED: ("closed", "cancelled", "canceled", "已关闭", "交易关闭", "已取消"),
        OrderStatus.REFUNDED: ("refunded", "已退款", "退款成功"),
    }
)


def _read(row: FieldRow) -> OrderRecord:
    """A row as an order of one line."""
    line = LineRecord(sku=row.required("sku"), qty=row.qty("qty"), paid_fen=row.yuan("line_paid"))
    return OrderRecord(
        number=row.order_number(),
        lines=(line,),
        told_status=read_status(row, _STATUSES),
        paid_fen=row.yuan("paid"),
        paid_at=row.instant("paid_at"),
        buyer=row.text("buyer"),
        phone=row.identifier("phone"),
        email=row.text("email"),
        ip=row.text("ip"),
        device=row.text("device"),
        region=row.text("region"),
        account=row.identifier("account"),
        agent=row.identifier("agent"),
        note=row.text("note"),
        topup_account=row.identifier("topup_account"),
    )


FORMAT = OrderFormat(code="generic", synonyms=_SYNONYMS, required=("order", "sku"), read=_read)
