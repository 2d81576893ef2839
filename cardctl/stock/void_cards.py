"""Write cards off that are on hand (报损): what was lost, or turned out to be dead."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.errors import StateForbids
from cardctl.identifiers import card_code
from cardctl.ledger.journal import post_void
from cardctl.money import sum_known
from cardctl.schema.cards import cards
from cardctl.stock.claim import ClaimLost
from cardctl.stock.named_cards import CardKey, HeldCard, hold_cards, name_some, recorded
from cardctl.storage.dialects import update_many
from cardctl.vocabulary import CardStatus

VOIDABLE = (CardStatus.AVAILABLE, CardStatus.QUARANTINED, CardStatus.EXPIRED)


class CardsLeft(StateForbids):
    """Some of the cards are with a buyer, or are kept for one."""

    code = "card-not-on-hand"
    message = "{count} of the cards cannot be written off: {cards}"
    hint = "cardctl card show {first}"


@dataclass(frozen=True, slots=True)
class Voided:
    """Cards written off, their known cost in fen, and those that were void before."""

    cards: int
    cost_fen: int | None
    cost_missing: int
    unchanged: int


def void_cards(
    session: Session, *, run: Run, keys: Collection[CardKey], reason: str = ""
) -> Voided:
    """Write cards on hand off: all that were named, or none.

    What is void already is left alone. Raises `CardsUnknown`, and `CardsLeft` for cards that were
    sold or are reserved.
    """
    rows = hold_cards(session, keys)
    left = [row.key for row in rows if _has_left(row.status)]
    if left:
        first = card_code(*min(left))
        raise CardsLeft(count=len(left), cards=name_some(left), first=first)
    going = [row for row in rows if row.status != CardStatus.VOID]
    voided = Voided(
        cards=len(going),
        cost_fen=sum_known([row.cost_fen for row in going]),
        cost_missing=sum(1 for row in going if row.cost_fen is None),
        unchanged=len(rows) - len(going),
    )
    if going:
        _write_off(session, run, going)
        which = recorded([row.key for row in going])
        run.record(session, "card.void", {**which, "reason": reason})
    return voided


def _write_off(session: Session, run: Run, rows: Sequence[HeldCard]) -> None:
    words = ", ".join(repr(str(status)) for status in VOIDABLE)
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[row.key for row in rows],
        guard=f"card.status IN ({words})",
        constants={
            "status": CardStatus.VOID.value,
            "quarantined_for": None,
            "status_at": run.at,
        },
    )
    if changed != len(rows):
        raise ClaimLost(missing=len(rows) - changed)
    costs: dict[int, int] = {}
    for row in rows:
        costs[row.product_id] = costs.get(row.product_id, 0) + (row.cost_fen or 0)
    post_void(session, run=run, costs=costs)


def _has_left(status: str) -> bool:
    return status not in VOIDABLE and status != CardStatus.VOID
