"""The catalogue on whole command lines: add once, compare, edit, list; every change audited."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cardctl.audit.record import Actor, begin_run
from cardctl.catalog.accounts import edit_account
from cardctl.catalog.entries import check_code, check_name, check_text, insert_once
from cardctl.catalog.suppliers import edit_supplier
from cardctl.clock import now_ms
from cardctl.errors import BadValue
from cardctl.identifiers import new_id
from cardctl.schema.catalog import Supplier
from cardctl.storage.store import writing
from tests.support.vaults import unlock_with_key_file

ADD_LINES = {
    "product": "product add VIP --name 视频会员 --price 28 --region cn --region HK",
    "supplier": "supplier add SUP --name 批发商 --tier brand --cost-rate 92%",
    "account": "account add WX --name 微信商户 --kind wechat --statement wechat-trade",
    "channel": "channel add TB --name 淘宝店 --kind taobao --fee-rate 1%",
    "pool": "pool add vip",
}
CODES = {"product": "VIP", "supplier": "SUP", "account": "WX", "channel": "TB", "pool": "vip"}
DIFFERENT = {
    "product": ("product add VIP --name 视频会员 --price 29 --region CN --region HK", "price_fen"),
    "supplier": ("supplier add SUP --name 批发 --tier brand", "name, cost_rate_bp"),
    "account": ("account add WX --name 微信商户 --kind alipay --statement wechat-trade", "kind"),
    "channel": ("channel add TB --name 淘宝店 --kind own --fee-rate 1%", "kind"),
}
EDITS = {
    "product": ("--price 26.80", "price_fen", 2680),
    "supplier": ("--cost-rate 91.5%", "cost_rate_bp", 9150),
    "account": ("--settle-days 3", "settle_days", 3),
    "channel": ("--fee-rate 0.6%", "fee_rate_bp", 60),
}


def test_adding_the_same_twice_changes_nothing(shop):
    for noun, line in ADD_LINES.items():
        first = shop.run(f"{line} --json").json
        records = audit_records(shop)
        second = shop.run(f"{line} --json").json

        assert (first.pop("status"), second.pop("status")) == ("new", "unchanged")
        assert first == second
        assert first.items() <= shop.run(f"{noun} show {CODES[noun]} --json").json.items()
        assert audit_records(shop) == records
        assert records[-1][0] == f"{noun}.add"
        assert records[-1][1][noun] == CODES[noun]


def test_a_taken_code_is_refused_and_the_differing_fields_are_named(shop):
    for noun, (line, fields) in DIFFERENT.items():
        shop.run(ADD_LINES[noun])
        refused = shop.run(line, status=5)

        assert "error[already-exists]" in refused.stderr
        assert f"differs in: {fields}\n" in refused.stderr
        assert f"cardctl {noun} edit {CODES[noun]}" in refused.stderr


def test_an_edit_changes_what_was_given_and_nothing_else(shop):
    for noun, (option, field, value) in EDITS.items():
        before = shop.run(f"{ADD_LINES[noun]} --json").json
        after = shop.run(f"{noun} edit {CODES[noun]} {option} --json").json
        verb, data = audit_records(shop)[-1]
        again = shop.run(f"{noun} edit {CODES[noun]} {option} --json").json

        assert after == before | {"status": "updated", field: value}
        assert again == after | {"status": "unchanged"}
        assert verb == f"{noun}.edit"
        assert data == {noun: CODES[noun], "changed": {field: [before[field], value]}}


def test_a_dry_run_keeps_nothing(shop):
    for noun, line in ADD_LINES.items():
        shown = shop.run(f"{line} --dry-run --json").json

        assert (shown["dry_run"], shown["status"]) == (True, "new")
        shop.run(f"{noun} show {CODES[noun]}", status=4)
    assert audit_records(shop) == audit_records(shop)[:1]


@pytest.mark.parametrize(
    ("noun", "edit", "field"),
    [("supplier", edit_supplier, "cost_rate_bp"), ("account", edit_account, "fee_rate_bp")],
)
def test_an_edit_keeps_what_another_changes_meanwhile(shop, noun, edit, field):
    shop.seed_catalog()
    run = begin_run(
        audit_key=unlock_with_key_file(shop).audit_key,
        verb=f"{noun}.edit",
        actor=Actor(os_user="wang", host="shop-1", operator=None),
        at=now_ms(),
        zone=shop.store.zone,
    )

    def edit_one():
        with run.transaction(shop.store) as session:
            edit(session, run=run, code=CODES[noun], changes={field: 100})

    with ThreadPoolExecutor(1) as threads:
        with writing(shop.store.engine) as session:
            session.connection().execute(
                text(f"UPDATE {noun} SET name = 'meanwhile' WHERE code = :c"), {"c": CODES[noun]}
            )
            editing = threads.submit(edit_one)
            with pytest.raises(TimeoutError):
                editing.result(1)
        editing.result(30)
    shown = shop.run(f"{noun} show {CODES[noun]} --json").json
    assert (shown["name"], shown[field]) == ("meanwhile", 100)


def test_only_a_taken_code_counts_as_taken(shop):
    def insert(code, tier="brand"):
        row = Supplier(id=new_id(), code=code, name="x", tier=tier, created_at=0)
        with writing(shop.store.engine) as session:
            return insert_once(session, row)

    assert insert("A")
    assert not insert("A")
    with pytest.raises(IntegrityError):
        insert("B", tier="no tier at all")


def test_what_is_not_there_is_not_found_and_an_empty_edit_is_wrong_usage(shop):
    for noun in ADD_LINES:
        edit = "--clear channel" if noun == "pool" else "--name 新"
        for line in (f"{noun} show NONE", f"{noun} edit NONE {edit}"):
            assert f"there is no {noun} NONE" in shop.run(line, status=4).stderr
        assert "error[nothing-to-change]" in shop.run(f"{noun} edit NONE", status=2).stderr


def test_lists_are_sorted_by_code_on_both_databases(shop):
    for code in ("b", "A", "a", "B", "会", "ＳＵＰ"):
        shop.run(["supplier", "add", code, "--name", code])

    listed = [one["code"] for one in shop.run("supplier list --json").json]
    assert listed == ["A", "B", "SUP", "a", "b", "会"]


def test_a_refused_code_is_shown_without_its_control_characters(shop):
    refused = shop.run(["supplier", "add", "--name", "x", "--", "a\x1b[31m"], status=2)

    assert "error[bad-value]" in refused.stderr
    assert "\x1b" not in refused.stderr


@pytest.mark.parametrize(
    "code", ["", " ", "a b", "a:b", "a,b", "-a", "x" * 65, "a\nb", "\u202eabc", "a\u200bb", "a\x00"]
)
def test_a_code_that_would_break_a_name_or_a_list_is_refused(code):
    with pytest.raises(BadValue):
        check_code(code)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1bb", "x" * 201, "a\udc80"])
def test_a_name_is_one_printable_line(name):
    with pytest.raises(BadValue):
        check_name(name)


@pytest.mark.parametrize("text", ["a\x00", "a\x1b", "a\x85b", "a\udc80", "x" * 4001])
def test_text_holds_nothing_that_a_database_or_a_terminal_chokes_on(text):
    with pytest.raises(BadValue):
        check_text(text)


def test_text_may_have_lines_and_any_script():
    assert check_text(" 第一行\n第二行\t\U0001f381 ") == "第一行\n第二行\t\U0001f381"


def audit_records(shop):
    """Verb and data of every change, the oldest first."""
    rows = shop.sql(
        "SELECT verb, payload FROM audit_record WHERE verb NOT IN ('begin', 'end')"
        " ORDER BY at, run_id, seq"
    )
    return [(verb, json.loads(payload)["data"]) for verb, payload in rows]
