"""Intake: what a supplier calls things, sheets, keys sold before, quarantine with its cause."""

import sqlalchemy as sa
from alembic import op

from cardctl.storage.alterations import alters_checks

revision = "0002"
down_revision = "0001"

_STATUSES = "'available', 'reserved', 'issued', 'redeemed', 'quarantined', 'void', 'expired'"
_CHECKS = (
    ("ck_card_status_known", f"status IN ({_STATUSES}, 'already_sold')"),
    ("ck_card_quarantined_for_known", "quarantined_for IN ('recall', 'freeze')"),
    ("ck_card_secret_sealed", "(sealed_secret IS NULL) = (status = 'already_sold')"),
    (
        "ck_card_quarantine_named",
        "(quarantined_for IS NOT NULL) = (status = 'quarantined')",
    ),
)


def upgrade() -> None:
    """Change batch and card, and make the tables of the intake."""
    op.add_column("batch", sa.Column("sheet", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "batch",
        sa.Column("already_sold", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.drop_index("uq_batch_file_standing", "batch")
    op.create_index(
        "uq_batch_file_standing",
        "batch",
        ["file_sha256", "sheet", "product_id", "supplier_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'undone'"),
        postgresql_where=sa.text("status <> 'undone'"),
    )
    if alters_checks(op.get_bind()):
        _alter_card()
    else:
        _rebuild_card()
    _make_supplier_tables()
    _make_stock_tables()


def _alter_card() -> None:
    op.add_column("card", sa.Column("quarantined_for", sa.String(length=16), nullable=True))
    # Until now only a recall has put a card aside.
    op.execute("UPDATE card SET quarantined_for = 'recall' WHERE status = 'quarantined'")
    op.alter_column("card", "sealed_secret", nullable=True)
    op.drop_constraint("ck_card_status_known", "card")
    for name, rule in _CHECKS:
        op.create_check_constraint(op.f(name), "card", rule)


def _rebuild_card() -> None:
    """SQLite changes neither a check nor a column: a new table takes the rows and the name."""
    op.create_table(
        "card_next",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("seat", sa.SmallInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
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
        sa.Column("quarantined_for", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "(status IN ('issued', 'redeemed')) = (order_id IS NOT NULL)"
            " OR status IN ('void', 'quarantined', 'reserved')",
            name=op.f("ck_card_order_named"),
        ),
        sa.CheckConstraint("bucket BETWEEN 0 AND 1023", name=op.f("ck_card_bucket_range")),
        sa.CheckConstraint("cost_fen >= 0", name=op.f("ck_card_cost_fen_least")),
        *(sa.CheckConstraint(rule, name=op.f(name)) for name, rule in _CHECKS),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_card_batch_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_card_pool_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_card_product_id")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card")),
        sa.UniqueConstraint(
            "bucket", "fingerprint", "seat", name=op.f("uq_card_bucket_fingerprint_seat")
        ),
    )
    # The columns stand in the order of the old ones, and the new one comes last.
    op.execute(
        "INSERT INTO card_next"
        " SELECT card.*, CASE WHEN status = 'quarantined' THEN 'recall' END FROM card"
    )
    op.drop_table("card")
    op.rename_table("card_next", "card")
    op.create_index("ix_card_batch", "card", ["batch_id"])
    op.create_index(
        "ix_card_claim",
        "card",
        ["product_id", "pool_id", "expires_at", "id", "bucket"],
        sqlite_where=sa.text("status = 'available'"),
    )
    op.create_index(
        "ix_card_order",
        "card",
        ["order_bucket", "order_id"],
        sqlite_where=sa.text("order_id IS NOT NULL"),
    )


def _make_supplier_tables() -> None:
    op.create_table(
        "supplier_map",
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("their_name", sa.Text(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_supplier_map_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_supplier_map_supplier_id")
        ),
        sa.PrimaryKeyConstraint("supplier_id", "folded_name", name=op.f("pk_supplier_map")),
    )
    op.create_table(
        "supplier_column",
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_supplier_column_supplier_id")
        ),
        sa.PrimaryKeyConstraint("supplier_id", "field", name=op.f("pk_supplier_column")),
    )
    op.create_table(
        "supplier_password",
        sa.Column("supplier_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_supplier_password_supplier_id")
        ),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_supplier_password")),
    )


def _make_stock_tables() -> None:
    op.create_table(
        "stock_freeze",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_stock_freeze")),
    )
    op.create_table(
        "redeem_try",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redeem_try")),
    )
    op.create_index("ix_redeem_try_actor", "redeem_try", ["actor", "at"])
