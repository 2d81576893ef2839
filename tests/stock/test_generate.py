"""Codes of our own: no two alike, no character to misread, no wrong one that checks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.batches.own_codes import (
    ALPHABET,
    GUESSED_ONCE_IN,
    PatternGuessable,
    agrees,
    check_value,
    read_pattern,
)
from cardctl.errors import BadValue

PATTERN = "XXXX-XXXX-XXXX"
LINE = f"stock generate --product VIP --count 40 --pattern {PATTERN} --json"

letters = st.text(alphabet=ALPHABET, min_size=1, max_size=20)


def with_check(text):
    return text + ALPHABET[check_value([ALPHABET.index(letter) for letter in text])]


def test_no_character_is_taken_for_another():
    assert not set("0O1IL2Z5S8BUV") & set(ALPHABET)
    assert len(set(ALPHABET)) == 23


@given(letters)
def test_what_was_checked_agrees(text):
    assert agrees(with_check(text))


@given(letters, st.data())
def test_every_single_wrong_character_is_found(text, data):
    code = with_check(text)
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([one for one in ALPHABET if one != code[place]]))
    assert not agrees(code[:place] + other + code[place + 1 :])


@given(letters, st.data())
def test_every_swap_of_two_characters_is_found(text, data):
    code = with_check(text)
    one = data.draw(st.integers(0, len(code) - 2))
    other = data.draw(st.integers(one + 1, len(code) - 1))
    swapped = list(code)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    assert agrees("".join(swapped)) == (code[one] == code[other])


@given(letters, st.data())
def test_every_pair_of_twins_read_as_others_is_found(text, data):
    twin, other = (data.draw(st.sampled_from(ALPHABET)) for _ in range(2))
    code = with_check(text + twin + twin)
    wrong = text + other + other + code[-1]
    assert agrees(wrong) == (twin == other)


@given(st.integers(1, 10**7))
def test_a_pattern_is_as_long_as_guessing_asks(codes):
    with pytest.raises(PatternGuessable) as refused:
        read_pattern("XX", codes=codes)
    needed = refused.value.details["needed"]
    assert read_pattern("X" * needed, codes=codes).space >= codes * GUESSED_ONCE_IN
    with pytest.raises(PatternGuessable):
        read_pattern("X" * (needed - 1), codes=codes)


@pytest.mark.parametrize("text", ["", "VIP", "X", "XX XX", "XX\tXX", "卡XXXX", "X" * 65])
def test_what_is_no_pattern(text):
    with pytest.raises(BadValue):
        read_pattern(text, codes=1)


def test_a_drawn_code_looks_like_its_pattern():
    drawn = {read_pattern("%IP-XXXXX/XXXXXX", codes=1).draw() for _ in range(500)}
    assert len(drawn) == 500
    for code in drawn:
        assert re.fullmatch(f"%IP-[{ALPHABET}]{{5}}/[{ALPHABET}]{{6}}", code)
        assert agrees(code.removeprefix("%IP-").replace("/", ""))
    assert {code[4] for code in drawn} == set(ALPHABET)


def secrets_of(shop, count):
    shop.run(f"order add --channel TB --number 1 --sku VIP --qty {count} --paid 1")
    shop.run("order issue TB:1")
    shown = shop.run("order show TB:1 --reveal --reason test --json").json
    return [card["secret"] for card in shown["cards"]]


def test_generated_codes_are_a_batch_like_any_other(shop):
    shop.seed_catalog()
    assert shop.run(f"{LINE} --dry-run").json["dry_run"] is True
    assert shop.sql("SELECT COUNT(*) FROM card") == [(0,)]
    made = shop.run(LINE)
    assert shop.sql("SELECT COUNT(*) FROM batch") == [(1,)]
    facts = {name: made.json[name] for name in ("supplier", "codes", "cards", "cost_fen")}
    assert facts == {"supplier": "SELF", "codes": 40, "cards": 40, "cost_fen": 0}
    (level,) = shop.run("stock levels --json").json
    assert (level["available"], level["cost_fen"], level["cost_missing"]) == (40, 0, 0)
    codes = secrets_of(shop, 40)
    assert len(set(codes)) == 40
    assert all(agrees(code.replace("-", "")) for code in codes)
    assert not any(code in made.stdout + made.stderr for code in codes)
    payloads = str(shop.sql("SELECT payload FROM audit_record"))
    assert not any(code in payloads for code in codes)
    shop.run("card redeem -", stdin=codes[0].lower(), status=4)
    shop.run("card redeem -", stdin=codes[0].replace("-", ""))
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)


def test_each_run_makes_as_many_again_at_their_cost(shop):
    shop.seed_catalog()
    shop.run("pool add gift")
    for _ in range(2):
        shop.run(f"{LINE} --pool gift --cost 0.05 --expires 2099-12-31")
    (level,) = shop.run("stock levels --json").json
    assert (level["pool"], level["available"], level["cost_fen"]) == ("gift", 80, 400)
    assert len(shop.run("supplier list --json").json) == 2
    balances = {
        one["account"]: one["balance_fen"] for one in shop.run("ledger balance --json").json
    }
    assert balances == {"stock": 400, "payable:SELF": -400}
    batch = shop.run("batch list --json").json[0]["batch"]
    shop.run(f"batch undo {batch} --reason wrong --yes")
    shop.run("ledger check")


def test_what_is_drawn_twice_is_drawn_again(shop, monkeypatch):
    from cardctl.batches import own_codes

    shop.seed_catalog()
    shop.run("product edit VIP --fold-case")
    numbers = iter([7, 7, 8, 7, 9, 8, 10, 11])
    monkeypatch.setattr(own_codes.secrets, "randbelow", lambda _: next(numbers))
    shop.run(LINE.replace("40", "2"))
    shop.run(LINE.replace("40", "2"))
    assert shop.sql("SELECT COUNT(*) FROM card") == [(4,)]


def test_seats_of_a_code(shop):
    shop.seed_catalog()
    shop.run("product add TEAM --name 共享 --seats 3 --price 1")
    made = shop.run(f"stock generate --product TEAM --count 2 --pattern {PATTERN} --json").json
    assert (made["codes"], made["cards"]) == (2, 6)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (f"--product CARDP --count 1 --pattern {PATTERN}", 2, "not-a-code"),
        (f"--product NOPE --count 1 --pattern {PATTERN}", 4, "not-found"),
        (f"--product VIP --count 1 --pattern {PATTERN} --pool nope", 4, "not-found"),
        ("--product VIP --count 1000 --pattern XXXX-XXXX", 2, "pattern-guessable"),
        ("--product VIP --count 1 --pattern VIP", 2, "bad-value"),
        (f"--product VIP --count 0 --pattern {PATTERN}", 2, "usage"),
        (f"--product VIP --count 1 --pattern {PATTERN} --expires 2020-01-01", 2, "expiry-past"),
        (f"--product VIP --count 1 --pattern {PATTERN} --expires soon", 2, "usage"),
    ],
)
def test_what_cannot_be_generated(shop, line, status, code):
    shop.seed_catalog()
    assert shop.run(f"stock generate --json {line}", status=status).error["code"] == code
    assert shop.sql("SELECT COUNT(*) FROM batch") == [(0,)]


def test_the_pattern_of_the_product_holds_for_generated_codes_too(shop):
    shop.seed_catalog()
    shop.run(["product", "edit", "VIP", "--pattern", "[0-9-]{14}"])
    refused = shop.run(LINE, status=2).error
    assert refused["code"] == "pattern-contradicts"
    shop.run(["product", "edit", "VIP", "--pattern", "[A-Z0-9]{4}(-[A-Z0-9]{4}){2}"])
    shop.run(LINE)
