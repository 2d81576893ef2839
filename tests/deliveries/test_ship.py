"""Shipping notes: goods are delivered when they have left; by whom is rewritten on purpose only."""

import pytest

from cardctl.workbooks.write import write_workbook


@pytest.fixture
def goods(shop):
    """Orders of goods: one of a mug, one of a mug, a cap and a card, one of a card only."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["MADE-UP-1", "MADE-UP-2"])
    shop.run("product add MUG --name 杯子 --kind goods --price 9")
    shop.run("product add CAP --name 帽子 --kind goods --price 9")
    (shop.folder / "orders.csv").write_text(
        "order,sku,paid\n0001,MUG,9\n2,MUG,46\n2,CAP,46\n2,VIP,46\n3,VIP,28\n"
    )
    shop.run("order import orders.csv --channel TB")
    shop.run("order issue --all")
    return shop


def status(shop, number):
    return shop.run(f"order show TB:{number} --json").json["status"]


def test_an_order_is_delivered_when_all_of_it_has_left(goods):
    assert goods.run("delivery list --status waiting --via shipment --json").json[0]["line"] == 1
    waiting = goods.run("status --json").json
    assert ("lines-to-ship", 3) in {(one["kind"], one["count"]) for one in waiting["alerts"]}
    by = "--carrier SF --tracking 0012 --json"
    assert goods.run(f"delivery ship TB:2 --sku MUG {by}").json["shipped"] == 1
    assert goods.run(f"delivery ship TB:2 --sku MUG {by}").json["unchanged"] == 1
    goods.run("delivery send TB:2 --via terminal")
    assert status(goods, 2) == "issued"
    # What only waits to leave says so, and how it goes on.
    for order in ("TB:0001", "TB:2"):
        told = goods.run(f"delivery send {order} --via terminal --json", status=5).json
        assert [(one["status"], one["hint"]) for one in told["deliveries"]] == [
            ("to-ship", f"cardctl delivery ship {order} --carrier NAME --tracking NUMBER")
        ]
    assert goods.run(f"delivery ship TB:2 {by}").json["shipped"] == 1
    assert status(goods, 2) == "delivered"

    told = goods.run("delivery ship TB:2 --carrier YTO --tracking 7 --json", status=5)
    assert told.error["code"] == "shipped-before"
    assert goods.run(f"delivery ship TB:3 {by}", status=5).error["code"] == "nothing-to-ship"
    goods.run(f"delivery ship TB:9 {by}", status=4)
    goods.run("delivery ship TB:2 --carrier SF", status=2)
    shown = goods.run("order show TB:2 --json").json["deliveries"]
    kept = {(one["line"], one["carrier"], one["reference"]) for one in shown}
    assert kept == {(1, "SF", "0012"), (2, "SF", "0012"), (None, None, None)}
    goods.run("audit verify")
    goods.run("stock check")


def test_a_mistyped_waybill_is_corrected_once_with_a_reason(goods):
    line = "delivery ship TB:2 --tracking 13 --correct --reason mistyped --json"
    assert goods.run(line, status=5).error["code"] == "nothing-shipped"
    by = "--carrier SF --tracking 12"
    goods.run(f"delivery ship TB:2 {by}")
    shipped = goods.run("order show TB:2 --json").json
    again = goods.run("delivery ship TB:2 --carrier SF --tracking 13", status=5).stderr
    assert "cardctl delivery ship TB:2 --tracking 13 --correct" in again
    counts = ("shipped", "corrected", "unchanged")

    for told in ({"corrected": 2, "dry_run": True}, {"corrected": 2}, {"unchanged": 2}):
        audited = goods.sql("SELECT count(*) FROM audit_record")
        result = goods.run(f"{line} --dry-run" if "dry_run" in told else line).json
        assert result == dict.fromkeys(counts, 0) | {"rejected": 0, "rejects": []} | told
        is_news = told == {"corrected": 2}
        assert (goods.sql("SELECT count(*) FROM audit_record") != audited) == is_news
    goods.run("delivery ship TB:2 --sku CAP --carrier YTO --correct --reason 'another one'")
    # Now which waybill is meant must be said.
    assert goods.run(line, status=5).error["code"] == "several-waybills"
    shown = goods.run("order show TB:2 --json").json
    kept = {(one["line"], one["carrier"], one["reference"]) for one in shown["deliveries"]}
    assert kept == {(1, "SF", "13"), (2, "YTO", "13")}
    # When it left stays.
    assert shown["status"] == shipped["status"]
    left = [{one["delivered_at"] for one in all_["deliveries"]} for all_ in (shown, shipped)]
    assert left[0] == left[1]
    corrected = [one["detail"] for one in shown["events"] if one["kind"] == "edited"]
    assert [(one["was"]["tracking"], one["reason"]) for one in corrected] == [
        ("12", "mistyped"),
        ("12", "mistyped"),
        ("13", "another one"),
    ]
    for wrong in (
        "TB:2 --tracking 14 --correct",
        "TB:2 --tracking 14 --carrier SF --reason x",
        "TB:2 --correct --reason x",
        "--from shipped.xlsx --correct --reason x",
    ):
        assert "correction-options" in goods.run(f"delivery ship {wrong}", status=2).stderr
    goods.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_goods_that_a_file_tells_as_refunded_are_not_asked_to_leave(goods):
    (goods.folder / "later.csv").write_text("order,sku,paid,status\n0001,MUG,9,refunded\n")
    goods.run("order import later.csv --channel TB", status=8)
    told = goods.run("delivery send TB:0001 --via terminal --json", status=5).json
    [told] = told["deliveries"]
    assert (told["status"], told["hint"]) == ("conflict", "cardctl order conflict list")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_table_of_notes_is_taken_row_by_row(goods):
    write_workbook(
        goods.folder / "shipped.xlsx",
        ("订单号", "快递公司", "运单号", "商品编码"),
        [
            ("0001", "顺丰", "SF0012", None),
            ("2", "顺丰", "0013", "CAP"),
            ("TB:2", "顺丰", "", None),
            ("9", "顺丰", "0014", None),
            ("3", "顺丰", "0015", None),
            ("0001", "顺丰", 16, None),
        ],
    )
    line = "delivery ship --from shipped.xlsx --channel TB --json"
    assert goods.run(f"{line} --dry-run", status=8).json["shipped"] == 2
    result = goods.run(line, status=8).json
    assert (result["shipped"], result["unchanged"], result["rejected"]) == (2, 0, 4)
    assert {(one["row"], one["code"]) for one in result["rejects"]} == {
        (4, "bad-value"),
        (5, "not-found"),
        (6, "nothing-to-ship"),
        (7, "number-not-text"),
    }
    assert status(goods, "0001") == "delivered"
    again = goods.run(line, status=8).json
    assert (again["shipped"], again["unchanged"]) == (0, 2)
    told = goods.run("delivery ship --from orders.csv --json", status=3)
    assert told.error["code"] == "header-missing"
