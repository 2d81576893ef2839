"""Where a table comes from: a file, or stdin.

Bytes are hashed and handed on here; nothing in the parent process looks into them.
"""

import hashlib
import stat
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from cardctl.workbooks.failures import (
    FileChanged,
    FileEmpty,
    FileIsFolder,
    FileMissing,
    FileTooLarge,
    FileUnreadable,
)

MAX_FILE_BYTES = 256 * 2**20
MAX_STREAM_BYTES = 128 * 2**20
"""What can be read only once is held here and in the child."""
_CHUNK = 2**20


class Source:
    """A file that is read again when needed, or a stream that was read once."""

    def __init__(self, name: str, *, path: Path | None, held: bytes = b"") -> None:
        """Name it; give the path of a file, or the bytes of what can be read only once."""
        self.name = name
        self.path = path
        self._held = held

    @classmethod
    def of(cls, path_text: str) -> "Source":
        """The source of a command's argument; ``-`` is stdin.

        Raises `FileMissing`, `FileIsFolder`, `FileUnreadable`, `FileEmpty`, `FileTooLarge`.
        """
        if path_text == "-":
            return cls("-", path=None, held=_read_once(sys.stdin.buffer, "-"))
        path = Path(path_text)
        try:
            with path.open("rb") as stream:
                status = path.stat()
                if not stat.S_ISREG(status.st_mode):
                    return cls(path.name, path=None, held=_read_once(stream, path.name))
        except FileNotFoundError:
            raise FileMissing(file=path_text) from None
        except IsADirectoryError:
            raise FileIsFolder(file=path_text) from None
        except (OSError, ValueError) as error:
            raise FileUnreadable(file=path_text, reason=_reason(error)) from None
        if not status.st_size:
            raise FileEmpty(file=path.name)
        if status.st_size > MAX_FILE_BYTES:
            raise FileTooLarge(file=path.name)
        return cls(path.name, path=path)

    @property
    def size(self) -> int:
        """Bytes, as far as is known before they are read."""
        return len(self._held) if self.path is None else self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """64 hex digits over the bytes as they came."""
        digest = hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def hashed_chunks(self) -> Iterator[bytes]:
        """The bytes; raises `FileChanged` at their end when they are not those of `sha256`."""
        expected, digest = self.sha256, hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != expected:
            raise FileChanged(file=self.name)

    def _chunks(self) -> Iterator[bytes]:
        if self.path is None:
            yield self._held
            return
        try:
            with self.path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise FileUnreadable(file=self.name, reason=_reason(error)) from None


def _read_once(stream: BinaryIO, name: str) -> bytes:
    held = stream.read(MAX_STREAM_BYTES + 1)
    if not held:
        raise FileEmpty(file=name)
    if len(held) > MAX_STREAM_BYTES:
        raise FileTooLarge(file=name)
    return held


def _reason(error: OSError | ValueError) -> str:
    """The system's words without the path, which the message names already."""
    return getattr(error, "strerror", None) or type(error).__name__
