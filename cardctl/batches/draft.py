"""A batch to be: what a file holds of one product, sealed row by row under one data key."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cardctl.batches.checks import CheckedRow
from cardctl.identifiers import fingerprint_bucket, new_id
from cardctl.money import share_out
from cardctl.schema.cards import DataKey
from cardctl.schema.catalog import Product
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.keyset import Vault
from cardctl.vault.mask import mask
from cardctl.vault.sealing import BatchKey, new_batch_key

StagedRow = tuple[object, ...]


@dataclass(slots=True)
class Draft:
    """The rows of a product; `key` is None where only fingerprints are kept."""

    product: Product
    batch_id: int
    fingerprint_key: bytes
    key: BatchKey | None
    data_key: DataKey | None
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0
    key_columns: dict[int, str] = field(default_factory=dict)
    """What the column that names a key is called in each part of the file."""

    _rules: tuple[int, int, str, bool, bool] = field(init=False)
    """Of the product what every row asks for: reading a row of the schema takes its time."""

    def __post_init__(self) -> None:
        """Note the rules."""
        product = self.product
        folds = (product.fold_case, product.fold_hyphens)
        self._rules = (product.id, product.seats, product.key_space, *folds)

    def cards(self, row: CheckedRow, place: int, card_ids: Iterator[int]) -> list[StagedRow]:
        """The cards of a row, a seat each, sealed, in the order of `staging.COLUMNS`."""
        number, secret, fields, serial, note, cost_fen, expires_at = row
        product_id, seats, key_space, fold_case, fold_hyphens = self._rules
        seal = self.key.seal if self.key is not None else _unsealed
        name = secret if number is None else number
        folded = canonical(name, fold_case=fold_case, fold_hyphens=fold_hyphens)
        digest = fingerprint(self.fingerprint_key, key_space=key_space, canonical=folded)
        bucket, masked = fingerprint_bucket(digest), mask(name)
        cards: list[StagedRow] = []
        for seat, cost in enumerate(_cost_of_seats(cost_fen, seats), 1):
            card = next(card_ids)
            at = {"bucket": bucket, "card_id": card, "product_id": product_id}
            cards.append(
                (
                    bucket,
                    card,
                    digest,
                    seat,
                    None if number is None else seal("number", plaintext=number.encode(), **at),
                    seal("secret", plaintext=secret.encode(), **at),
                    None if fields is None else seal("fields", plaintext=fields.encode(), **at),
                    masked,
                    serial,
                    note,
                    cost,
                    expires_at,
                    self.batch_id,
                    product_id,
                    place,
                )
            )
        return cards


def new_draft(vault: Vault, product: Product, *, already_sold: bool) -> Draft:
    """A draft with its data key; what was sold already is not kept, and needs none."""
    batch_id = new_id()
    key, data_key = (None, None) if already_sold else new_batch_key(vault, batch_id=batch_id)
    return Draft(product, batch_id, vault.fingerprint_key, key, data_key)


def _unsealed(_field: str, **_of_card: object) -> None:
    """What is kept of the parts of a key that was sold before: nothing."""


def _cost_of_seats(cost_fen: int | None, seats: int) -> list[int | None]:
    """A key's cost, shared out among its seats to the fen."""
    if cost_fen is None:
        return [None] * seats
    return [*share_out(cost_fen, [1] * seats)] if seats > 1 else [cost_fen]
