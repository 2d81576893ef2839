"""Ids are unique and ascending; names read back; buckets stay within their range."""

import multiprocessing
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.errors import BadValue
from cardctl.identifiers import (
    BUCKETS,
    card_code,
    fingerprint_bucket,
    new_code,
    new_id,
    new_ids,
    order_bucket,
    parse_card_code,
    parse_order_name,
)

buckets = st.integers(0, BUCKETS - 1)
ids = st.integers(0, 2**63 - 1)


@given(buckets, ids)
def test_the_name_of_a_card_reads_back(bucket, identity):
    code = card_code(bucket, identity)

    assert parse_card_code(code) == (bucket, identity)
    assert parse_card_code(f" {code.lower()} ") == (bucket, identity)


@given(st.text(alphabet=string.printable + "卡İ", max_size=16))
def test_any_text_is_the_name_of_a_card_or_a_bad_value(text):
    try:
        bucket, identity = parse_card_code(text)
    except BadValue:
        return
    assert card_code(bucket, identity) == text.strip().upper()


@pytest.mark.parametrize("text", ["TB", "TB:", ":1", "TB:a\x00", "TB:\udcff", "\udcff:1"])
def test_what_is_no_name_of_an_order_is_refused(text):
    with pytest.raises(BadValue):
        parse_order_name(text)


@pytest.mark.parametrize("text", ["", "0" * 14, "0" * 16, "U" + "0" * 14, "Z" * 15])
def test_what_is_no_name_of_a_card_is_refused(text):
    with pytest.raises(BadValue):
        parse_card_code(text)


@given(st.text(max_size=20), st.text(max_size=40))
def test_the_bucket_of_an_order_is_always_the_same(channel, number):
    bucket = order_bucket(channel, number)

    assert 0 <= bucket < BUCKETS
    assert bucket == order_bucket(channel, number)


def test_the_bucket_of_an_order_never_changes():
    # Written down: a store depends on them for as long as it lives.
    assert order_bucket("TB", "1") == 820
    assert order_bucket("XY", "订单-9") == 39


@given(st.binary(min_size=16, max_size=16))
def test_the_bucket_of_a_card_is_the_first_ten_bits_of_its_fingerprint(fingerprint):
    bits = "".join(f"{octet:08b}" for octet in fingerprint)

    assert fingerprint_bucket(fingerprint) == int(bits[:10], 2)


def test_buckets_are_filled_evenly():
    filled = [0] * BUCKETS
    for number in range(BUCKETS * 100):
        filled[order_bucket("TB", str(number))] += 1

    assert min(filled) > 50
    assert max(filled) < 160


def test_ids_ascend_also_beyond_the_sequence_of_a_second():
    found = [*new_ids(200_000), new_id(), *new_ids(3)]

    assert found == sorted(set(found))
    assert all(0 < identity < 2**63 for identity in found)


def test_no_ids_are_none():
    assert new_ids(0) == []


def test_eight_processes_hand_out_different_ids():
    context = multiprocessing.get_context("spawn")
    with context.Pool(8) as pool:
        groups = pool.map(new_ids, [20_000] * 8, chunksize=1)

    assert len({identity for group in groups for identity in group}) == 160_000


def test_a_forked_child_hands_out_ids_of_its_own():
    new_id()
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        groups = pool.map(new_ids, [1000] * 4, chunksize=1)
    ours = new_ids(1000)

    assert len({identity for group in [*groups, ours] for identity in group}) == 5000


def test_a_code_is_readable_and_new():
    codes = {new_code("B", "20261122") for _ in range(1000)}

    assert len(codes) == 1000
    assert all(re.fullmatch(r"B-20261122-[0-9A-HJKMNP-TV-Z]{6}", code) for code in codes)
