"""Find the key of a command run and open the vault with it."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from pathlib import Path

from sqlmodel import Session

from cardctl.settings import Origin, Settings
from cardctl.vault.keyset import Vault
from cardctl.vault.slots import unlock
from cardctl.vault.sources import KeySource, SourceKind, find_key_sources, read_key_source


def unlock_vault(
    session: Session,
    *,
    store_id: str,
    settings: Settings,
    environment: MutableMapping[str, str],
    ask: Callable[[], str] | None,
) -> Vault:
    """The vault, opened with the key of the first source; `ask` prompts a person, if one is there.

    Raises a `VaultError` leaf that says what is wrong with the key, or a `UsageRefused` one for
    contradicting sources.
    """
    sources = key_sources(settings, environment, may_ask=ask is not None)
    key = read_key_source(sources, store_id=store_id, environment=environment, ask=ask)
    return unlock(session, store_id=store_id, key=key)


def key_sources(
    settings: Settings, environment: MutableMapping[str, str], *, may_ask: bool
) -> list[KeySource]:
    """The places a key is looked for, in their order; see `cardctl.vault.sources`."""
    setting = settings.values["key_source"]
    by_flag = setting.origin is Origin.FLAG
    return find_key_sources(
        flag=setting.value if by_flag else None,
        configured=None if by_flag else setting.value,
        environment=environment,
        may_ask=may_ask,
    )


def first_key_source(settings: Settings, environment: MutableMapping[str, str]) -> KeySource:
    """Where the first key of a new store belongs: what was chosen, else a file in the home."""
    sources = key_sources(settings, environment, may_ask=False)
    if not sources:
        return KeySource(SourceKind.FILE, str(settings.home / "keys" / "cardctl.key"))
    first = sources[0]
    by_environment = settings.key_source is None
    if first.kind == SourceKind.FILE:
        path = Path(first.argument).expanduser().absolute()
        first = replace(first, argument=str(path))
    return replace(first, chosen=not by_environment)
