"""Cards that were named one by one: looked up and locked, all of them or none."""

import hashlib
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from cardctl.errors import NotFound
from cardctl.identifiers import card_code
from cardctl.schema.cards import batches, cards
from cardctl.stock.claim import PLACE
from cardctl.storage.dialects import lock_rows, select_many

CardKey = tuple[int, int]
"""Bucket and id of a card; `identifiers.parse_card_code` reads them out of its name."""

_KEY = ("bucket", "id")
_TOLD = 20
"""How many cards an error names."""

_RECORDED = 100
"""How many cards the audit log names; of more it keeps a digest, too."""


class CardsUnknown(NotFound):
    """Cards were named that are not there."""

    message = "{count} of the cards are not in the store: {cards}"
    hint = "cardctl card find"


class HeldCard(NamedTuple):
    """A card that nobody else changes until the transaction ends; cost in fen, times epoch ms."""

    bucket: int
    id: int
    product_id: int
    batch_id: int
    status: str
    quarantined_for: str | None
    cost_fen: int | None
    expires_at: int

    @property
    def key(self) -> CardKey:
        """Where it is."""
        return self.bucket, self.id


def hold_cards(session: Session, keys: Collection[CardKey]) -> list[HeldCard]:
    """Some cards, locked in the order of the claim. Raises `CardsUnknown`."""
    there = select_many(session, cards, columns=(*PLACE, "bucket"), key=_KEY, rows=sorted(keys))
    there.sort()
    held = select_many(
        session,
        cards,
        columns=HeldCard._fields,
        key=_KEY,
        rows=[(bucket, card_id) for *_, card_id, bucket in there],
        lock_order=PLACE,
    )
    found = [HeldCard(*row) for row in held]
    unknown = set(keys) - {card.key for card in found}
    if unknown:
        raise CardsUnknown(count=len(unknown), cards=name_some(unknown))
    return found


def hold_batches(session: Session, keys: Collection[CardKey]) -> dict[int, str]:
    """The batches of some cards, locked by id, with their status: before their cards are."""
    found = select_many(session, cards, columns=("batch_id",), key=_KEY, rows=sorted(keys))
    ids = sorted({batch_id for (batch_id,) in found})
    query = select(batches.c.id, batches.c.status).where(batches.c.id.in_(ids))
    locked = lock_rows(session, query.order_by(batches.c.id), table=batches, skip_locked=False)
    return {row.id: row.status for row in session.execute(locked)}


def seats_of(session: Session, keys: Collection[CardKey]) -> dict[CardKey, bytes]:
    """Every seat of the keys that some cards are seats of, with the key's fingerprint.

    Nothing is locked; a card that is not there is left out.
    """
    found = select_many(
        session,
        cards,
        columns=(*_KEY, "fingerprint"),
        key=_KEY,
        rows=sorted(keys),
        alike=("bucket", "fingerprint"),
    )
    return {(bucket, card_id): bytes(fingerprint) for bucket, card_id, fingerprint in found}


def name_some(keys: Collection[CardKey]) -> str:
    """The names of the first few cards, for an error."""
    names = [card_code(*key) for key in sorted(keys)[:_TOLD]]
    return ", ".join(names) + (", …" if len(keys) > _TOLD else "")


def recorded(keys: Collection[CardKey]) -> dict[str, object]:
    """Which cards they were, for the audit log: by name, and of many a digest of all."""
    digest = hashlib.sha256()
    for bucket, card_id in sorted(keys):
        digest.update(bucket.to_bytes(2) + card_id.to_bytes(8))
    names = [card_code(*key) for key in sorted(keys)[:_RECORDED]]
    return {"count": len(keys), "cards": names, "sha256": digest.hexdigest()}
