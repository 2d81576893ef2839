"""What orders were given: their cards, masked, or in clear for who says why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.errors import VaultError
from cardctl.identifiers import card_code, new_ids
from cardctl.orders.queries import OrderKey
from cardctl.schema.cards import cards
from cardctl.schema.orders import order_lines
from cardctl.storage.dialects import select_many
from cardctl.vault.keyset import Vault
from cardctl.vault.sealing import CardOpener
from cardctl.vault.secret import Secret
from cardctl.vocabulary import CardStatus, OrderEventKind

_USABLE = (CardStatus.ISSUED, CardStatus.REDEEMED)
"""What is opened for a buyer; a card that was replaced or taken back is not theirs any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCard:
    """A card of an order; `line` is the number of its line, from 1.

    Its secrets are None where they were not asked for, or where the card is not the buyer's.
    """

    id: str
    line: int
    masked: str
    status: str
    expires_on: int
    number: Secret | None = None
    secret: Secret | None = None
    fields: Mapping[str, Secret] = field(default_factory=dict)


class CardRow(NamedTuple):
    """A card as it is stored, and the position of its line."""

    bucket: int
    id: int
    batch_id: int
    product_id: int
    status: str
    masked: str
    expires_at: int
    sealed_number: bytes | None
    sealed_secret: bytes
    sealed_fields: bytes | None
    order_bucket: int
    order_id: int
    order_line_id: int
    position: int


_COLUMNS = CardRow._fields[:-1]

CardsByOrder = Mapping[OrderKey, Sequence[CardRow]]


def read_cards(session: Session, *, keys: Sequence[OrderKey]) -> dict[OrderKey, list[CardRow]]:
    """The cards that orders got, line by line; what is only reserved was not given."""
    lines = select_many(
        session,
        order_lines,
        columns=("bucket", "id", "position"),
        key=("bucket", "order_id"),
        rows=keys,
    )
    positions = {(bucket, line_id): position for bucket, line_id, position in lines}
    found = select_many(
        session, cards, columns=_COLUMNS, key=("order_bucket", "order_id"), rows=keys
    )
    rows = [CardRow._make((*row, positions[row[-3], row[-1]])) for row in found]
    given: dict[OrderKey, list[CardRow]] = {key: [] for key in keys}
    for row in sorted(rows, key=lambda row: (row.position, row.bucket, row.id)):
        if row.status != CardStatus.RESERVED:
            given[OrderKey(row.order_bucket, row.order_id)].append(row)
    return given


def masked_card(row: CardRow) -> GivenCard:
    """A card without anything secret."""
    return GivenCard(
        id=card_code(row.bucket, row.id),
        line=row.position + 1,
        masked=row.masked,
        status=row.status,
        expires_on=row.expires_at,
    )


@dataclass(frozen=True, slots=True)
class Reveal:
    """Whose cards are to be opened, by which vault and why."""

    vault: Vault
    reason: str


def reveal_cards(
    session: Session,
    *,
    run: Run,
    reveal: Reveal,
    names: Mapping[OrderKey, str],
    given: CardsByOrder,
) -> dict[OrderKey, list[GivenCard] | VaultError]:
    """Open the cards of orders for their buyers, and say so in their events and the audit log.

    Nothing may be shown before this transaction is committed. An order of which one card does not
    open shows none: its error stands in their place. `names` are the orders by their names.
    """
    opener = CardOpener(session, reveal.vault)
    opened: dict[OrderKey, list[GivenCard] | VaultError] = {}
    for key, rows in given.items():
        try:
            opened[key] = [_open(opener, row) for row in rows]
        except VaultError as error:
            opened[key] = error
    told = {
        key: count
        for key, shown in opened.items()
        if isinstance(shown, list) and (count := sum(card.secret is not None for card in shown))
    }
    if told:
        _say_revealed(session, run, reveal.reason, {names[key]: key for key in told}, told)
    return opened


def _open(opener: CardOpener, row: CardRow) -> GivenCard:
    shown = masked_card(row)
    if row.status not in _USABLE:
        return shown

    def open_field(name: str, sealed: bytes) -> str:
        return opener.open(
            name,
            batch_id=row.batch_id,
            bucket=row.bucket,
            card_id=row.id,
            product_id=row.product_id,
            sealed=sealed,
        ).decode()

    fields = json.loads(open_field("fields", row.sealed_fields)) if row.sealed_fields else {}
    return GivenCard(
        id=shown.id,
        line=shown.line,
        masked=shown.masked,
        status=shown.status,
        expires_on=shown.expires_on,
        number=Secret(open_field("number", row.sealed_number)) if row.sealed_number else None,
        secret=Secret(open_field("secret", row.sealed_secret)),
        fields={name: Secret(text) for name, text in fields.items()},
    )


def _say_revealed(
    session: Session,
    run: Run,
    reason: str,
    keys: Mapping[str, OrderKey],
    counts: Mapping[OrderKey, int],
) -> None:
    """An event an order; in the audit log one order by its name, several by a digest of them."""
    write_events(
        session,
        run=run,
        events=(
            NewEvent(
                *(key.bucket, event_id, key.id, OrderEventKind.REVEALED),
                {"cards": counts[key], "reason": reason},
            )
            for key, event_id in zip(keys.values(), new_ids(len(keys)), strict=True)
        ),
    )
    told: dict[str, object] = {"cards": sum(counts.values()), "reason": reason}
    if len(keys) == 1:
        (told["order"],) = keys
    else:
        told["orders"] = len(keys)
        told["orders_sha256"] = sha256("\n".join(sorted(keys)).encode()).hexdigest()
    run.record(session, "order.reveal", told)
