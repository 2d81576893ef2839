"""Orders that a file tells otherwise: kept, held where something would be given away, decided."""

import pytest

from sample_data.order_lists import TAOBAO_46, TAOBAO_ITEMS, csv_bytes

COLUMNS = ("order", "sku", "qty", "paid", "buyer", "status")


@pytest.fixture
def taking(shop):
    """A stocked shop, and what imports orders told as rows of `COLUMNS`."""
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place}" for place in range(8)])

    def take(*rows, status=0):
        text = "\n".join(",".join(map(str, row)) for row in (COLUMNS, *rows))
        result = shop.run("order import - --channel TB --json", stdin=text, status=status).json
        return [one["code"] for one in result["rejects"]]

    shop.take = take
    return shop


def conflicts(shop):
    found = shop.run("order conflict list --json").json
    parts = ("field", "told", "stored")
    return {one["order"]: [tuple(map(part.get, parts)) for part in one["differs"]] for one in found}


def resolve(shop, take, order="TB:1", *, status=0):
    done = shop.run(f"order conflict resolve {order} --take {take} --json", status=status)
    return (done.json["status"], done.json["outcome"]) if status == 0 else done.error["code"]


def status_of(shop, order="TB:1"):
    return shop.run(f"order show {order} --json").json["status"]


def sound(shop):
    for line in ("stock check", "ledger check", "audit verify"):
        shop.run(line)


def test_a_conflict_is_kept_once_and_holds_the_order_until_it_is_decided(taking):
    taking.take(("1", "VIP", 1, 28, "a", "paid"))
    changed = ("1", "VIP", 1, 29, "b", "paid")
    for _ in range(2):
        assert taking.take(changed, status=8) == ["conflict"]
    assert conflicts(taking) == {"TB:1": [("paid", "29.00", "28.00"), ("buyer", "b", "a")]}
    assert status_of(taking) == "held"
    told = {one["kind"]: one["count"] for one in taking.run("status --json").json["alerts"]}
    assert told == {"orders-held": 1, "orders-in-conflict": 1}
    for how in ("", "--dry-run"):
        (held,) = taking.run(f"order issue TB:1 {how} --json", status=6).json["orders"]
        assert (held["reason"], held["hint"]) == ("held: conflict", "cardctl order conflict list")

    taking.run("order conflict resolve TB:1 --take store --dry-run")
    assert status_of(taking) == "held"
    assert resolve(taking, "store") == ("paid", "updated")
    assert resolve(taking, "store") == ("paid", "unchanged")
    assert resolve(taking, "file", status=5) == "conflict-decided"
    # What was decided is not asked again; something else is.
    assert taking.take(changed) == []
    assert taking.take(("1", "VIP", 1, 30, "b", "paid"), status=8) == ["conflict"]
    taking.run("order conflict resolve TB:2 --take store", status=4)
    assert resolve(taking, "file") == ("paid", "updated")
    assert taking.run("order show TB:1 --json").json["paid_fen"] == 3000
    assert conflicts(taking) == {}
    taking.run("order issue TB:1")
    sound(taking)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_many_conflicts_are_decided_by_the_names_on_stdin(taking):
    taking.take(*((number, "VIP", 1, 28, "a", "paid") for number in range(1, 4)))
    changed = [(number, "VIP", 1, 28, "a", "closed") for number in range(1, 4)]
    assert taking.take(*changed, status=8) == ["conflict"] * 3
    assert resolve(taking, "file", "TB:3") == ("cancelled", "updated")

    line = "order conflict resolve - --take store --json"
    names = "TB:1\nTB:2\nTB:1\nTB:3\nTB:4\n"
    assert len(taking.run(f"{line} --dry-run", stdin=names, status=8).json) == 4
    assert len(conflicts(taking)) == 2
    rows = taking.run(line, stdin=names, status=8).json
    assert [(one["order"], one["status"], one["outcome"], one["code"]) for one in rows] == [
        ("TB:1", "paid", "updated", None),
        ("TB:2", "paid", "updated", None),
        ("TB:3", None, "refused", "conflict-decided"),
        ("TB:4", None, "refused", "not-found"),
    ]
    assert conflicts(taking) == {}
    again = taking.run("order conflict resolve TB:1 TB:2 --take store --json").json
    assert [one["outcome"] for one in again] == ["unchanged"] * 2
    sound(taking)


