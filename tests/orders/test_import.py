"""Files of orders: what can be taken is, the rest is told with its row; twice changes nothing."""

import csv
import io
import json

import openpyxl
import pytest

HEADER = ("订单号", "商品编码", "数量", "实付金额", "付款时间", "买家", "订单状态")


@pytest.fixture
def seeded(shop):
    """The seeded catalogue."""
    shop.seed_catalog()
    return shop


def table(*rows, header=HEADER):
    stream = io.StringIO()
    csv.writer(stream).writerows((header, *rows))
    return stream.getvalue()


def take(shop, text, more="", *, status=0):
    return shop.run(f"order import - --channel TB --json {more}", stdin=text, status=status).json


def counts(result):
    names = ("orders", "new", "unchanged", "updated", "conflicts", "rejected", "not_taken")
    return {name: result[name] for name in names if result[name]}


def rejects(result):
    return [(one["row"], one["column"], one["code"]) for one in result["rejects"]]


GOOD = table(
    ("1", "VIP", "1", "28.00", "2026-11-20 10:00:00", "张三", "已付款"),
    ("2", "VIP", "2", "156", "", "李四", "待付款"),
    ("2", "CARDP", "1", "", "", "", ""),
    ("3", "VIP", "", "¥28", "2026/11/20 9:30", "", ""),
    ("4", "VIP", "1", "28", "", "", "交易关闭"),
    ("5", "VIP", "1", "28", "", "", "退款成功"),
)


def test_a_file_twice_changes_nothing_and_ends_0(seeded):
    first = take(seeded, GOOD)
    before = seeded.sql("SELECT count(*) FROM audit_record")
    second = take(seeded, GOOD)

    assert first["status"] == "imported"
    assert counts(first) == {"orders": 5, "new": 3, "not_taken": 2}
    assert second["status"] == "unchanged"
    assert counts(second) == {"orders": 5, "unchanged": 3, "not_taken": 2}
    assert seeded.sql("SELECT count(*) FROM audit_record") == before
    seeded.run("audit verify")


def test_rows_of_one_number_are_lines_of_one_order(seeded):
    take(seeded, GOOD)
    order = seeded.run("order show TB:2 --json").json

    assert (order["status"], order["paid_fen"], order["buyer"]) == ("unpaid", 15600, "李四")
    # Shared by price times quantity: two of 28.00 and one of 100.00.
    assert [(one["sku"], one["qty"], one["paid_fen"]) for one in order["lines"]] == [
        ("VIP", 2, 5600),
        ("CARDP", 1, 10000),
    ]


def test_rows_of_one_order_need_not_stand_together(seeded):
    rows = [(f"N{place % 7}", "VIP", "1", "28", "", "", "") for place in range(21)]
    result = take(seeded, table(*rows))

    assert counts(result) == {"orders": 7, "new": 7}
    assert seeded.sql("SELECT DISTINCT count(*) FROM order_line GROUP BY order_id") == [(3,)]


def test_a_later_file_pays_what_was_unpaid_and_moves_nothing_back(seeded):
    take(seeded, table(("1", "VIP", "1", "28", "", "", "待付款")))
    paid = table(("1", "VIP", "1", "28", "2026-11-20 10:00", "", "已付款"))

    assert counts(take(seeded, paid)) == {"orders": 1, "updated": 1}
    assert counts(take(seeded, paid)) == {"orders": 1, "unchanged": 1}
    unpaid = take(seeded, table(("1", "VIP", "1", "28", "", "", "待付款")))
    assert counts(unpaid) == {"orders": 1, "unchanged": 1}
    assert seeded.run("order show TB:1 --json").json["status"] == "paid"


def test_a_changed_order_is_a_conflict_and_the_rest_is_taken(seeded):
    take(seeded, GOOD)
    changed = table(("1", "VIP", "1", "29", "", "", ""), ("9", "VIP", "1", "28", "", "", ""))
    result = take(seeded, changed, status=8)

    assert counts(result) == {"orders": 2, "new": 1, "conflicts": 1}
    assert rejects(result) == [(2, "", "conflict")]
    assert "TB:1 is recorded already and differs in: paid" in result["rejects"][0]["message"]
    assert seeded.run("order show TB:1 --json").json["paid_fen"] == 2800


