"""Change the status of many cards, and count by product what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.money import sum_known
from cardctl.schema.cards import cards
from cardctl.schema.catalog import products
from cardctl.stock.claim import ClaimLost, in_claim_order
from cardctl.storage.dialects import lock_rows, update_many
from cardctl.vocabulary import CardStatus


@dataclass(frozen=True, slots=True)
class Moved:
    """How many cards of a product changed their status, and their known cost in fen."""

    product: str
    cards: int
    cost_fen: int | None


@dataclass(frozen=True, slots=True)
class StatusMove:
    """A change of the status of cards, and the verb it is recorded by."""

    verb: str
    was: CardStatus
    to: CardStatus
    passing_locked: bool = False

    def carry_out(
        self, session: Session, run: Run, parts: Sequence[ColumnElement[bool]]
    ) -> list[Moved]:
        """Move some cards, part by part in the order of the claim, and count them."""
        costs: dict[int, list[int | None]] = {}
        for which in parts:
            for row in self._change(session, run, which):
                costs.setdefault(row.product_id, []).append(row.cost_fen)
        if not costs:
            return []
        moved = by_product(session, costs)
        run.record(session, self.verb, {"cards": {one.product: one.cards for one in moved}})
        return moved

    def _change(self, session: Session, run: Run, which: ColumnElement[bool]) -> Sequence[Any]:
        """Lock cards and change them; raises `ClaimLost` when one is no longer what it was."""
        card = cards.c
        query = in_claim_order(
            select(card.bucket, card.id, card.product_id, card.cost_fen).where(which)
        )
        query = lock_rows(session, query, table=cards, skip_locked=self.passing_locked)
        found = session.execute(query).all()
        changed = update_many(
            session,
            cards,
            key=("bucket", "id"),
            changed=(),
            rows=[(row.bucket, row.id) for row in found],
            guard=f"card.status = '{self.was}'",
            constants={
                "status": self.to.value,
                "status_at": run.at,
                "order_bucket": None,
                "order_id": None,
                "order_line_id": None,
            },
        )
        if changed != len(found):
            raise ClaimLost(missing=len(found) - changed)
        return found


def by_product(session: Session, costs: Mapping[int, Sequence[int | None]]) -> list[Moved]:
    """What was moved, by SKU: the costs of its cards by the id of the product."""
    named = session.execute(
        select(products.c.sku, products.c.id).where(products.c.id.in_(costs)).order_by("sku")
    )
    return [Moved(sku, len(costs[one]), sum_known(costs[one])) for sku, one in named]