def test_what_the_file_says_is_written_while_nothing_has_left(taking):
    taking.take(("1", "VIP", 1, 28, "a", "paid"), ("2", "VIP", 1, 28, "", "unpaid"))
    told = (("1", "VIP", 3, 80, "c", ""), ("2", "VIP", 1, 25, "", "paid"))
    assert taking.take(("1", "CARDP", 1, 100, "b", ""), status=8) == ["conflict"]
    assert taking.take(*told, status=8) == ["conflict"] * 2
    assert conflicts(taking)["TB:2"] == [("paid", "25.00", "28.00")]

    # Of two files the later one counts.
    assert resolve(taking, "file") == ("paid", "updated")
    assert resolve(taking, "file", "TB:2") == ("paid", "updated")
    assert taking.take(*told) == []
    issued = taking.run("order issue --all --json").json
    assert (issued["issued"], issued["cards"]) == (2, 4)
    shown = taking.run("order show TB:1 --json").json
    assert (shown["buyer"], [(line["qty"], line["paid_fen"]) for line in shown["lines"]]) == (
        *("c", [(3, 8000)]),
    )
    sound(taking)


def test_of_an_issued_order_only_words_are_rewritten(taking):
    taking.take(("1", "VIP", 1, 28, "a", ""))
    taking.run("order issue TB:1")
    for row, refused in (
        (("1", "VIP", 1, 28, "b", ""), None),
        (("1", "VIP", 2, 28, "b", ""), "sale-is-past"),
        (("1", "VIP", 1, 20, "b", ""), "refund-first"),
        (("1", "VIP", 1, 28, "b", "refunded"), "refund-first"),
    ):
        assert taking.take(row, status=8) == ["conflict"]
        assert status_of(taking) == "issued"
        if refused is None:
            assert resolve(taking, "file") == ("issued", "updated")
        else:
            assert resolve(taking, "file", status=5) == refused
    # The last word was that all of it went back, and now it has.
    taking.run("order refund TB:1 --amount 28.00 --reason x")
    assert resolve(taking, "file") == ("refunded", "updated")
    sound(taking)


def test_what_was_closed_is_cancelled_before_it_is_issued(taking):
    taking.take(("1", "VIP", 1, 28, "", "paid"), ("2", "VIP", 1, 28, "", "unpaid"))
    taking.run("order reserve TB:2 --for 30m")
    closed = [(number, "VIP", 1, 28, "", "closed") for number in (1, 2)]

    # Nobody had paid for the second one: it just ends, and its card is for sale again.
    assert taking.take(*closed, status=8) == ["conflict"]
    assert (status_of(taking), status_of(taking, "TB:2")) == ("held", "cancelled")
    assert taking.sql("SELECT DISTINCT status FROM card") == [("available",)]
    assert resolve(taking, "file") == ("cancelled", "updated")
    assert taking.take(*closed) == []
    # A payment for what was closed unpaid is somebody who waits.
    assert taking.take(("2", "VIP", 1, 28, "", "paid"), status=8) == ["conflict"]
    assert resolve(taking, "file", "TB:2") == ("paid", "updated")
    assert taking.run("order issue TB:2 --json").json["issued"] == 1
    sound(taking)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_how_an_order_was_cancelled_the_last_time_decides_what_is_paid_back(taking):
    paid = ("1", "VIP", 1, 28, "", "paid")
    taking.take(("1", "VIP", 1, 28, "", "unpaid"))
    taking.run("order cancel TB:1 --yes")
    assert taking.run("order refund TB:1 --reason x --json", status=5).error["code"] == (
        "cannot-refund"
    )
    assert taking.take(paid, status=8) == ["conflict"]
    assert resolve(taking, "file") == ("paid", "updated")
    taking.run("order cancel TB:1 --yes")
    assert taking.take(paid) == []
    assert taking.run("order refund TB:1 --reason x --json").json["amount_fen"] == 2800
    sound(taking)


TAOBAO = {
    "订单编号": "1",
    "订单状态": "交易成功",
    "买家实际支付金额": "28.00",
    "总金额": "28.00",
    "退款金额": "0.00",
    "宝贝标题": "会员",
    "宝贝种类": "1",
    "宝贝总数量": "1",
}


