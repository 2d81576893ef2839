"""Keys out of chats and notes: what is a row, what is talk, and what nobody may guess."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.errors import InputRefused
from cardctl.workbooks.cells import NotText
from cardctl.workbooks.contents import tables_in
from cardctl.workbooks.failures import FormatUnknown, NoKeys
from cardctl.workbooks.line_template import (
    LineFieldUnknown,
    LineSecretMissing,
    LineTemplateMalformed,
)
from cardctl.workbooks.parsed import Request
from cardctl.workbooks.read import Source, open_tables
from cardctl.workbooks.talk import mask_line

TALK = (
    "亲，您好！\n您的卡密如下（共10张）：\n==========\nK-1----S-1\n\nK-2----S-2\n"
    "订单号：202611220001\n发货时间 2026-11-22 10:30\nThanks!\n谢谢惠顾----欢迎"
)
PAIR, ONE = ["number", "secret"], ["secret"]


def parse(text, *, line=None, columns=(), encoding="utf-8"):
    """(format, rows, skipped lines) of a text; a row without its number is its cells."""
    request = Request("keys", line=line, columns=tuple(columns))
    (table,) = tables_in([text.encode(encoding)], request)
    rows = [("?" if type(row[0]) is NotText else row) for _, row in table.rows]
    return table.format, rows, [skipped.number for skipped in table.skipped.lines]


def unclear(text, **options):
    """The numbers of the lines that are no row and no talk."""
    request = Request("keys", **options)
    (table,) = tables_in([text.encode()], request)
    return [
        number
        for number, row in table.rows
        if any(type(cell) is NotText and cell.kind == "ambiguous" for cell in row)
    ]


SHAPES = {
    "hyphens": ("K-1----S-1\nK-2----S-2\n", [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]], []),
    "two hyphens and blanks": (
        "K-1 -- S-1\r\nK-2 -- S-2",
        [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]],
        [],
    ),
    "TAB": ("0012\t0034\n0013\t0035\t\n", [PAIR, ["0012", "0034"], ["0013", "0035"]], []),
    "comma": ("K1001,S1\nK1002, S2\n", [PAIR, ["K1001", "S1"], ["K1002", "S2"]], []),
    "wide comma": ("K1001，S1\nK1002，S2\n", [PAIR, ["K1001", "S1"], ["K1002", "S2"]], []),
    "pipe": ("K1001|S,1\nK1002|S 2\n", [PAIR, ["K1001", "S,1"], ["K1002", "S 2"]], []),
    "semicolon": ("K1001;S1\nK1002;S2\n", [PAIR, ["K1001", "S1"], ["K1002", "S2"]], []),
    "spaces": ("K1001 S1\nK1002   S2\n", [PAIR, ["K1001", "S1"], ["K1002", "S2"]], []),
    "a code a line": ("AAAA-1111\n\nBBBB-2222\n", [ONE, ["AAAA-1111"], ["BBBB-2222"]], []),
    "links": (
        "https://example.invalid/a?b=1,2\nhttps://example.invalid/c--d\n",
        [ONE, ["https://example.invalid/a?b=1,2"], ["https://example.invalid/c--d"]],
        [],
    ),
    "codes of letters among others": (
        "ABCDE-12345\nABCDE-FGHIJ\nabcdefghijk\n",
        [ONE, ["ABCDE-12345"], ["ABCDE-FGHIJ"], ["abcdefghijk"]],
        [],
    ),
    "talk around": (
        TALK,
        [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]],
        [1, 2, 3, 7, 8, 9, 10],
    ),
    "labels on one line": (
        "卡号:K-1 密码:S-1\n卡号：K-2，密码：S-2\n",
        [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]],
        [],
    ),
    "labels without a space": ("卡号：K-1密码：S-1\n", [PAIR, ["K-1", "S-1"]], []),
    "labels with hyphens between": ("卡号：K-1----密码：S-1\n", [PAIR, ["K-1", "S-1"]], []),
    "labels on lines of their own": (
        "第一张\n卡号：K-1\n密码：S-1\n有效期：2027-12-31\n\n卡号：K-2\n密码：S-2\n有效期：永久\n",
        [
            ["number", "secret", "expires"],
            ["K-1", "S-1", "2027-12-31"],
            ["K-2", "S-2", "永久"],
        ],
        [1],
    ),
    "labels above their values": (
        "卡号：\nK-1\n密码：\nS-1\n卡号：\nK-2\n密码：\nS-2\n",
        [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]],
        [],
    ),
    "English labels": (
        "Account: alice Password: pw=1\nAccount: bob@example.invalid Password: x:y\n",
        [PAIR, ["alice", "pw=1"], ["bob@example.invalid", "x:y"]],
        [],
    ),
    "a link with its label": (
        "链接：https://example.invalid/a--b\n链接：https://example.invalid/c\n",
        [ONE, ["https://example.invalid/a--b"], ["https://example.invalid/c"]],
        [],
    ),
    "codes with a label": ("兑换码：AB12\n兑换码：CD34\n", [ONE, ["AB12"], ["CD34"]], []),
    "a header between hyphens": (
        "账号----密码----密保\nalice----pw1----cat\nbob----pw2----dog\n",
        [["账号", "密码", "密保"], ["alice", "pw1", "cat"], ["bob", "pw2", "dog"]],
        [],
    ),
    "accounts of letters": (
        "alice1----secret\nbob----password\n",
        [PAIR, ["alice1", "secret"], ["bob", "password"]],
        [],
    ),
    "a title above pairs": (
        "卡密\nK-1----S-1\nK-2----S-2\n",
        [PAIR, ["K-1", "S-1"], ["K-2", "S-2"]],
        [1],
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_shape_is_read(case):
    text, rows, skipped = SHAPES[case]
    assert parse(text) == ("text", rows, skipped)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_in_every_encoding(encoding):
    text = "卡号：K-1　密码：S-1\n"
    assert parse(text, encoding=encoding)[1] == [PAIR, ["K-1", "S-1"]]


UNCLEAR = {
    "a separator inside the secret": ("K-1----S-1\nK-2----S----2\n", [2]),
    "another run of hyphens": ("K-1----S-1\nK-2----S-2\nK-3-----S-3\n", [3]),
    "three parts": ("K-1----S-1----2027-12-31\nK-2----S-2----2027-12-31\n", [1, 2]),
    "a comma too many": ("K1001,S1\nK1002,S,2\n", [2]),
    "quotes": ('"K1001","S1"\n"K1002","S2"\n', [1, 2]),
    "spaces in a key": ("K1001 S1\nK 1002 S2\n", [2]),
    "a line without the separator": ("K-1----S-1\nK-2 S-2222\n", [2]),
    "numbered lines": ("1. K-1----S-1\n2、K-2----S-2\n", [1, 2]),
    "a heading of unknown words": ("Voucher----Ticket\nK-1----S-1\nK-2----S-2\n", [1]),
    "a title like a code": ("Mycodes\nAAAA-1111\nBBBB-2222\n", [1]),
    "a code with a word behind": ("AAAA-1111\nCCCC-3333\nBBBB-2222 ok\n", [3]),
    "a pair among codes": ("AAAA-1111\nBBBB-2222\nCCCC-3333----pw\n", [3]),
    "a word among codes": ("AAAA-1111\nThanks\n", [2]),
    "words behind a label": ("卡号：K-1 密码：S-1 请尽快使用\n", [1]),
    "a pair behind a label": ("卡密：K-1----S-1\n卡密：K-2----S-2\n", [1, 2]),
    "a key before the label": ("AAAA-1111 密码：S-1\n", [1]),
    "a code and its password": ("兑换码：K-1 密码：S-1\n", [1]),
    "a code and its password below": ("兑换码：K-1\n密码：S-1\n\n", [1]),
    "a key without a label": ("卡号：K-1 密码：S-1\nK-2222 S-2222\n", [2]),
    "two words": ("K1001 S1\nHello friend\nK1002 S2", [2]),
    "an order number without a label": ("K-1----S-1\n您的订单 202611220001 已发货\n", [2]),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_can_be_read_in_two_ways_is_left_to_a_person(case):
    text, lines = UNCLEAR[case]
    assert unclear(text) == lines


def test_parts_of_two_keys_are_never_put_together():
    text = "密码：S-0\n\n卡号：K-1\n密码：S-1\n谢谢\n卡号：K-2\n\n密码：S-3\n卡号：K-4\n密码：S-4\n"
    rows = parse(text)[1]
    assert (
        rows[1:]
        == [
            ["", "S-0"],
            ["K-1", ""],
            ["", "S-1"],
            ["K-2", ""],
            ["K-4", "S-3"],
            ["", "S-4"],
        ]
        or ["K-1", "S-1"] in rows
    )
    assert ["K-1", "S-0"] not in rows


TABLES = {
    "a header": "兑换码,有效期\nAAAA-1111,2027-12-31\n",
    "a header below a title": "供货单 2026\n\n卡号,密码\nK-1,S-1\n",
    "a lone header": "兑换码\nAAAA-1111\n",
    "a lone header over one code": "code\nA\n",
    "a header that only a mapping knows": "Voucher,Region\nAAAA-1111,CN\n",
    "words that only a mapping knows": "礼品编码,开卡口令\nK1001,S1\n",
    "a header with a note": "卡号(18位),密码（6位）\nK1001,S1\n",
    "a title with a label": "卡密：\nAAAA-1111\nBBBB-2222\n",
    "tabs": "卡号\t密码\nK1001\tS1\n",
    "tabs below a title": "供货单, 2026\n卡号\t密码\nK1001\tS1\n",
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_stays_a_table(case):
    assert parse(TABLES[case])[0] in {"csv", "tsv"}


def test_a_column_that_the_caller_names_makes_a_table():
    text = "X1,X2\nK1001,S1\n"
    assert parse(text)[0] == "text"
    assert parse(text, columns=["X1"])[0] == "csv"
    assert parse("主号----密保\nalice1----cat\n", columns=["主号", "密保"])[1][0] == [
        "主号",
        "密保",
    ]


def test_numbers_that_a_spreadsheet_program_rounded_are_no_text():
    rows = parse("卡号,密码\n6.22588E+15,S1\n")[1]
    assert rows == [["卡号", "密码"], "?"]
    request = Request("keys")
    (table,) = tables_in(["卡号,密码\n6.22588E+15,S1\n".encode()], request)
    assert list(table.rows)[1][1] == [NotText("number", "6.22588E+15"), "S1"]


def test_talk_alone_is_refused():
    with pytest.raises(NoKeys):
        parse("您好\n今天没有货\n")
    with pytest.raises(FormatUnknown):
        parse("<html>")


TEMPLATES = {
    "a slash": ("{number}/{secret}", "K-1/S-1\n", [PAIR, ["K-1", "S-1"]], []),
    "words around": (
        "卡{number}密{secret}止{expires}",
        "您好\n卡K-1密S-1止2027-12-31\n",
        [["number", "secret", "expires"], ["K-1", "S-1", "2027-12-31"]],
        [1],
    ),
    "skipped parts": ("{skip}. {number}  {secret}", "12. K-1 S-1\n", [PAIR, ["K-1", "S-1"]], []),
    "a code alone": ("{secret}", "AAAA 1111\n", [ONE, ["AAAA 1111"]], []),
    "braces": ("{{{secret}}}", "{AAAA}\n", [ONE, ["AAAA"]], []),
    "two ways": ("{number}-{secret}", "K-1-2\n", [PAIR, "?"], []),
    "overlapping": ("{number}--{secret}", "K1---S1\nK2--S2\n", [PAIR, "?", ["K2", "S2"]], []),
    "another line": (
        "{number}/{secret}",
        "K-1/S-1\nK-2222\n再见\n",
        [PAIR, ["K-1", "S-1"], "?"],
        [3],
    ),
    "nothing between": ("{number}/{secret}", "K-1/\n/S-1111\n", [PAIR, "?", "?"], []),
    "before a csv": (
        "{number},{secret}",
        "卡号,密码\nK-1,S-1\n",
        [PAIR, ["卡号", "密码"], ["K-1", "S-1"]],
        [],
    ),
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_says_what_a_line_is(case):
    template, text, rows, skipped = TEMPLATES[case]
    assert parse(text, line=template) == ("text", rows, skipped)


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("", LineSecretMissing),
        ("{number}", LineSecretMissing),
        ("{secret", LineTemplateMalformed),
        ("secret}", LineTemplateMalformed),
        ("{number}{secret}", LineTemplateMalformed),
        ("{secret}-{secret}", LineTemplateMalformed),
        ("{}-{secret}", LineFieldUnknown),
        ("{卡号}-{secret}", LineFieldUnknown),
    ],
)
def test_a_malformed_template_is_refused_at_once(tmp_path, template, error):
    path = tmp_path / "keys.txt"
    path.write_text("K-1----S-1")
    with pytest.raises(error) as told, open_tables(Source.of(str(path)), line=template):
        pytest.fail("the file was opened")
    assert told.value.hint.format(**told.value.details)


def test_a_template_may_name_fields_of_the_caller():
    text = "alice----pw----cat\n"
    template = "{number}----{secret}----{密保}"
    assert parse(text, line=template, columns=["密保"])[1][0] == ["number", "secret", "密保"]


def test_skipped_lines_show_no_word_whole(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("您好 friend\nK-1----S-1\n谢谢惠顾\n", "utf-8")
    with open_tables(Source.of(str(path))) as tables:
        table = next(tables)
        assert len(list(table.rows)) == 2
    assert table.skipped.count == 2
    assert [tuple(line) for line in table.skipped.lines] == [(1, "您好 f***"), (3, "谢谢惠顾")]
    assert mask_line("AAAA-1111-2222 x") == "A*** x"


keys = st.text(st.sampled_from("ABCXYZ0189=<>&'密钥é/.:+_"), min_size=1, max_size=12)


@given(st.lists(st.tuples(keys, keys), min_size=1, max_size=8))
def test_a_row_holds_its_line_byte_for_byte(pairs):
    """Whatever the keys are: a row is exactly the line, or the line is no row."""
    text = "".join(f"{number}----{secret}\n" for number, secret in pairs)
    try:
        (table,) = tables_in([text.encode()], Request("keys"))
    except (NoKeys, FormatUnknown):
        return
    rows = dict(table.rows)
    if table.format != "text" or rows.pop(0, None) != PAIR:
        return
    for number, row in rows.items():
        assert row == [*pairs[number - 1]] or type(row[0]) is NotText


@given(st.text(max_size=300), st.sampled_from([None, "{number}/{secret}", "{skip} {secret}"]))
def test_any_text_is_read_or_refused(text, line):
    with suppress(InputRefused):
        for table in tables_in([text.encode("utf-8", "replace")], Request("keys", line=line)):
            list(table.rows)


@pytest.mark.parametrize("code", ["=cmd|' /C calc'!A0 made-up", "AB12 CD34", "A----B"])
def test_below_a_word_for_codes_a_line_is_a_code(code):
    form, rows, skipped = parse(f"兑换码\n{code}\n")
    assert (form, rows, skipped) == ("csv", [["兑换码"], [code]], [])
