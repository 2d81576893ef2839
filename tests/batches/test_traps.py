"""What is wrong with a file, a row or a cell, and the code by which it is told."""

from tests.batches.answers import answers_of
from tests.batches.files import CARD, CODES, OPENED, VIP, Case, cells, sealed_xlsx, text, xls
from tests.workbooks import build, old

A = build.text_cell("A2", "A")
MERGED = '<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
NUMBER = '<row r="2"><c r="A2"><v>6225880212345678901</v></c></row>'
FORMULA = '<row r="2"><c r="A2" t="str"><f>1+1</f><v>2</v></c></row>'
NOT_AVAILABLE = '<row r="2"><c r="A2" t="e"><v>#N/A</v></c></row>'
LEFT_OUT = f"{VIP} --skip-bad-rows"


def codes(*keys):
    return text([["兑换码"], *([key] for key in keys)])


def beside(column, *values):
    """Good keys, each with a value in another column."""
    return text([["兑换码", column], *([f"GOOD-{at}", one] for at, one in enumerate(values))])


def all_rows(code, first, last):
    return tuple((row, code) for row in range(first, last + 1))


CELLS = [
    Case("a number", cells(NUMBER), VIP, refused=((2, "number-not-text"),)),
    Case(
        "a number in an xls",
        old.xls({"S": old.label(0, 0, "兑换码") + old.number(1, 0, 12345.0)}),
        VIP,
        refused=((2, "number-not-text"),),
    ),
    Case("a formula", cells(FORMULA), VIP, refused=((2, "formula"),)),
    Case("an error", cells(NOT_AVAILABLE), VIP, refused=((2, "error-cell"),)),
    Case("merged keys", cells(f'<row r="2">{A}</row>', after=MERGED), VIP, error="merged-cells"),
    Case("a hidden row", cells(f'<row r="2" hidden="1">{A}</row>'), VIP, 1),
    Case("leading zeros, 19 digits", xls([*CODES, ["00000"]]), VIP, 3),
    Case(
        "odd keys", codes("=cmd|' /c calc'!A0", "<a>&amp;", "👍👍", "a b", "é卡", "_x000D_"), VIP, 6
    ),
    Case(
        "what cannot be seen",
        codes("A\u200b1", "A\u202e2", " A3", "A\u00a04", "A\ufeff5", "A6"),
        VIP,
        refused=all_rows("invisible-character", 2, 6),
    ),
    Case(
        "a key twice", codes("A-1", "A1", "Ａ1"), VIP, refused=all_rows("duplicate-in-file", 3, 4)
    ),
    Case("a key that is here", codes("HERE-1", "B"), VIP, refused=((2, "duplicate-in-store"),)),
    Case(
        "a key sold before",
        codes("SOLD-1", "B"),
        LEFT_OUT,
        cards=1,
        refused=((2, "duplicate-in-store"),),
    ),
    Case(
        "half a key",
        text([["卡号", "密码"], ["1", ""], ["", "p"]]),
        CARD,
        refused=all_rows("missing", 2, 3),
    ),
    Case(
        "a key of another pattern",
        codes("ABC", "12345"),
        "--product PAT --expires never",
        refused=((2, "bad-format"),),
    ),
    Case("40,000 characters", codes("x" * 40_000, "A"), VIP, refused=((2, "too-long"),)),
    Case(
        "a comma in a key",
        b"\xe5\x85\x91\xe6\x8d\xa2\xe7\xa0\x81\nA,B\nC\n",
        VIP,
        refused=((2, "extra-cell"),),
    ),
    Case(
        "the example of a template",
        codes("示例-兑换码-0001", "EXAMPLE-CODE-0001", "A"),
        LEFT_OUT,
        cards=1,
        refused=all_rows("example-row", 2, 3),
    ),
    Case(
        "days",
        beside("有效期", "someday", "2027-02-30", "2020-01-01", ""),
        "--product VIP",
        refused=((2, "bad-date"), (3, "bad-date"), (4, "expired"), (5, "missing")),
    ),
    Case(
        "days as they are written",
        beside(
            "有效期", "2099年1月2日", "长期有效", "12个月", "20990102", "2026-11-01至2099-12-31"
        ),
        "--product VIP",
        cards=5,
    ),
    Case(
        "amounts",
        beside("成本", "x", "-1", "1.005", "￥12.50", "1,234.50", ""),
        LEFT_OUT,
        cards=3,
        refused=all_rows("bad-money", 2, 4),
    ),
]

FILES = [
    Case("not a byte", b"", VIP, error="file-empty"),
    Case("not a cell", b"\n\n", VIP, error="file-empty"),
    Case("a header alone", text([["兑换码"]]), VIP, error="no-rows"),
    Case("no header", text([["面值", "备注"], ["1", "2"]]), VIP, error="header-missing"),
    Case("another file", b"%PDF-1.4 MADE UP", VIP, error="format-unknown"),
    Case("a cut workbook", sealed_xlsx(CODES)[:3000], f"{VIP} {OPENED}", error="file-damaged"),
    Case(
        "the wrong password",
        sealed_xlsx(CODES),
        f"{VIP} --password-source env:NO",
        error="wrong-password",
    ),
    Case("no such column", text(CODES), f"{VIP} --map secret=串", error="mapped-column-missing"),
    Case("no such field", text(CODES), f"{VIP} --map number=码", error="unknown-map-field"),
    Case("no expiry", text(CODES), "--product VIP", error="expiry-needed"),
    Case("nothing good", codes("HERE1"), LEFT_OUT, refused=((2, "duplicate-in-store"),)),
    Case(
        "a cost of what was sold",
        text(CODES),
        "--product VIP --already-sold --cost 1",
        error="already-sold",
    ),
]


def test_each_cell_that_is_no_key_is_told_by_its_code(shop):
    assert answers_of(shop, CELLS) == {case.name: case.answer for case in CELLS}


def test_each_file_that_is_no_table_of_keys_is_told_by_its_code(shop):
    assert answers_of(shop, FILES) == {case.name: case.answer for case in FILES}