def listed(header, row):
    """A header and one row as Taobao writes them."""
    rows = [header, [row.get(name.strip(), "") for name in header]]
    return csv_bytes(rows, encoding="gbk", quoted=True)


def taobao(shop, *, status, **facts):
    row = TAOBAO | facts
    text = listed(TAOBAO_46, row)
    item = {
        "子订单编号": row["订单编号"],
        "主订单编号": row["订单编号"],
        "商品标题": row["宝贝标题"],
        "购买数量": row["宝贝总数量"],
        "退款状态": "没有申请退款",
    }
    (shop.folder / "items.csv").write_bytes(listed(TAOBAO_ITEMS, item))
    line = "order import - --items items.csv --channel TB --json"
    result = shop.run(line, stdin=text, status=status).json
    return [one["code"] for one in result["rejects"]]


def test_money_that_went_back_is_a_refund_and_an_open_after_sale_holds(taking):
    taking.run("channel map add TB 会员 VIP")
    assert taobao(taking, status=0) == []
    asked = {"订单状态": "退款中"}
    assert taobao(taking, status=8, **asked) == ["conflict"]
    assert status_of(taking) == "held"
    assert resolve(taking, "file", status=5) == "after-sale-unsettled"
    assert resolve(taking, "store") == ("paid", "updated")
    taking.run("order issue TB:1")

    # What went back is out of what was paid already.
    partly = {"买家实际支付金额": "18.00", "退款金额": "10.00"}
    assert taobao(taking, status=8, **partly) == ["conflict"]
    assert conflicts(taking) == {"TB:1": [("refunded", "10.00", "0.00")]}
    refused = taking.run("order conflict resolve TB:1 --take file --json", status=5).error
    assert "cardctl order refund TB:1 --amount 10.00" in refused["hint"]
    taking.run("order refund TB:1 --amount 10.00 --reason x")
    assert taobao(taking, status=0, **partly) == []
    assert resolve(taking, "file") == ("partly_refunded", "updated")
    assert taobao(taking, status=0) == []
    # Told of an order that is not there, both need a person.
    new = {"订单编号": "2"}
    assert taobao(taking, status=8, **partly, **new) == ["partly-refunded"]
    assert taobao(taking, status=8, **asked, **new) == ["after-sale"]
    taking.run("order show TB:2", status=4)
    sound(taking)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_asked_to_be_paid_back_of_a_sold_order_names_what_can_be_done(taking):
    taking.run("channel map add TB 会员 VIP")
    taobao(taking, status=0)
    taking.run("order issue TB:1")
    taobao(taking, status=8, 订单状态="退款中")
    refused = taking.run("order conflict resolve TB:1 --take file --json", status=5).error
    assert refused["code"] == "after-sale-unsettled"
    assert "cardctl order refund TB:1 --reason TEXT" in refused["hint"]
    # So it goes on: the hint of an order that has cards names nothing that is refused.
    taking.run("order refund TB:1 --reason x")
    assert resolve(taking, "file") == ("refunded", "updated")
    sound(taking)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_list_of_conflicts_says_in_what_two_of_one_order_differ(taking):
    def take(first, second, status):
        rows = "".join(f"1,VIP,1,{paid}\n" for paid in (first, second))
        table = f"order,sku,qty,line_paid\n{rows}"
        taking.run("order import - --channel TB", stdin=table, status=status)

    take(28, 20, 0)
    taking.run("order issue TB:1")
    take(30, 18, 8)
    take(31, 17, 8)
    stored = "VIP x 1 = 28.00, VIP x 1 = 20.00"
    both = [f"VIP x 1 = {pair[0]}.00, VIP x 1 = {pair[1]}.00" for pair in ((30, 18), (31, 17))]
    for line, heading in (
        ("--format csv", "field lines, the file says {}, the store says " + stored),
        ("--format csv --lang zh", "字段 明细, 文件内容 {}, 已存内容 " + stored),
    ):
        shown = taking.run(f"order conflict list {line}").stdout
        assert [heading.format(told) in shown for told in both] == [True, True], shown


ASKED = {"订单状态": "退款中"}


def kept(shop):
    """Whether the order may not be delivered."""
    line = "delivery send TB:1 --via terminal --dry-run --json"
    told = shop.run(line, status=None).json
    return told["deliveries"][0]["status"] == "conflict" if told["skipped"] else False


