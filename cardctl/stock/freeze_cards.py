"""Freeze single cards (冻结): kept from sale by themselves, until they are unfrozen.

A card that is frozen by itself stays so when the recall of its batch is taken back. (`freeze` is
about whole products.)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import StateForbids
from cardctl.identifiers import card_code
from cardctl.schema.cards import cards
from cardctl.stock.claim import ClaimLost
from cardctl.stock.named_cards import (
    CardKey,
    HeldCard,
    hold_batches,
    hold_cards,
    name_some,
    recorded,
)
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import BatchStatus, CardStatus, Quarantine

_FREEZABLE = (CardStatus.AVAILABLE, CardStatus.QUARANTINED)


class CannotFreeze(StateForbids):
    """Only what could be sold is kept from sale."""

    code = "card-not-for-sale"
    message = "{count} of the cards cannot be frozen, they are not for sale: {cards}"
    hint = "cardctl card show {first}"


@dataclass(frozen=True, slots=True)
class Frozen:
    """Cards that are frozen now, and those that were before."""

    cards: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Unfrozen:
    """Cards that are no longer frozen, by where they went, and those that were not frozen.

    Of a recalled batch they are `recalled`, and wait for its release.
    """

    cards: int
    available: int
    recalled: int
    expired: int
    unchanged: int


def freeze_cards(session: Session, *, run: Run, keys: Collection[CardKey], reason: str) -> Frozen:
    """Keep cards from sale: all that were named, or none.

    A card that a recall had quarantined is frozen by itself from now on. Raises `CardsUnknown`,
    and `CannotFreeze` for cards that were sold, are reserved, void or expired.
    """
    rows = hold_cards(session, keys)
    others = [row.key for row in rows if row.status not in _FREEZABLE]
    if others:
        first = card_code(*min(others))
        raise CannotFreeze(count=len(others), cards=name_some(others), first=first)
    going = [row for row in rows if row.quarantined_for != Quarantine.FREEZE]
    _set(session, run, going, CardStatus.QUARANTINED, Quarantine.FREEZE)
    if going:
        which = recorded([row.key for row in going])
        run.record(session, "card.freeze", {**which, "reason": reason})
    return Frozen(cards=len(going), unchanged=len(rows) - len(going))


def unfreeze_cards(
    session: Session, *, run: Run, keys: Collection[CardKey], reason: str = ""
) -> Unfrozen:
    """Let frozen cards be sold again; what is not frozen is left alone.

    Where the batch is recalled they are quarantined for that instead, and where their time is
    over they expire. Raises `CardsUnknown`.
    """
    # Held first: a recall under way takes what becomes available, or is seen here.
    batch_status = hold_batches(session, keys)
    rows = hold_cards(session, keys)
    frozen = [row for row in rows if row.quarantined_for == Quarantine.FREEZE]
    recalled = [row for row in frozen if batch_status[row.batch_id] == BatchStatus.RECALLED]
    rest = [row for row in frozen if batch_status[row.batch_id] != BatchStatus.RECALLED]
    expired = [row for row in rest if row.expires_at < run.at]
    available = [row for row in rest if row.expires_at >= run.at]
    _set(session, run, recalled, CardStatus.QUARANTINED, Quarantine.RECALL)
    _set(session, run, expired, CardStatus.EXPIRED, None)
    _set(session, run, available, CardStatus.AVAILABLE, None)
    unfrozen = Unfrozen(
        cards=len(frozen),
        available=len(available),
        recalled=len(recalled),
        expired=len(expired),
        unchanged=len(rows) - len(frozen),
    )
    if frozen:
        which = recorded([row.key for row in frozen])
        run.record(session, "card.unfreeze", {**which, "reason": reason})
    return unfrozen


def _set(
    session: Session,
    run: Run,
    rows: Sequence[HeldCard],
    status: CardStatus,
    cause: Quarantine | None,
) -> None:
    """Give locked cards a status; raises `ClaimLost` when one is no longer what it was."""
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[row.key for row in rows],
        guard="card.status IN ('available', 'quarantined')",
        constants={
            "status": status.value,
            "quarantined_for": cause.value if cause else None,
            "status_at": run.at,
        },
    )
    if changed != len(rows):
        raise ClaimLost(missing=len(rows) - changed)
