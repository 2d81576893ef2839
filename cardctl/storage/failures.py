"""What a database says, as one of our errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from cardctl.errors import ServiceUnavailable, UsageRefused

_RETRYABLE = ("40001", "40P01")
"""Postgres: serialization failure, deadlock detected."""
_LOCK_NOT_AVAILABLE = "55P03"


class BadStoreUrl(UsageRefused):
    """What was named as the store can be none."""

    code = "bad-store"
    hint = "cardctl config show --origin"


class UnknownStoreOption(BadStoreUrl):
    """The URL of a Postgres store names an option that Postgres does not have."""

    message = "the URL of the store names an option that Postgres does not have: {option}"


class StoreMissing(ServiceUnavailable):
    """There is no store at that place."""

    code = "store-missing"
    message = "there is no cardctl store at {store}"
    hint = "cardctl init"


class StoreOutdated(ServiceUnavailable):
    """The store is older than this program."""

    code = "store-outdated"
    message = "the store has schema {found}, this cardctl needs {needed}"
    hint = "run cardctl store migrate"


class StoreNewer(ServiceUnavailable):
    """The store is newer than this program."""

    code = "store-newer"
    message = "the store has schema {found}, this cardctl knows only {needed}"
    hint = "install the cardctl that wrote it, or a later one"


class StoreVersionUnknown(ServiceUnavailable):
    """The store says a version from which no migration leads on."""

    code = "store-version-unknown"
    message = "the store says it has schema {found!r}, which no cardctl wrote"
    hint = "restore the last backup"


class StoreUnreachable(ServiceUnavailable):
    """The database does not answer."""

    code = "store-unreachable"
    message = "the store {store} cannot be reached: {reason}"
    hint = "cardctl config show --origin"


class StoreUnopenable(StoreUnreachable):
    """The file of the store is there, but the disk or its rights keep it closed."""

    message = "the store {store} cannot be opened or read: {reason}"
    hint = "check the disk, and the owner and permissions of the store's file and folder"


class StoreBusy(ServiceUnavailable):
    """Another process holds what is needed, or the two ran into each other."""

    code = "store-busy"
    message = "the store is busy: another command held it for too long"
    hint = "run the same command again: what was done is not done twice"


class TransactionRaced(StoreBusy):
    """Two transactions ran into each other; this one was rolled back and may be run again."""


class StoreReadOnly(ServiceUnavailable):
    """The store may be read but not written."""

    code = "store-read-only"
    message = "the store cannot be written: it is read-only for this user"
    hint = "check the owner and the permissions of the store's file and folder"


class StoreFull(ServiceUnavailable):
    """No room is left where the store lives."""

    code = "store-full"
    message = "the disk that holds the store is full; the step under way was not kept"
    hint = "make room, then run the same command again"


class StoreDamaged(ServiceUnavailable):
    """The file is no database, or a damaged one."""

    code = "store-damaged"
    message = "the store is not a database, or is damaged: {reason}"
    hint = "restore the last backup"


class OutcomeUnknown(ServiceUnavailable):
    """The connection broke, perhaps around COMMIT."""

    code = "outcome-unknown"
    message = "the connection to the store broke; what was under way may or may not be done"
    hint = "run the same command again: what was done is not done twice"


def is_retryable(error: DBAPIError) -> bool:
    """Whether the transaction was rolled back by a race and may simply be run again."""
    return getattr(error.orig, "sqlstate", None) in _RETRYABLE


def violated_constraint(error: IntegrityError) -> str:
    """The name of the violated constraint, or SQLite's ``table.column, …`` for a unique one."""
    diagnostics = getattr(error.orig, "diag", None)
    if diagnostics is not None:
        return diagnostics.constraint_name or ""
    return str(error.orig).partition("constraint failed: ")[2]


@contextmanager
def named_failures(store: str) -> Iterator[None]:
    """Turn the driver's words into ours; integrity errors pass, their callers know them."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _name(error, store) from error


def _name(error: DBAPIError, store: str) -> ServiceUnavailable:
    """The error of ours for a driver's; a detail never carries parameters of a statement."""
    words = str(error.orig).strip().splitlines()
    reason = words[0] if words else type(error.orig).__name__
    low = reason.lower()
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if is_retryable(error):
        return TransactionRaced()
    if "locked" in low or "busy" in low or sqlstate == _LOCK_NOT_AVAILABLE:
        return StoreBusy()
    if "readonly" in low or "read-only" in low or sqlstate in ("25006", "42501"):
        return StoreReadOnly()
    if "disk is full" in low or sqlstate == "53100" or _lacks_room(error):
        return StoreFull()
    if "not a database" in low or "malformed" in low:
        return StoreDamaged(reason=reason)
    if error.connection_invalidated or sqlstate.startswith("57P"):
        return OutcomeUnknown()
    if _is_about_the_file(error):
        return StoreUnopenable(store=store, reason=reason)
    if isinstance(error, OperationalError):
        return StoreUnreachable(store=store, reason=reason)
    raise error


def _is_about_the_file(error: DBAPIError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR"))


def _lacks_room(error: DBAPIError) -> bool:
    """SQLite calls a full disk an I/O error when it finds no room for its shared memory file."""
    return getattr(error.orig, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE"
