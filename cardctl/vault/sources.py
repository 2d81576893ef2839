"""Where a key comes from, in a fixed order.

The flag; CARDCTL_KEY_FD, _FILE, _COMMAND or CARDCTL_KEY; systemd's credential; the configured
source; the keyring at a desktop terminal; a prompt. What was named is the only one that is asked:
a source that somebody chose is never passed over for another.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cardctl.vault.failures import (
    BadKeySource,
    KeyringRefused,
    KeyringSilent,
    KeyUnreadable,
    NoKey,
    SeveralKeySources,
)
from cardctl.vault.key_files import LONGEST, decode_key, read_key_file
from cardctl.vault.keychain import read_keyring
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Passphrase, SlotKey, looks_like_slot_key, parse_slot_key

_LAST_STANDARD_STREAM = 2
_CREDENTIAL = "cardctl.key"

Key = SlotKey | Passphrase


class SourceKind(StrEnum):
    """The words a key source begins with."""

    FILE = "file"
    ENVIRONMENT = "env"
    DESCRIPTOR = "fd"
    COMMAND = "command"
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105 -- the name of a kind
    CREDENTIAL = "credential"


_WITH_ARGUMENT = frozenset(
    {
        SourceKind.FILE,
        SourceKind.ENVIRONMENT,
        SourceKind.DESCRIPTOR,
        SourceKind.COMMAND,
    }
)
_VARIABLES = {
    "CARDCTL_KEY_FD": SourceKind.DESCRIPTOR,
    "CARDCTL_KEY_FILE": SourceKind.FILE,
    "CARDCTL_KEY_COMMAND": SourceKind.COMMAND,
    "CARDCTL_KEY": SourceKind.ENVIRONMENT,
}


@dataclass(frozen=True, slots=True)
class KeySource:
    """One place a key may come from."""

    kind: SourceKind
    argument: str = ""
    chosen: bool = True
    """Whether somebody named it; else it is only a place worth looking."""

    @property
    def spec(self) -> str:
        """As it is written after --key-source."""
        return f"{self.kind}:{self.argument}" if self.argument else str(self.kind)


def parse_key_source(spec: str, *, origin: str) -> KeySource:
    """Read a SPEC; raises `BadKeySource`, which names where it stood and does not repeat it."""
    word, colon, argument = spec.partition(":")
    if word not in set(SourceKind):
        raise BadKeySource(origin=origin)
    kind = SourceKind(word)
    if (kind in _WITH_ARGUMENT) != bool(argument) or (colon and not argument):
        raise BadKeySource(origin=origin)
    if kind == SourceKind.DESCRIPTOR and not (argument.isascii() and argument.isdigit()):
        raise BadKeySource(origin=origin)
    if looks_like_slot_key(argument):
        # The key itself where its place should stand: what names the place would repeat it.
        raise BadKeySource(origin=origin)
    return KeySource(kind, argument)


def find_key_sources(
    *, flag: str | None, configured: str | None, environment: Mapping[str, str], may_ask: bool
) -> list[KeySource]:
    """The places to ask, in their order: one where one was chosen.

    Raises `SeveralKeySources` and `BadKeySource`.
    """
    if flag:
        return [parse_key_source(flag, origin="--key-source")]
    named = [name for name in _VARIABLES if environment.get(name)]
    if len(named) > 1:
        raise SeveralKeySources(names=", ".join(named))
    if named:
        return [_from_variable(named[0], environment)]
    if _credential_file(environment).is_file():
        return [KeySource(SourceKind.CREDENTIAL)]
    if configured:
        return [parse_key_source(configured, origin="key_source")]
    if not may_ask:
        return []
    prompt = KeySource(SourceKind.PASSPHRASE, chosen=False)
    desktop = environment.get("WAYLAND_DISPLAY") or environment.get("DISPLAY")
    return [KeySource(SourceKind.KEYRING, chosen=False), prompt] if desktop else [prompt]


def read_key_source(
    sources: list[KeySource],
    *,
    store_id: str,
    environment: MutableMapping[str, str],
    ask: Callable[[], str] | None,
) -> Key:
    """Read the key from the first place that has one.

    `ask` prompts a person for a passphrase or a recovery code; None where nobody may be asked. A
    variable that holds a key is taken out of the environment, so that no child process gets it.
    Raises `NoKey` and what the sources raise.
    """
    for source in sources:
        if source.kind == SourceKind.KEYRING:
            kept = _read_from_keyring(source, store_id)
            if kept is None:
                continue
            return parse_slot_key(kept.reveal(), origin=source.spec)
        if source.kind == SourceKind.PASSPHRASE:
            if ask is None:
                raise NoKey
            return key_from_typing(ask())
        return read_slot_key(source, environment=environment)
    raise NoKey


def read_slot_key(source: KeySource, *, environment: MutableMapping[str, str]) -> SlotKey:
    """Read a file, a variable, a descriptor, a command's output or the credential.

    Raises `KeyUnreadable`, `KeyExposed` and `MalformedKey`.
    """
    origin = source.spec
    if source.kind == SourceKind.FILE:
        return read_key_file(Path(source.argument).expanduser(), origin=origin)
    if source.kind == SourceKind.CREDENTIAL:
        return read_key_file(_credential_file(environment), origin=origin, guarded=False)
    if source.kind == SourceKind.DESCRIPTOR:
        environment.pop("CARDCTL_KEY_FD", None)
        return decode_key(_read_descriptor(int(source.argument), origin), origin=origin)
    if source.kind == SourceKind.COMMAND:
        return decode_key(_run(source.argument, origin, environment), origin=origin)
    text = environment.pop(source.argument, None)
    if text is None:
        raise KeyUnreadable(origin=origin, reason="there is no such variable")
    return parse_slot_key(text, origin=origin)


def key_from_typing(text: str) -> Key:
    """What a person typed: a recovery code or key if it begins like one, else a passphrase."""
    if looks_like_slot_key(text):
        return parse_slot_key(text, origin=SourceKind.PASSPHRASE)
    return Passphrase(Secret(text))


def _from_variable(name: str, environment: Mapping[str, str]) -> KeySource:
    kind = _VARIABLES[name]
    if kind == SourceKind.ENVIRONMENT:
        return KeySource(kind, name)
    return parse_key_source(f"{kind}:{environment[name]}", origin=name)


def _credential_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("CREDENTIALS_DIRECTORY") or "/nonexistent") / _CREDENTIAL


def _read_from_keyring(source: KeySource, store_id: str) -> Secret | None:
    """The keyring's key; a keyring that nobody chose may be missing or silent."""
    try:
        kept = read_keyring(store_id)
    except (KeyringRefused, KeyringSilent):
        if source.chosen:
            raise
        return None
    if kept is None and source.chosen:
        raise KeyUnreadable(origin=source.spec, reason="it holds no key for this store")
    return kept


def _read_descriptor(number: int, origin: str) -> bytes:
    try:
        # The standard streams are the program's own and stay open.
        with os.fdopen(number, "rb", closefd=number > _LAST_STANDARD_STREAM) as stream:
            return stream.read(LONGEST)
    except OSError:
        raise KeyUnreadable(origin=origin, reason="the descriptor cannot be read") from None


def _run(command: str, origin: str, environment: Mapping[str, str]) -> bytes:
    """What a command prints; it may ask on the terminal, so nothing hurries it."""
    kept = {name: value for name, value in environment.items() if name not in _VARIABLES}
    try:
        with subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, env=kept) as process:
            assert process.stdout is not None
            # A command that never ends its words is left with a closed pipe.
            said = process.stdout.read(LONGEST)
    except ValueError:
        raise BadKeySource(origin=origin) from None
    except OSError:
        raise KeyUnreadable(origin=origin, reason="the command cannot be started") from None
    if process.returncode != 0:
        raise KeyUnreadable(origin=origin, reason="the command failed")
    return said
