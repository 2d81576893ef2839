"""What is sealed opens in its place only, byte for byte."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl.identifiers import card_code
from cardctl.schema.cards import DataKey
from cardctl.vault import sealing
from cardctl.vault.failures import KeyTampered, NeedsFullKey, Tampered
from cardctl.vault.keyset import Vault, new_keyset, parse_keyset
from cardctl.vault.sealing import BatchKey, new_batch_key, open_batch_key
from cardctl.vocabulary import SlotScope

STORE = "0123456789abcdef0123456789abcdef"
PLACE = {"bucket": 1023, "card_id": 2**63 - 1, "product_id": 7}
OVERHEAD = 1 + 8 + 12 + 16


def make_vault(scope=SlotScope.FULL, keyset=None):
    kept = (keyset or new_keyset()).to_bytes(scope)
    return Vault(store_id=STORE, slot="S-TEST01", scope=scope, keyset=parse_keyset(kept))


FULL = make_vault()
KEY, ROW = new_batch_key(FULL, batch_id=5)


def key(**changes):
    return BatchKey(b"k" * 32, **({"store_id": STORE, "batch_id": 5, "key_id": 6} | changes))


@given(st.binary(max_size=20_000), st.sampled_from(["number", "secret", "fields"]))
def test_what_is_sealed_comes_out_byte_for_byte(plaintext, field):
    sealed = KEY.seal(field, **PLACE, plaintext=plaintext)
    assert len(sealed) == len(plaintext) + OVERHEAD
    assert KEY.open(field, **PLACE, sealed=sealed) == plaintext
    assert plaintext not in sealed or len(plaintext) < 4


@given(st.binary(max_size=50), st.data())
def test_any_flipped_bit_is_found(plaintext, data):
    sealed = bytearray(KEY.seal("secret", **PLACE, plaintext=plaintext))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered) as refusal:
        KEY.open("secret", **PLACE, sealed=bytes(sealed))
    assert refusal.value.details == {"card": card_code(PLACE["bucket"], PLACE["card_id"])}


@given(st.binary(max_size=60))
def test_junk_and_cut_records_are_tampered(junk):
    sealed = KEY.seal("secret", **PLACE, plaintext=b"MADE-UP")
    for record in (junk, sealed[: len(junk)], sealed + b"x"):
        with pytest.raises(Tampered):
            KEY.open("secret", **PLACE, sealed=record)


@pytest.mark.parametrize("change", [{"bucket": 1022}, {"card_id": 1}, {"product_id": 8}])
def test_a_value_opens_for_its_card_and_product_only(change):
    sealed = KEY.seal("secret", **PLACE, plaintext=b"MADE-UP")
    with pytest.raises(Tampered):
        KEY.open("secret", **(PLACE | change), sealed=sealed)


def test_a_number_does_not_open_as_a_secret():
    sealed = KEY.seal("number", **PLACE, plaintext=b"MADE-UP")
    with pytest.raises(Tampered):
        KEY.open("secret", **PLACE, sealed=sealed)


@pytest.mark.parametrize("change", [{"store_id": "f" * 32}, {"batch_id": 4}, {"key_id": 7}])
def test_a_value_opens_in_its_store_and_batch_only(change):
    sealed = key().seal("secret", **PLACE, plaintext=b"MADE-UP")
    assert key().open("secret", **PLACE, sealed=sealed) == b"MADE-UP"
    with pytest.raises(Tampered):
        key(**change).open("secret", **PLACE, sealed=sealed)


def test_no_nonce_comes_twice():
    nonces = {KEY.seal("secret", **PLACE, plaintext=b"")[9:21] for _ in range(5000)}
    assert len(nonces) == 5000


def test_a_forked_child_draws_nonces_of_its_own():
    KEY.seal("secret", **PLACE, plaintext=b"")
    drawn = set(sealing._nonces)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(KEY.seal("secret", **PLACE, plaintext=b"")[9:21] for _ in "ab"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        made = stream.read()
    os.waitpid(child, 0)
    assert len(made) == 24
    assert not {made[:12], made[12:]} & drawn


def test_the_row_of_a_data_key_opens_to_the_same_key():
    sealed = KEY.seal("secret", **PLACE, plaintext=b"MADE-UP")
    assert open_batch_key(FULL, ROW).open("secret", **PLACE, sealed=sealed) == b"MADE-UP"


def changed(row, **changes):
    return DataKey(**(row.model_dump() | changes))


@pytest.mark.parametrize(
    "change",
    [
        {"batch_id": 6},
        {"id": 1},
        {"sealing_version": 2},
        {"sealed": b"junk"},
        {"commitment": bytes(32)},
        {"sealed": new_batch_key(FULL, batch_id=5)[1].sealed},
    ],
)
def test_an_exchanged_data_key_is_found(change):
    with pytest.raises(KeyTampered):
        open_batch_key(FULL, changed(ROW, **change))


def test_a_data_key_of_another_making_does_not_pass_for_the_committed_one():
    """Whoever imports can seal a key to the public half; the commitment still refuses it."""
    forged = sealing.seal_data_key(FULL, b"f" * 32, key_id=ROW.id, batch_id=ROW.batch_id)
    with pytest.raises(KeyTampered):
        open_batch_key(FULL, changed(ROW, sealed=forged))


def test_another_store_cannot_open_a_data_key():
    with pytest.raises(KeyTampered):
        open_batch_key(make_vault(), ROW)


def test_an_import_key_seals_and_cannot_open():
    importing = make_vault(SlotScope.IMPORT, FULL.keyset)
    made, row = new_batch_key(importing, batch_id=9)
    sealed = made.seal("secret", **PLACE, plaintext=b"MADE-UP")
    assert open_batch_key(FULL, row).open("secret", **PLACE, sealed=sealed) == b"MADE-UP"
    assert importing.fingerprint_key == FULL.fingerprint_key
    assert importing.audit_key == FULL.audit_key
    assert not importing.can_open
    with pytest.raises(NeedsFullKey):
        open_batch_key(importing, row)
    kept = importing.keyset.to_bytes(SlotScope.IMPORT)
    assert FULL.keyset.signing_seed.hex().encode() not in kept
    assert FULL.keyset.sealing_seeds[1].hex().encode() not in kept


def test_a_vault_does_not_show_its_keys():
    shown = repr(FULL)
    for secret in (FULL.audit_key, FULL.fingerprint_key, FULL.keyset.sealing_seeds[1]):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


def test_rotated_keysets_open_what_older_ones_sealed():
    rotated = make_vault(keyset=FULL.keyset.with_new_pair())
    assert rotated.sealing_version == 2
    assert open_batch_key(rotated, ROW).id == KEY.id
    _, newer = new_batch_key(rotated, batch_id=5)
    assert newer.sealing_version == 2
    with pytest.raises(KeyTampered):
        open_batch_key(FULL, newer)
