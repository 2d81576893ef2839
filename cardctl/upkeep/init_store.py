"""Make a new store: its schema, its keys, its first slots, the pool `main`.

The key file comes first and stays, whatever happens afterwards; then one transaction makes
everything else. Interrupted at any point, nothing is half made: there is a store with its key, or
a key that the next attempt takes up. An existing store is left as it is.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Engine
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session

from cardctl.audit.record import Actor, begin_run
from cardctl.clock import load_zone
from cardctl.config_file import remember
from cardctl.errors import StateForbids
from cardctl.schema.catalog import MAIN_POOL_ID, Pool
from cardctl.schema.store import StoreRow
from cardctl.settings import Settings, hide_password, load_settings, user_file
from cardctl.storage.dialects import is_sqlite, make_engine, prepare_new_store
from cardctl.storage.failures import StoreUnreachable, named_failures
from cardctl.storage.migrate import upgrade
from cardctl.storage.store import is_empty, open_store, parse_store_url, writing
from cardctl.storage.version import stored_version
from cardctl.vault.failures import FileTaken
from cardctl.vault.key_files import make_folder, read_key_file, write_key_file
from cardctl.vault.keychain import write_keyring
from cardctl.vault.keyset import new_keyset
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import Passphrase, SlotKey, new_slot_key
from cardctl.vault.slots import make_slot
from cardctl.vault.sources import Key, KeySource, SourceKind, read_slot_key
from cardctl.vocabulary import SlotKind, SlotScope


class NotEmpty(StateForbids):
    """The database belongs to something else."""

    code = "not-empty"
    message = "the database {store} holds tables that are not cardctl's"
    hint = "name an empty database or another file with --store"


class StoreDiffers(StateForbids):
    """There is a store already, and it is not the one that was asked for."""

    code = "already-exists"
    message = "there is a store at {store} already, and its time zone is {timezone}"
    hint = "cardctl store check"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new store should be like."""

    source: KeySource
    """Where its first key is, or is to be put."""
    recovery_path: Path | None
    wants_code: bool
    """Whether a recovery code is made although no file is named for it: a person will read it."""
    timezone: str | None
    """An IANA name; None is Asia/Shanghai."""
    language: str


class InitStatus(StrEnum):
    """Whether a store was made, or was there."""

    CREATED = "created"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class NewStore:
    """What `init_store` made or found."""

    store: str
    status: InitStatus
    store_id: str
    key_source: str
    recovery: str | None
    """The file of the recovery code."""
    timezone: str
    language: str
    code: Secret | None
    """The recovery code to show once, when no file holds it."""


def init_store(
    url_text: str,
    *,
    wishes: Wishes,
    environment: MutableMapping[str, str],
    ask_new: Callable[[], str],
    actor: Actor,
    at: int,
    dry_run: bool,
) -> NewStore:
    """Make a store, or find the one that is there.

    `ask_new` asks a person for a new passphrase. Raises `NotEmpty`, `StoreDiffers`, and what is
    wrong with the key source, the database or the paths.
    """
    load_zone(wishes.timezone or _TIMEZONE)
    name = hide_password(url_text)
    with _database(parse_store_url(url_text), name, dry_run=dry_run) as engine:
        if _is_made(engine, name):
            return _found(url_text, wishes)
        with named_failures(name):
            prepare_new_store(engine)
        store_id = uuid4().hex
        key = _first_key(
            wishes.source,
            store_id=store_id,
            environment=environment,
            ask_new=ask_new,
            dry_run=dry_run,
        )
        code = _recovery_code(wishes, key, dry_run=dry_run)
        try:
            with named_failures(name), writing(engine, dry_run=dry_run) as session:
                _fill(
                    session,
                    store_id=store_id,
                    wishes=wishes,
                    key=key,
                    code=code,
                    actor=actor,
                    at=at,
                )
        except (IntegrityError, ProgrammingError):
            # Another init was faster: its store stands, and what was made here is not kept.
            if _is_made(engine, name):
                return _found(url_text, wishes)
            raise
    return NewStore(
        store=name,
        status=InitStatus.CREATED,
        store_id=store_id,
        key_source=wishes.source.spec,
        recovery=str(wishes.recovery_path) if wishes.recovery_path else None,
        timezone=wishes.timezone or _TIMEZONE,
        language=wishes.language,
        code=None if code is None or wishes.recovery_path else code.recovery_code(),
    )


def remember_choices(
    settings: Settings, environment: Mapping[str, str], *, made: NewStore, source: KeySource
) -> None:
    """Write the key source and the language to the user's configuration, where they are missing.

    What the environment names is found there again; another store's choice is not overwritten.
    """
    configured = load_settings({"profile": settings.profile}, environment, Path.cwd())
    file = user_file(settings.home)
    if source.kind == SourceKind.FILE:
        is_there = Path(source.argument).exists()
    else:
        is_there = made.status == InitStatus.CREATED and source.kind != SourceKind.DESCRIPTOR
    if source.chosen and is_there and configured.key_source is None:
        remember(file, "key_source", source.spec, profile=settings.profile)
    if configured.language is None:
        remember(file, "language", made.language, profile=settings.profile)


