"""Cards that were named one by one: looked up and locked, all of them or none."""

import hashlib
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlmodel import Session

from cardctl.errors import NotFound
from cardctl.identifiers import card_code
from cardctl.schema.cards import batches, cards
from cardctl.stock.claim import in_claim_order
from cardctl.storage.dialects import lock_rows, select_many

CardKey = tuple[int, int]
"""Bucket and id of a card; `identifiers.parse_card_code` reads them out of its name."""

_PLACE = ("product_id", "pool_id", "expires_at", "id")
_LOCKED_AT_ONCE = 2_000
"""Postgres has a limit to how long a list of keys may be."""

_TOLD = 20
"""How many cards an error names."""

_RECORDED = 100
"""How many cards the audit log names; of more it keeps a digest, too."""


class CardsUnknown(NotFound):
    """Cards were named that are not there."""

    message = "{count} of the cards are not in the store: {cards}"
    hint = "cardctl card find"


def hold_cards(
    session: Session, keys: Collection[CardKey], *further: ColumnElement[Any]
) -> list[Any]:
    """The rows of some cards, locked in the order of the claim. Raises `CardsUnknown`.

    `further` are columns to read besides those of every card.
    """
    there = select_many(
        session, cards, columns=(*_PLACE, "bucket"), key=("bucket", "id"), rows=sorted(keys)
    )
    there.sort()
    found = [(bucket, card_id) for *_, card_id, bucket in there]
    _refuse_unknown(keys, found)
    card = cards.c
    columns = (
        *(card.bucket, card.id, card.product_id, card.batch_id, card.status),
        *(card.quarantined_for, card.cost_fen, card.expires_at, *further),
    )
    rows: list[Any] = []
    for first in range(0, len(found), _LOCKED_AT_ONCE):
        part = found[first : first + _LOCKED_AT_ONCE]
        query = in_claim_order(select(*columns).where(tuple_(card.bucket, card.id).in_(part)))
        rows += session.execute(lock_rows(session, query, table=cards, skip_locked=False))
    # Once more: an undo of their batch may have come first.
    _refuse_unknown(keys, [(row.bucket, row.id) for row in rows])
    return rows


def hold_batches(session: Session, keys: Collection[CardKey]) -> dict[int, str]:
    """The batches of some cards, locked by id, with their status: before their cards are."""
    found = select_many(
        session, cards, columns=("batch_id",), key=("bucket", "id"), rows=sorted(keys)
    )
    ids = sorted({batch_id for (batch_id,) in found})
    query = select(batches.c.id, batches.c.status).where(batches.c.id.in_(ids))
    locked = lock_rows(session, query.order_by(batches.c.id), table=batches, skip_locked=False)
    return {row.id: row.status for row in session.execute(locked)}


def seats_of(session: Session, keys: Collection[CardKey]) -> dict[CardKey, CardKey]:
    """Every seat of the keys that some cards are seats of, with one of these cards.

    Nothing is locked; a card that is not there is left out.
    """
    seat, named = cards.c, cards.alias("named").c
    wanted = sorted(keys)
    found: dict[CardKey, CardKey] = {}
    for first in range(0, len(wanted), _LOCKED_AT_ONCE):
        part = wanted[first : first + _LOCKED_AT_ONCE]
        query = select(seat.bucket, seat.id, named.bucket, named.id).where(
            tuple_(named.bucket, named.id).in_(part),
            seat.bucket == named.bucket,
            seat.fingerprint == named.fingerprint,
        )
        found |= {(row[0], row[1]): (row[2], row[3]) for row in session.execute(query)}
    return found


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


def _refuse_unknown(keys: Collection[CardKey], found: Collection[CardKey]) -> None:
    unknown = set(keys).difference(found)
    if unknown:
        raise CardsUnknown(count=len(unknown), cards=name_some(unknown))