def test_an_order_that_was_closed_after_it_was_taken_needs_a_person(seeded):
    take(seeded, table(("1", "VIP", "1", "28", "", "", "")))
    result = take(seeded, table(("1", "VIP", "1", "28", "", "", "退款成功")), status=8)

    assert counts(result) == {"orders": 1, "conflicts": 1}
    seeded.run("order cancel TB:1")
    assert counts(take(seeded, table(("1", "VIP", "1", "28", "", "", "交易关闭")))) == {
        "orders": 1,
        "unchanged": 1,
    }


BAD_ROWS = [
    (("B1", "NOPE", "1", "28", "", "", ""), "商品编码", "unmapped"),
    (("B2", "", "1", "28", "", "", ""), "商品编码", "missing"),
    (("", "VIP", "1", "28", "", "", ""), "订单号", "missing"),
    (("6.9E+18", "VIP", "1", "28", "", "", ""), "订单号", "excel-resaved"),
    (("a b", "VIP", "1", "28", "", "", ""), "订单号", "bad-value"),
    (("B3", "VIP", "0", "28", "", "", ""), "数量", "bad-value"),
    (("B4", "VIP", "1.5", "28", "", "", ""), "数量", "bad-value"),
    (("B5", "VIP", "1000000", "28", "", "", ""), "数量", "bad-value"),
    (("B6", "VIP", "1", "-28", "", "", ""), "实付金额", "bad-value"),
    (("B7", "VIP", "1", "28.005", "", "", ""), "实付金额", "bad-value"),
    (("B8", "VIP", "1", "", "", "", ""), "实付金额", "missing"),
    (("B9", "VIP", "1", "28", "yesterday", "", ""), "付款时间", "bad-value"),
    (("B10", "VIP", "1", "28", "", "a\x1bb", ""), "买家", "bad-value"),
    (("B11", "VIP", "1", "28", "", "", "已发往火星"), "订单状态", "unknown-status"),
]


def test_bad_rows_are_told_and_the_good_ones_are_taken(seeded):
    rows = [row for row, _, _ in BAD_ROWS]
    good = ("good", "VIP", "1", "28", "", "", "")
    result = take(seeded, table(good, *rows, ("good2", *good[1:])), status=8)

    assert counts(result) == {"orders": 16, "new": 2, "rejected": 14}
    assert result["status"] == "partial"
    told = [(place, *what) for place, (_, *what) in enumerate(BAD_ROWS, 3)]
    assert rejects(result) == told
    assert "\x1b" not in json.dumps(result, ensure_ascii=False)


def test_one_bad_row_rejects_its_whole_order(seeded):
    rows = (
        ("1", "VIP", "1", "56", "", "", ""),
        ("2", "VIP", "1", "28", "", "", ""),
        ("1", "NOPE", "1", "56", "", "", ""),
        ("1", "VIP", "x", "56", "", "", ""),
    )
    result = take(seeded, table(*rows), status=8)

    assert counts(result) == {"orders": 2, "new": 1, "rejected": 1}
    assert rejects(result) == [(4, "商品编码", "unmapped"), (5, "数量", "bad-value")]
    seeded.run("order show TB:1", status=4)


def test_the_rows_of_an_order_must_agree_on_it(seeded):
    rows = (("1", "VIP", "1", "56", "", "张三", ""), ("1", "VIP", "1", "57", "", "李四", ""))
    result = take(seeded, table(*rows), status=8)

    assert rejects(result) == [(2, "", "rows-disagree")]
    assert "disagree in: paid, buyer" in result["rejects"][0]["message"]


