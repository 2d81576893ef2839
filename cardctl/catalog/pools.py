"""Pools (库存池): parts of the stock, kept for a channel or free."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.channels import MAIN_POOL, PoolKept, append_pool, lock_channel
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import (
    Changed,
    add_once,
    check_code,
    edit_once,
    ids_of,
    insert_once,
)
from cardctl.errors import NotFound, StateForbids
from cardctl.identifiers import new_id
from cardctl.schema.catalog import Pool, channel_pools, channels, pools


class MainPoolShared(StateForbids):
    """The main pool belongs to every channel."""

    code = "pool-main"
    message = "pool main is for every channel and is kept for none"
    hint = "cardctl pool add CODE --channel {channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEntry:
    """A pool, and the code of the channel it is kept for."""

    code: str
    channel: str | None = None
    created_at: int = field(default=0, compare=False)


def add_pool(session: Session, *, run: Run, pool: PoolEntry) -> Changed[PoolEntry]:
    """Add a pool, once; the channel it is kept for draws on it last.

    Raises `AlreadyExists`, `BadValue`, and `NotFound` for the channel.
    """
    wanted = check_pool(pool)
    channel_id = lock_channel(session, code=wanted.channel) if wanted.channel else None

    def insert_pool() -> bool:
        row = Pool(id=new_id(), code=wanted.code, channel_id=channel_id, created_at=run.at)
        pool_id = row.id
        if not insert_once(session, row):
            return False
        if channel_id is not None:
            append_pool(session, channel_id=channel_id, pool_id=pool_id)
        return True

    return add_once(
        session,
        run=run,
        name=("pool", wanted.code),
        wanted=wanted,
        find=lambda: _find(session, wanted.code),
        insert=insert_pool,
    )


def edit_pool(
    session: Session, *, run: Run, code: str, changes: dict[str, Any]
) -> Changed[PoolEntry]:
    """Keep a pool for another channel, or with None for none.

    Raises `NotFound`, `MainPoolShared`, and `PoolKept` while another channel draws on it.
    """

    def write(wanted: PoolEntry, _differs: list[str]) -> None:
        channel_id = lock_channel(session, code=wanted.channel) if wanted.channel else None
        pool_id = session.execute(select(pools.c.id).where(pools.c.code == code)).scalar_one()
        if channel_id is not None:
            _refuse_if_drawn_on(session, code, pool_id, channel_id)
            append_pool(session, channel_id=channel_id, pool_id=pool_id)
        session.execute(update(pools).where(pools.c.id == pool_id).values(channel_id=channel_id))

    return edit_once(
        session,
        run=run,
        name=("pool", code),
        changes=changes,
        find=lambda: _find(session, code),
        check=check_pool,
        write=write,
    )


def list_pools(session: Session) -> list[PoolEntry]:
    """All pools by code."""
    entries = [_entry(row) for row in session.execute(_query())]
    return sorted(entries, key=lambda entry: entry.code)


def show_pool(session: Session, *, code: str) -> PoolEntry:
    """One pool. Raises `NotFound`."""
    found = _find(session, code)
    if found is None:
        raise NotFound(noun="pool", name=code)
    return found


def check_pool(entry: PoolEntry) -> PoolEntry:
    """The entry with its code checked and trimmed. Raises `BadValue` and `MainPoolShared`."""
    if entry.code == MAIN_POOL and entry.channel is not None:
        raise MainPoolShared(channel=entry.channel)
    return replace(entry, code=check_code(entry.code))


def write_pools(session: Session, *, run: Run, drafts: Sequence[Draft[PoolEntry]]) -> None:
    """Add and change many pools; the channels they are kept for are stored. See `write_drafts`.

    Which pools a channel draws on stands with the channel.
    """
    named = [draft.wanted.channel for draft in drafts if draft.wanted.channel is not None]
    ids = ids_of(session, channels, "channel", named)

    def columns(entry: PoolEntry) -> dict[str, Any]:
        return {"code": entry.code, "channel_id": ids[entry.channel] if entry.channel else None}

    write_drafts(
        session, run=run, noun="pool", table=pools, key="code", drafts=drafts, columns=columns
    )


def _refuse_if_drawn_on(session: Session, code: str, pool_id: int, channel_id: int) -> None:
    others = (
        select(channels.c.code)
        .join(channel_pools, channel_pools.c.channel_id == channels.c.id)
        .where(channel_pools.c.pool_id == pool_id, channels.c.id != channel_id)
    )
    other = session.execute(others.order_by(channels.c.code).limit(1)).scalar_one_or_none()
    if other is not None:
        raise PoolKept(pool=code, channel=other)


def _query() -> Select[Any]:
    return select(pools.c.code, channels.c.code.label("channel"), pools.c.created_at).outerjoin(
        channels, channels.c.id == pools.c.channel_id
    )


def _find(session: Session, code: str) -> PoolEntry | None:
    row = session.execute(_query().where(pools.c.code == code)).first()
    return _entry(row) if row else None


def _entry(row: Any) -> PoolEntry:
    return PoolEntry(code=row.code, channel=row.channel, created_at=row.created_at)
