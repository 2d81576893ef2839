"""Taobao's and Tmall's order list (ExportOrderList): a row an order, of 46 columns or 67.

It says neither which variant of a thing was bought, nor how many of each, nor whether a refund is
asked for: for that it is joined with the item report (`item_reports`). Without, orders of one kind
of thing are known by its title, if that is not sold in variants. Receivers, addresses, phones,
messages and payment accounts are not read.
"""

from collections.abc import Sequence

from cardctl.errors import InputRefused
from cardctl.money import format_yuan
from cardctl.orders.reading import CellMissing, FieldRow, ItemLine, OrderFormat
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.words import read_platform_status, words
from cardctl.vocabulary import ChannelKind, OrderStatus

_ABOUT_FEN = 1
"""As near the platform's own sums come to each other."""

_SYNONYMS = {
    "order": ("订单编号",),
    "status": ("订单状态",),
    "paid": ("买家实际支付金额",),
    "payable": ("总金额",),
    "refunded": ("退款金额",),
    "title": ("宝贝标题",),
    "kinds": ("宝贝种类",),
    "qty": ("宝贝总数量",),
    "paid_at": ("订单付款时间",),
    "placed_at": ("订单创建时间",),
    "buyer": ("买家会员名",),
    "shop": ("店铺名称",),
}

_STATUSES = words(
    {
        OrderStatus.UNPAID: ("等待买家付款",),
        OrderStatus.PAID: (
            "买家已付款，等待卖家发货",
            "卖家部分发货",
            "卖家已发货，等待买家确认",
            "买家已签收",
            "交易成功",
        ),
        OrderStatus.CANCELLED: (
            "交易关闭",
            "付款以前，卖家或买家主动关闭交易",
            "付款以后用户退款成功，交易自动关闭",
        ),
        OrderStatus.REFUNDED: ("退款成功",),
        OrderStatus.HELD: ("退款中", "退款处理中"),
    }
)


class RefundUnclear(InputRefused):
    """Nobody can tell whether what was paid back is in what counts as paid, or out of it."""

    code = "refund-unclear"
    message = (
        "{refunded} yuan went back of {paid} paid and {payable} owed: that is the whole, or a part"
    )
    hint = "look at the order there: what is still wanted, record it with cardctl order add"


class ItemsNeeded(InputRefused):
    """An order of several things, of which the list alone does not say how many of each."""

    code = "items-needed"
    message = "the order has {kinds} kinds of items, and the list does not say how many of each"
    hint = "export the item report of the same days, too, and give it with --items FILE"


class ItemsMissing(InputRefused):
    """The item report has no line of this order."""

    code = "items-missing"
    message = "the item report has no line of order {number}"
    hint = "export the item report of the same days as the list"


class ItemsDisagree(InputRefused):
    """The item report and the list do not have the same number of things."""

    code = "items-disagree"
    message = "the order has {qty} items, its lines in the item report sum to {items}"
    hint = "export both reports again, of the same days"


class ItemRowRefused(InputRefused):
    """The line of the item report cannot be read."""

    code = "item-row"
    message = "row {row} of the item report cannot be read: {cause}"
    hint = "export the item report again"


def _read(row: FieldRow) -> OrderRecord:
    number = row.order_number()
    status = read_platform_status(row, _STATUSES, {})
    if status not in (OrderStatus.UNPAID, OrderStatus.PAID):
        return OrderRecord(number=number, lines=(), told_status=status)
    paid, refunded = _money(row, status)
    if refunded and refunded >= paid:
        return OrderRecord(number=number, lines=(), told_status=OrderStatus.REFUNDED)
    qty = row.told_qty("qty")
    items = None if row.items is None else _items_of(row, row.items.get(number, ()), qty)
    after_sales = {item.after_sale for item in items or ()}
    # What went back for one of its things is in the list as an amount, or else is not settled.
    if OrderStatus.HELD in after_sales or (OrderStatus.REFUNDED in after_sales and not refunded):
        return OrderRecord(number=number, lines=(), told_status=OrderStatus.HELD)
    return OrderRecord(
        number=number,
        lines=(_line(row, qty),) if items is None else _lines(items, paid),
        told_status=status,
        paid_fen=paid,
        refunded_fen=refunded,
        paid_at=row.instant("paid_at"),
        buyer=row.text("buyer"),
    )


def _money(row: FieldRow, status: OrderStatus) -> tuple[int, int | None]:
    """What was paid (unpaid: is to be) before anything went back, and what went back."""
    if status is OrderStatus.UNPAID:
        return row.told_yuan("payable"), None
    paid, refunded = row.told_yuan("paid"), row.yuan("refunded")
    if not refunded:
        return paid, refunded
    payable = row.told_yuan("payable")
    if abs(payable - paid - refunded) <= _ABOUT_FEN:
        return paid + refunded, refunded
    if refunded >= paid > 0 and abs(payable - paid) > _ABOUT_FEN:
        told = {"refunded": refunded, "paid": paid, "payable": payable}
        row.refuse("refunded", RefundUnclear(**{k: format_yuan(fen) for k, fen in told.items()}))
    return paid, refunded


def _line(row: FieldRow, qty: int) -> LineRecord:
    """The one line of an order of one thing, known by its title alone."""
    kinds = row.text("kinds")
    if kinds not in (None, "1"):
        row.refuse("kinds", ItemsNeeded(kinds=kinds))
    title = row.text("title")
    if title is None:
        row.refuse("title", CellMissing(field=row.header.names["title"]))
    return LineRecord(sku="", title=title, qty=qty)


def _items_of(row: FieldRow, items: Sequence[ItemLine], qty: int) -> Sequence[ItemLine]:
    """The lines of an order in the item report, of which all must be right."""
    if not items:
        row.refuse("order", ItemsMissing(number=row.order_number()))
    for item in items:
        if item.problem is not None:
            row.refuse("order", ItemRowRefused(row=item.row, cause=item.problem.code))
    told = sum(item.line.qty for item in items)
    if not all(item.says_qty for item in items) and len(items) == 1:
        return [items[0].of_qty(qty)]
    if told != qty:
        row.refuse("qty", ItemsDisagree(qty=qty, items=told))
    return items


def _lines(items: Sequence[ItemLine], paid: int) -> tuple[LineRecord, ...]:
    """The lines with what was paid for each, where those sums are what was paid for the order."""
    lines = tuple(item.line for item in items)
    if sum(line.paid_fen or 0 for line in lines) == paid:
        return lines
    return tuple(item.without_paid().line for item in items)


FORMAT = OrderFormat(
    code="taobao",
    platform=ChannelKind.TAOBAO,
    synonyms=_SYNONYMS,
    required=("order", "status", "paid", "payable", "refunded", "title", "qty"),
    line="order",
    line_fields=tuple(_SYNONYMS),
    times=("paid_at", "placed_at"),
    read=_read,
)
