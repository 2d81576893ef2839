"""An order that its platform tells as refunded stays in the house until somebody decides."""

import pytest

from cardctl.deliveries import send
from sample_data.order_lists import csv_bytes
from tests.deliveries.channels import Scripted

SEND = "delivery send --pending --via terminal --json"
HOOKED = "delivery send --pending --via webhook --json"
FACTS = {
    "订单成交时间": "2026-09-10 08:00:05",
    "商品": "会员",
    "订单状态": "待发货",
    "商品总价(元)": "28.00",
    "用户实付金额(元)": "28.00",
    "商家实收金额(元)": "28.00",
    "商品数量(件)": "1",
    "商家编码-规格维度": "VIP",
    "售后状态": "无售后或售后取消",
}


def take(shop, *numbers, status=0, **changed):
    """Import Pinduoduo's list of some orders."""
    rows = [FACTS | {"订单号": f"260910-{number:015}"} | changed for number in numbers]
    header = list(rows[0])
    cells = [header, *([row[column] for column in header] for row in rows)]
    text = csv_bytes(cells, encoding="utf-8", quoted=False)
    shop.run("order import - --channel PDD --json", stdin=text, status=status)


def name(number):
    return f"PDD:260910-{number:015}"


def stays(told):
    """Which orders are left out for a conflict, and what to do."""
    rows = [one for one in told["deliveries"] if one["status"] == "conflict"]
    assert {one["hint"] for one in rows} <= {"cardctl order conflict list"}
    return [one["order"] for one in rows]


@pytest.fixture
def selling(shop):
    """Three issued orders of Pinduoduo."""
    shop.seed_catalog()
    shop.run("channel add PDD --name 拼多多 --kind pdd")
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(4)])
    take(shop, 1, 2, 3)
    shop.run("order issue --all")
    return shop


def test_what_a_file_tells_as_refunded_is_not_delivered_until_it_is_decided(selling):
    selling.env["PW"] = "made-up-pass"
    take(selling, 2, 3, status=8, 售后状态="退款成功")
    for how, counted in ((" --dry-run", "pending"), ("", "delivered")):
        told = selling.run(SEND + how, status=8).json
        assert (told[counted], told["skipped"]) == (1, 2)
        assert stays(told) == [name(2), name(3)]
    for line in ("--via terminal", "--via file --out one.xlsx --password-source env:PW"):
        told = selling.run(f"delivery send {name(2)} {line} --json", status=5).json
        assert stays(told) == [name(2)]
    assert selling.run("delivery list --json").json[0]["order"] == name(1)
    assert selling.sql("SELECT count(*) FROM card_delivery") == [(1,)]

    # What is with the buyer already stays as it was told, and is not handed out once more.
    take(selling, 1, status=8, 售后状态="退款成功")
    assert selling.run(f"delivery send {name(1)} --via terminal --json").json["unchanged"] == 1
    again = f"delivery send {name(1)} --via terminal --reprint --reason x --json"
    assert stays(selling.run(again, status=5).json) == [name(1)]

    selling.run(f"order conflict resolve {name(2)} --take store")
    selling.run(f"order refund {name(3)} --reason x")
    told = selling.run(SEND).json
    assert [one["order"] for one in told["deliveries"]] == [name(2)]
    selling.run("audit verify")


def test_what_is_in_the_outbox_already_waits_as_long_as_its_order_is_in_dispute(
    selling, monkeypatch, frozen_clock
):
    channel = Scripted().instead_of_webhook(monkeypatch)
    channel.failing = True
    selling.run(HOOKED, status=8)
    channel.failing = False
    take(selling, 2, status=8, 售后状态="退款成功")
    frozen_clock.advance(seconds=3 * 3600)
    for how, counted in ((" --dry-run", "pending"), ("", "delivered")):
        told = selling.run(HOOKED + how, status=8).json
        assert (told[counted], told["skipped"], stays(told)) == (2, 1, [name(2)])
    assert stays(selling.run(f"delivery send {name(2)} --via webhook --json", status=5).json)
    [(key,)] = selling.sql("SELECT idempotency_key FROM delivery WHERE status = 'pending'")

    selling.run(f"order conflict resolve {name(2)} --take store")
    assert selling.run(HOOKED).json["delivered"] == 1
    assert channel.tries[-1][1] == key
    selling.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_conflict_that_comes_between_finding_and_leasing_keeps_it_in_the_house(
    selling, monkeypatch
):
    channel = Scripted().instead_of_webhook(monkeypatch)
    found = send.due_deliveries

    def late(*args, **options):
        for page in found(*args, **options):
            take(selling, 2, status=8, 售后状态="退款成功")
            yield page

    monkeypatch.setattr(send, "due_deliveries", late)
    told = selling.run(HOOKED, status=8).json
    assert (told["delivered"], told["skipped"], len(channel.tries)) == (2, 1, 2)
