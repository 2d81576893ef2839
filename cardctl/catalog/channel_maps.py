"""What a channel calls our products: a SKU or a title of its own, with or without a variant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.channels import lock_channel
from cardctl.catalog.drafts import Draft
from cardctl.catalog.entries import check_code
from cardctl.catalog.supplier_maps import fold_name, write_name
from cardctl.errors import NotFound
from cardctl.schema.catalog import ChannelMap, channel_maps, channels, products
from cardctl.storage.dialects import insert_many, update_many
from cardctl.storage.failures import TransactionRaced
from cardctl.vocabulary import Outcome
from cardctl.workbooks.headers import fold


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A channel's name for a product, as it was first written, and our SKU."""

    channel: str
    their_name: str
    variant: str
    """Empty: whatever the variant."""
    sku: str | None
    """None: the name leads nowhere."""


@dataclass(frozen=True, slots=True)
class NameMapped:
    """A name as it is mapped now, and what it led to before, if that was something else."""

    entry: ChannelName
    outcome: Outcome
    was: str | None = None


class ChannelNames:
    """The names of one channel, to look many of them up."""

    def __init__(self, skus: dict[tuple[str, str], str]) -> None:
        """Take our SKUs by folded name and folded variant."""
        self._skus = skus
        self._by_variant: dict[str, list[str]] = {}
        for (name, variant), sku in skus.items():
            if variant:
                self._by_variant.setdefault(name, []).append(sku)

    def find(self, their_name: str, variant: str | None) -> str | None:
        """Our SKU for a name: that of the very variant, else that of all its variants.

        An empty variant says that there is none. Where None is told it could be any of those that
        are known: then the name leads nowhere.
        """
        name = fold(their_name)
        if variant is None and name in self._by_variant:
            return None
        exact = self._skus.get((name, fold(variant or "")))
        return exact if exact is not None else self._skus.get((name, ""))

    def find_variant(self, their_name: str, variant: str | None) -> str | None:
        """Our SKU for this very variant of a name; None where none is told."""
        return self._skus.get((fold(their_name), fold(variant))) if variant else None

    def variants_of(self, their_name: str) -> list[str]:
        """Our SKUs that the variants of a name lead to, each once."""
        return sorted(set(self._by_variant.get(fold(their_name), ())))


def map_channel_name(
    session: Session, *, run: Run, channel: str, their_name: str, variant: str, sku: str
) -> NameMapped:
    """Let a channel's name mean a product, also when it meant another one until now.

    Names that differ in width, spaces or case only are one. Raises `NotFound` and `BadValue`.
    """
    # Locked: of two who map one name the later changes what the earlier wrote.
    owner = lock_channel(session, code=channel)
    wanted = check_channel_name(ChannelName(channel, their_name, variant, sku))
    product = session.execute(select(products.c.id).where(products.c.sku == sku)).first()
    if product is None:
        raise NotFound(noun="product", name=sku)
    key = owner, *fold_channel_name(wanted.their_name, wanted.variant)
    before = session.execute(_query().where(_is(*key))).first()
    if before is None:
        row = ChannelMap(
            channel_id=owner,
            folded_name=key[1],
            folded_variant=key[2],
            their_name=wanted.their_name,
            variant=wanted.variant,
            product_id=product.id,
        )
        session.add(row)
        session.flush()  # the same name once more in this transaction has to meet it
        _record(session, run, "add", wanted)
        return NameMapped(wanted, Outcome.NEW)
    entry = ChannelName(channel, before.their_name, before.variant, sku)
    if before.sku == sku:
        return NameMapped(entry, Outcome.UNCHANGED)
    session.execute(update(channel_maps).where(_is(*key)).values(product_id=product.id))
    _record(session, run, "edit", entry, was=before.sku)
    return NameMapped(entry, Outcome.UPDATED, before.sku)


def unmap_channel_name(
    session: Session, *, run: Run, channel: str, their_name: str, variant: str
) -> NameMapped:
    """Let a channel's name mean nothing any more; raises `NotFound` for the channel."""
    key = lock_channel(session, code=channel), *fold_channel_name(their_name, variant)
    before = session.execute(_query().where(_is(*key))).first()
    if before is None:
        return NameMapped(ChannelName(channel, their_name, variant, None), Outcome.UNCHANGED)
    session.execute(delete(channel_maps).where(_is(*key)))
    entry = ChannelName(channel, before.their_name, before.variant, None)
    _record(session, run, "remove", entry, was=before.sku)
    return NameMapped(entry, Outcome.UPDATED, before.sku)


