"""What the verbs of `batch` show that mend a mistake: undo, correct, recall, release."""

from cardctl.cli.holders import HOLDER
from cardctl.cli.output import Column

_BATCH = (
    Column("batch", "batch"),
    Column("outcome", "outcome"),
    Column("status", "status"),
    Column("product", "product"),
    Column("supplier", "supplier"),
)
UNDONE = (
    *_BATCH,
    Column("removed", "removed"),
    Column("left", "left the stock"),
    Column("cost_fen", "cost reversed"),
    Column("cost_missing", "cost unknown"),
)
CORRECTED = (
    *_BATCH,
    Column("supplier_was", "supplier before"),
    Column("cost_fen", "cost"),
    Column("cost_missing", "cost unknown"),
    Column("repriced", "cards with another cost"),
    Column("stock_fen", "rise of stock"),
    Column("cost_of_goods_fen", "rise of cost of goods"),
    Column("stock_loss_fen", "rise of stock loss"),
    Column("replacement_cost_fen", "rise of replacement cost"),
    Column("redated", "cards with another expiry"),
    Column("available", "available again"),
    Column("orders", "orders", of=HOLDER),
)
RECALLED = (
    *_BATCH,
    Column("quarantined", "quarantined"),
    Column("orders", "orders", of=HOLDER),
)
RELEASED = (
    *_BATCH,
    Column("available", "available again"),
    Column("expired", "expired meanwhile"),
    Column("frozen", "still frozen"),
)
