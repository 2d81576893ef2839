"""Give keys another password: a shared account whose password was changed, a card that was renewed.

All seats of a key get it, whoever has them. It is sealed under a new data key of the batch, so
that nothing has to be opened: a key that only imports is enough.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches.checks import key_text
from cardctl.batches.columns import PASSWORDS, SECRET
from cardctl.errors import InputRefused, StateForbids
from cardctl.identifiers import card_code
from cardctl.schema.cards import cards, data_keys
from cardctl.stock.card_list import NoCards, Refusals, open_card_table
from cardctl.stock.claim import ClaimLost
from cardctl.stock.holders import Holder, name_holders
from cardctl.stock.named_cards import (
    CardKey,
    hold_batches,
    hold_cards,
    name_some,
    recorded,
    seats_of,
)
from cardctl.storage.dialects import insert_many, select_many, update_many
from cardctl.vault.keyset import Vault
from cardctl.vault.mask import mask
from cardctl.vault.sealing import BatchKey, CardOpener, new_batch_key
from cardctl.vault.secret import Secret
from cardctl.workbooks.source import Source

_NEW_PASSWORDS = ("新密码", "new password", *PASSWORDS, "secret")
_KEY_COLUMNS = ("id", "batch_id", "sealing_version", "sealed", "commitment")


class SecretNamesKey(StateForbids):
    """The key has no number beside its secret: with another secret it were another key."""

    code = "secret-names-key"
    message = "{count} of the cards have no number, their secret is the whole key: {cards}"
    hint = "cardctl card void {first}, and import the new key"


class NoSecretKept(StateForbids):
    """Keys that were sold before they came here: only their fingerprints are kept."""

    code = "no-secret-kept"
    message = "{count} of the cards were sold before they came, no secret of them is kept: {cards}"
    hint = "cardctl card show {first}"


class PasswordTwice(InputRefused):
    """One key was given two passwords."""

    code = "password-twice"
    message = "one key is given different passwords, by its cards {one} and {other}"
    hint = "give each key one password"


@dataclass(frozen=True, slots=True)
class Updated:
    """Cards (seats) with another password now, those that had it before, and who has them all."""

    cards: int
    unchanged: int
    held_by: list[Holder]


class _Seat(NamedTuple):
    """A locked card, as much of it as a new password needs."""

    bucket: int
    id: int
    batch_id: int
    product_id: int
    sealed_number: bytes | None
    sealed_secret: bytes | None
    order_bucket: int | None
    order_id: int | None

    @property
    def key(self) -> CardKey:
        """Where it is."""
        return self.bucket, self.id


def check_password(text: str) -> Secret:
    """A password that was typed or piped, checked as at an import; raises what is wrong with it."""
    try:
        return Secret(key_text(text))
    except InputRefused as problem:
        problem.details["masked"] = mask("".join(filter(str.isprintable, text)))
        raise


def read_passwords(source: Source) -> dict[CardKey, Secret]:
    """The cards that a table names, and their new passwords.

    Raises `RowsRefused`, `NoCards`, and what is wrong with the file.
    """
    refusals = Refusals(source.name)
    given: dict[CardKey, Secret] = {}
    with open_card_table(source, refusals, {SECRET: _NEW_PASSWORDS}) as rows:
        for row in rows:
            try:
                secret = Secret(key_text(row.cells[SECRET]))
                if given.setdefault(row.card, secret) != secret:
                    raise PasswordTwice
            except InputRefused as problem:
                refusals.add(row.number, problem)
    refusals.raise_any()
    if not given:
        raise NoCards(file=source.name)
    return given


def update_cards(
    session: Session,
    *,
    run: Run,
    vault: Vault,
    secrets: Mapping[CardKey, Secret],
    reason: str = "",
) -> Updated:
    """Give the keys of some cards these passwords: all that were named, or none.

    Where the vault can open cards, a password that they have already is unchanged. Raises
    `CardsUnknown`, `SecretNamesKey`, `NoSecretKept` and `PasswordTwice`.
    """
    # An undo waits, or is over: it would take the data key away.
    hold_batches(session, secrets)
    wanted = _of_every_seat(session, secrets)
    hold_cards(session, wanted)
    found = select_many(
        session, cards, columns=_Seat._fields, key=("bucket", "id"), rows=sorted(wanted)
    )
    rows = [_Seat(*row) for row in found]
    _check(rows)
    changing = _without_unchanged(session, vault, rows, wanted)
    _seal(session, vault, changing, wanted)
    held_by = _holders(session, rows)
    if changing:
        which = recorded([row.key for row in changing])
        told = {**which, "held_by": len(held_by), "reason": reason}
        run.record(session, "card.update", told)
    return Updated(len(changing), len(rows) - len(changing), held_by)


def _of_every_seat(session: Session, secrets: Mapping[CardKey, Secret]) -> dict[CardKey, Secret]:
    """The passwords of all seats of the keys; raises `PasswordTwice`."""
    seats = seats_of(session, secrets)
    given: dict[bytes, CardKey] = {}
    # A card that is not there is refused with the others, when they are locked.
    for card in secrets.keys() & seats.keys():
        other = given.setdefault(seats[card], card)
        if secrets[card] != secrets[other]:
            raise PasswordTwice(one=card_code(*other), other=card_code(*card))
    every = {seat: secrets[given[fingerprint]] for seat, fingerprint in seats.items()}
    return {**secrets, **every}


def _check(rows: Sequence[_Seat]) -> None:
    """Raises `NoSecretKept` and `SecretNamesKey`."""
    for refusal, cannot in (
        (NoSecretKept, [row for row in rows if row.sealed_secret is None]),
        (SecretNamesKey, [row for row in rows if row.sealed_number is None]),
    ):
        keys = [row.key for row in cannot]
        if keys:
            first = card_code(*min(keys))
            raise refusal(count=len(keys), cards=name_some(keys), first=first)


def _without_unchanged(
    session: Session, vault: Vault, rows: Sequence[_Seat], wanted: Mapping[CardKey, Secret]
) -> Sequence[_Seat]:
    """The cards whose password is another one, as far as the vault can tell."""
    if not vault.can_open:
        return rows
    opener = CardOpener(session, vault)

    def is_held(row: _Seat) -> bool:
        opened = opener.open(
            "secret",
            batch_id=row.batch_id,
            bucket=row.bucket,
            card_id=row.id,
            product_id=row.product_id,
            sealed=row.sealed_secret or b"",
        )
        return Secret(opened.decode()) == wanted[row.key]

    return [row for row in rows if not is_held(row)]


def _seal(
    session: Session, vault: Vault, rows: Sequence[_Seat], wanted: Mapping[CardKey, Secret]
) -> None:
    """Seal the passwords under a new data key of each batch."""
    keys = _new_keys(session, vault, {row.batch_id for row in rows})
    sealed = (
        (
            keys[row.batch_id].seal(
                "secret",
                bucket=row.bucket,
                card_id=row.id,
                product_id=row.product_id,
                plaintext=wanted[row.key].reveal().encode(),
            ),
            row.bucket,
            row.id,
        )
        for row in rows
    )
    changed = update_many(
        session, cards, key=("bucket", "id"), changed=("sealed_secret",), rows=sealed
    )
    if changed != len(rows):
        raise ClaimLost(missing=len(rows) - changed)


def _new_keys(session: Session, vault: Vault, batch_ids: Collection[int]) -> dict[int, BatchKey]:
    made = [new_batch_key(vault, batch_id=batch_id) for batch_id in sorted(batch_ids)]
    values = [[getattr(row, name) for name in _KEY_COLUMNS] for _, row in made]
    insert_many(session, data_keys, _KEY_COLUMNS, values)
    return {key.batch_id: key for key, _ in made}


def _holders(session: Session, rows: Sequence[_Seat]) -> list[Holder]:
    counts: dict[tuple[int, int], int] = {}
    for row in rows:
        if row.order_bucket is not None and row.order_id is not None:
            order = row.order_bucket, row.order_id
            counts[order] = counts.get(order, 0) + 1
    return name_holders(session, counts)
