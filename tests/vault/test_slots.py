"""Slots: every way to open the vault, and every way to cheat with one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cardctl.audit.record import Actor, begin_run
from cardctl.errors import AlreadyExists
from cardctl.vault import slots as slots_module
from cardctl.vault.failures import (
    LastFullSlot,
    NeedsFullKey,
    NoSlot,
    RotatedMeanwhile,
    SlotTampered,
    WrongKey,
)
from cardctl.vault.key_files import read_key_file
from cardctl.vault.rotate import rotate
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Derivation, Passphrase, new_slot_key
from cardctl.vault.slots import add_slot, list_slots, remove_slot, unlock
from cardctl.vocabulary import SlotKind, SlotScope

WORDS = Passphrase(Secret("made up words"))


@pytest.fixture
def first_key(shop):
    return read_key_file(shop.home / "keys" / "cardctl.key", origin="test")


@pytest.fixture
def opened(shop):
    def open_with(key):
        with shop.store.reading() as session:
            return unlock(session, store_id=shop.store.store_id, key=key)

    return open_with


@pytest.fixture
def change(shop):
    """Run one of the audited functions on slots in a transaction of its own."""

    def call(function, vault, **arguments):
        run = begin_run(
            audit_key=vault.audit_key,
            verb="vault",
            actor=Actor("wang", "shop-1", None),
            at=1_900_000_000_000,
            zone=shop.store.zone,
        )
        with run.transaction(shop.store) as session:
            return function(session, run=run, vault=vault, **arguments)

    return call


@pytest.fixture
def add(change, opened, first_key):
    def add_key(key, scope=SlotScope.FULL, kind=SlotKind.KEYFILE):
        vault = opened(first_key)
        return change(add_slot, vault, key=key, kind=kind, scope=scope, label="").slot

    return add_key


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch):
    monkeypatch.setattr(
        slots_module, "new_derivation", lambda: Derivation(b"s" * 16, 64, iterations=1, lanes=1)
    )


def test_every_kind_of_key_opens_its_slot(add, opened):
    key, code = new_slot_key(), new_slot_key()
    expected = {
        add(key, SlotScope.IMPORT): (key, SlotScope.IMPORT),
        add(code, kind=SlotKind.RECOVERY): (code, SlotScope.FULL),
        add(WORDS, kind=SlotKind.PASSPHRASE): (WORDS, SlotScope.FULL),
    }
    for slot, (secret, scope) in expected.items():
        vault = opened(secret)
        assert (vault.slot, vault.scope) == (slot, scope)
        assert vault.can_open == (scope == SlotScope.FULL)


def test_a_wrong_key_or_passphrase_opens_nothing(add, opened):
    add(WORDS, kind=SlotKind.PASSPHRASE)
    for wrong in (new_slot_key(), Passphrase(Secret("other words"))):
        with pytest.raises(WrongKey):
            opened(wrong)


def test_a_key_of_another_store_is_wrong(shop, first_key):
    with shop.store.reading() as session, pytest.raises(SlotTampered):
        unlock(session, store_id="f" * 32, key=first_key)


def test_one_key_has_one_slot(add, first_key):
    with pytest.raises(AlreadyExists):
        add(first_key)


def test_rotation_keeps_every_slot_without_its_secret(change, add, opened, first_key):
    keys = [new_slot_key(), new_slot_key(), WORDS, first_key]
    add(keys[0], SlotScope.IMPORT)
    add(keys[1], kind=SlotKind.RECOVERY)
    add(WORDS, kind=SlotKind.PASSPHRASE)
    before = {opened(key).slot for key in keys}
    assert change(rotate, opened(first_key)).sealing_version == 2
    assert change(rotate, opened(keys[1])).sealing_version == 3
    vaults = [opened(key) for key in keys]
    assert {vault.sealing_version for vault in vaults} == {3}
    assert {vault.slot for vault in vaults} == before
    assert len({vault.audit_key for vault in vaults}) == 1
    assert len({vault.fingerprint_key for vault in vaults}) == 1
    assert [vault.can_open for vault in vaults] == [False, True, True, True]


def test_an_import_key_changes_no_slot(change, add, opened):
    key = new_slot_key()
    slot = add(key, SlotScope.IMPORT)
    importing = opened(key)
    with pytest.raises(NeedsFullKey):
        change(rotate, importing)
    with pytest.raises(NeedsFullKey):
        change(remove_slot, importing, code=slot)
    with pytest.raises(NeedsFullKey):
        change(
            add_slot,
            importing,
            key=new_slot_key(),
            kind=SlotKind.KEYFILE,
            scope=SlotScope.FULL,
            label="",
        )


def test_the_last_full_slot_stays(change, add, opened, first_key):
    add(new_slot_key(), SlotScope.IMPORT)
    vault = opened(first_key)
    with pytest.raises(LastFullSlot):
        change(remove_slot, vault, code=vault.slot)
    second = new_slot_key()
    add(second)
    change(remove_slot, vault, code=vault.slot)
    with pytest.raises(WrongKey):
        opened(first_key)
    with pytest.raises(LastFullSlot):
        change(remove_slot, opened(second), code=opened(second).slot)


def test_two_removals_at_once_leave_a_full_slot(shop, change, add, opened, first_key):
    second = new_slot_key()
    add(second)
    vaults = [opened(first_key), opened(second)]

    def remove(vault):
        try:
            return change(remove_slot, vault, code=vault.slot)
        except (LastFullSlot, RotatedMeanwhile):
            return None

    with ThreadPoolExecutor(2) as threads:
        removed = list(threads.map(remove, vaults))
    assert sum(each is not None for each in removed) == 1
    with shop.store.reading() as session:
        assert len(list_slots(session)) == 1


def test_an_unknown_slot_is_not_found(change, opened, first_key):
    with pytest.raises(NoSlot):
        change(remove_slot, opened(first_key), code="S-NOBODY")


def test_a_vault_from_before_a_rotation_changes_nothing(change, opened, first_key):
    old = opened(first_key)
    change(rotate, old)
    with pytest.raises(RotatedMeanwhile):
        change(rotate, old)


TAMPERINGS = {
    "keyset of another": "sealed_keyset = (SELECT sealed_keyset FROM slot WHERE code = :other)",
    "keyset and signature": (
        "sealed_keyset = (SELECT sealed_keyset FROM slot WHERE code = :other),"
        " signature = (SELECT signature FROM slot WHERE code = :other)"
    ),
    "scope": "scope = 'full'",
    "version": "keyset_version = keyset_version + 1",
    "trust": "trust = (SELECT trust FROM slot WHERE code = :other)",
    "name": "code = 'S-OTHER1'",
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_changed_slot_does_not_open(shop, add, opened, first_key, name):
    key = new_slot_key()
    slot = add(key, SlotScope.IMPORT)
    shop.execute(
        f"UPDATE slot SET {TAMPERINGS[name]} WHERE code = :slot",
        slot=slot,
        **({"other": opened(first_key).slot} if ":other" in TAMPERINGS[name] else {}),
    )
    with pytest.raises(SlotTampered):
        opened(key)


def test_a_keyset_signed_by_somebody_else_is_not_believed(shop, add, opened):
    """Whoever can write the database and knows the public half makes a keyset of his own."""
    key = new_slot_key()
    slot = add(key, SlotScope.IMPORT)
    row = forge(shop, slot)
    shop.execute(
        "UPDATE slot SET signing_key = :signing_key, sealed_keyset = :sealed_keyset,"
        " signature = :signature WHERE code = :slot",
        slot=slot,
        signing_key=row.signing_key,
        sealed_keyset=row.sealed_keyset,
        signature=row.signature,
    )
    with pytest.raises(SlotTampered):
        opened(key)


def test_a_rotation_hands_nothing_to_a_forged_slot(shop, change, add, opened, first_key):
    slot = add(new_slot_key())
    foreign = slots_module.pair_of(new_slot_key()).public
    shop.execute("UPDATE slot SET public_key = :key WHERE code = :slot", key=foreign, slot=slot)
    vault = opened(first_key)
    with pytest.raises(SlotTampered):
        change(rotate, vault)
    assert opened(first_key).sealing_version == 1
    change(remove_slot, vault, code=slot)
    assert change(rotate, vault).sealing_version == 2


def test_a_removed_slot_that_comes_back_stops_the_next_rotation(
    shop, change, add, opened, first_key
):
    key = new_slot_key()
    slot = add(key)
    ((*values,),) = shop.sql("SELECT * FROM slot WHERE code = :slot", slot=slot)
    change(remove_slot, opened(first_key), code=slot)
    change(rotate, opened(first_key))
    names = [column.name for column in slots_module.slots.columns]
    marks = ", ".join(f":{name}" for name in names)
    shop.execute(f"INSERT INTO slot VALUES ({marks})", **dict(zip(names, values, strict=True)))
    with pytest.raises(SlotTampered):
        change(rotate, opened(first_key))
    assert opened(key).sealing_version == 1


def test_a_huge_cost_of_a_passphrase_is_refused(shop, add, opened):
    slot = add(WORDS, kind=SlotKind.PASSPHRASE)
    shop.execute(
        "UPDATE slot SET derivation = replace(derivation, '\"memory_kib\": 64', :huge)"
        " WHERE code = :slot",
        huge='"memory_kib": 999999999',
        slot=slot,
    )
    with pytest.raises(SlotTampered):
        opened(WORDS)


def forge(shop, slot):
    """The slot's row with a keyset of the forger's own, consistent in itself."""
    from cardctl.vault.keyset import new_keyset

    with shop.store.reading() as session:
        row = next(row for row in slots_module.load_slots(session) if row.code == slot)
    mine = new_keyset()
    row.signing_key = mine.signing_public
    slots_module.reseal(row, mine, store_id=shop.store.store_id)
    return row


def test_two_rotations_at_once_are_one(change, opened, first_key):
    vaults = [opened(first_key), opened(first_key)]

    def turn(vault):
        try:
            return change(rotate, vault)
        except RotatedMeanwhile:
            return None

    with ThreadPoolExecutor(2) as threads:
        rotated = list(threads.map(turn, vaults))
    assert sum(each is not None for each in rotated) == 1
    assert opened(first_key).sealing_version == 2


def test_a_slot_added_beside_a_rotation_is_current(change, add, opened, first_key):
    key, vault = new_slot_key(), opened(first_key)

    def turn(step):
        try:
            return step()
        except RotatedMeanwhile:
            return None

    steps = [lambda: add(key), lambda: change(rotate, vault)]
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(turn, steps))
    version = opened(first_key).sealing_version
    assert version == (2 if done[1] else 1)
    if done[0]:
        assert opened(key).sealing_version == version
    assert any(done)
