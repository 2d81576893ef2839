"""Money accounts (资金账户): where money arrives, and what statements belong to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.drafts import Draft, write_drafts
from cardctl.catalog.entries import (
    Changed,
    add_once,
    check_code,
    check_name,
    edit_once,
    insert_once,
)
from cardctl.errors import NotFound
from cardctl.identifiers import new_id
from cardctl.schema.catalog import Account, accounts
from cardctl.storage.dialects import lock_rows
from cardctl.vocabulary import AccountKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """A money account; its fee is in basis points, its settle days are days after payment."""

    code: str
    name: str
    kind: AccountKind
    fee_rate_bp: int = 0
    settle_days: int | None = None
    statement_formats: tuple[str, ...] = ()
    created_at: int = field(default=0, compare=False)


def add_account(session: Session, *, run: Run, account: AccountEntry) -> Changed[AccountEntry]:
    """Add an account, once. Raises `AlreadyExists`, `BadValue`."""
    wanted = check_account(account)
    return add_once(
        session,
        run=run,
        name=("account", wanted.code),
        wanted=wanted,
        find=lambda: _find(session, wanted.code),
        insert=lambda: insert_once(
            session, Account(id=new_id(), **_columns(wanted), created_at=run.at)
        ),
    )


def edit_account(
    session: Session, *, run: Run, code: str, changes: dict[str, Any]
) -> Changed[AccountEntry]:
    """Change some fields of an account. Raises `NotFound`, `BadValue`."""

    def write(wanted: AccountEntry, _differs: list[str]) -> None:
        session.execute(update(accounts).where(accounts.c.code == code).values(_columns(wanted)))

    return edit_once(
        session,
        run=run,
        name=("account", code),
        changes=changes,
        find=lambda: _find(session, code, locking=True),
        check=check_account,
        write=write,
    )


def list_accounts(session: Session) -> list[AccountEntry]:
    """All accounts by code."""
    entries = [_entry(row) for row in session.execute(select(accounts))]
    return sorted(entries, key=lambda entry: entry.code)


def show_account(session: Session, *, code: str) -> AccountEntry:
    """One account. Raises `NotFound`."""
    found = _find(session, code)
    if found is None:
        raise NotFound(noun="account", name=code)
    return found


def check_account(entry: AccountEntry) -> AccountEntry:
    """The entry with its codes and its name checked and trimmed. Raises `BadValue`."""
    formats = sorted({check_code(name) for name in entry.statement_formats})
    return replace(
        entry,
        code=check_code(entry.code),
        name=check_name(entry.name),
        statement_formats=tuple(formats),
    )


def write_accounts(session: Session, *, run: Run, drafts: Sequence[Draft[AccountEntry]]) -> None:
    """Add and change many accounts; see `write_drafts`."""
    write_drafts(
        session,
        run=run,
        noun="account",
        table=accounts,
        key="code",
        drafts=drafts,
        columns=_columns,
    )


def _find(session: Session, code: str, *, locking: bool = False) -> AccountEntry | None:
    query = select(accounts).where(accounts.c.code == code)
    if locking:
        query = lock_rows(session, query, table=accounts, skip_locked=False)
    row = session.execute(query).first()
    return _entry(row) if row else None


def _columns(entry: AccountEntry) -> dict[str, Any]:
    return {
        "code": entry.code,
        "name": entry.name,
        "kind": str(entry.kind),
        "fee_rate_bp": entry.fee_rate_bp,
        "settle_days": entry.settle_days,
        "statement_formats": ",".join(entry.statement_formats),
    }


def _entry(row: Any) -> AccountEntry:
    return AccountEntry(
        code=row.code,
        name=row.name,
        kind=AccountKind(row.kind),
        fee_rate_bp=row.fee_rate_bp,
        settle_days=row.settle_days,
        statement_formats=tuple(filter(None, row.statement_formats.split(","))),
        created_at=row.created_at,
    )