def test_a_decision_ends_when_the_order_is_told_otherwise(taking, frozen_clock):
    taking.run("channel map add TB 会员 VIP")
    taobao(taking, status=0)
    taking.run("order issue TB:1")
    assert taobao(taking, status=8, **ASKED) == ["conflict"]
    assert resolve(taking, "store") == ("issued", "updated")
    # The list of the next day says the same; who tells no status says nothing of it.
    assert taobao(taking, status=0, **ASKED) == []
    assert taking.take(("1", "VIP", 1, 28, "", "")) == []
    assert taobao(taking, status=0, **ASKED) == []
    assert not kept(taking)

    # The buyer withdraws, and asks again: in the same words, and it is another request.
    for _ in range(2):
        assert taobao(taking, status=0) == []
    assert not kept(taking)
    found = "SELECT payload FROM audit_record WHERE verb = 'order.conflict'"
    assert len(taking.sql(found)) == 2
    assert taobao(taking, status=8, **ASKED) == ["conflict"]
    assert kept(taking)
    assert resolve(taking, "store", status=0) == ("issued", "updated")

    # Also where nobody had decided yet when the buyer withdrew, or only a part was paid back.
    partly = {"买家实际支付金额": "18.00", "退款金额": "10.00"}
    assert taobao(taking, status=0) == []
    assert taobao(taking, status=8, **ASKED) == ["conflict"]
    assert taobao(taking, status=8, **partly) == ["conflict"]
    assert resolve(taking, "store") == ("issued", "updated")
    assert taobao(taking, status=0, **partly) == []
    assert taobao(taking, status=8, **ASKED) == ["conflict"]
    assert kept(taking)
    sound(taking)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_last_word_counts_also_where_it_was_told_before(taking, frozen_clock):
    first, other = ("1", "VIP", 1, 30, "", "paid"), ("1", "VIP", 2, 50, "", "paid")
    taking.take(("1", "VIP", 1, 28, "", "paid"))
    for row in (first, other, first):
        assert taking.take(row, status=8) == ["conflict"]
        frozen_clock.advance(seconds=60)
    assert resolve(taking, "file") == ("paid", "updated")
    assert taking.run("order show TB:1 --json").json["paid_fen"] == 3000
    # Nobody has said that the store is right against the other one.
    assert taking.take(other, status=8) == ["conflict"]
    assert resolve(taking, "store") == ("paid", "updated")
    # Two sources may disagree for good in what is no word of a refund: that is decided once.
    assert taking.take(first) == []
    assert taking.take(other) == []
    sound(taking)


def test_processes_that_meet_the_same_contradiction_keep_it_once(taking):
    numbers = range(1, 41)
    taking.take(*((number, "VIP", 1, 28, "", "") for number in numbers))
    rows = "\n".join(f"{number},VIP,1,29,,closed" for number in reversed(numbers))
    (taking.folder / "closed.csv").write_text(f"{','.join(COLUMNS)}\n{rows}\n")
    line = "order import closed.csv --channel TB --json"
    processes = [taking.spawn(line) for _ in range(3)]
    results = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [8] * 3, results
    assert taking.sql("SELECT count(*) FROM order_conflict") == [(40,)]
    assert taking.sql("SELECT count(*) FROM order_event WHERE kind = 'held'") == [(40,)]
    assert taking.sql("SELECT DISTINCT status FROM orders") == [("held",)]
    sound(taking)


def test_what_was_paid_back_stays_so_when_the_file_is_taken(taking):
    taking.take(("1", "VIP", 1, 28, "", "paid"))
    taking.run("order refund TB:1 --amount 10 --reason x")
    assert taking.take(("1", "VIP", 1, 10, "", "paid"), status=8) == ["conflict"]
    assert resolve(taking, "file", status=5) == "sale-is-past"
    assert taking.take(("1", "VIP", 2, 30, "", "paid"), status=8) == ["conflict"]
    assert resolve(taking, "file") == ("paid", "updated")
    taking.run("order issue TB:1")
    balances = taking.run("ledger balance --json").json
    assert {row["account"]: row["balance_fen"] for row in balances}["revenue"] == -2000
    sound(taking)
