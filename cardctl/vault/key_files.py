"""Key files: one line, for their owner's eyes only."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardctl.vault.failures import (
    FileTaken,
    KeyExposed,
    KeyFileUnwritable,
    KeyUnreadable,
    MalformedKey,
)
from cardctl.vault.secret import Secret
from cardctl.vault.slot_key import SlotKey, parse_slot_key

LONGEST = 4096
"""Bytes of a source that are read at most; a key has 70."""

_FOR_OTHERS = 0o077


def read_key_file(path: Path, *, origin: str, guarded: bool = True) -> SlotKey:
    """Read a key file.

    Raises `KeyUnreadable`, `MalformedKey`, and `KeyExposed` for a file that group or others may
    use; `guarded=False` is for a folder whose rights are managed by somebody else (systemd).
    """
    try:
        # Without waiting for a writer where the path names a pipe that nobody fills.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if guarded and mode & _FOR_OTHERS:
                raise KeyExposed(path=str(path), mode=f"{stat.S_IMODE(mode):04o}")
            os.set_blocking(descriptor, True)
            octets = stream.read(LONGEST)
    except FileNotFoundError:
        raise KeyUnreadable(origin=origin, reason="there is no such file") from None
    except IsADirectoryError:
        raise KeyUnreadable(origin=origin, reason="it is a folder") from None
    except OSError:
        raise KeyUnreadable(origin=origin, reason="it cannot be read") from None
    return decode_key(octets, origin=origin)


def decode_key(octets: bytes, *, origin: str) -> SlotKey:
    """Read a key from what a source holds; raises `MalformedKey`."""
    try:
        return parse_slot_key(octets.decode("ascii"), origin=origin)
    except UnicodeDecodeError:
        raise MalformedKey(origin=origin) from None


@contextmanager
def written_key_file(path: Path, text: Secret, *, dry_run: bool = False) -> Iterator[None]:
    """Write a key file before the block that depends on it; it goes again if the block fails.

    Raises `FileTaken` and `KeyFileUnwritable`. With `dry_run` nothing is written.
    """
    if path.exists():
        raise FileTaken(path=str(path))
    if dry_run:
        yield
        return
    write_key_file(path, text)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """The folder of a key file, closed to others where it is new; raises `KeyFileUnwritable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise KeyFileUnwritable(path=str(folder), reason=str(error.strerror)) from None


def write_key_file(path: Path, text: Secret) -> None:
    """Write a key file whole or not at all; raises `FileTaken` and `KeyFileUnwritable`."""
    draft = None
    try:
        # Made with the rights of its owner only, under a name that nobody can foresee.
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text.reveal() + "\n")
            stream.flush()
            # The store that needs this key must not reach the disk before it.
            os.fsync(stream.fileno())
        # Unlike a rename, a link does not replace what is there.
        os.link(draft, path)
        _sync_folder(path.parent)
    except FileExistsError:
        raise FileTaken(path=str(path)) from None
    except OSError as error:
        raise KeyFileUnwritable(path=str(path), reason=str(error.strerror)) from None
    finally:
        if draft:
            Path(draft).unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
