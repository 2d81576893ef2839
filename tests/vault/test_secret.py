"""A secret, its mask and its fingerprint give nothing away."""

import copy
import json
import logging
import pickle
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.mask import mask
from cardctl.vault.secret import Secret

WORDS = "hunter2-MADE-UP"


def test_a_secret_masks_itself_everywhere(caplog):
    secret = Secret(WORDS)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r %s", secret, secret, [secret])
    shown = [str(secret), repr(secret), f"{secret:>20}", str({"a": secret}), caplog.text]
    assert all(WORDS not in text and "****" in text for text in shown)
    assert secret.reveal() == WORDS


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, hash])
def test_a_secret_is_not_carried_away(leak):
    with pytest.raises(TypeError):
        leak(Secret(WORDS))


def test_secrets_are_equal_by_their_text():
    assert Secret(WORDS) == Secret(WORDS)
    assert Secret(WORDS) != Secret(WORDS + "x")
    assert Secret(WORDS) != WORDS


@given(st.text())
def test_a_mask_shows_at_most_a_quarter_and_at_most_four(text):
    masked = mask(text)
    shown = masked.removeprefix("****")
    assert masked.startswith("****")
    assert len(shown) <= min(4, len(text) / 4)
    assert text.endswith(shown)


def test_a_mask_says_nothing_of_the_length():
    assert mask("abc") == mask("") == "****"
    assert mask("x" * 40 + "1234") == mask("y" * 4000 + "1234") == "****1234"


rules = st.fixed_dictionaries({"fold_case": st.booleans(), "fold_hyphens": st.booleans()})


@given(st.text(), rules)
def test_canonical_is_idempotent(text, rules):
    once = canonical(text, **rules)
    assert canonical(once, **rules) == once


def test_canonical_is_idempotent_on_every_character():
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(letter := chr(point)) not in ("Cn", "Co", "Cs"):
            once = canonical(letter, fold_case=True, fold_hyphens=True)
            assert canonical(once, fold_case=True, fold_hyphens=True) == once, hex(point)


@pytest.mark.parametrize(
    "spelling",
    [
        " AB12-cd34 ",
        "AB12cd34",
        "ＡＢ１２－ｃｄ３４",
        "AB12\u200b-cd34\ufeff",
        "\u202eAB12–cd34",
        "AB12\u00adcd34\n",
    ],
)
def test_spellings_of_one_key_are_equal(spelling):
    assert canonical(spelling, fold_case=False, fold_hyphens=True) == "AB12cd34"
    assert canonical(spelling, fold_case=True, fold_hyphens=True) == "ab12cd34"


def test_what_the_product_keeps_apart_stays_apart():
    assert canonical("Ab-1", fold_case=False, fold_hyphens=False) == "Ab-1"
    assert canonical("0012", fold_case=True, fold_hyphens=True) == "0012"
    assert canonical("---", fold_case=True, fold_hyphens=True) == "---"


def test_a_fingerprint_depends_on_key_space_and_text():
    made = {
        fingerprint(key, key_space=space, canonical=text)
        for key in (b"k" * 32, b"l" * 32)
        for space, text in (("a", "bc"), ("ab", "c"), ("shared", "bc"), ("shared", "bd"))
    }
    assert len(made) == 8
    assert {len(each) for each in made} == {16}


def test_a_fingerprint_never_changes():
    """Stores out there hold these: a change of key, form or framing would lose every duplicate."""
    made = fingerprint(bytes(range(32)), key_space="shared", canonical="ab12cd34")
    assert made.hex() == "34ff18e8383f600f481d828222b7a726"
