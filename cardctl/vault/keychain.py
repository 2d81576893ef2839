"""The desktop's keyring: one key a store, and only in backends known to keep a secret."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cardctl.vault.failures import KeyringRefused, KeyringSilent
from cardctl.vault.secret import Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

TRUSTED = frozenset(
    {
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    }
)
"""Backend classes by their full name; others may keep a key in a plain file."""

_SERVICE = "cardctl"
_PATIENCE_S = 3.0


def read_keyring(store_id: str) -> Secret | None:
    """The key kept for a store, or None; raises `KeyringRefused` and `KeyringSilent`."""

    def read() -> str | None:
        return _backend().get_password(_SERVICE, store_id)

    kept = _patiently(read)
    return None if kept is None else Secret(kept)


def write_keyring(store_id: str, text: Secret) -> None:
    """Keep a key for a store, and read it back; raises `KeyringRefused` and `KeyringSilent`."""

    def write() -> str | None:
        backend = _backend()
        backend.set_password(_SERVICE, store_id, text.reveal())
        return backend.get_password(_SERVICE, store_id)

    if _patiently(write) != text.reveal():
        raise KeyringSilent


def _backend() -> "KeyringBackend":
    """The trusted backend with the highest priority."""
    import keyring  # noqa: PLC0415 -- 85 ms that only who uses a keyring should pay

    chosen = keyring.get_keyring()
    # Where several would do, keyring hands out a chain of them.
    for backend in getattr(chosen, "backends", [chosen]):
        if _name(backend) in TRUSTED:
            found: KeyringBackend = backend
            return found
    raise KeyringRefused(backend=_name(chosen))


def _name(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _patiently(ask: Callable[[], T]) -> T:
    """Ask in a thread that is left behind when it hangs: a locked desktop never answers."""
    answers: list[T] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 -- backends raise whatever their library does
            failures.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(_PATIENCE_S)
    if answers:
        return answers[0]
    if failures and isinstance(failures[0], KeyringRefused):
        raise failures[0]
    raise KeyringSilent
