"""Every shape a supplier sends, with what an import says to it, on both databases."""

from tests.batches.answers import answers_of
from tests.batches.files import (
    CARD,
    CARDS,
    CODES,
    OPENED,
    SPLIT,
    VIP,
    Case,
    jsonl,
    pasted,
    sealed_xls,
    sealed_xlsx,
    sheets,
    text,
    xls,
    xlsx,
    zipped,
)

ACCOUNTS = [["账号", "密码", "密保", "邮箱"], ["u1", "p", "dog", ""], ["u2", "p", "", "a@b.c"]]
TALK = "老板您好，请查收：\nA001----pw1\n谢谢惠顾".encode()
TOO_MANY = b"A001----pw1\nA002----pw2----pw3\nA003----pw3"

SHAPES = [
    Case("xlsx", xlsx(CODES), VIP, 2),
    Case("xlsx of cards", xlsx(CARDS), CARD, 2),
    Case("xlsx with a title", xlsx([["发货单"], [""], *CODES]), VIP, 2),
    Case("xlsx, protected", sealed_xlsx(CODES), f"{VIP} {OPENED}", 2),
    Case("xlsx, no password", sealed_xlsx(CODES), VIP, error="password-needed"),
    Case("xlsx, a password too many", xlsx(CODES), f"{VIP} {OPENED}", 2),
    Case("xls", xls(CODES), VIP, 2),
    Case("xls of cards", xls(CARDS), CARD, 2),
    Case("xls, protected", sealed_xls(CODES), f"{VIP} {OPENED}", 2),
    Case("xls, no password", sealed_xls(CODES), VIP, error="password-needed"),
    Case("csv", text(CODES), VIP, 2),
    Case("csv with a BOM", text(CODES, encoding="utf-8-sig"), VIP, 2),
    Case("csv from Chinese Windows", text(CARDS, encoding="gb18030"), CARD, 2),
    Case("tsv", text(CARDS, delimiter="\t"), CARD, 2),
    Case("jsonl", jsonl(CARDS), CARD, 2),
    Case("pasted, dashes", pasted(CARDS, form="{}----{}"), CARD, 2),
    Case("pasted, TAB", pasted(CARDS, form="{}\t{}"), CARD, 2),
    Case("pasted, comma", b"A001,pw1\nA002,pw2", CARD, 2),
    Case("pasted, labels", pasted(CARDS[:2], form="卡号：{} 密码：{}"), CARD, 1),
    Case("pasted, codes", b"ABCD-0001\nABCD-0002", VIP, 2),
    Case("pasted, a template", b"1/x/p\n2/x/q", f"{CARD} --line {{number}}/x/{{secret}}", 2),
    Case("pasted, with talk", TALK, CARD, 1),
    Case("pasted, a part too many", TOO_MANY, CARD, refused=((2, "ambiguous-line"),)),
    Case("pasted, halves of a key", b"A001----pw1", VIP, error="kind-contradicted"),
    Case("zip", zipped(a_csv=text(CODES), b_xlsx=xlsx([["code"], ["B-1"]])), VIP, 3),
    Case("zip of text and xls", zipped(a_txt=b"A001----pw1", b_xls=xls(CARDS)), CARD, 3),
    Case("zip from Chinese Windows", zipped(gbk=True, 一月_csv=text(CODES)), VIP, 2),
    Case("zip with a picture", zipped(a_csv=text(CODES), b_png=b"\x89PNG\r\n\x1a\n"), VIP, 2),
    Case(
        "zip with a key twice",
        zipped(a_csv=text(CODES), b_csv=text([["兑换码"], ["B-1"], ["0012"]])),
        VIP,
        refused=(("b.csv", 3, "duplicate-in-file"),),
    ),
    Case(
        "zip with another table",
        zipped(a_csv=text(CODES), b_csv=text([["面值", "备注"], ["1", "2"]])),
        f"{VIP} --skip-bad-rows",
        cards=2,
        refused=(("b.csv", 1, "header-missing"),),
    ),
    Case("a sheet of several", sheets(一=CODES, 二=CARDS), f"{CARD} --sheet 二", 2),
    Case("several sheets", sheets(一=CODES, 二=CARDS), CARD, error="several-sheets"),
    Case("no such sheet", sheets(一=CODES, 二=CARDS), f"{CARD} --sheet 三", error="sheet-unknown"),
    Case("accounts", text(ACCOUNTS), "--product ACC --expires never", 2),
    Case("links", text([["链接"], ["https://a.b/?k=1&l=2"]]), "--product LNK --expires never", 1),
    Case("seats", text([["账号", "密码"], ["u", "p"]]), "--product SHARED --expires never", 3),
    Case("sold before", text([["卡号"], ["1"], ["2"]]), "--product CARDP --already-sold", 2),
]

BY_PRODUCT = [
    Case(
        "names and SKUs",
        xlsx([["商品", "兑换码"], ["月卡", "M-1"], ["VIP", "V-1"], [" 月　卡 ", "M-2"]]),
        SPLIT,
        cards=3,
    ),
    Case(
        "two kinds",
        text([["商品", "卡号", "卡密"], ["礼品卡", "1", "p"], ["月卡", "", "M-1"]]),
        SPLIT,
        cards=2,
    ),
    Case(
        "half a key of the other kind",
        text([["商品", "卡号", "卡密"], ["月卡", "1", "p"], ["礼品卡", "2", ""]]),
        SPLIT,
        refused=((2, "kind-contradicted"), (3, "missing")),
    ),
    Case(
        "no column for one of them",
        text([["商品", "兑换码"], ["礼品卡", "1"], ["月卡", "M"]]),
        f"{SPLIT} --skip-bad-rows",
        cards=1,
        refused=((2, "header-missing"),),
    ),
    Case(
        "a name nobody knows, and none",
        text([["商品", "兑换码"], ["年卡", "Y-1"], ["月卡", "M"], ["", "Z"]]),
        SPLIT,
        refused=((2, "unmapped-product"), (4, "missing")),
    ),
    Case(
        "a column by --map",
        text([["货", "码"], ["月卡", "M-1"]]),
        f"{SPLIT} --map product=货 --map secret=码",
        cards=1,
    ),
    Case(
        "a zip of it",
        zipped(
            a_csv=text([["商品", "兑换码"], ["月卡", "M-1"]]),
            b_csv=text([["商品", "卡号", "密码"], ["礼品卡", "1", "p"]]),
        ),
        SPLIT,
        cards=2,
    ),
    Case("no column and no --product", xlsx(CODES), SPLIT, error="product-needed"),
    Case(
        "another product than --product",
        text([["商品", "兑换码"], ["月卡", "1"], ["礼品卡", "2"], ["", "3"]]),
        VIP,
        refused=((3, "other-product"),),
    ),
    Case(
        "one unknown name under --product",
        text([["品名", "兑换码"], ["周卡", "1"], ["周卡", "2"]]),
        VIP,
        cards=2,
    ),
    Case(
        "two unknown names under --product",
        text([["品名", "兑换码"], ["周卡", "1"], ["年卡", "2"]]),
        VIP,
        refused=((3, "unmapped-product"),),
    ),
]


def test_each_shape_is_read(shop):
    assert answers_of(shop, SHAPES) == {case.name: case.answer for case in SHAPES}


def test_a_column_of_the_product_sorts_the_rows(shop):
    assert answers_of(shop, BY_PRODUCT) == {case.name: case.answer for case in BY_PRODUCT}
