"""What a channel is given: one delivery of one order, opened.

Nothing here is stored; what is secret masks itself (`Secret`) until a channel reveals it.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from cardctl.settings import Language
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ProductKind


@dataclass(frozen=True, slots=True)
class Sender:
    """The shop as its buyers see it: who writes, in which language and time zone."""

    language: Language
    zone: ZoneInfo
    name: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class SentCard:
    """A card in clear; `line` is the number of its order line, `expires_at` may be `NEVER`."""

    line: int
    sku: str
    product: str
    """The product's name."""
    kind: ProductKind
    number: Secret | None
    secret: Secret
    fields: dict[str, Secret]
    expires_at: int
    guide: str | None
    """How the product says it is to be used."""
    secret_in_text: bool
    """Whether an e-mail may hold it in its text; else it goes as an encrypted file."""


@dataclass(frozen=True, slots=True)
class TopUp:
    """What a supplier is asked for: so many of a product onto an account of the buyer."""

    line: int
    sku: str
    product: str
    qty: int
    face_value_fen: int | None
    account: str
    supplier_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery of one order: its cards to the buyer, or a request to a supplier.

    Every try of it has the same `idempotency_key`; a reprint (`reprint` > 0) has another one.
    """

    bucket: int
    delivery_id: int
    idempotency_key: str
    attempt: int
    """1 for the first try."""
    reprint: int
    created_at: int
    order: str
    """CHANNEL:NUMBER."""
    channel: str
    number: str
    channel_id: int
    buyer: str | None
    email: str | None
    phone: str | None
    cards: tuple[SentCard, ...] = ()
    topup: TopUp | None = None
