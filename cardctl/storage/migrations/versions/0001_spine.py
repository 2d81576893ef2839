"""The spine: store, catalogue, cards, orders, journal, vault and audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first release."""
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("fee_rate_bp", sa.Integer(), nullable=False),
        sa.Column("settle_days", sa.BigInteger(), nullable=True),
        sa.Column("statement_formats", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('wechat', 'alipay', 'platform', 'bank', 'cash')",
            name=op.f("ck_account_kind_known"),
        ),
        sa.CheckConstraint("fee_rate_bp >= 0", name=op.f("ck_account_fee_rate_bp_least")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("code", name=op.f("uq_account_code")),
    )
    op.create_table(
        "audit_record",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_audit_record")),
    )
    op.create_index("ix_audit_record_at", "audit_record", ["at", "run_id", "seq"], unique=False)
    op.create_index(
        "ix_audit_record_begin",
        "audit_record",
        ["at", "run_id"],
        unique=False,
        sqlite_where=sa.text("seq = 0"),
        postgresql_where=sa.text("seq = 0"),
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("fee_rate_bp", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('own', 'taobao', 'xianyu', 'pdd', 'douyin', 'kuaishou', 'jd', 'wechat-shop', 'wechat-group', 'agent', 'api', 'other')",
            name=op.f("ck_channel_kind_known"),
        ),
        sa.CheckConstraint("fee_rate_bp >= 0", name=op.f("ck_channel_fee_rate_bp_least")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("code", name=op.f("uq_channel_code")),
    )
    op.create_table(
        "journal_entry",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("posted_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_journal_entry")),
        sa.UniqueConstraint(
            "bucket", "event", "source_id", name=op.f("uq_journal_entry_bucket_event_source_id")
        ),
    )
    op.create_index(
        "ix_journal_entry_posted", "journal_entry", ["posted_at", "bucket", "id"], unique=False
    )
    op.create_table(
        "product",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("face_value_fen", sa.BigInteger(), nullable=True),
        sa.Column("price_fen", sa.BigInteger(), nullable=True),
        sa.Column("floor_price_fen", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.Text(), nullable=True),
        sa.Column("regions", sa.Text(), nullable=False),
        sa.Column("min_validity_days", sa.Integer(), nullable=False),
        sa.Column("safety_stock", sa.Integer(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=True),
        sa.Column("guide", sa.Text(), nullable=True),
        sa.Column("seats", sa.SmallInteger(), nullable=False),
        sa.Column("key_space", sa.String(length=64), nullable=False),
        sa.Column("fold_case", sa.Boolean(), nullable=False),
        sa.Column("fold_hyphens", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('code', 'card', 'account', 'link')", name=op.f("ck_product_kind_known")
        ),
        sa.CheckConstraint("face_value_fen >= 0", name=op.f("ck_product_face_value_fen_least")),
        sa.CheckConstraint("floor_price_fen >= 0", name=op.f("ck_product_floor_price_fen_least")),
        sa.CheckConstraint(
            "min_validity_days >= 0", name=op.f("ck_product_min_validity_days_least")
        ),
        sa.CheckConstraint("price_fen >= 0", name=op.f("ck_product_price_fen_least")),
        sa.CheckConstraint("safety_stock >= 0", name=op.f("ck_product_safety_stock_least")),
        sa.CheckConstraint("seats >= 1", name=op.f("ck_product_seats_least")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("sku", name=op.f("uq_product_sku")),
    )
    op.create_table(
        "slot",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("derivation", sa.Text(), nullable=False),
        sa.Column("trust", sa.LargeBinary(), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("keyset_version", sa.Integer(), nullable=False),
        sa.Column("sealed_keyset", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('keyfile', 'keyring', 'passphrase', 'recovery', 'environment')",
            name=op.f("ck_slot_kind_known"),
        ),
        sa.CheckConstraint("scope IN ('full', 'import')", name=op.f("ck_slot_scope_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("code", name=op.f("uq_slot_code")),
    )
    op.create_table(
        "store",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.String(length=32), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store")),
    )
    op.create_table(
        "supplier",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("cost_rate_bp", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "tier IN ('brand', 'authorised', 'reseller', 'unknown')",
            name=op.f("ck_supplier_tier_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier")),
        sa.UniqueConstraint("code", name=op.f("uq_supplier_code")),
    )
    op.create_table(
        "channel_account",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_channel_account_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_account_channel_id")
        ),
        sa.PrimaryKeyConstraint("channel_id", "position", name=op.f("pk_channel_account")),
        sa.UniqueConstraint(
            "channel_id", "account_id", name=op.f("uq_channel_account_channel_id_account_id")
        ),
    )
    op.create_table(
        "journal_line",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.String(length=24), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "account IN ('stock', 'payable', 'receivable', 'revenue', 'cost-of-goods', 'stock-loss')",
            name=op.f("ck_journal_line_account_known"),
        ),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_journal_line_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["bucket", "entry_id"],
            ["journal_entry.bucket", "journal_entry.id"],
            name=op.f("fk_journal_line_bucket_entry_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "entry_id", "position", name=op.f("pk_journal_line")),
    )
    op.create_table(
        "orders",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("buyer", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('unpaid', 'paid', 'held', 'blocked', 'short', 'partly_issued', 'issued', 'delivered', 'partly_refunded', 'refunded', 'cancelled')",
            name=op.f("ck_orders_status_known"),
        ),
        sa.CheckConstraint("bucket BETWEEN 0 AND 1023", name=op.f("ck_orders_bucket_range")),
        sa.CheckConstraint("paid_fen >= 0", name=op.f("ck_orders_paid_fen_least")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_orders_account_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_orders_channel_id")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "bucket", "channel_id", "number", name=op.f("uq_orders_bucket_channel_id_number")
        ),
    )
    op.create_index("ix_orders_recorded", "orders", ["recorded_at", "bucket", "id"], unique=False)
    op.create_index(
        "ix_orders_waiting",
        "orders",
        ["waiting_since", "bucket", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('paid', 'short', 'partly_issued')"),
        postgresql_where=sa.text("status IN ('paid', 'short', 'partly_issued')"),
    )
    op.create_table(
        "pool",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_pool_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("code", name=op.f("uq_pool_code")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("imported_count", sa.Integer(), nullable=False),
        sa.Column("rejected_count", sa.Integer(), nullable=False),
        sa.Column("duplicate_count", sa.Integer(), nullable=False),
        sa.Column("cost_missing_count", sa.Integer(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('imported', 'recalled', 'undone')", name=op.f("ck_batch_status_known")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_batch_pool_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_batch_product_id")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_batch_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("code", name=op.f("uq_batch_code")),
    )
    op.create_index(
        "uq_batch_file_standing",
        "batch",
        ["file_sha256", "product_id", "supplier_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'undone'"),
        postgresql_where=sa.text("status <> 'undone'"),
    )
    op.create_table(
        "channel_pool",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_pool_channel_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_channel_pool_pool_id")),
        sa.PrimaryKeyConstraint("channel_id", "position", name=op.f("pk_channel_pool")),
        sa.UniqueConstraint(
            "channel_id", "pool_id", name=op.f("uq_channel_pool_channel_id_pool_id")
        ),
    )
    op.create_table(
        "order_event",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_order_event_bucket_order_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_order_event")),
    )
    op.create_index("ix_order_event_order", "order_event", ["bucket", "order_id"], unique=False)
    op.create_table(
        "order_line",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_qty", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "issued_qty BETWEEN 0 AND qty", name=op.f("ck_order_line_issued_within")
        ),
        sa.CheckConstraint("qty >= 1", name=op.f("ck_order_line_qty_least")),
        sa.ForeignKeyConstraint(
            ["bucket", "order_id"],
            ["orders.bucket", "orders.id"],
            name=op.f("fk_order_line_bucket_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_order_line_product_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_order_line")),
        sa.UniqueConstraint(
            "bucket", "order_id", "position", name=op.f("uq_order_line_bucket_order_id_position")
        ),
    )
    op.create_table(
        "card",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("seat", sa.SmallInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_fields", sa.LargeBinary(), nullable=True),
        sa.Column("masked", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("cost_fen", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("order_bucket", sa.SmallInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("order_line_id", sa.BigInteger(), nullable=True),
        sa.Column("status_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('issued', 'redeemed')) = (order_id IS NOT NULL) OR status IN ('void', 'quarantined', 'reserved')",
            name=op.f("ck_card_order_named"),
        ),
        sa.CheckConstraint(
            "status IN ('available', 'reserved', 'issued', 'redeemed', 'quarantined', 'void', 'expired')",
            name=op.f("ck_card_status_known"),
        ),
        sa.CheckConstraint("bucket BETWEEN 0 AND 1023", name=op.f("ck_card_bucket_range")),
        sa.CheckConstraint("cost_fen >= 0", name=op.f("ck_card_cost_fen_least")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_card_batch_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_card_pool_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_card_product_id")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card")),
        sa.UniqueConstraint(
            "bucket", "fingerprint", "seat", name=op.f("uq_card_bucket_fingerprint_seat")
        ),
    )
    op.create_index("ix_card_batch", "card", ["batch_id"], unique=False)
    op.create_index(
        "ix_card_claim",
        "card",
        ["product_id", "pool_id", "expires_at", "id", "bucket"],
        unique=False,
        sqlite_where=sa.text("status = 'available'"),
        postgresql_where=sa.text("status = 'available'"),
    )
    op.create_index(
        "ix_card_order",
        "card",
        ["order_bucket", "order_id"],
        unique=False,
        sqlite_where=sa.text("order_id IS NOT NULL"),
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_table(
        "data_key",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("sealing_version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_data_key_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
    )
    op.create_index("ix_data_key_batch_id", "data_key", ["batch_id"], unique=False)
