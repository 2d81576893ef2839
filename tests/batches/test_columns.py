"""What the columns of a file mean depends on the product it is for."""

import pytest

from cardctl.batches.heading import (
    Asked,
    KindContradicted,
    Naming,
    ProductNeeded,
    UnknownMapField,
    check_given,
    find_heading,
)
from cardctl.batches.template import template_columns
from cardctl.vocabulary import CARD_KINDS, ProductKind
from cardctl.workbooks.cells import Row
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing, MappedColumnMissing


def find(kind, *names, fields=(), remembered=None, **given):
    rows = iter([Row(1, list(names)), Row(2, ["x"] * len(names))])
    asked = Asked(ProductKind(kind), tuple(fields))
    naming = Naming(given, remembered or {})
    heading, after = find_heading(rows, file="f", asked=asked, naming=naming)
    assert [row.number for row in after] == [2]
    return heading.columns_for(asked).header.columns


def test_a_secret_beside_a_number_is_its_password_else_the_code():
    assert find("card", "卡号", "卡密") == {"number": 0, "secret": 1}
    assert find("code", "卡密", "有效期") == {"secret": 0, "expires": 1}


def test_a_code_may_be_called_a_number_when_it_stands_alone():
    assert find("code", "序列号", "卡号") == {"serial": 0, "secret": 1}


@pytest.mark.parametrize("names", [("卡号", "卡密"), ("卡号", "密码"), ("兑换码", "密码")])
def test_half_a_key_is_not_imported_as_a_code(names):
    with pytest.raises(KindContradicted):
        find("code", *names)
    assert find("code", *names, secret=names[1])["secret"] == 1


def test_accounts_have_the_fields_of_their_product():
    found = find("account", "账号", "密码", "密保", "邮箱", fields=("密保", "邮箱"))
    assert found == {"number": 0, "secret": 1, "field:密保": 2, "field:邮箱": 3}
    assert find("account", "账号", "密码", "问题", fields=("密保",), 密保="问题")["field:密保"] == 2


def test_mapping_names_what_there_is():
    with pytest.raises(UnknownMapField) as told:
        check_given({"number": "兑换码"}, kinds=[ProductKind.CODE], fields=())
    assert "secret" in told.value.details["known"]
    with pytest.raises(HeaderMissing):
        find("card", "卡密", "面值")
    with pytest.raises(HeaderAmbiguous):
        find("card", "卡号", "密码", "卡密")


@pytest.mark.parametrize("kind", CARD_KINDS)
@pytest.mark.parametrize("chinese", [True, False])
def test_our_own_templates_are_understood(kind, chinese):
    columns = template_columns(kind, ("密保",), chinese=chinese)
    found = find(kind, *(column.header for column in columns), fields=("密保",))
    assert len(found) == len(columns)
    assert all(len(column.note) <= 255 for column in columns)


def test_what_was_mapped_before_counts_where_the_file_has_it():
    remembered = {"secret": "串", "serial": "流水"}
    assert find("code", "兑换码", "串", remembered=remembered)["secret"] == 1
    assert find("code", "兑换码", "流水", remembered=remembered) == {"secret": 0, "serial": 1}
    assert find("code", "串", "流水", remembered=remembered, secret="流水")["secret"] == 1


def several(*names, **given):
    rows = iter([Row(1, ["发货单"]), Row(2, list(names)), Row(3, ["x"] * len(names))])
    return find_heading(rows, file="f", asked=None, naming=Naming(given))[0]


def test_a_column_of_the_product_is_found_by_its_plainest_name():
    assert several("商品名称", "兑换码").product == 0
    assert several("商品名称", "sku", "兑换码").product == 1
    assert several("商品名称", "sku", "兑换码", product="商品名称").product == 0
    assert several("品名", "商品", "兑换码", note="商品").product == 0
    with pytest.raises(ProductNeeded):
        several("兑换码", "面值")
    with pytest.raises(HeaderMissing):
        several("商品", "面值")
    with pytest.raises(MappedColumnMissing):
        several("商品", "兑换码", product="货")


def test_one_header_reads_as_each_kind_needs_it():
    heading = several("商品", "卡号", "卡密")
    card = heading.columns_for(Asked(ProductKind.CARD))
    assert (card.header.columns, card.partners) == ({"number": 1, "secret": 2}, {})
    code = heading.columns_for(Asked(ProductKind.CODE))
    assert (code.header.columns, code.partners) == ({"secret": 2}, {1: "卡号"})
    lone = several("商品", "卡号", "密码").columns_for(Asked(ProductKind.CODE))
    assert (lone.header.columns, lone.partners) == ({"secret": 1}, {2: "密码"})
    with pytest.raises(HeaderMissing):
        heading.columns_for(Asked(ProductKind.ACCOUNT))
