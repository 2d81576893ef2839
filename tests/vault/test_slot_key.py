"""Keys as people keep them: as text, written down, or as a passphrase."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.identifiers import CROCKFORD
from cardctl.vault.failures import MalformedKey
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import (
    Derivation,
    Passphrase,
    SlotKey,
    looks_like_slot_key,
    new_derivation,
    new_slot_key,
    pair_of,
    parse_derivation,
    parse_slot_key,
)

keys = st.binary(min_size=32, max_size=32).map(SlotKey)
PREFIX = "CARDCTL-KEY-1-"


def parse(text):
    return parse_slot_key(text, origin="test")


@given(keys)
def test_the_text_of_a_key_reads_back(key):
    line = key.text().reveal()
    assert len(line) == len(PREFIX) + 56
    assert parse(line) == parse(f"\n {line.lower()}\n") == key


@given(keys)
def test_a_recovery_code_is_the_same_key(key):
    code = key.recovery_code().reveal()
    assert [len(group) for group in code.removeprefix(PREFIX).split("-")] == [4] * 14
    assert parse(code) == parse(code.replace("-", " ").replace(" ", "-", 3)) == key


@given(keys)
def test_what_every_code_begins_with_may_be_left_out(key):
    bare = key.recovery_code().reveal().removeprefix(PREFIX)
    typed = ["cardctl key 1 " + bare, bare, bare.lower(), bare.replace("-", " "), f" {bare}\n"]
    for text in [*typed, bare.replace("-", "")]:
        assert looks_like_slot_key(text)
        assert parse(text) == key


@pytest.mark.parametrize("text", ["correct horse battery staple", "0" * 56, "钥" * 56, "", "CARD"])
def test_a_passphrase_is_not_taken_for_a_code(text):
    assert not looks_like_slot_key(text)


@given(keys, st.integers(0, 55), st.sampled_from(CROCKFORD))
def test_every_wrong_character_is_found(key, place, letter):
    line = key.text().reveal()
    place += len(PREFIX)
    wrong = line[:place] + letter + line[place + 1 :]
    if wrong == line:
        return
    with pytest.raises(MalformedKey):
        parse(wrong)


@given(keys, st.integers(0, 54))
def test_two_characters_the_wrong_way_round_are_found(key, place):
    line = key.text().reveal()
    place += len(PREFIX)
    wrong = line[:place] + line[place + 1] + line[place] + line[place + 2 :]
    if wrong == line:
        return
    with pytest.raises(MalformedKey):
        parse(wrong)


def test_lookalikes_are_read_as_digits():
    line = SlotKey(bytes(32)).text().reveal()
    assert "0" in line.removeprefix(PREFIX)
    assert parse(PREFIX + line.removeprefix(PREFIX).replace("0", "O")) == SlotKey(bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password",
        PREFIX,
        PREFIX + "0" * 55,
        PREFIX + "0" * 56,
        PREFIX + "0" * 57,
        "0" * 56,
        PREFIX + "钥" * 56,
        "CARDCTL-KEY-2-" + "0" * 56,
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text):
    with pytest.raises(MalformedKey) as refusal:
        parse(text)
    assert refusal.value.details == {"origin": "test"}


def test_keys_do_not_show_themselves():
    key = new_slot_key()
    digits = key.text().reveal().removeprefix(PREFIX)
    for shown in (repr(key), str(key.text()), repr(pair_of(key))):
        assert digits not in shown
        assert repr(key.secret) not in shown


def test_a_pair_follows_from_its_key_alone():
    key, other = new_slot_key(), new_slot_key()
    assert pair_of(key) == pair_of(key)
    assert pair_of(key).public != pair_of(other).public
    assert len(pair_of(key).public) == 1216


def test_a_passphrase_is_stretched_with_its_salt():
    cheap = {"memory_kib": 64, "iterations": 1, "lanes": 1}
    first, second = Derivation(b"a" * 16, **cheap), Derivation(b"b" * 16, **cheap)
    words = Passphrase(Secret("正确 马 电池 é"))
    assert first.slot_key(words) == first.slot_key(Passphrase(Secret("正确 马 电池 e\u0301")))
    assert first.slot_key(words) != second.slot_key(words)
    assert first.slot_key(words) != first.slot_key(Passphrase(Secret("x")))
    assert parse_derivation(first.to_json()) == first


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 1 << 30},
        {"memory_kib": 1},
        {"iterations": 10**9},
        {"iterations": 0},
        {"lanes": 10**6},
        {"lanes": 0},
        {"salt": ""},
        {"salt": "zz"},
        {"salt": None},
        {"iterations": "many"},
    ],
)
def test_a_cost_that_nobody_wrote_is_not_paid(change):
    kept = json.loads(new_derivation().to_json())
    assert parse_derivation(json.dumps(kept | change)) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "junk", "3"])
def test_a_derivation_of_junk_is_none(text):
    assert parse_derivation(text) is None
