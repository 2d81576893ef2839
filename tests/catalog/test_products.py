"""Products: kinds, rules of keys, what is fixed once there are cards."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.catalog.patterns import check_pattern
from cardctl.errors import BadValue


def test_hyphens_are_folded_where_they_only_group(shop):
    for kind, hyphens in (("code", True), ("card", True), ("account", False), ("link", False)):
        product = shop.run(f"product add {kind} --name x --kind {kind} --json").json
        assert (product["fold_hyphens"], product["fold_case"]) == (hyphens, False)


def test_the_rules_of_keys_can_be_chosen(shop):
    line = "product add P --name x --keep-hyphens --fold-case --key-space brand --seats 5 --json"
    product = shop.run(line).json

    assert (product["fold_hyphens"], product["fold_case"]) == (False, True)
    assert (product["key_space"], product["seats"]) == ("brand", 5)


def test_only_an_account_has_further_fields(shop):
    account = shop.run(
        "product add A --name x --kind account --field 密保 --field 邮箱 --field 密保 --json"
    ).json

    assert account["fields"] == ["密保", "邮箱"]
    assert (
        "they are for kind account"
        in shop.run("product add B --name x --field 密保", status=2).stderr
    )
    shop.run("product edit A --kind code", status=2)
    assert shop.run("product edit A --kind code --clear field --json").json["kind"] == "code"


def test_regions_are_a_set(shop):
    first = shop.run("product add P --name x --region hk --region CN --json").json
    second = shop.run("product add P --name x --region CN --region HK --region cn --json").json

    assert first["regions"] == ["CN", "HK"]
    assert second["status"] == "unchanged"


def test_values_that_make_no_sense_are_refused(shop):
    for option in (
        "--price 20 --floor-price 25",
        "--price abc",
        "--price 1.005",
        "--price=-1",
        "--min-validity 30",
        "--seats 0",
        "--safety-stock -1",
        "--safety-stock 2000000000",
    ):
        shop.run(f"product add P --name x {option}", status=2)
    assert "bad-value" in shop.run("product add P --name x --pattern '(a+)+'", status=2).stderr
    assert shop.run("product list --json").json == []


def test_clear_empties_a_field(shop):
    shop.run("product add P --name x --price 28 --floor-price 25 --guide 使用说明 --region CN")
    line = "product edit P --clear price --clear floor-price --clear guide --clear region --json"
    product = shop.run(line).json

    assert (product["price_fen"], product["floor_price_fen"]) == (None, None)
    assert (product["guide"], product["regions"]) == (None, [])


def test_how_keys_were_sealed_and_found_stays_once_there_are_cards(shop):
    shop.seed_catalog()
    assert shop.run("product edit VIP --seats 3 --fold-case --json").json["seats"] == 3
    shop.run("product edit VIP --seats 1 --keep-case")
    shop.import_codes("VIP", ["K-0001"])

    for option in ("--kind card", "--seats 2", "--key-space own", "--fold-case", "--keep-hyphens"):
        refused = shop.run(f"product edit VIP {option}", status=5)
        assert "error[in-use]" in refused.stderr
    edited = shop.run("product edit VIP --price 30 --pattern 'K-[0-9]{4}' --json").json
    assert (edited["price_fen"], edited["pattern"]) == (3000, "K-[0-9]{4}")


def test_a_kind_has_the_parts_it_needs_and_no_others(shop):
    shop.seed_catalog()
    for options, problem in (
        ("--kind bundle", "a bundle needs its components"),
        ("--component VIP=1", "they are for kind bundle"),
        ("--kind topup", "needs the supplier who tops up"),
        ("--supplier SUP", "its batches have one"),
        ("--kind goods --safety-stock 5", "is not kept as cards"),
        ("--kind bundle --component VIP", "is not a component"),
        ("--kind bundle --component VIP=0", "is not a component"),
        ("--kind bundle --component VIP=1 --component VIP=2", "is not a component"),
    ):
        shop.run(f"product add P --name x {options}", status=None).stderr.index(problem)
    shop.run("product add P --name x --kind bundle --component NONE=1", status=4)
    shop.run("product add P --name x --kind topup --supplier NONE", status=4)
    assert len(shop.run("product list --json").json) == 2

    topup = shop.run("product add CALL --name 话费 --kind topup --supplier SUP --json").json
    assert (topup["kind"], topup["supplier"], topup["email_secret"]) == (
        *("topup", "SUP"),
        "attachment",
    )
    assert shop.run("product edit VIP --email-secret text --json").json["email_secret"] == "text"
    shop.run("product edit CALL --clear supplier", status=2)
    line = "product edit CALL --kind goods --clear supplier --json"
    assert shop.run(line).json["supplier"] is None


def test_a_bundle_holds_products_that_are_no_bundles(shop):
    shop.seed_catalog()
    line = "product add PACK --name x --kind bundle --component CARDP=1 --component VIP=2 --json"
    assert shop.run(line).json["components"] == [
        {"sku": "CARDP", "qty": 1},
        {"sku": "VIP", "qty": 2},
    ]
    assert shop.run(line).json["status"] == "unchanged"
    nested = "product add BIG --name x --kind bundle --component PACK=1"
    assert "error[bundle-in-bundle]" in shop.run(nested, status=2).stderr
    turned = "product edit VIP --kind bundle --component CARDP=1"
    assert "bundle PACK cannot hold VIP" in shop.run(turned, status=2).stderr
    edited = shop.run("product edit PACK --component VIP=3 --json").json
    assert edited["components"] == [{"sku": "VIP", "qty": 3}]
    assert shop.run("product show PACK --json").json["components"] == edited["components"]
    for line in (
        "batch template --product PACK --out x.xlsx",
        "stock generate --product PACK --count 1 --pattern XXXX-XXXX-XXXX-XXXX",
    ):
        assert "is of kind bundle" in shop.run(line, status=None).stderr


def test_what_is_no_card_is_not_imported(shop):
    shop.seed_catalog()
    shop.run("product add BOX --name 礼盒 --kind goods")
    path = shop.folder / "keys.csv"
    path.write_text("商品,兑换码\nVIP,MADE-UP-1\nBOX,MADE-UP-2\n", encoding="utf-8")
    line = "batch import keys.csv --supplier SUP --expires never --json"
    refused = shop.run(line, status=3).json
    assert [(one["row"], one["code"]) for one in refused["rejects"]] == [(3, "kind-without-cards")]
    whole = shop.run(f"{line} --product BOX", status=3)
    assert "BOX is of kind goods" in whole.stderr


def test_how_an_ordered_product_is_issued_stays(shop):
    shop.seed_catalog()
    shop.run("product add BOX --name 礼盒 --kind goods")
    for sku in ("VIP", "BOX"):
        shop.run(f"order add --channel TB --number {sku} --sku {sku} --paid 1")
    for line in (
        "product edit BOX --kind code",
        "product edit VIP --kind goods",
        "product edit VIP --kind bundle --component CARDP=1",
    ):
        assert "error[in-use]" in shop.run(line, status=5).stderr
    shop.run("product edit VIP --kind link")


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z0-9]{4}-[A-Z0-9]{4}",
        "(?:[A-Z0-9]{4}-){3}[A-Z0-9]{4}",
        r"\d{16,19}",
        r"https://example\.com/[a-z]+",
        "(VIP|SVIP)-[0-9]{8}",
        r"[(a+)+]{3}\(x\)+",
        "(?P<head>AB)?[0-9]+",
    ],
)
def test_patterns_of_real_keys_are_taken(pattern):
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z",
        "(a+)+",
        "(a*)*b",
        "(a|aa)+$",
        "((a+)b?)+",
        "(?:[a-z]+,?){2,}x",
        "(x?){40}",
        r"(\d+|\w)*",
        "x" * 201,
        "a\nb",
    ],
)
def test_patterns_that_do_not_compile_or_run_away_are_refused(pattern):
    with pytest.raises(BadValue):
        check_pattern(pattern)


@given(st.text(alphabet="ab+*?|(){}[]\\0123,:", max_size=30))
def test_any_pattern_is_taken_or_refused_and_a_taken_one_compiles(text):
    try:
        check_pattern(text)
    except BadValue:
        return
    re.compile(text)
