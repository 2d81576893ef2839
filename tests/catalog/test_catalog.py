"""The catalogue on whole command lines: add once, compare, edit, list; every change audited."""

import json

import pytest

ADD_LINES = {
    "product": "product add VIP --name 视频会员 --price 28 --region cn --region HK",
    "supplier": "supplier add SUP --name 批发商 --tier brand --cost-rate 92%",
    "account": "account add WX --name 微信商户 --kind wechat --fee-rate 0.6% --statement wechat",
    "channel": "channel add TB --name 淘宝店 --kind taobao --fee-rate 1%",
    "pool": "pool add vip",
}
CODES = {"product": "VIP", "supplier": "SUP", "account": "WX", "channel": "TB", "pool": "vip"}
DIFFERENT = {
    "product": ("product add VIP --name 视频会员 --price 29 --region CN --region HK", "price_fen"),
    "supplier": ("supplier add SUP --name 批发 --tier brand", "name, cost_rate_bp"),
    "account": (
        "account add WX --name 微信商户 --kind alipay --statement wechat",
        "kind, fee",
    ),
    "channel": ("channel add TB --name 淘宝店 --kind own --fee-rate 1%", "kind"),
}
EDITS = {
    "product": ("--price 26.80", "price_fen", 2680),
    "supplier": ("--cost-rate 91.5%", "cost_rate_bp", 9150),
    "account": ("--settle-days 3", "settle_days", 3),
    "channel": ("--fee-rate 0.6%", "fee_rate_bp", 60),
}


@pytest.mark.parametrize("noun", ADD_LINES)
def test_adding_the_same_twice_changes_nothing(shop, noun):
    first = shop.run(f"{ADD_LINES[noun]} --json").json
    records = audit_records(shop)
    second = shop.run(f"{ADD_LINES[noun]} --json").json

    assert (first.pop("status"), second.pop("status")) == ("new", "unchanged")
    assert first == second
    assert audit_records(shop) == records
    assert records[-1][0] == f"{noun}.add"
    assert records[-1][1][noun] == CODES[noun]
    assert shop.run(f"{noun} show {CODES[noun]} --json").json == first


@pytest.mark.parametrize("noun", DIFFERENT)
def test_a_taken_code_is_refused_and_the_differing_fields_are_named(shop, noun):
    shop.run(ADD_LINES[noun])
    line, fields = DIFFERENT[noun]
    refused = shop.run(line, status=5)

    assert "error[already-exists]" in refused.stderr
    assert f"differs in: {fields}" in refused.stderr
    assert f"cardctl {noun} edit {CODES[noun]}" in refused.stderr


@pytest.mark.parametrize("noun", EDITS)
def test_an_edit_changes_what_was_given_and_nothing_else(shop, noun):
    before = shop.run(f"{ADD_LINES[noun]} --json").json
    option, field, value = EDITS[noun]
    after = shop.run(f"{noun} edit {CODES[noun]} {option} --json").json
    again = shop.run(f"{noun} edit {CODES[noun]} {option} --json").json

    assert after == before | {"status": "updated", field: value}
    assert again == after | {"status": "unchanged"}
    verb, data = audit_records(shop)[-1]
    assert verb == f"{noun}.edit"
    assert data == {noun: CODES[noun], "changed": {field: [before[field], value]}}


@pytest.mark.parametrize("noun", ADD_LINES)
def test_a_dry_run_keeps_nothing(shop, noun):
    shown = shop.run(f"{ADD_LINES[noun]} --dry-run --json").json

    assert shown["dry_run"] is True
    assert shown["status"] == "new"
    shop.run(f"{noun} show {CODES[noun]}", status=4)
    assert shop.run(ADD_LINES[noun] + " --json").json["status"] == "new"


@pytest.mark.parametrize("noun", ADD_LINES)
def test_what_is_not_there_is_not_found(shop, noun):
    edit = "--clear channel" if noun == "pool" else "--name 新"

    for line in (f"{noun} show NONE", f"{noun} edit NONE {edit}"):
        assert f"there is no {noun} NONE" in shop.run(line, status=4).stderr


@pytest.mark.parametrize("noun", ["product", "supplier", "account", "channel", "pool"])
def test_an_edit_without_a_field_is_wrong_usage(shop, noun):
    assert "error[nothing-to-change]" in shop.run(f"{noun} edit X", status=2).stderr


def test_lists_are_sorted_by_code_on_both_databases(shop):
    for code in ("b", "A", "a", "B", "会"):
        shop.run(["supplier", "add", code, "--name", code])

    listed = [one["code"] for one in shop.run("supplier list --json").json]
    assert listed == ["A", "B", "a", "b", "会"]


@pytest.mark.parametrize(
    "code",
    ["", " ", "a b", "a:b", "a,b", "-a", "x" * 65, "a\nb", "a\x1b[31m", "\u202eabc", "a\u200bb"],
)
def test_a_code_that_would_break_a_name_or_a_list_is_refused(shop, code):
    refused = shop.run(["supplier", "add", "--name", "x", "--", code], status=3)

    assert "error[bad-value]" in refused.stderr
    assert "\x1b" not in refused.stderr


def test_codes_may_be_chinese_and_full_width_ones_are_folded(shop):
    shop.run("supplier add 批发一号 --name x")

    assert shop.run("supplier add ＳＵＰ --name x --json").json["code"] == "SUP"
    assert [one["code"] for one in shop.run("supplier list --json").json] == ["SUP", "批发一号"]


def audit_records(shop):
    """Verb and data of every change, the oldest first."""
    rows = shop.sql(
        "SELECT verb, payload FROM audit_record WHERE verb NOT IN ('begin', 'end')"
        " ORDER BY at, run_id, seq"
    )
    return [(verb, json.loads(payload)["data"]) for verb, payload in rows]
