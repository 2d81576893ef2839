"""The words of the trade as enumerations; what is stored is the value.

Nothing but the standard library is imported here, so that help and completion may use it.
"""

from enum import StrEnum


class ProductKind(StrEnum):
    """What is sold: one secret, a number with a password, an account, a link; or no card at all."""

    CODE = "code"
    CARD = "card"
    ACCOUNT = "account"
    LINK = "link"
    TOPUP = "topup"
    """A supplier tops up an account of the buyer."""
    GOODS = "goods"
    """Something that is shipped."""
    BUNDLE = "bundle"
    """Other products, each so many times."""


CARD_KINDS = (ProductKind.CODE, ProductKind.CARD, ProductKind.ACCOUNT, ProductKind.LINK)
"""What is kept in stock as keys; nothing of the other kinds is imported or claimed."""


class EmailSecret(StrEnum):
    """How an e-mail hands a secret over: in an encrypted file, or in its text."""

    ATTACHMENT = "attachment"
    TEXT = "text"


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
    CHANNEL_MAP = "channel map"


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


UNDELIVERED = (OrderStatus.ISSUED, OrderStatus.PARTLY_ISSUED, OrderStatus.PARTLY_REFUNDED)
"""The states of orders that may have cards which were not delivered."""


class OrderEventKind(StrEnum):
    """What happens to an order."""

    PLACED = "placed"
    PAID = "paid"
    RESERVED = "reserved"
    RELEASED = "released"
    """What was reserved for it went back on the shelf."""
    HELD = "held"
    BLOCKED = "blocked"
    EDITED = "edited"
    ISSUED = "issued"
    SHORT = "short"
    CANCELLED = "cancelled"
    REVEALED = "revealed"
    DELIVERED = "delivered"
    REDEEMED = "redeemed"
    REPLACED = "replaced"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


class RefundKind(StrEnum):
    """Whether the merchant paid back, or the buyer's bank took it back."""

    REFUND = "refund"
    CHARGEBACK = "chargeback"


class ConflictState(StrEnum):
    """A changed order waits for a person, who takes the file's word or the store's."""

    OPEN = "open"
    FILE = "file"
    STORE = "store"


class DeliveryVia(StrEnum):
    """How an order reaches its buyer; a supplier is asked to top up, goods are shipped."""

    TERMINAL = "terminal"
    FILE = "file"
    EMAIL = "email"
    WEBHOOK = "webhook"
    TOPUP = "topup"
    SHIPMENT = "shipment"


class BuyerVia(StrEnum):
    """The ways to a buyer, of all the ways that deliveries take."""

    TERMINAL = "terminal"
    FILE = "file"
    EMAIL = "email"
    WEBHOOK = "webhook"


class SentVia(StrEnum):
    """The ways that a delivery is sent by; a shipment is noted when it has left."""

    TERMINAL = "terminal"
    FILE = "file"
    EMAIL = "email"
    WEBHOOK = "webhook"
    TOPUP = "topup"


class DeliveryLayout(StrEnum):
    """A row a card, or a row an order with the text to paste into a chat."""

    TABLE = "table"
    CHAT = "chat"


class DeliveryStatus(StrEnum):
    """pending → sending → delivered; a try that failed is pending again until it is dead."""

    PENDING = "pending"
    SENDING = "sending"
    """Somebody is at it until the lease ends; then it is due again."""
    WAITING = "waiting"
    """For the answer of a supplier, or for a shipping note."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; a person looks, and may retry it."""
    CANCELLED = "cancelled"


class PassedOver(StrEnum):
    """Why nothing of an order was sent, where its status does not say it."""

    UNCHANGED = "unchanged"
    """It was delivered before."""
    SENDING = "sending"
    """Another process is at it."""
    TOLD = "told"
    """Somebody in a chat group was told of it, and is to hand it over."""
    OTHER_WAY = "other-way"
    """It is in the outbox to go by another way."""
    GIVEN_UP = "given-up"
    """It was given up by another way, by which it may have arrived nonetheless."""
    TO_SHIP = "to-ship"
    """Its goods wait for a shipping note."""
    TO_CONFIRM = "to-confirm"
    """The supplier was asked to top up; the answer is yet to come."""
    TOPUP_GIVEN_UP = "topup-given-up"
    """The supplier will not top up, or could not be asked."""
    NO_CARDS = "no-cards"
    NO_ADDRESS = "no-address"
    """Mail is asked for, and it has no address that mail can be sent to."""
    NO_WEBHOOK = "no-webhook"
    """A webhook is asked for, and its channel has none."""
    CONFLICT = "conflict"
    """A file tells another status of it, such as refunded, and nobody has decided yet."""
    NOT_DELIVERED = "not-delivered"
    """There is nothing to deliver once more."""


class WebhookShape(StrEnum):
    """What a webhook expects: our signed JSON, or the message of a chat group without secrets."""

    JSON = "json"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class PlanStatus(StrEnum):
    """A distribution is planned, at work or stopped in between, done, or cancelled."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class RecipientState(StrEnum):
    """Where a recipient of a distribution is."""

    PLANNED = "planned"
    """The plan was not run so far."""
    WAITING = "waiting"
    """The stock is frozen, or a run was stopped."""
    SHORT = "short"
    HELD = "held"
    ASSIGNED = "assigned"
    """They have their cards, which are not delivered."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """The delivery was given up."""
    CANCELLED = "cancelled"


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
    REPLACEMENT = "replacement-cost"
    """What the cards cost that replaced bad ones (售后成本)."""
