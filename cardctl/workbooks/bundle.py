"""Tables in a zip of files, one after another. Runs in the child only.

A file in it is told by its content, is never written anywhere, and its name is only ever a name.
What is no table is left out and told of; an archive in the archive is not opened.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace

from cardctl.errors import CardctlError
from cardctl.workbooks.archive import is_bomb
from cardctl.workbooks.cells import Cell
from cardctl.workbooks.contents import is_table, tables_in
from cardctl.workbooks.failures import (
    FileDamaged,
    FileTooLarge,
    MembersDuplicate,
    PasswordNeeded,
    WrongPassword,
    ZipBomb,
    ZipEncryptionUnknown,
    ZipWithoutTables,
)
from cardctl.workbooks.parsed import Parsed, Request

MAX_MEMBERS = 1000
MAX_INFLATED_BYTES = 2**29

_ENCRYPTED, _STRONGLY, _UTF8 = 0x1, 0x40, 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_LEFT_BY_SYSTEMS = (".ds_store", "thumbs.db", "desktop.ini")
_SHOWN = 120


def parse_bundle(held: list[bytes], request: Request) -> Iterator[Parsed]:
    """A table for each file that is one; an error in one of them refuses the whole.

    Raises `FileTooLarge`, `ZipBomb`, `MembersDuplicate`, `PasswordNeeded`, `WrongPassword`,
    `ZipEncryptionUnknown`, `FileDamaged`, `ZipWithoutTables`, and for a file what `tables_in` does.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(held.pop()))
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise FileDamaged(part="zip") from None
    bundle = _Bundle(archive, request)
    unread = tuple(name for name in bundle.members if not is_table(bundle.content(name), request))
    names = [name for name in bundle.members if name not in unread]
    if not names:
        raise ZipWithoutTables
    return _tables(bundle, names, unread, request)


def _tables(
    bundle: "_Bundle", names: list[str], unread: tuple[str, ...], request: Request
) -> Iterator[Parsed]:
    for name in names:
        sealed = bool(bundle.members[name].flag_bits & _ENCRYPTED)
        try:
            for parsed in tables_in([bundle.content(name)], request):
                yield replace(
                    parsed,
                    member=name,
                    rows=_rows(parsed.rows, name),
                    encrypted=parsed.encrypted or sealed,
                    unread_members=unread if name == names[0] else (),
                )
        except CardctlError as error:
            error.details["member"] = name
            raise


def _rows(rows: Iterator[tuple[int, list[Cell]]], name: str) -> Iterator[tuple[int, list[Cell]]]:
    """The rows; what goes wrong among them names the file."""
    try:
        yield from rows
    except CardctlError as error:
        error.details["member"] = name
        raise


class _Bundle:
    """The files in a zip by their names, without what operating systems add."""

    def __init__(self, archive: zipfile.ZipFile, request: Request) -> None:
        self._archive = archive
        self._password = request.password
        self.members: dict[str, zipfile.ZipInfo] = {}
        left = MAX_INFLATED_BYTES
        for member in archive.infolist():
            name = _name_of(member)
            if not member.filename:
                raise FileDamaged(part="zip")
            if member.is_dir() or _left_by_system(name):
                continue
            if name in self.members:
                raise MembersDuplicate(part=name)
            # Nothing is inflated beyond the size that is said here.
            left -= member.file_size
            if left < 0 or is_bomb(member.file_size, member):
                raise ZipBomb(part=name)
            self._check(member, name)
            self.members[name] = member
        if len(self.members) > MAX_MEMBERS:
            raise FileTooLarge

    def _check(self, member: zipfile.ZipInfo, name: str) -> None:
        if member.flag_bits & _ENCRYPTED:
            if member.flag_bits & _STRONGLY or member.compress_type not in _METHODS:
                raise ZipEncryptionUnknown
            if not self._password:
                raise PasswordNeeded
        elif member.compress_type not in _METHODS:
            raise FileDamaged(part=name)

    def content(self, name: str) -> bytes:
        """All bytes of a file; they are inflated anew each time, so that they are not held."""
        member = self.members[name]
        if not member.flag_bits & _ENCRYPTED:
            return self._inflated(member, name, None)
        assert self._password is not None
        # Which encoding it was typed in, the zip does not say.
        encodings = ("utf-8",) if self._password.isascii() else ("utf-8", "gb18030")
        for encoding in encodings:
            try:
                return self._inflated(member, name, self._password.encode(encoding))
            except FileDamaged:
                continue
        raise WrongPassword

    def _inflated(self, member: zipfile.ZipInfo, name: str, password: bytes | None) -> bytes:
        try:
            with self._archive.open(member, pwd=password) as stream:
                return stream.read()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 -- a library reading what an attacker wrote
            raise FileDamaged(part=name) from None


def _name_of(member: zipfile.ZipInfo) -> str:
    """The name as it was written: zips made in Chinese are often GBK and do not say so."""
    name = member.filename
    if not member.flag_bits & _UTF8:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            break
    return name[-_SHOWN:]


def _left_by_system(name: str) -> bool:
    folders = name.replace("\\", "/").split("/")
    last = folders[-1].lower()
    return "__MACOSX" in folders or last.startswith("._") or last in _LEFT_BY_SYSTEMS
