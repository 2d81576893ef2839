"""Move cards from one pool to another: exactly so many, those that expire first."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.entries import ids_of
from cardctl.catalog.products import find_product_id
from cardctl.errors import StateForbids, UsageRefused
from cardctl.schema.cards import cards
from cardctl.schema.catalog import pools
from cardctl.stock.claim import AVAILABLE, ClaimLost
from cardctl.storage.dialects import lock_rows, update_many


class SamePool(UsageRefused):
    """Cards were to move to where they are."""

    code = "same-pool"
    message = "--from and --to name the same pool: {pool}"
    hint = "cardctl pool list"


class TooFew(StateForbids):
    """The pool has fewer cards than were to be moved; none was."""

    code = "too-few"
    message = "pool {pool} has {found} cards of {product} to move, not {wanted}"
    hint = "cardctl stock levels --product {product}"


@dataclass(frozen=True, slots=True)
class PoolMove:
    """How many cards went from one pool to another."""

    product: str
    from_pool: str
    to_pool: str
    cards: int


def move_cards(
    session: Session, *, run: Run, sku: str, from_pool: str, to_pool: str, count: int
) -> PoolMove:
    """Move exactly `count` available cards whose time is not over, the earliest expiry first.

    Cards that others hold are waited for. Their cost stays where it is in the books. Raises
    `NotFound`, `SamePool`, and `TooFew`, which moves none.
    """
    pool_ids = ids_of(session, pools, "pool", [from_pool, to_pool])
    if len(pool_ids) == 1:
        raise SamePool(pool=from_pool)
    source, target = pool_ids.values()
    card = cards.c
    query = (
        select(card.bucket, card.id)
        .where(
            card.product_id == find_product_id(session, sku=sku),
            card.pool_id == source,
            AVAILABLE,
            card.expires_at >= run.at,
        )
        .order_by(card.expires_at, card.id)
        .limit(count)
    )
    locked = lock_rows(session, query, table=cards, skip_locked=False)
    rows = [(row.bucket, row.id) for row in session.execute(locked)]
    if len(rows) < count:
        raise TooFew(pool=from_pool, product=sku, found=len(rows), wanted=count)
    moved = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=rows,
        guard=f"card.status = 'available' AND card.pool_id = {source:d}",
        constants={"pool_id": target},
    )
    if moved != count:
        raise ClaimLost(missing=count - moved)
    move = PoolMove(product=sku, from_pool=from_pool, to_pool=to_pool, cards=count)
    _record(session, run, move, rows)
    return move


def _record(session: Session, run: Run, move: PoolMove, rows: list[tuple[int, int]]) -> None:
    digest = sha256()
    for bucket, card_id in sorted(rows):
        digest.update(bucket.to_bytes(2) + card_id.to_bytes(8))
    run.record(
        session,
        "stock.move",
        {
            "product": move.product,
            "from": move.from_pool,
            "to": move.to_pool,
            "cards": move.cards,
            "cards_sha256": digest.hexdigest(),
        },
    )
