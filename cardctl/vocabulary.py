"""The words of the trade as enumerations; what is stored is the value.

Nothing but the standard library is imported here, so that help and completion may use it.
"""

from enum import StrEnum


class ProductKind(StrEnum):
    """What is sold: one secret, a number with a password, an account, or a link."""

    CODE = "code"
    CARD = "card"
    ACCOUNT = "account"
    LINK = "link"


class SupplierTier(StrEnum):
    """How near a supplier stands to the brand."""

    BRAND = "brand"
    AUTHORISED = "authorised"
    RESELLER = "reseller"
    UNKNOWN = "unknown"


class ChannelKind(StrEnum):
    """Where orders come from."""

    OWN = "own"
    TAOBAO = "taobao"
    XIANYU = "xianyu"
    PDD = "pdd"
    DOUYIN = "douyin"
    KUAISHOU = "kuaishou"
    JD = "jd"
    WECHAT_SHOP = "wechat-shop"
    WECHAT_GROUP = "wechat-group"
    AGENT = "agent"
    API = "api"
    OTHER = "other"


class AccountKind(StrEnum):
    """Where money arrives."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    PLATFORM = "platform"
    BANK = "bank"
    CASH = "cash"


class CatalogueNoun(StrEnum):
    """What a shop is set up with."""

    SUPPLIER = "supplier"
    PRODUCT = "product"
    ACCOUNT = "account"
    CHANNEL = "channel"
    POOL = "pool"
    MAP = "map"


class CardStatus(StrEnum):
    """available → reserved → issued → redeemed; aside: quarantined, void, expired, already sold."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    QUARANTINED = "quarantined"
    VOID = "void"
    EXPIRED = "expired"
    ALREADY_SOLD = "already_sold"
    """Sold before it came here: only its fingerprint is kept, so that it is met again."""


ON_HAND = (
    CardStatus.AVAILABLE,
    CardStatus.RESERVED,
    CardStatus.QUARANTINED,
    CardStatus.EXPIRED,
)
"""The states in which a card is still the merchant's and counts as stock at its cost."""


class Quarantine(StrEnum):
    """Why a card is quarantined: its batch was recalled, or somebody froze it by itself."""

    RECALL = "recall"
    FREEZE = "freeze"


class BatchStatus(StrEnum):
    """An import stands, was recalled (its unsold cards are quarantined), or was undone."""

    IMPORTED = "imported"
    RECALLED = "recalled"
    UNDONE = "undone"


class ImportStatus(StrEnum):
    """What came of a file of keys; partial: some rows were left out, as was asked for."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    PARTIAL = "partial"


class OrderStatus(StrEnum):
    """unpaid → paid → held | blocked → issued → delivered; short: paid, stock missing."""

    UNPAID = "unpaid"
    PAID = "paid"
    HELD = "held"
    BLOCKED = "blocked"
    SHORT = "short"
    PARTLY_ISSUED = "partly_issued"
    ISSUED = "issued"
    DELIVERED = "delivered"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


ISSUABLE = (OrderStatus.PAID, OrderStatus.SHORT, OrderStatus.PARTLY_ISSUED)
"""The states in which an order waits for cards."""


class OrderEventKind(StrEnum):
    """What happens to an order."""

    PLACED = "placed"
    PAID = "paid"
    ISSUED = "issued"
    SHORT = "short"
    CANCELLED = "cancelled"
    REVEALED = "revealed"
    REDEEMED = "redeemed"


class Outcome(StrEnum):
    """What came of recording something that may be there already."""

    NEW = "new"
    UNCHANGED = "unchanged"
    UPDATED = "updated"
    CONFLICT = "conflict"
    NOT_TAKEN = "not-taken"


class SlotScope(StrEnum):
    """What a key opens: everything, or only what importing needs."""

    FULL = "full"
    IMPORT = "import"


class SlotKind(StrEnum):
    """Where the secret of a slot is kept."""

    KEYFILE = "keyfile"
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"
    RECOVERY = "recovery"
    ENVIRONMENT = "environment"


class LedgerAccount(StrEnum):
    """The accounts of the books; a party (a supplier, a money account) may qualify one."""

    STOCK = "stock"
    PAYABLE = "payable"
    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    COST_OF_GOODS = "cost-of-goods"
    STOCK_LOSS = "stock-loss"
