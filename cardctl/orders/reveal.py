"""Reveal the cards of an order: say the secrets, and keep for good who asked and why."""

import json
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.errors import UsageRefused
from cardctl.identifiers import new_id
from cardctl.orders.held import hold_order
from cardctl.orders.queries import select_cards, shown_card
from cardctl.schema.cards import cards
from cardctl.vault.keyset import Vault
from cardctl.vault.sealing import CardOpener
from cardctl.vault.secret import Secret
from cardctl.vocabulary import CardStatus, OrderEventKind


class ReasonMissing(UsageRefused):
    """Cards are revealed for a reason only."""

    code = "reason-missing"
    message = "cards are revealed only for a reason: it goes to the audit log"
    hint = "add --reason TEXT"


@dataclass(frozen=True, slots=True)
class RevealedCard:
    """An open card; its secrets say what they are only when asked."""

    id: str
    line: int
    masked: str
    status: str
    expires_on: int
    number: Secret | None
    secret: Secret
    fields: dict[str, Secret]


def reveal_order(
    session: Session, *, run: Run, vault: Vault, channel: str, number: str, reason: str
) -> list[RevealedCard]:
    """Open all cards that an order got, and say so in its events and in the audit log.

    Nothing may be shown before this transaction is committed. An order without cards reveals
    nothing, and nothing is recorded. Raises `NotFound`, `ReasonMissing`, `NeedsFullKey`,
    `Tampered` and `KeyTampered`.
    """
    if not reason.strip():
        raise ReasonMissing
    # Held: what is shown here does not go back on the shelf meanwhile.
    key = hold_order(session, channel=channel, number=number).key
    opener = CardOpener(session, vault)
    # What is only reserved may go back on the shelf: nobody has seen it until it is issued.
    query = select_cards(key).where(cards.c.status != CardStatus.RESERVED)
    revealed = [_open(opener, row) for row in session.execute(query).all()]
    if not revealed:
        return []
    told = {"cards": len(revealed), "reason": reason}
    event = NewEvent(key.bucket, new_id(), key.id, OrderEventKind.REVEALED, told)
    write_events(session, run=run, events=[event])
    run.record(session, "order.reveal", {"order": f"{channel}:{number}", **told})
    return revealed


def _open(opener: CardOpener, row: Any) -> RevealedCard:
    def open_field(field: str, sealed: bytes) -> str:
        return opener.open(
            field,
            batch_id=row.batch_id,
            bucket=row.bucket,
            card_id=row.id,
            product_id=row.product_id,
            sealed=sealed,
        ).decode()

    shown = shown_card(row)
    fields = json.loads(open_field("fields", row.sealed_fields)) if row.sealed_fields else {}
    return RevealedCard(
        id=shown.id,
        line=shown.line,
        masked=shown.masked,
        status=shown.status,
        expires_on=shown.expires_on,
        number=Secret(open_field("number", row.sealed_number)) if row.sealed_number else None,
        secret=Secret(open_field("secret", row.sealed_secret)),
        fields={name: Secret(text) for name, text in fields.items()},
    )