def test_what_lines_were_paid_makes_what_the_order_was_paid(seeded):
    header = ("order", "sku", "qty", "line_paid", "paid")
    rows = (("1", "VIP", "1", "20", ""), ("1", "CARDP", "1", "80.5", "100.50"))
    take(seeded, table(*rows, header=header))
    order = seeded.run("order show TB:1 --json").json

    assert order["paid_fen"] == 10050
    assert [line["paid_fen"] for line in order["lines"]] == [2000, 8050]
    wrong = table(("2", "VIP", "1", "20", "21"), ("3", "VIP", "1", "", "28"), header=header)
    assert rejects(take(seeded, wrong, status=8)) == [(2, "", "paid-disagrees")]
    half = table(("4", "VIP", "1", "20", ""), ("4", "VIP", "1", "", ""), header=header)
    assert rejects(take(seeded, half, status=8)) == [(2, "", "line-paid-missing")]


def test_a_table_without_what_was_paid_is_taken_and_told(seeded):
    text = table(("1", "VIP"), header=("order", "sku"))
    result = seeded.run("order import - --channel TB --json", stdin=text)

    assert (result.json["new"], result.json["paid_missing"]) == (1, 1)
    assert "1 orders do not say what was paid" in result.stderr
    assert seeded.run("order show TB:1 --json").json["paid_fen"] == 0


def test_ids_lose_their_wrappers_and_nothing_else(seeded):
    wrapped = {
        '="351531000000000001"': "351531000000000001",
        "'0042": "0042",
        "`690000000000000001\t": "690000000000000001",
        "\t6917000000000000001": "6917000000000000001",
        "T-1'2": "T-1'2",
    }
    take(seeded, table(*((text, "VIP", "1", "28", "", "", "") for text in wrapped)))

    assert {one["number"] for one in seeded.run("order list --json").json} == set(wrapped.values())