def list_channel_names(session: Session, *, channel: str | None = None) -> list[ChannelName]:
    """The names of a channel, or of all, by SKU; raises `NotFound` for the channel."""
    query = _query().add_columns(channels.c.code)
    query = query.join(channels, channels.c.id == channel_maps.c.channel_id)
    if channel is not None:
        known = session.execute(select(channels.c.id).where(channels.c.code == channel)).first()
        if known is None:
            raise NotFound(noun="channel", name=channel)
        query = query.where(channels.c.code == channel)
    found = session.execute(query)
    entries = [ChannelName(row.code, row.their_name, row.variant, row.sku) for row in found]
    return sorted(
        entries, key=lambda one: (one.channel, one.sku or "", one.their_name, one.variant)
    )


def read_channel_names(session: Session, *, channel_id: int) -> ChannelNames:
    """All names of a channel, to look many of them up."""
    columns = channel_maps.c
    query = (
        select(columns.folded_name, columns.folded_variant, products.c.sku)
        .join(products, products.c.id == columns.product_id)
        .where(columns.channel_id == channel_id)
    )
    return ChannelNames(
        {(row.folded_name, row.folded_variant): row.sku for row in session.execute(query)}
    )


def check_channel_name(entry: ChannelName) -> ChannelName:
    """The entry with its names checked and trimmed. Raises `BadValue`."""
    fold_channel_name(entry.their_name, entry.variant)
    return replace(
        entry,
        channel=check_code(entry.channel),
        their_name=write_name(entry.their_name),
        variant=write_name(entry.variant) if entry.variant.strip() else "",
        sku=None if entry.sku is None else check_code(entry.sku),
    )


def fold_channel_name(their_name: str, variant: str) -> tuple[str, str]:
    """Name and variant without the differences that mean nothing; raises `BadValue`."""
    return fold_name(their_name), fold_name(variant) if variant.strip() else ""


def write_channel_names(
    session: Session, *, run: Run, drafts: Sequence[Draft[ChannelName]]
) -> None:
    """Let many names mean their products, or nothing; channels and products are stored.

    The channels are locked. Raises `TransactionRaced` when another process maps a name meanwhile.
    """
    going = [draft for draft in drafts if draft.outcome is not Outcome.UNCHANGED]
    owners = _ids(session, channels, "code")
    skus = _ids(session, products, "sku")
    key = ["channel_id", "folded_name", "folded_variant"]
    written = ["their_name", "variant", "product_id"]
    added, moved, removed = [], [], []
    for draft in going:
        wanted = draft.wanted
        place = owners[wanted.channel], *fold_channel_name(wanted.their_name, wanted.variant)
        if wanted.sku is None:
            removed.append(place)
            continue
        values = wanted.their_name, wanted.variant, skus[wanted.sku]
        if draft.stored is None:
            added.append((*place, *values))
        else:
            moved.append((*values, *place))
    try:
        insert_many(session, channel_maps, [*key, *written], added)
    except IntegrityError:
        raise TransactionRaced from None
    if moved:
        update_many(session, channel_maps, key=key, changed=written, rows=moved)
    for place in removed:
        session.execute(delete(channel_maps).where(_is(*place)))
    for draft in going:
        change = "add" if draft.stored is None else "edit" if draft.wanted.sku else "remove"
        was = draft.stored.sku if draft.stored else None
        _record(session, run, change, draft.wanted, was=was)


def _ids(session: Session, table: Table, column: str) -> dict[str, int]:
    query = select(table.c[column].label("code"), table.c.id)
    return {row.code: row.id for row in session.execute(query)}


def _query() -> Select[Any]:
    columns = channel_maps.c
    return select(columns.their_name, columns.variant, products.c.sku).join(
        products, products.c.id == columns.product_id
    )


def _is(owner: int, name: str, variant: str) -> ColumnElement[bool]:
    columns = channel_maps.c
    return (
        (columns.channel_id == owner)
        & (columns.folded_name == name)
        & (columns.folded_variant == variant)
    )


def _record(
    session: Session, run: Run, change: str, entry: ChannelName, *, was: str | None = None
) -> None:
    facts = {"channel": entry.channel, "their_name": entry.their_name, "variant": entry.variant}
    run.record(session, f"channel.map.{change}", {**facts, "sku": entry.sku, "was": was})
