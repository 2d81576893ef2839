"""What can be said of the vault without a key."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.settings import Settings
from cardctl.vault.slots import SlotView, list_slots
from cardctl.vault.unlock import key_sources


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """Slots and versions as the store says, and where a key would come from."""

    sealing_version: int
    key_source: str | None
    """The SPEC of the first source that would be asked; None when there is none."""
    slots: list[SlotView]


def vault_status(
    session: Session,
    *,
    settings: Settings,
    environment: MutableMapping[str, str],
    may_ask: bool,
) -> VaultStatus:
    """The state of the vault; no key is read. Raises what `find_key_sources` raises."""
    sources = key_sources(settings, environment, may_ask=may_ask)
    slots = list_slots(session)
    return VaultStatus(
        sealing_version=max((slot.keyset_version for slot in slots), default=0),
        key_source=sources[0].spec if sources else None,
        slots=slots,
    )
