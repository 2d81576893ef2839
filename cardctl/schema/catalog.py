"""Products, suppliers, money accounts, channels and pools: small tables without a bucket."""

from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import Field

from cardctl.schema.base import (
    Row,
    added_flag_column,
    at_least,
    big_column,
    code_column,
    count_column,
    id_column,
    octets_column,
    one_of,
    small_column,
    table_of,
    text_column,
)
from cardctl.vocabulary import (
    AccountKind,
    ChannelKind,
    ProductKind,
    SupplierTier,
    WebhookShape,
)


class Product(Row, table=True):
    """What is sold (商品); nothing on the claim path updates a row of it."""

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("sku"),
        one_of("kind", ProductKind),
        at_least("seats", 1),
        at_least("min_validity_days", 0),
        at_least("safety_stock", 0),
        at_least("face_value_fen", 0),
        at_least("price_fen", 0),
        at_least("floor_price_fen", 0),
    )

    id: int = Field(sa_column=id_column())
    sku: str = Field(sa_column=code_column())
    name: str = Field(sa_column=text_column())
    kind: str = Field(sa_column=code_column(16))
    face_value_fen: int | None = Field(default=None, sa_column=big_column(null=True))
    price_fen: int | None = Field(default=None, sa_column=big_column(null=True))
    floor_price_fen: int | None = Field(default=None, sa_column=big_column(null=True))
    duration: str | None = Field(default=None, sa_column=text_column(null=True))
    """会员时长 as written, such as 1m; it is shown, nothing is computed from it."""
    regions: str = Field(default="", sa_column=text_column())
    """Comma-separated region codes; empty: sold everywhere."""
    min_validity_days: int = Field(default=0, sa_column=count_column())
    """The least days a card must still be good for when it is sold."""
    safety_stock: int = Field(default=0, sa_column=count_column())
    pattern: str | None = Field(default=None, sa_column=text_column(null=True))
    """A regular expression that the number, or the code where there is none, matches whole."""
    guide: str | None = Field(default=None, sa_column=text_column(null=True))
    seats: int = Field(default=1, sa_column=small_column())
    key_space: str = Field(default="shared", sa_column=code_column())
    """Two products of one key space may not hold the same key."""
    fold_case: bool = Field(default=False)
    fold_hyphens: bool = Field(default=True)
    """How a key is made canonical before it is fingerprinted."""
    fields: str = Field(default="", sa_column=text_column())
    """Comma-separated names of the further fields of an account, such as 密保,邮箱."""
    created_at: int = Field(sa_column=big_column())
    secret_in_text: bool = Field(default=False, sa_column=added_flag_column())
    """Whether an e-mail may hold the secret in its text; else it goes as an encrypted file."""
    topup_supplier_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """Who tops up, for a product of kind `topup`."""


