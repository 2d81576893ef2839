"""From the rows of a file to orders that can be placed: names looked up, rows merged, checked.

What a channel calls a product is never guessed: it leads to one of ours by the channel's map, or
because it is our own SKU; else the row is told, with the command that maps it.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cardctl.catalog.channel_maps import ChannelNames
from cardctl.errors import InputRefused, NotFound
from cardctl.identifiers import order_bucket
from cardctl.orders.grouping import (
    ReadRow,
    RowGroup,
    distinct_records,
    leave_closed_out,
    merge_records,
)
from cardctl.orders.plan import PlacingCatalog, PlannedOrder, plan_order
from cardctl.orders.reading import CellMissing, CellRefused, FieldRow, RejectedRow
from cardctl.orders.records import LineRecord, OrderRecord
from cardctl.orders.tables import OrderTable
from cardctl.vocabulary import OrderStatus

_WANTED = (OrderStatus.UNPAID, OrderStatus.PAID)


class Unmapped(InputRefused):
    """What the channel calls it leads to no product of ours."""

    code = "unmapped"
    message = "no product of ours is known for {name}"
    hint = "{command}"


class UnknownAlone(Unmapped):
    """The same in a list that tells less than its item report: a title may stand for several."""

    hint = (
        "give the item report (宝贝报表) of the same days with --items FILE: it tells which variant"
        " was bought"
    )


class VariantNeeded(InputRefused):
    """The channel has several variants of it, and nothing says which one was bought."""

    code = "variant-needed"
    message = "{name} is sold in variants, and nothing says which one this is"
    hint = "look at the order there, and record it with our SKU ({skus}): cardctl order add"


class AfterSaleOpen(InputRefused):
    """A refund is asked for, of an order that is not recorded yet."""

    code = "after-sale"
    message = "a refund of order {order} is asked for: it is not taken until that is settled"
    hint = "when it is settled, export and import the same days again"


class PartlyRefunded(InputRefused):
    """Money went back for a part of an order that is not recorded yet."""

    code = "partly-refunded"
    message = (
        "{refunded} yuan of order {order} went back: what is still wanted, a person has to say"
    )
    hint = (
        "if all of it is still wanted: cardctl order add, then cardctl order refund {order}"
        " --amount {refunded} --reason TEXT; else cardctl order add with what is left of it, and"
        " what was paid for that"
    )


class GroupRefused(Exception):
    """An order that cannot be placed, with what is wrong with its rows."""

    def __init__(self, rejects: list[RejectedRow]) -> None:
        """Keep what is wrong."""
        super().__init__()
        self.rejects = rejects


@dataclass(frozen=True, slots=True)
class Drafter:
    """A file, and what its rows are looked up in."""

    table: OrderTable
    catalog: PlacingCatalog
    names: ChannelNames


def read_rows(drafter: Drafter) -> Iterator[ReadRow]:
    """Every row of a file as an order of its lines, or why it is none."""
    known = drafter.table.format
    for row in drafter.table.rows:
        number = ""
        try:
            number = row.order_number()
            if known.platform is not None:
                row.check_whole()
            record = _looked_up(drafter, row, known.read(row))
            line = row.required(known.line) if known.line is not None else None
        except CellRefused as refused:
            yield ReadRow(row.number, number, None, refused.reject)
        else:
            yield ReadRow(row.number, number, record, line=line)


def draft_order(drafter: Drafter, group: RowGroup) -> PlannedOrder:
    """The order that a group of rows tells. Raises `GroupRefused`."""
    refused = [row.reject for row in group.rows if row.reject is not None]
    if refused:
        raise GroupRefused(refused)
    try:
        records = distinct_records(group.rows)
        if drafter.table.format.closes_lines:
            records = leave_closed_out(records)
        record = merge_records(records)
        if record.status not in _WANTED:
            return _without_lines(drafter.catalog, record)
        planned = plan_order(drafter.catalog, record)
    except InputRefused as problem:
        raise GroupRefused([RejectedRow(group.first_row, "", problem)]) from None
    column = drafter.table.paid_column
    if column is not None and not record.says_paid:
        missing = CellMissing(field=column)
        raise GroupRefused([RejectedRow(group.first_row, column, missing)])
    return planned


def _looked_up(drafter: Drafter, row: FieldRow, record: OrderRecord) -> OrderRecord:
    """The record with our SKUs in its lines; what is not wanted needs none."""
    if record.status not in _WANTED:
        return replace(record, lines=())
    if record.account is not None and record.account not in drafter.catalog.account_ids:
        row.refuse("account", NotFound(noun="account", name=record.account))
    lines = []
    for line in record.lines:
        sku = our_sku(drafter.catalog, drafter.names, line)
        if sku is None:
            field = "sku" if "sku" in row.header.columns else "title"
            if not (line.sku or line.title):
                row.refuse(field, CellMissing(field=row.header.names.get(field, field)))
            problem = unmapped(drafter.catalog.channel, drafter.names, line)
            if drafter.table.lacks_items:
                problem = UnknownAlone(name=line.title or line.sku)
            row.refuse(field, problem)
        lines.append(LineRecord(sku=sku, qty=line.qty, paid_fen=line.paid_fen))
    return replace(record, lines=tuple(lines))


def our_sku(catalog: PlacingCatalog, names: ChannelNames, line: LineRecord) -> str | None:
    """Our SKU: what the map says of theirs, theirs itself, what the map says of the title.

    A code of theirs that leads nowhere may be that of another product under the same title: then
    the title counts only with the variant that was mapped with it.
    """
    if line.sku:
        mapped = names.find(line.sku, line.variant)
        if mapped is not None:
            return mapped
        if line.sku in catalog.product_ids:
            return line.sku
        return names.find_variant(line.title, line.variant) if line.title else None
    return names.find(line.title, line.variant) if line.title else None


def unmapped(channel: str, names: ChannelNames, line: LineRecord) -> InputRefused:
    """What is told of a name that leads nowhere: the command that maps it, where one can be right.

    A name that is known by its variants is never mapped as a whole: that would give every variant
    the same product.
    """
    name = line.sku or line.title or ""
    if not line.variant and (skus := names.variants_of(name)):
        return VariantNeeded(name=name, skus=", ".join(skus))
    words = ["cardctl", "channel", "map", "add", channel, name]
    if line.variant:
        words += ["--variant", line.variant]
        name = f"{name} ({line.variant})"
    return Unmapped(name=name, command=f"{shlex.join(words)} SKU")


def _without_lines(catalog: PlacingCatalog, record: OrderRecord) -> PlannedOrder:
    """An order of which only its status is compared with what is stored."""
    bucket = order_bucket(catalog.channel, record.number)
    return PlannedOrder(bucket=bucket, record=record, paid_fen=0, account_id=None, lines=())
