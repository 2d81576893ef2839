"""The orders that files tell otherwise than they are stored, with what each of the two says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, select
from sqlmodel import Session

from cardctl.clock import format_instant
from cardctl.money import format_yuan
from cardctl.orders.conflicts import read_told
from cardctl.orders.plan import PlannedLine, fold_bundles
from cardctl.orders.records import OrderRecord
from cardctl.schema.catalog import accounts, channels, products
from cardctl.schema.orders import order_conflicts, order_lines, orders
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import ConflictState


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which the two differ, each word as a person reads it."""

    field: str
    told: str
    stored: str


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """An order that a file told otherwise, and since when (epoch ms)."""

    order: str
    channel: str
    number: str
    status: str
    file: str
    found_at: int
    differs: list[Difference]


def list_conflicts(session: Session, *, zone: ZoneInfo) -> list[OpenConflict]:
    """The open conflicts, those found first at the top; times are told in the zone."""
    conflict, order = order_conflicts.c, orders.c
    query = (
        select(order_conflicts, orders, channels.c.code.label("channel"))
        .join(orders, (order.bucket == conflict.bucket) & (order.id == conflict.order_id))
        .join(channels, channels.c.id == order.channel_id)
        .where(conflict.state == ConflictState.OPEN.value)
        .order_by(conflict.found_at, conflict.id)
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    )
    rows: list[dict[str, Any]] = [{**row} for row in session.execute(query).mappings()]
    keys = {(row["orders_bucket"], row["orders_id"]) for row in rows}
    words = _Words(
        zone=zone,
        skus={row.id: row.sku for row in session.execute(select(products.c.id, products.c.sku))},
        accounts={
            row.id: row.code for row in session.execute(select(accounts.c.id, accounts.c.code))
        },
        lines=_read_lines(session, keys),
    )
    return [_conflict(row, words) for row in rows]


@dataclass(frozen=True, slots=True)
class _Words:
    """What makes words of what is stored."""

    zone: ZoneInfo
    skus: Mapping[int, str]
    accounts: Mapping[int, str]
    lines: Mapping[tuple[int, int], Sequence[PlannedLine]]

    def of_stored(self, row: Mapping[str, Any], name: str) -> str:
        """What the stored order says in a field."""
        if name == "lines":
            lines = self.lines.get((row["orders_bucket"], row["orders_id"]), ())
            return _said((self.skus[line.product_id], line.qty, line.paid_fen) for line in lines)
        if name == "account":
            return self.accounts.get(row["orders_account_id"], "")
        return self.plain(name, row[f"orders_{_COLUMNS.get(name, name)}"])

    def of_told(self, told: OrderRecord, name: str) -> str:
        """What the file says in a field."""
        if name == "lines":
            return _said((line.sku, line.qty, line.paid_fen) for line in told.lines)
        if name == "status":
            return str(told.status)
        if name == "paid" and told.paid_fen is None:
            return format_yuan(sum(line.paid_fen or 0 for line in told.lines))
        return self.plain(name, getattr(told, _COLUMNS.get(name, name)))

    def plain(self, name: str, value: Any) -> str:
        """A value as a person reads it."""
        if value is None:
            return ""
        if name in ("paid", "refunded"):
            return format_yuan(value)
        return format_instant(value, self.zone) if name == "paid_at" else str(value)


_COLUMNS = {"paid": "paid_fen", "refunded": "refunded_fen"}


def _said(lines: Iterable[tuple[str, int, int | None]]) -> str:
    """Lines by product, quantity and what was paid for them in fen, if that is told."""
    return ", ".join(
        f"{sku} x {qty}" + ("" if paid_fen is None else f" = {format_yuan(paid_fen)}")
        for sku, qty, paid_fen in lines
    )


def _conflict(row: Mapping[str, Any], words: _Words) -> OpenConflict:
    told = read_told(row["order_conflict_told"])
    channel, number = row["channel"], row["orders_number"]
    return OpenConflict(
        order=f"{channel}:{number}",
        channel=channel,
        number=number,
        status=row["orders_status"],
        file=row["order_conflict_file_name"],
        found_at=row["order_conflict_found_at"],
        differs=[
            Difference(name, words.of_told(told, name), words.of_stored(row, name))
            for name in row["order_conflict_differs"].split(",")
        ],
    )


def _read_lines(
    session: Session, keys: set[tuple[int, int]]
) -> dict[tuple[int, int], list[PlannedLine]]:
    """The lines of orders as they were told: a bundle is one."""
    rows = select_many(
        session,
        order_lines,
        columns=("bucket", "order_id", "position", *PlannedLine._fields),
        key=("bucket", "order_id"),
        rows=sorted(keys),
    )
    found: dict[tuple[int, int], list[PlannedLine]] = {}
    for bucket, order_id, _, *parts in sorted(rows, key=lambda row: row[:3]):
        found.setdefault((bucket, order_id), []).append(PlannedLine(*parts))
    return {key: fold_bundles(lines) for key, lines in found.items()}
