"""`order run FILE`: record, issue and deliver in one go; again, it goes on where it stopped."""

import pytest

from tests.batches.books import check_all

KEYS = [f"MADEUP-{place:04d}" for place in range(4)]
HEAD = "order,sku,qty,paid,status\n"
RECORDS = "SELECT COUNT(*) FROM audit_record"
LINE = "order run orders.csv --channel TB"


@pytest.fixture
def stocked(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", KEYS)
    return shop


def write(shop, *rows):
    (shop.folder / "orders.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))


def test_the_orders_of_a_file_are_recorded_issued_and_delivered_and_no_others(stocked):
    for number, paid in ((1, 28), (8, 28), (9, 28)):
        stocked.run(f"order add --channel TB --number {number} --sku VIP --paid {paid}")
    write(stocked, "1,VIP,1,28,", "2,VIP,2,56,", "3,VIP,1,28,unpaid", "9,VIP,1,99,", "4,GONE,1,1,")
    done = stocked.run(f"{LINE} --via terminal --json", status=8).json
    imported, issued, delivered = done["import"], done["issue"], done["delivery"]
    assert done["status"] == "partial"
    assert [imported[name] for name in ("new", "unchanged", "conflicts", "rejected")] == [
        2,
        1,
        1,
        1,
    ]
    assert [issued[name] for name in ("issued", "cards", "short")] == [2, 3, 0]
    assert [delivered[name] for name in ("delivered", "failed", "unchanged")] == [2, 0, 0]
    assert {one["order"] for one in done["messages"]} == {"TB:1", "TB:2"}
    status = dict(stocked.sql("SELECT number, status FROM orders"))
    # What the file contradicts, and what it does not name, is left to a person.
    assert status == {"1": "delivered", "2": "delivered", "3": "unpaid", "8": "paid", "9": "held"}
    assert "MADEUP-" in stocked.run("order show TB:1 --reveal --reason x").stdout
    check_all(stocked)


def test_again_it_goes_on_where_it_stopped_and_then_changes_nothing(stocked):
    write(stocked, "1,VIP,3,84,", "2,VIP,2,56,")
    rehearsed = stocked.run(f"{LINE} --via terminal --dry-run --json", status=8).json
    assert (rehearsed["issue"]["issued"], rehearsed["issue"]["short"]) == (1, 1)
    assert (rehearsed["import"]["new"], rehearsed["delivery"]["pending"]) == (2, 1)
    assert stocked.sql("SELECT COUNT(*) FROM orders") == [(0,)]
    first = stocked.run(f"{LINE} --json", status=8).json
    assert (first["issue"], first["import"]) == (rehearsed["issue"], rehearsed["import"])
    assert first["delivery"] is None

    stocked.import_codes("VIP", ["LATER-1"])
    env = {"PW": "made-up-pass"}
    out = "--via file --out cards.xlsx --password-source env:PW"
    second = stocked.run(f"{LINE} {out} --json", env=env).json
    assert (second["status"], second["issue"]["issued"], second["issue"]["unchanged"]) == (
        "done",
        1,
        1,
    )
    assert second["delivery"]["delivered"] == 2
    records = stocked.sql(RECORDS)
    written = (stocked.folder / "cards.xlsx").read_bytes()
    third = stocked.run(f"{LINE} {out} --json", env=env).json
    assert (stocked.folder / "cards.xlsx").read_bytes() == written
    assert (third["status"], third["delivery"]["unchanged"]) == ("unchanged", 2)
    assert stocked.sql(RECORDS) == records
    check_all(stocked)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_file_that_is_refused_gives_nothing_away(stocked):
    write(stocked, "1,VIP,1,28,", "2,GONE,1,1,")
    done = stocked.run(f"{LINE} --strict --via terminal --json", status=3).json
    assert (done["status"], done["issue"]["issued"]) == ("refused", 0)
    assert stocked.sql("SELECT COUNT(*) FROM orders") == [(0,)]
    missing = stocked.run(f"{LINE} --via file --json", status=2).error
    assert missing["code"] == "out-missing"
    shown = stocked.run(f"{LINE} --via terminal", status=8).stdout
    assert "MADEUP-0000" in shown
