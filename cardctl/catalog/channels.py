"""Channels (渠道): where orders come from, the accounts they pay into, the pools they draw on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import (
    Changed,
    add_once,
    check_code,
    check_name,
    edit_once,
    ids_of,
    insert_once,
)
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import new_id
from cardctl.schema.catalog import (
    Channel,
    accounts,
    channel_accounts,
    channel_pools,
    channels,
    pools,
)
from cardctl.storage.dialects import insert_many, lock_rows
from cardctl.vocabulary import ChannelKind

MAIN_POOL = "main"


class PoolKept(StateForbids):
    """A pool that is kept for one channel is asked for by another."""

    code = "pool-kept"
    message = "pool {pool} is kept for channel {channel}"
    hint = "cardctl pool list"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEntry:
    """A channel; the first account is its default, the first pool is tried first.

    A channel that names no pool draws on `main`.
    """

    code: str
    name: str
    kind: ChannelKind = ChannelKind.OTHER
    fee_rate_bp: int = 0
    accounts: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    created_at: int = field(default=0, compare=False)


def add_channel(session: Session, *, run: Run, channel: ChannelEntry) -> Changed[ChannelEntry]:
    """Add a channel, once; accounts and pools that are not said are not compared.

    Raises `AlreadyExists`, `BadValue`, `PoolKept`, and `NotFound` for an account or a pool.
    """
    wanted = check_channel(channel)

    def insert_channel() -> bool:
        row = Channel(id=new_id(), **_columns(wanted), created_at=run.at)
        # Read before: the session forgets the row when another process was first.
        channel_id = row.id
        if not insert_once(session, row):
            return False
        _replace_accounts(session, channel_id, wanted.accounts)
        _replace_pools(session, channel_id, wanted.pools)
        return True

    return add_once(
        session,
        run=run,
        name=("channel", wanted.code),
        wanted=wanted,
        find=lambda: _find(session, wanted.code),
        insert=insert_channel,
        not_said=[name for name in ("accounts", "pools") if not getattr(channel, name)],
    )


def edit_channel(
    session: Session, *, run: Run, code: str, changes: dict[str, Any]
) -> Changed[ChannelEntry]:
    """Change some fields of a channel; a list is replaced by the one given, in its order.

    Raises `NotFound`, `BadValue`, `PoolKept`.
    """
    channel_id = lock_channel(session, code=code)

    def write(wanted: ChannelEntry, differs: list[str]) -> None:
        session.execute(
            update(channels).where(channels.c.id == channel_id).values(_columns(wanted))
        )
        if "accounts" in differs:
            _replace_accounts(session, channel_id, wanted.accounts)
        if "pools" in differs:
            _replace_pools(session, channel_id, wanted.pools)

    return edit_once(
        session,
        run=run,
        name=("channel", code),
        changes=changes,
        find=lambda: _find(session, code),
        check=check_channel,
        write=write,
    )


def list_channels(session: Session) -> list[ChannelEntry]:
    """All channels by code."""
    paid_into = _lists(session, channel_accounts, accounts)
    drawn_on = _lists(session, channel_pools, pools)
    entries = [
        _entry(row, paid_into[row.id], drawn_on[row.id])
        for row in session.execute(select(channels))
    ]
    return sorted(entries, key=lambda entry: entry.code)


def show_channel(session: Session, *, code: str) -> ChannelEntry:
    """One channel. Raises `NotFound`."""
    found = _find(session, code)
    if found is None:
        raise NotFound(noun="channel", name=code)
    return found


def lock_channel(session: Session, *, code: str) -> int:
    """The id of a channel whose lists nobody else changes until the end of this transaction."""
    query = select(channels.c.id).where(channels.c.code == code)
    found = session.execute(
        lock_rows(session, query, table=channels, skip_locked=False)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="channel", name=code)
    return int(found)


def append_pool(session: Session, *, channel_id: int, pool_id: int) -> None:
    """Let a channel draw on one more pool, after those it draws on; the channel is locked."""
    drawn_on = select(channel_pools.c.pool_id).where(channel_pools.c.channel_id == channel_id)
    known = session.execute(drawn_on).scalars().all()
    if pool_id in known:
        return
    session.execute(
        insert(channel_pools).values(channel_id=channel_id, position=len(known), pool_id=pool_id)
    )


def check_channel(entry: ChannelEntry) -> ChannelEntry:
    """The entry with its codes and its name checked and trimmed. Raises `BadValue`."""
    return replace(
        entry,
        code=check_code(entry.code),
        name=check_name(entry.name),
        accounts=tuple(dict.fromkeys(check_code(code) for code in entry.accounts)),
        pools=tuple(dict.fromkeys(check_code(code) for code in entry.pools)) or (MAIN_POOL,),
    )


def write_channels(session: Session, *, run: Run, drafts: Sequence[Draft[ChannelEntry]]) -> None:
    """Add and change many channels but for their lists; see `write_drafts`."""
    write_drafts(
        session,
        run=run,
        noun="channel",
        table=channels,
        key="code",
        drafts=drafts,
        columns=_columns,
    )


def write_lists(session: Session, *, drafts: Sequence[Draft[ChannelEntry]]) -> None:
    """Let channels pay into their accounts and draw on their pools, all of which are stored."""
    ids = _ids(session, channels)
    for table, named, part in (
        (channel_accounts, accounts, "accounts"),
        (channel_pools, pools, "pools"),
    ):
        going = [d.wanted for d in drafts if d.stored is None or part in d.differs]
        owners = [ids[entry.code] for entry in going]
        session.execute(delete(table).where(table.c.channel_id.in_(owners)))
        listed = _ids(session, named)
        rows = [
            (ids[entry.code], position, listed[code])
            for entry in going
            for position, code in enumerate(getattr(entry, part))
        ]
        column = f"{named.name}_id"
        insert_many(session, table, ["channel_id", "position", column], rows)


def _ids(session: Session, table: Table) -> dict[str, int]:
    query = select(table.c.code, table.c.id)
    return {row.code: row.id for row in session.execute(query)}


def _replace_accounts(session: Session, channel_id: int, codes: Iterable[str]) -> None:
    ids = ids_of(session, accounts, "account", codes)
    _replace(session, channel_accounts, channel_id, "account_id", ids.values())


def _replace_pools(session: Session, channel_id: int, codes: Iterable[str]) -> None:
    ids = ids_of(session, pools, "pool", codes)
    kept = (
        select(pools.c.code, channels.c.code.label("channel"))
        .join(channels, channels.c.id == pools.c.channel_id)
        .where(pools.c.id.in_(ids.values()), pools.c.channel_id != channel_id)
    )
    if other := session.execute(kept.order_by(pools.c.code).limit(1)).first():
        raise PoolKept(pool=other.code, channel=other.channel)
    _replace(session, channel_pools, channel_id, "pool_id", ids.values())


def _replace(
    session: Session, table: Table, channel_id: int, column: str, ids: Iterable[int]
) -> None:
    session.execute(delete(table).where(table.c.channel_id == channel_id))
    rows = [
        {"channel_id": channel_id, "position": position, column: row_id}
        for position, row_id in enumerate(ids)
    ]
    if rows:
        session.execute(insert(table), rows)


def _lists(
    session: Session, table: Table, named: Table, channel_id: int | None = None
) -> defaultdict[int, tuple[str, ...]]:
    """The codes a channel lists, in their order, by the channel's id."""
    column = table.c.account_id if named is accounts else table.c.pool_id
    query = (
        select(table.c.channel_id, named.c.code)
        .join(named, named.c.id == column)
        .order_by(table.c.channel_id, table.c.position)
    )
    if channel_id is not None:
        query = query.where(table.c.channel_id == channel_id)
    lists: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    for owner, code in session.execute(query):
        lists[owner] += (code,)
    return lists


def _find(session: Session, code: str) -> ChannelEntry | None:
    row = session.execute(select(channels).where(channels.c.code == code)).first()
    if row is None:
        return None
    paid_into = _lists(session, channel_accounts, accounts, row.id)
    drawn_on = _lists(session, channel_pools, pools, row.id)
    return _entry(row, paid_into[row.id], drawn_on[row.id])


def _columns(entry: ChannelEntry) -> dict[str, Any]:
    """What stands in the channel's own row."""
    return {
        "code": entry.code,
        "name": entry.name,
        "kind": str(entry.kind),
        "fee_rate_bp": entry.fee_rate_bp,
    }


def _entry(row: Any, paid_into: tuple[str, ...], drawn_on: tuple[str, ...]) -> ChannelEntry:
    return ChannelEntry(
        code=row.code,
        name=row.name,
        kind=ChannelKind(row.kind),
        fee_rate_bp=row.fee_rate_bp,
        accounts=paid_into,
        pools=drawn_on,
        created_at=row.created_at,
    )