_TIMEZONE = "Asia/Shanghai"

_KINDS = {
    SourceKind.FILE: SlotKind.KEYFILE,
    SourceKind.KEYRING: SlotKind.KEYRING,
    SourceKind.PASSPHRASE: SlotKind.PASSPHRASE,
}
"""What else a key may come from is somebody's environment."""


def _fill(
    session: Session,
    *,
    store_id: str,
    wishes: Wishes,
    key: Key,
    code: SlotKey | None,
    actor: Actor,
    at: int,
) -> None:
    """Everything that a new store holds, in the session's transaction."""
    upgrade(session.connection())
    timezone = wishes.timezone or _TIMEZONE
    keyset = new_keyset()
    kind = _KINDS.get(wishes.source.kind, SlotKind.ENVIRONMENT)
    keys: list[tuple[Key, SlotKind]] = [(key, kind)]
    if code is not None:
        keys.append((code, SlotKind.RECOVERY))
    slots = [
        make_slot(
            keyset, store_id=store_id, key=each, kind=kind, scope=SlotScope.FULL, label="", at=at
        )
        for each, kind in keys
    ]
    session.add(
        StoreRow(
            id=1, store_id=store_id, timezone=timezone, language=wishes.language, created_at=at
        )
    )
    session.add(Pool(id=MAIN_POOL_ID, code="main", created_at=at))
    session.add_all(slots)
    # The audit record is written by Core, after what it tells of.
    session.flush()
    run = begin_run(
        audit_key=keyset.audit_key, verb="init", actor=actor, at=at, zone=load_zone(timezone)
    )
    run.record(
        session,
        "init",
        {
            "store_id": store_id,
            "timezone": timezone,
            "language": wishes.language,
            "sealing_version": keyset.version,
            "slots": [
                {"slot": slot.code, "kind": slot.kind, "scope": slot.scope} for slot in slots
            ],
        },
    )
    run.end(session)


def _first_key(
    source: KeySource,
    *,
    store_id: str,
    environment: MutableMapping[str, str],
    ask_new: Callable[[], str],
    dry_run: bool,
) -> Key:
    """The key of the first slot: taken from where it is, or made and put there."""
    if source.kind == SourceKind.PASSPHRASE:
        return Passphrase(Secret(ask_new()))
    if source.kind == SourceKind.FILE:
        path = Path(source.argument).expanduser()
        return _key_in(path, recovery=False, origin=source.spec, dry_run=dry_run)
    if source.kind != SourceKind.KEYRING:
        return read_slot_key(source, environment=environment)
    key = new_slot_key()
    if not dry_run:
        write_keyring(store_id, key.text())
    return key


def _recovery_code(wishes: Wishes, key: Key, *, dry_run: bool) -> SlotKey | None:
    if wishes.recovery_path is None:
        return new_slot_key() if wishes.wants_code else None
    path = wishes.recovery_path
    code = _key_in(path, recovery=True, origin=f"file:{path}", dry_run=dry_run)
    if code == key:
        # One secret in two slots would be no second way in.
        raise FileTaken(path=str(path))
    return code


def _key_in(path: Path, *, recovery: bool, origin: str, dry_run: bool) -> SlotKey:
    """The key of a file, made if it is missing: an interrupted attempt may have left it."""
    if path.exists():
        return read_key_file(path, origin=origin)
    key = new_slot_key()
    if not dry_run:
        make_folder(path.parent)
        try:
            write_key_file(path, key.recovery_code() if recovery else key.text())
        except FileTaken:
            # Another init was faster; a key file appears whole.
            return read_key_file(path, origin=origin)
    return key


def _found(url_text: str, wishes: Wishes) -> NewStore:
    """The store that is there; raises `StoreDiffers` for another time zone than asked for."""
    store = open_store(url_text)
    if wishes.timezone not in (None, store.zone.key):
        raise StoreDiffers(store=store.name, timezone=store.zone.key)
    return NewStore(
        store=store.name,
        status=InitStatus.UNCHANGED,
        store_id=store.store_id,
        key_source=wishes.source.spec,
        recovery=None,
        timezone=store.zone.key,
        language=store.language,
        code=None,
    )


def _is_made(engine: Engine, name: str) -> bool:
    """Whether there is a store; raises `NotEmpty` for somebody else's tables."""
    with named_failures(name):
        with Session(engine) as session:
            if stored_version(session) is not None:
                return True
        if not is_empty(engine):
            raise NotEmpty(store=name)
    return False


@contextmanager
def _database(url: URL, name: str, *, dry_run: bool) -> Iterator[Engine]:
    """An engine on the database.

    A missing SQLite file is made, readable for its owner only; a dry run makes it elsewhere.
    """
    missing = is_sqlite(url) and not Path(url.database or "").exists()
    if missing and dry_run:
        with tempfile.TemporaryDirectory() as folder:
            yield make_engine(url.set(database=str(Path(folder) / "dry-run.db")))
        return
    if missing:
        _make_file(Path(url.database or ""), name)
    yield make_engine(url)


def _make_file(path: Path, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnreachable(store=name, reason=str(error.strerror)) from None