class BundleComponent(Row, table=True):
    """What a bundle is made of: a product that is no bundle itself, and how many of it."""

    __tablename__ = "bundle_component"
    __table_args__ = (
        PrimaryKeyConstraint("bundle_id", "product_id"),
        ForeignKeyConstraint(["bundle_id"], ["product.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
        at_least("qty", 1),
    )

    bundle_id: int = Field(sa_column=big_column())
    product_id: int = Field(sa_column=big_column())
    position: int = Field(sa_column=small_column())
    qty: int = Field(sa_column=count_column())


class Supplier(Row, table=True):
    """Where batches come from (供应商)."""

    __tablename__ = "supplier"
    __table_args__ = (UniqueConstraint("code"), one_of("tier", SupplierTier))

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column())
    name: str = Field(sa_column=text_column())
    tier: str = Field(sa_column=code_column(16))
    cost_rate_bp: int | None = Field(default=None, sa_column=big_column(null=True))
    """Cost as a share of the face value, when a file says no cost."""
    created_at: int = Field(sa_column=big_column())


class SupplierMap(Row, table=True):
    """What a supplier calls a product of ours."""

    __tablename__ = "supplier_map"
    __table_args__ = (
        PrimaryKeyConstraint("supplier_id", "folded_name"),
        ForeignKeyConstraint(["supplier_id"], ["supplier.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
    )

    supplier_id: int = Field(sa_column=big_column())
    folded_name: str = Field(sa_column=text_column())
    """Their name without the differences that mean nothing: width, spaces, case."""
    their_name: str = Field(sa_column=text_column())
    product_id: int = Field(sa_column=big_column())


class SupplierColumn(Row, table=True):
    """Which column of a supplier's files is a field, as --map said at the last import."""

    __tablename__ = "supplier_column"
    __table_args__ = (
        PrimaryKeyConstraint("supplier_id", "field"),
        ForeignKeyConstraint(["supplier_id"], ["supplier.id"]),
    )

    supplier_id: int = Field(sa_column=big_column())
    field: str = Field(sa_column=text_column())
    column_name: str = Field(sa_column=text_column())


class SupplierPassword(Row, table=True):
    """The password of a supplier's files, sealed so that an importing key opens it."""

    __tablename__ = "supplier_password"
    __table_args__ = (ForeignKeyConstraint(["supplier_id"], ["supplier.id"]),)

    supplier_id: int = Field(sa_column=id_column("supplier_id"))
    sealed: bytes = Field(sa_column=octets_column())
    set_at: int = Field(sa_column=big_column())


class SupplierWebhook(Row, table=True):
    """Where a supplier takes requests to top up, and what signs both ways."""

    __tablename__ = "supplier_webhook"
    __table_args__ = (ForeignKeyConstraint(["supplier_id"], ["supplier.id"]),)

    supplier_id: int = Field(sa_column=id_column("supplier_id"))
    url: str = Field(sa_column=text_column())
    """The address as it may be shown: what stands after the host can be a secret."""
    sealed: bytes = Field(sa_column=octets_column())
    """The whole address and the key."""
    set_at: int = Field(sa_column=big_column())


class Account(Row, table=True):
    """Where money arrives (资金账户); statements belong to accounts."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("code"),
        one_of("kind", AccountKind),
        at_least("fee_rate_bp", 0),
    )

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column())
    name: str = Field(sa_column=text_column())
    kind: str = Field(sa_column=code_column(16))
    fee_rate_bp: int = Field(default=0, sa_column=count_column())
    settle_days: int | None = Field(default=None, sa_column=big_column(null=True))
    statement_formats: str = Field(default="", sa_column=text_column())
    created_at: int = Field(sa_column=big_column())


class Channel(Row, table=True):
    """Where orders come from (渠道)."""

    __tablename__ = "channel"
    __table_args__ = (
        UniqueConstraint("code"),
        one_of("kind", ChannelKind),
        at_least("fee_rate_bp", 0),
    )

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column())
    name: str = Field(sa_column=text_column())
    kind: str = Field(sa_column=code_column(16))
    fee_rate_bp: int = Field(default=0, sa_column=count_column())
    created_at: int = Field(sa_column=big_column())


class ChannelMap(Row, table=True):
    """What a channel calls a product of ours: its SKU or title, and the variant if it has one."""

    __tablename__ = "channel_map"
    __table_args__ = (
        PrimaryKeyConstraint("channel_id", "folded_name", "folded_variant"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        ForeignKeyConstraint(["product_id"], ["product.id"]),
    )

    channel_id: int = Field(sa_column=big_column())
    folded_name: str = Field(sa_column=text_column())
    """Their name without the differences that mean nothing: width, spaces, case."""
    folded_variant: str = Field(sa_column=text_column())
    """Empty: whatever the variant."""
    their_name: str = Field(sa_column=text_column())
    variant: str = Field(sa_column=text_column())
    product_id: int = Field(sa_column=big_column())


class ChannelWebhook(Row, table=True):
    """Where a channel's orders are delivered to, and what signs them."""

    __tablename__ = "channel_webhook"
    __table_args__ = (
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        one_of("shape", WebhookShape),
    )

    channel_id: int = Field(sa_column=id_column("channel_id"))
    url: str = Field(sa_column=text_column())
    """The address as it may be shown: that of a chat group's bot is its own secret."""
    shape: str = Field(sa_column=code_column(16))
    sealed: bytes = Field(sa_column=octets_column())
    """The whole address and the key, which a bot may have none of."""
    set_at: int = Field(sa_column=big_column())


class Pool(Row, table=True):
    """A part of the stock (库存池); `main` exists from the start and has id 1."""

    __tablename__ = "pool"
    __table_args__ = (
        UniqueConstraint("code"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )

    id: int = Field(sa_column=id_column())
    code: str = Field(sa_column=code_column())
    channel_id: int | None = Field(default=None, sa_column=big_column(null=True))
    """The channel it is kept for, if for one."""
    created_at: int = Field(sa_column=big_column())


class ChannelAccount(Row, table=True):
    """The accounts a channel pays into; the one at position 0 is its default."""

    __tablename__ = "channel_account"
    __table_args__ = (
        PrimaryKeyConstraint("channel_id", "position"),
        UniqueConstraint("channel_id", "account_id"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        ForeignKeyConstraint(["account_id"], ["account.id"]),
    )

    channel_id: int = Field(sa_column=big_column())
    position: int = Field(sa_column=small_column())
    account_id: int = Field(sa_column=big_column())


class ChannelPool(Row, table=True):
    """The pools a channel draws on, tried in the order of their position; `main` without any."""

    __tablename__ = "channel_pool"
    __table_args__ = (
        PrimaryKeyConstraint("channel_id", "position"),
        UniqueConstraint("channel_id", "pool_id"),
        ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        ForeignKeyConstraint(["pool_id"], ["pool.id"]),
    )

    channel_id: int = Field(sa_column=big_column())
    position: int = Field(sa_column=small_column())
    pool_id: int = Field(sa_column=big_column())


MAIN_POOL_ID = 1

products = table_of(Product)
bundle_components = table_of(BundleComponent)
suppliers = table_of(Supplier)
supplier_maps = table_of(SupplierMap)
supplier_columns = table_of(SupplierColumn)
supplier_passwords = table_of(SupplierPassword)
supplier_webhooks = table_of(SupplierWebhook)
accounts = table_of(Account)
channels = table_of(Channel)
channel_maps = table_of(ChannelMap)
channel_webhooks = table_of(ChannelWebhook)
pools = table_of(Pool)
channel_accounts = table_of(ChannelAccount)
channel_pools = table_of(ChannelPool)
