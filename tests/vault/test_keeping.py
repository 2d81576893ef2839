"""Where the key of a new slot goes: typed twice, into the keyring, into a file, or shown once."""

import pytest

from cardctl.vault import keeping, keychain
from cardctl.vault.failures import KeyringTaken
from cardctl.vault.keeping import NoPlace, PlaceIgnored, kept_key
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Passphrase, parse_slot_key
from cardctl.vocabulary import SlotKind


@pytest.fixture
def keyring_of(monkeypatch):
    """A keyring that is a dictionary: of texts, by the id of their store."""
    kept = {}
    monkeypatch.setattr(keeping, "read_keyring", kept.get)
    monkeypatch.setattr(keeping, "write_keyring", kept.__setitem__)
    return kept


def keep(shop, kind, *, path=None, may_show=False, dry_run=False):
    with kept_key(
        shop.store,
        kind=kind,
        path=path,
        ask_new=lambda: "made up words",
        may_show=may_show,
        dry_run=dry_run,
    ) as new:
        return new


def test_a_passphrase_is_typed(shop):
    assert keep(shop, SlotKind.PASSPHRASE).key == Passphrase(Secret("made up words"))


def test_a_recovery_code_is_shown_where_somebody_reads_it(shop):
    new = keep(shop, SlotKind.RECOVERY, may_show=True)
    assert parse_slot_key(new.code.reveal(), origin="test") == new.key
    with pytest.raises(NoPlace):
        keep(shop, SlotKind.RECOVERY)


def test_a_recovery_code_in_a_file_is_not_shown(shop, tmp_path):
    new = keep(shop, SlotKind.RECOVERY, path=tmp_path / "code.txt", may_show=True)
    assert new.code is None
    assert parse_slot_key((tmp_path / "code.txt").read_text(), origin="test") == new.key


@pytest.mark.parametrize("kind", [SlotKind.PASSPHRASE, SlotKind.KEYRING])
def test_a_file_is_not_named_in_vain(shop, tmp_path, kind):
    with pytest.raises(PlaceIgnored):
        keep(shop, kind, path=tmp_path / "x")


def test_the_keyring_keeps_a_key_and_a_stale_one_goes(shop, keyring_of):
    keyring_of[shop.store.store_id] = Secret("junk")
    keep(shop, SlotKind.KEYRING, dry_run=True)
    assert keyring_of[shop.store.store_id] == Secret("junk")
    new = keep(shop, SlotKind.KEYRING)
    assert keyring_of[shop.store.store_id] == new.key.text()
    assert keep(shop, SlotKind.KEYRING).key != new.key


def test_the_keyring_has_room_for_one_slot_a_store(shop, keyring_of):
    line = (shop.home / "keys" / "cardctl.key").read_text()
    keyring_of[shop.store.store_id] = Secret(line)
    with pytest.raises(KeyringTaken):
        keep(shop, SlotKind.KEYRING)
    assert keyring_of[shop.store.store_id] == Secret(line)


def test_a_slot_in_the_keyring_opens_the_store(shop, monkeypatch):
    """Through the program: add, then unlock with nothing but the keyring."""

    class Backend:
        kept = {}  # noqa: RUF012 -- one keyring for all

        def get_password(self, *place):
            return self.kept.get(place)

        def set_password(self, service, user, text):
            self.kept[service, user] = text

    import keyring

    monkeypatch.setattr(keyring, "get_keyring", Backend)
    name = f"{Backend.__module__}.{Backend.__qualname__}"
    monkeypatch.setattr(keychain, "TRUSTED", {name})
    shop.run("vault slot add keyring --label 桌面")
    (shop.home / "keys" / "cardctl.key").unlink()
    shop.run("vault verify", status=7)
    shop.run("--key-source keyring vault verify")
