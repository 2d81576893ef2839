"""Orders of every channel: refunds, bundles, conflicts, what they call things, the outbox, plans."""

import sqlalchemy as sa
from alembic import op

from cardctl.storage.alterations import put_check

revision = "0003"
down_revision = "0002"

_KINDS = "'code', 'card', 'account', 'link', 'topup', 'goods', 'bundle'"
_ACCOUNTS = (
    "'stock', 'payable', 'receivable', 'revenue', 'cost-of-goods', 'stock-loss', 'replacement-cost'"
)
_REFUNDED = "refunded_fen BETWEEN 0 AND paid_fen"
_CHECKS = (
    ("product", "ck_product_kind_known", f"kind IN ({_KINDS})"),
    ("journal_line", "ck_journal_line_account_known", f"account IN ({_ACCOUNTS})"),
    ("orders", "ck_orders_refunded_within", _REFUNDED),
    ("order_line", "ck_order_line_refunded_within", _REFUNDED),
)


def upgrade() -> None:
    """Let orders, lines and products hold more, and make the tables of orders and deliveries."""
    _add_columns()
    for table, name, rule in _CHECKS:
        put_check(op.get_bind(), table, name, rule)
    _make_catalogue_tables()
    _make_order_tables()
    _make_delivery_tables()
    _make_plan_tables()


