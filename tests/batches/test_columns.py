"""What the columns of a file mean depends on the product it is for."""

import pytest

from cardctl.batches.columns import (
    KindContradicted,
    UnknownMapField,
    find_columns,
    template_headings,
)
from cardctl.vocabulary import ProductKind
from cardctl.workbooks.cells import Row
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing


def find(kind, *names, fields=(), **given):
    rows = iter([Row(1, list(names)), Row(2, ["x"] * len(names))])
    header, after = find_columns(rows, kind=ProductKind(kind), fields=fields, given=given)
    assert [row.number for row in after] == [2]
    return header.columns


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
        find("code", "兑换码", number="兑换码")
    assert "secret" in told.value.details["known"]
    with pytest.raises(HeaderMissing):
        find("card", "卡密", "面值")
    with pytest.raises(HeaderAmbiguous):
        find("card", "卡号", "密码", "卡密")


@pytest.mark.parametrize("kind", ProductKind)
@pytest.mark.parametrize("chinese", [True, False])
def test_our_own_templates_are_understood(kind, chinese):
    headings = template_headings(kind, ("密保",), chinese=chinese)
    found = find(kind, *headings, fields=("密保",))
    assert len(found) == len(headings)
