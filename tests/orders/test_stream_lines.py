"""A JSON line as an order: what is understood, and how a slip of the script is told."""

import json

import pytest

from cardctl.clock import load_zone
from cardctl.orders.stream_lines import LINE_MAX_BYTES, LineRefused, StreamLine, read_order
from cardctl.vocabulary import OrderStatus

ZONE = load_zone("Asia/Shanghai")
NOW = 1_795_312_800_000
"""2026-11-22 10:00 in Shanghai."""
ORDER = {"order": "1", "sku": "VIP", "paid": "28.00"}
LINE = {"sku": "VIP", "line_paid": "1"}


def read(line):
    octets = line if isinstance(line, bytes) else json.dumps(line).encode()
    return read_order(StreamLine(1, octets), ZONE, now=NOW)


def test_an_order_says_what_a_row_of_the_table_says():
    told = {
        "订单号": "0012",
        "sku": "VIP",
        "qty": 2,
        "paid": 28.10,
        "status": "待付款",
        "buyer": " 王 ",
    }
    order = read(told | {"paid_at": "2026-11-22 10:00", "note": None, "topup_account": "0012345"})
    assert (order.number, order.paid_fen, order.status) == ("0012", 2810, OrderStatus.UNPAID)
    assert [(line.sku, line.qty) for line in order.lines] == [("VIP", 2)]
    assert (order.buyer, order.note, order.topup_account) == ("王", None, "0012345")
    assert order.paid_at == NOW


def test_a_number_keeps_all_of_its_digits():
    assert read(b'{"order": 1234567890123456789, "sku": "VIP", "paid": 1}').number == (
        "1234567890123456789"
    )


def test_lines_are_lines_of_one_order():
    lines = [LINE, {"sku": "CARDP", "qty": 3, "line_paid": 2.5}]
    order = read({"order": "1", "buyer": "b", "lines": lines})
    assert [(line.sku, line.qty, line.paid_fen) for line in order.lines] == [
        ("VIP", 1, 100),
        ("CARDP", 3, 250),
    ]
    assert read({"order": "1", "paid": 9, "lines": [{"sku": "VIP"}, {"sku": "A"}]}).paid_fen == 900


REFUSED = {
    "no json": (b"order 1", "not-json", None),
    "no object": (b"[1]", "not-json", None),
    "no utf-8": (b'{"order": "\xff"}', "not-json", None),
    "a field twice": (b'{"order": "1", "sku": "VIP", "qty": 1, "qty": 5}', "field-twice", "qty"),
    "deep": (b"[" * 60_000, "not-json", None),
    "no order": ({"sku": "VIP", "paid": 1}, "missing", "order"),
    "nothing": ({}, "missing", "sku"),
    "no product": ({"order": "1", "paid": 1}, "missing", "sku"),
    "no money": ({"order": "1", "sku": "VIP"}, "missing", "paid"),
    "a slip": (ORDER | {"quantety": 5}, "unknown-field", None),
    "a nested value": (ORDER | {"buyer": ["x"]}, "bad-value", "buyer"),
    "a truth": (ORDER | {"qty": True}, "bad-value", "qty"),
    "a part of one": (ORDER | {"qty": 1.5}, "bad-value", "qty"),
    "no amount": (ORDER | {"paid": "NaN"}, "bad-value", "paid"),
    "no address": (ORDER | {"邮箱": "nope"}, "bad-value", "邮箱"),
    "paid in years to come": (ORDER | {"paid_at": "2099-01-01"}, "paid-in-future", "paid_at"),
    "paid the day after tomorrow": (
        ORDER | {"paid_at": "2026-11-23 10:01"},
        "paid-in-future",
        "paid_at",
    ),
    "no status": (ORDER | {"status": "odd"}, "unknown-status", "status"),
    "a control character": (ORDER | {"buyer": "a\x00b"}, "bad-value", "buyer"),
    "half a character": (ORDER | {"order": "\ud800"}, "bad-value", "order"),
    "a field by two names": (ORDER | {"订单号": "1"}, "header-ambiguous", None),
    "no lines": ({"order": "1", "lines": []}, "bad-value", "lines"),
    "lines that are none": ({"order": "1", "lines": {"sku": "VIP"}}, "bad-value", "lines"),
    "a product beside lines": (ORDER | {"lines": [LINE]}, "misplaced-field", "sku"),
    "a buyer in a line": (
        {"order": "1", "lines": [LINE | {"buyer": "b"}]},
        "misplaced-field",
        "buyer",
    ),
    "a sum that is wrong": ({"order": "1", "lines": [LINE | {"qty": 0}]}, "bad-value", "qty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_slip_is_told_with_its_field(name):
    line, code, field = REFUSED[name]
    with pytest.raises(LineRefused) as caught:
        read(line)
    assert (caught.value.problem.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (ORDER | {"qty": 0}, "1"),
        ({"订单号": " 0012 ", "sku": "VIP"}, "0012"),
        ({"order": 7, "quantety": 5}, "7"),
        ({"order": "1", "lines": [{"buyer": "b"}]}, "1"),
        ({"order": "1", "sku": "VIP", "buyer": {}}, "1"),
        ({"order": "a b", "sku": "VIP", "paid": 1}, ""),
        ({"order": ["1"], "sku": "VIP", "paid": 1}, ""),
        ({"order": "1", "订单号": "2", "sku": "VIP", "paid": 1}, ""),
        ({"sku": "VIP", "paid": 1}, ""),
        (b"[1]", ""),
    ],
)
def test_the_number_of_a_refused_order_is_kept_where_it_can_be_read(line, number):
    with pytest.raises(LineRefused) as caught:
        read(line)
    assert caught.value.number == number


def test_a_line_that_was_too_long_to_be_kept_is_told():
    with pytest.raises(LineRefused) as caught:
        read_order(StreamLine(7, None), ZONE, now=NOW)
    assert str(LINE_MAX_BYTES) in str(caught.value.problem)
