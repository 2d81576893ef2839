"""Make the key of a new slot and put it where it is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cardctl.errors import UsageRefused
from cardctl.storage.store import Store
from cardctl.vault.failures import KeyringTaken, MalformedKey
from cardctl.vault.key_files import written_key_file
from cardctl.vault.keychain import read_keyring, write_keyring
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Passphrase, SlotKey, new_slot_key, pair_of, parse_slot_key
from cardctl.vault.slots import load_slots
from cardctl.vocabulary import SlotKind


class NoPlace(UsageRefused):
    """A new key has nowhere to go."""

    code = "no-place"
    message = "where should the new key go?"
    hint = "add --out PATH"


class PlaceIgnored(UsageRefused):
    """A file was named for a key that goes elsewhere."""

    code = "place-ignored"
    message = "a slot of the kind {kind} writes no file"
    hint = "leave --out away"


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key of a new slot."""

    key: SlotKey | Passphrase
    code: Secret | None = None
    """The recovery code to show once, when no file holds it."""


@contextmanager
def kept_key(
    store: Store,
    *,
    kind: SlotKind,
    path: Path | None,
    ask_new: Callable[[], str],
    may_show: bool,
    dry_run: bool,
) -> Iterator[NewKey]:
    """A new key, kept where its kind says, for the transaction that adds its slot.

    It is kept before the slot is there; a file goes again when the transaction fails. Raises
    `NoPlace`, `PlaceIgnored`, `FileTaken`, `KeyFileUnwritable`, `KeyringTaken` and what the
    keyring raises.
    """
    if path and kind in (SlotKind.KEYRING, SlotKind.PASSPHRASE):
        raise PlaceIgnored(kind=kind)
    if kind == SlotKind.PASSPHRASE:
        yield NewKey(Passphrase(Secret(ask_new())))
        return
    key = new_slot_key()
    if kind == SlotKind.KEYRING:
        _keep_in_keyring(store, key, dry_run=dry_run)
        yield NewKey(key)
        return
    text = key.recovery_code() if kind == SlotKind.RECOVERY else key.text()
    if path:
        with written_key_file(path, text, dry_run=dry_run):
            yield NewKey(key)
    elif kind == SlotKind.RECOVERY and may_show:
        yield NewKey(key, code=text)
    else:
        raise NoPlace


def _keep_in_keyring(store: Store, key: SlotKey, *, dry_run: bool) -> None:
    """Put a key into the keyring, which has room for one a store; a stale one is replaced."""
    kept = read_keyring(store.store_id)
    if kept is not None:
        taken = _slot_of(store, kept)
        if taken:
            raise KeyringTaken(slot=taken)
    if not dry_run:
        write_keyring(store.store_id, key.text())


def _slot_of(store: Store, text: Secret) -> str | None:
    """The slot that a key opens, if any."""
    try:
        public = pair_of(parse_slot_key(text.reveal(), origin="keyring")).public
    except MalformedKey:
        return None
    with store.reading() as session:
        return next((row.code for row in load_slots(session) if row.public_key == public), None)