def _add_columns() -> None:
    op.add_column("orders", sa.Column("reserved_until", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("topup_account", sa.Text(), nullable=True))
    op.add_column(
        "orders", sa.Column("refunded_fen", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index(
        "ix_orders_reserved",
        "orders",
        ["reserved_until"],
        unique=False,
        sqlite_where=sa.text("reserved_until IS NOT NULL"),
        postgresql_where=sa.text("reserved_until IS NOT NULL"),
    )
    op.add_column("orders", sa.Column("delivered_at", sa.BigInteger(), nullable=True))
    undelivered = sa.text(
        "status IN ('issued', 'partly_issued', 'partly_refunded') AND delivered_at IS NULL"
    )
    op.create_index(
        "ix_orders_undelivered",
        "orders",
        ["waiting_since", "bucket", "id"],
        unique=False,
        sqlite_where=undelivered,
        postgresql_where=undelivered,
    )
    op.add_column("order_line", sa.Column("bundle_place", sa.SmallInteger(), nullable=True))
    op.add_column("order_line", sa.Column("bundle_id", sa.BigInteger(), nullable=True))
    op.add_column("order_line", sa.Column("bundle_qty", sa.BigInteger(), nullable=True))
    op.add_column(
        "order_line", sa.Column("refunded_fen", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "product",
        sa.Column("secret_in_text", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("product", sa.Column("topup_supplier_id", sa.BigInteger(), nullable=True))


def _make_catalogue_tables() -> None:
    op.create_table(
        "bundle_component",
        sa.Column("bundle_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.CheckConstraint("qty >= 1", name=op.f("ck_bundle_component_qty_least")),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["product.id"], name=op.f("fk_bundle_component_bundle_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_bundle_component_product_id")
        ),
        sa.PrimaryKeyConstraint("bundle_id", "product_id", name=op.f("pk_bundle_component")),
    )
    op.create_table(
        "supplier_webhook",
        sa.Column("supplier_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_supplier_webhook_supplier_id")
        ),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_supplier_webhook")),
    )
    op.create_table(
        "channel_map",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("folded_variant", sa.Text(), nullable=False),
        sa.Column("their_name", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_map_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_channel_map_product_id")
        ),
        sa.PrimaryKeyConstraint(
            "channel_id", "folded_name", "folded_variant", name=op.f("pk_channel_map")
        ),
    )
    op.create_table(
        "channel_webhook",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("shape", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "shape IN ('json', 'wecom', 'dingtalk', 'feishu')",
            name=op.f("ck_channel_webhook_shape_known"),
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_webhook_channel_id")
        ),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_channel_webhook")),
    )


def _make_order_tables() -> None:
    op.create_table(
        "order_conflict",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("differs", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'file', 'store')", name=op.f("ck_order_conflict_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_order_conflict_bucket_order_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_order_conflict")),
        sa.UniqueConstraint(
            "bucket", "order_id", "digest", name=op.f("uq_order_conflict_bucket_order_id_digest")
        ),
    )
    op.create_index(
        "ix_order_conflict_open",
        "order_conflict",
        ["found_at"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "refund",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("refund_no", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("restocked", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('refund', 'chargeback')", name=op.f("ck_refund_kind_known")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_refund_amount_fen_least")),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_refund_bucket_order_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_refund")),
        sa.UniqueConstraint(
            "bucket", "order_id", "refund_no", name=op.f("uq_refund_bucket_order_id_refund_no")
        ),
    )
    op.create_table(
        "replacement",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.BigInteger(), nullable=False),
        sa.Column("old_card_bucket", sa.SmallInteger(), nullable=False),
        sa.Column("old_card_id", sa.BigInteger(), nullable=False),
        sa.Column("new_card_bucket", sa.SmallInteger(), nullable=False),
        sa.Column("new_card_id", sa.BigInteger(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cost_fen >= 0", name=op.f("ck_replacement_cost_fen_least")),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_replacement_bucket_order_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_replacement")),
        sa.UniqueConstraint(
            "bucket",
            "order_id",
            "old_card_bucket",
            "old_card_id",
            name=op.f("uq_replacement_bucket_order_id_old_card_bucket_old_card_id"),
        ),
    )


def _make_delivery_tables() -> None:
    op.create_table(
        "delivery",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.BigInteger(), nullable=True),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("reprint", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("refused_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'waiting', 'delivered', 'dead', 'cancelled')",
            name=op.f("ck_delivery_status_known"),
        ),
        sa.CheckConstraint(
            "via IN ('terminal', 'file', 'email', 'webhook', 'topup', 'shipment')",
            name=op.f("ck_delivery_via_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_delivery_attempts_least")),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_delivery_bucket_order_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "bucket", "idempotency_key", name=op.f("uq_delivery_bucket_idempotency_key")
        ),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["due_at", "bucket", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.create_index("ix_delivery_order", "delivery", ["bucket", "order_id"], unique=False)
    op.create_index(
        "ix_delivery_stopped",
        "delivery",
        ["status", "via"],
        unique=False,
        sqlite_where=sa.text("status IN ('waiting', 'dead')"),
        postgresql_where=sa.text("status IN ('waiting', 'dead')"),
    )
    op.create_table(
        "card_delivery",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("card_id", sa.BigInteger(), nullable=False),
        sa.Column("order_bucket", sa.SmallInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("handed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "card_id", name=op.f("pk_card_delivery")),
    )


def _make_plan_tables() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("recipient_count", sa.Integer(), nullable=False),
        sa.Column("card_count", sa.Integer(), nullable=False),
        sa.Column("composition", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('planned', 'running', 'done', 'cancelled')",
            name=op.f("ck_plan_status_known"),
        ),
        sa.CheckConstraint(
            "via IN ('terminal', 'file', 'email', 'webhook', 'topup', 'shipment')",
            name=op.f("ck_plan_via_known"),
        ),
        sa.CheckConstraint("price_fen >= 0", name=op.f("ck_plan_price_fen_least")),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_plan_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("name", name=op.f("uq_plan_name")),
    )
    op.create_table(
        "plan_recipient",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(length=128), nullable=False),
        sa.Column("order_number", sa.String(length=128), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "bucket BETWEEN 0 AND 1023", name=op.f("ck_plan_recipient_bucket_range")
        ),
        sa.CheckConstraint("qty >= 1", name=op.f("ck_plan_recipient_qty_least")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_recipient_plan_id")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_plan_recipient_product_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_plan_recipient")),
        sa.UniqueConstraint(
            "bucket",
            "plan_id",
            "recipient",
            name=op.f("uq_plan_recipient_bucket_plan_id_recipient"),
        ),
    )
    op.create_index("ix_plan_recipient_place", "plan_recipient", ["plan_id", "place"], unique=False)
