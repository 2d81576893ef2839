"""A table of recipients is checked whole, shown with what it needs, and kept under its name."""

import pytest

from cardctl.workbooks.write import write_workbook


def test_a_plan_says_what_it_takes_and_is_kept_once(shop, staff):
    staff.codes(3, cost="12.50")
    shop.import_codes("VIP", ["MADE-UP-X", "MADE-UP-Y"], cost=None)
    staff.table("u1,VIP,3,,13800138000,张三,", "u2,VIP,,,,,x")
    line = "distribute plan staff.csv --name spring --price 30 --customer 某公司 --json"

    planned = shop.run(f"{line} --dry-run").json
    assert planned.pop("dry_run")
    assert shop.sql("SELECT name FROM plan") == []
    assert shop.sql("SELECT code FROM channel WHERE code = 'DIST'") == []
    assert shop.run(line).json == planned
    assert shop.run(line).json == planned | {"outcome": "unchanged"}

    need = {"product": "VIP", "wanted": 4, "available": 5, "short": 0, "frozen": False}
    cost = {"cost_fen": 3750, "cost_missing": 1}
    assert planned == {
        "plan": "spring",
        "status": "planned",
        "channel": "DIST",
        "customer": "某公司",
        "via": None,
        "outcome": "new",
        "recipients": 2,
        "lines": 2,
        "cards": 4,
        "price_fen": 3000,
        "total_fen": 12_000,
        "short": 0,
        **cost,
        "stock": [need | cost],
        "problem_count": 0,
        "problems": [],
    }
    (listed,) = shop.run("distribute list --json").json
    assert (listed["plan"], listed["cards"], listed["price_fen"]) == ("spring", 4, 3000)
    assert shop.sql("SELECT code, kind FROM channel WHERE code = 'DIST'") == [("DIST", "other")]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_a_plan_costs_is_not_known_while_a_part_of_it_is_not_there(shop, staff):
    staff.codes(3, cost="20")
    staff.table("u1,VIP,4,,,,", "u2,CARDP,1,,,,")
    shop.import_codes("CARDP", [("MADE-UP-1", "made-up")], cost="5")
    planned = shop.run("distribute plan staff.csv --name p --json", status=8).json
    costs = [(one["cost_fen"], one["cost_missing"]) for one in (planned, *planned["stock"])]
    assert costs == [(None, 1), (500, 0), (None, 1)]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_another_content_under_the_same_name_is_a_conflict(shop, staff):
    staff.people(2)
    staff.table("u1,VIP,1,,,,", "u0,VIP,1,,,,", name="other.csv")
    line = "distribute plan {} --name spring --channel TB"
    assert shop.run(line.format("staff.csv"), status=8).stderr == ""

    for changed, differs in (
        ("staff.csv --price 1", "price"),
        ("staff.csv --via email --customer X", "customer, via"),
        ("other.csv", "recipients"),
        ("other.csv --price 1", "price, recipients"),
    ):
        refused = shop.run(f"{line.format(changed)} --json", status=5).error
        assert (refused["code"], refused["details"]["differs"]) == ("conflict", differs)

    # A spreadsheet program sorts the rows, and saves them as it likes.
    rows = [["u0001", "VIP", 1, "u1@made-up.cn"], ["u0000", "VIP", None, "u0@made-up.cn"]]
    write_workbook(shop.folder / "sorted.xlsx", ["收件人", "商品编码", "数量", "邮箱"], rows)
    again = shop.run(line.format("sorted.xlsx --json"), status=8).json
    assert (again["outcome"], again["short"]) == ("unchanged", 2)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_everything_wrong_in_a_table_is_told_with_its_row_and_nothing_is_kept(shop, staff):
    staff.codes(9)
    shop.run("product add ACC --name x --kind goods")
    shop.run("product add CNONLY --name x --region CN")
    staff.table(
        "u1,VIP,1,,,,",
        ",VIP,1,,,,",
        "u1,VIP,1,,,,",
        "a b,VIP,1,,,,",
        f"{'x' * 127},VIP,1,,,,",
        "u2,NONE,0,no,abc,,",
        "u3,,x,a@b.cn,12,,",
        "u4,ACC,1,,,,",
        "u5,CNONLY,1,,,,",
    )
    told = shop.run("distribute plan staff.csv --name p --json", status=3).json
    assert [(one["row"], one["column"], one["code"]) for one in told["problems"]] == [
        (3, "recipient", "missing"),
        (4, "recipient", "duplicate-recipient"),
        (5, "recipient", "bad-value"),
        (6, "recipient", "bad-value"),
        (7, "sku", "not-found"),
        (7, "qty", "bad-value"),
        (7, "email", "bad-value"),
        (7, "phone", "bad-value"),
        (8, "sku", "missing"),
        (8, "qty", "bad-value"),
        (8, "phone", "bad-value"),
        (9, "sku", "not-keys"),
        (10, "sku", "region-unknown"),
    ]
    assert (told["status"], told["outcome"], told["problem_count"]) == ("refused", None, 13)
    assert shop.sql("SELECT * FROM plan") == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_plan_by_email_needs_addresses_and_one_for_a_region_says_which(shop, staff):
    shop.run("product add CNONLY --name x --region CN")
    staff.table("u1,CNONLY,1,,,,")
    line = "distribute plan staff.csv --name p --json"
    for options, code in (
        ("--region us", "region-refused"),
        ("--region cn --via email", "email-missing"),
    ):
        (problem,) = shop.run(f"{line} {options}", status=3).json["problems"]
        assert problem["code"] == code
    assert shop.run(f"{line} --region cn", status=8).json["short"] == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_header_that_is_missing_or_a_table_without_rows_is_refused(shop, staff):
    staff.table("u1,VIP", header="who,what\n")
    assert shop.run("distribute plan staff.csv --name p --json", status=3).error["code"] == (
        "header-missing"
    )
    staff.table()
    assert shop.run("distribute plan staff.csv --name p --json", status=3).error["code"] == (
        "nobody-named"
    )
    for name in ("a/b", "a b", ""):
        shop.run(["distribute", "plan", "staff.csv", "--name", name], status=2)
    shop.run("distribute plan staff.csv --name p --channel NONE", status=4)


def test_orders_that_no_plan_made_are_not_taken_over(shop, staff):
    shop.run("order add --channel TB --number p/u1 --sku VIP --paid 1")
    staff.table("u0,VIP,1,,,,", "u1,VIP,1,,,,")
    told = shop.run("distribute plan staff.csv --name p --channel TB --json", status=3).json
    (problem,) = told["problems"]
    assert (problem["row"], problem["code"]) == (3, "order-taken")
    assert shop.run("distribute list --json").json == []
