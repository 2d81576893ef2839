"""The slots: each holds the keyset of its scope, sealed to its own public key."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    big_column,
    code_column,
    count_column,
    id_column,
    octets_column,
    one_of,
    table_of,
    text_column,
)
from cardctl.vocabulary import SlotKind, SlotScope


class Slot(Row, table=True):
    """One way to open the vault."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("code"),
        one_of("kind", SlotKind),
        one_of("scope", SlotScope),
    )

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column(16))
    """How a person names it."""
    label: str = Field(sa_column=text_column())
    kind: str = Field(sa_column=code_column(16))
    scope: str = Field(sa_column=code_column(16))
    public_key: bytes = Field(sa_column=octets_column())
    """The public half; its private half is derived from the slot's secret, kept elsewhere."""
    derivation: str = Field(sa_column=text_column())
    """JSON: how a passphrase becomes the slot's secret (argon2id cost and salt); else empty."""
    trust: bytes = Field(sa_column=octets_column())
    """A mac under the slot's secret over the key that signs keysets."""
    signing_key: bytes = Field(sa_column=octets_column())
    """The public key that signs keysets, believed only through `trust`."""
    keyset_version: int = Field(sa_column=count_column())
    sealed_keyset: bytes = Field(sa_column=octets_column())
    signature: bytes = Field(sa_column=octets_column())
    """Over the store, the slot and the sealed keyset: a swapped keyset fails."""
    created_at: int = Field(sa_column=big_column())


slots = table_of(Slot)
