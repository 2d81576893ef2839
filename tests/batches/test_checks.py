"""Rows are decided alone: what is a key stays as it is, what is none is told by its code."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.batches.checks import KEY_MAX, CheckedRow, RowChecker, Rules
from cardctl.clock import NEVER, day_of
from cardctl.vault.mask import mask
from cardctl.workbooks.cells import NotText, Row
from cardctl.workbooks.headers import Header

ZONE = ZoneInfo("Asia/Shanghai")
NOW = 1_795_315_620_000  # 2026-11-22 in Shanghai
COLUMNS = ("number", "secret", "cost", "expires", "face_value", "serial", "note", "field:密保")

seen = st.characters(
    exclude_categories=["C", "Z"], exclude_characters="\u115f\u1160\u2800\u3164\uffa0"
)
keys = st.text(seen, min_size=1, max_size=60)


def rules(**changes):
    given = {
        "at": NOW,
        "zone": ZONE,
        "pattern": None,
        "expires_at": NEVER,
        "cost_fen": None,
        "cost_rate_bp": None,
        "face_value_fen": None,
        "width_is_exact": False,
    }
    return Rules(**(given | changes))


def check(cells, *, columns=COLUMNS, **changes):
    """The outcome of one row whose cells are given by field."""
    header = Header(
        row_number=1,
        width=len(columns),
        columns={name: at for at, name in enumerate(columns)},
        names={name: name for name in columns},
    )
    row = Row(7, [cells.get(name, "") for name in columns])
    return RowChecker(header, rules(**changes), mask=mask).check(row)


def codes(outcome):
    return [(error.column, error.problem.code) for error in outcome]


GOOD = {"number": "0012", "secret": "pw"}


@given(number=keys, secret=keys, further=keys)
def test_keys_stay_byte_for_byte(number, secret, further):
    found = check({"number": number, "secret": secret, "field:密保": further})
    assert isinstance(found, CheckedRow)
    assert (found.number, found.secret) == (number, secret)
    assert further in found.fields or "\\" in found.fields


@pytest.mark.parametrize(
    "key", ["=cmd|' /c calc'!A0", "<a>&amp;", "00012", "卡密 é", "👍", "a b", "x" * KEY_MAX]
)
def test_odd_keys_are_keys(key):
    assert check({"number": key, "secret": key}).secret == key


HIDDEN = [
    "a\u200b",
    "a\u202eb",
    "a\x00b",
    "a\u00a0b",
    "a\tb",
    "a\nb",
    " a",
    "a ",
    "\ufeffa",
    "a\u3164",
    "\u3000a",
]


@pytest.mark.parametrize("key", HIDDEN)
def test_what_cannot_be_seen_is_refused(key):
    assert codes(check(GOOD | {"secret": key})) == [("secret", "invisible-character")]


WRONG = {
    "a numeric cell": (
        {"number": NotText("number", "6225880212345679000")},
        "number",
        "number-not-text",
    ),
    "a date in a key": ({"secret": NotText("date", "2027-12-31")}, "secret", "number-not-text"),
    "a formula": ({"secret": NotText("formula", "x")}, "secret", "formula"),
    "an error": ({"number": NotText("error", "")}, "number", "error-cell"),
    "no number": ({"number": ""}, "number", "missing"),
    "no secret": ({"secret": ""}, "secret", "missing"),
    "a long secret": ({"secret": "x" * (KEY_MAX + 1)}, "secret", "too-long"),
    "a huge note": ({"note": "x" * 40_000}, "note", "too-long"),
    "no day": ({"expires": "someday"}, "expires", "bad-date"),
    "no such day": ({"expires": "2027-02-30"}, "expires", "bad-date"),
    "an unformatted date": ({"expires": NotText("number", "46752")}, "expires", "bad-date"),
    "a vague time": ({"expires": "一年半载"}, "expires", "bad-date"),
    "a month": ({"expires": "2027年12月"}, "expires", "bad-date"),
    "a book for a day": ({"expires": "至" * 40_000}, "expires", "bad-date"),
    "yesterday": ({"expires": "2026-11-21"}, "expires", "expired"),
    "a formula for a day": ({"expires": NotText("formula", "")}, "expires", "formula"),
    "no amount": ({"cost": "twelve"}, "cost", "bad-money"),
    "less than nothing": ({"cost": "-1"}, "cost", "bad-money"),
    "half a fen": ({"cost": NotText("number", "1.005")}, "cost", "bad-money"),
    "a boolean amount": ({"cost": NotText("boolean", "TRUE")}, "cost", "bad-money"),
    "beyond all amounts": ({"cost": NotText("number", "1e300")}, "cost", "bad-money"),
    "a serial without its digits": (
        {"serial": NotText("number", "6" * 19)},
        "serial",
        "number-not-text",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_error_has_its_code(case):
    change, column, code = WRONG[case]
    outcome = check(GOOD | change)
    assert codes(outcome) == [(column, code)]
    assert outcome[0].row == 7
    assert outcome[0].problem.message.format(**outcome[0].problem.details)


def test_all_errors_of_a_row_are_told_at_once():
    outcome = check({"number": "", "secret": "a\u200b", "cost": "x", "expires": "y"})
    assert codes(outcome) == [
        ("number", "missing"),
        ("secret", "invisible-character"),
        ("cost", "bad-money"),
        ("expires", "bad-date"),
    ]


@given(keys.filter(lambda key: len(key) > 8))
def test_no_error_shows_more_than_a_quarter_of_a_key(key):
    outcome = check({"number": key + "\u200b" + key, "secret": key}, pattern="0")
    for error in outcome:
        assert key not in str(error.problem)
        assert key not in str(error.problem.details)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-12-31", "2027-12-31"),
        ("2027/12/31", "2027-12-31"),
        ("2027年12月31日", "2027-12-31"),
        ("20271231", "2027-12-31"),
        ("2027/12/31 0:00", "2027-12-31"),
        ("2027-12-31 00:00:00", "2027-12-31"),
        ("2027-12-31 18:00:00", "2027-12-31"),
        ("+12m", "2027-11-22"),
        ("12个月", "2027-11-22"),
        ("1年", "2027-11-22"),
        ("一年", "2027-11-22"),
        ("半年", "2027-05-22"),
        ("365天", "2027-11-22"),
        ("2027.12.31", "2027-12-31"),
        ("２０２７年１２月３１日", "2027-12-31"),
        ("2027年12月31日 23:59:59", "2027-12-31"),
        ("至2027-12-31", "2027-12-31"),
        ("2026.11.22～2027.12.31", "2027-12-31"),
    ],
)
def test_days_as_suppliers_write_them(text, day):
    assert day_of(check(GOOD | {"expires": text}).expires_at, ZONE).isoformat() == day
    assert (
        day_of(check(GOOD | {"expires": NotText("date", "2028-02-29")}).expires_at, ZONE).year
        == 2028
    )


def test_a_day_is_good_to_its_last_moment():
    found = check(GOOD | {"expires": "2026-11-22"})
    assert found.expires_at > NOW
    assert day_of(found.expires_at + 1, ZONE).isoformat() == "2026-11-23"


@pytest.mark.parametrize("text", ["永久", "永久有效", "长期有效", "永不过期", "never"])
def test_never_is_said_in_words(text):
    assert check(GOOD | {"expires": text}).expires_at == NEVER


def test_silence_about_the_expiry_is_refused_without_a_default():
    assert codes(check(GOOD, expires_at=None)) == [("expires", "missing")]


def test_costs_by_column_then_option_then_rate_then_not_known():
    told = {"cost": "12.50", "face_value": "100"}
    assert check(GOOD | told, cost_fen=1, cost_rate_bp=9200).cost_fen == 1250
    assert check(GOOD | {"face_value": "100"}, cost_fen=1, cost_rate_bp=9200).cost_fen == 1
    assert check(GOOD | {"face_value": "100"}, cost_rate_bp=9255).cost_fen == 9255
    assert check(GOOD, cost_rate_bp=9255, face_value_fen=3000).cost_fen == 2777
    assert check(GOOD, cost_rate_bp=9255).cost_fen is None
    assert check(GOOD).cost_fen is None
    assert check(GOOD | {"cost": "0"}).cost_fen == 0


def test_binary_dust_of_a_spreadsheet_is_no_fraction_of_a_fen():
    assert check(GOOD | {"cost": NotText("number", "27.599999999999998")}).cost_fen == 2760


def test_the_pattern_is_about_the_number_or_else_the_code():
    assert codes(check(GOOD, pattern=r"\d{6}")) == [("number", "bad-format")]
    assert check({"number": "123456", "secret": "any"}, pattern=r"\d{6}").secret == "any"
    alone = check({"secret": "12345"}, columns=("secret",), pattern=r"\d{6}")
    assert codes(alone) == [("secret", "bad-format")]


def test_a_key_cut_at_a_comma_is_not_imported_in_half():
    header = Header(1, 1, {"secret": 0}, {"secret": "code"})
    checker = RowChecker(header, rules(width_is_exact=True), mask=mask)
    assert codes(checker.check(Row(2, ["AB", "CD"]))) == [("", "extra-cell")]
    assert checker.check(Row(3, ["AB", ""])).secret == "AB"