def test_numbers_in_a_workbook(seeded, tmp_path):
    """Numeric cells are fine until Excel loses digits, dates may be dates, formulas are not."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEADER)
    sheet.append((1001, "VIP", 2, 56.5, "2026-11-20 10:00:00", "张三", None))
    sheet.append((351531000000000001, "VIP", 1, 28, None, None, None))
    sheet.append(("1003", "VIP", 1, "=14*2", None, None, None))
    book.save(tmp_path / "orders.xlsx")
    line = f"order import {tmp_path / 'orders.xlsx'} --channel TB --json"
    result = seeded.run(line, status=8).json

    assert counts(result) == {"orders": 3, "new": 1, "rejected": 2}
    assert rejects(result) == [(3, "订单号", "excel-resaved"), (4, "实付金额", "formula")]
    order = seeded.run("order show TB:1001 --json").json
    assert (order["paid_fen"], order["qty"]) == (5650, 2)


def test_json_lines_keep_their_digits(seeded):
    lines = [
        {"order": 6912345678901234567, "sku": "VIP", "qty": 1, "paid": 28.5},
        {"order": "b", "sku": "VIP", "paid": "28", "status": "unpaid", "phone": "13800138000"},
    ]
    text = "\n".join(json.dumps(line) for line in lines)

    assert counts(take(seeded, text)) == {"orders": 2, "new": 2}
    assert seeded.run("order show TB:6912345678901234567 --json").json["paid_fen"] == 2850


def test_a_bad_json_line_is_told_and_the_rest_is_taken(seeded):
    good = {"order": "J1", "sku": "VIP", "paid": "28", "shape": {"ignored": True}}
    lines = [
        *(json.dumps(good), "xx", '{"order": "J2", "sku": "VIP", "qty": 1, "qty": 5}', "5", ""),
        *('{"order": "J3", "sku": ["VIP"], "paid": 28}', '{"order": "J4", "sku": "VIP", "pa'),
        json.dumps(good | {"order": "J5"}),
    ]
    result = take(seeded, "\n".join(lines), status=8)

    assert counts(result) == {"orders": 7, "new": 2, "rejected": 5}
    assert rejects(result) == [
        *((row, "order", "line-malformed") for row in (2, 3, 4)),
        *((6, "sku", "line-malformed"), (7, "order", "line-malformed")),
    ]
    assert take(seeded, "\n".join(lines), "--strict", status=3)["status"] == "refused"


def test_gbk_is_read(seeded):
    line = "order import - --channel TB --json"

    assert seeded.run(line, stdin=GOOD.encode("gb18030")).json["new"] == 3
    assert seeded.run("order show TB:1 --json").json["buyer"] == "张三"


def test_strict_takes_everything_or_nothing(seeded):
    bad = GOOD + "6,NOPE,1,28,,,\r\n"
    refused = take(seeded, bad, "--strict", status=3)

    assert refused["status"] == "refused"
    assert counts(refused) == {"orders": 6, "rejected": 1, "not_taken": 2}
    assert rejects(refused) == [(8, "商品编码", "unmapped")]
    assert seeded.sql("SELECT count(*) FROM orders") == [(0,)]
    assert counts(take(seeded, GOOD, "--strict")) == {"orders": 5, "new": 3, "not_taken": 2}
    assert take(seeded, GOOD, "--strict")["status"] == "unchanged"
    seeded.run("audit verify")


def test_a_dry_run_says_the_same_and_keeps_nothing(seeded):
    for strict in ("--strict", ""):
        tried = take(seeded, GOOD, f"--dry-run {strict}")
        assert tried.pop("dry_run") is True
        assert seeded.sql("SELECT count(*) FROM orders") == [(0,)]
    assert take(seeded, GOOD) == tried


def test_rejects_are_written_to_a_file(seeded, tmp_path):
    path = tmp_path / "rejects.csv"
    rows = [(f"N{place}", "NOPE", "1", "28", "", "", "") for place in range(150)]
    result = take(seeded, table(*rows), f"--rejects {path}", status=8)

    assert (result["rejected"], len(result["rejects"])) == (150, 100)
    with path.open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert [int(one["row"]) for one in written] == list(range(2, 152))
    assert {one["code"] for one in written} == {"unmapped"}
    assert path.stat().st_mode & 0o777 == 0o600
    seeded.run(f"order import - --channel TB --rejects {path}", stdin=table(*rows), status=2)


def test_a_file_that_is_no_table_of_orders_is_refused(seeded):
    for text, code in (
        ("order,qty\r\n1,1\r\n", "header-missing"),
        ("order,订单号,sku\r\n1,1,VIP\r\n", "header-ambiguous"),
        ("", "file-empty"),
        ("%PDF-1.7", "format-unknown"),
    ):
        refused = seeded.run("order import - --channel TB --json", stdin=text, status=3)
        assert refused.error["code"] == code
        assert "--map" not in (refused.error["hint"] or "")


def test_what_was_named_must_be_there(seeded):
    assert seeded.run("order import - --channel NO --json", stdin=GOOD, status=4).error
    refused = seeded.run("order import - --channel TB --order-format pony", stdin=GOOD, status=2)
    assert "error[order-format-unknown]" in refused.stderr
    seeded.run("order import nowhere.csv --channel TB", status=4)


def test_five_thousand_orders_take_few_statements(seeded, count_statements):
    rows = [(f"N{place:05}", "VIP", "1", "28", "", "", "") for place in range(5_000)]
    text = table(*rows)
    with count_statements() as heard:
        assert take(seeded, text)["new"] == 5_000
    first = len(heard)
    with count_statements() as heard:
        assert take(seeded, text)["unchanged"] == 5_000

    # Three transactions of 2,000 orders; COPY and executemany are one statement each at most.
    assert first < 80
    assert len(heard) < 60


def test_processes_that_import_the_same_file_record_each_order_once(seeded, tmp_path):
    path = tmp_path / "orders.csv"
    rows = [(f"N{place:05}", "VIP", "1", "28", "", "", "") for place in range(2_500)]
    path.write_text(table(*rows), encoding="utf-8")
    line = f"order import {path} --channel TB --json"
    processes = [seeded.spawn(line) for _ in range(2)]
    results = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [0] * 2, results
    told = [json.loads(out) for out, _ in results]
    assert sum(one["new"] for one in told) == 2_500
    assert sum(one["unchanged"] for one in told) == 2_500
    assert seeded.sql("SELECT count(*) FROM orders") == [(2_500,)]
    assert seeded.sql("SELECT count(*) FROM order_line") == [(2_500,)]
    assert seeded.sql("SELECT count(*) FROM order_event") == [(2_500,)]
    seeded.run("audit verify")
