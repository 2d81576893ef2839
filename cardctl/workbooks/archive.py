"""Look through the zip of a workbook before anything parses it. Runs in the child only.

The parser that follows is quick and trusting, so what would exhaust or mislead it is refused here,
by streaming: no member is held whole.
"""

import codecs
import re
import zipfile
import zlib
from collections.abc import Iterator

from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.failures import (
    DocumentTypeRefused,
    FileDamaged,
    FileTooLarge,
    MembersDuplicate,
    XmlEncodingRefused,
    ZipBomb,
)

MAX_MEMBERS = 4096
MAX_INFLATED_BYTES = 2**30
MAX_RATIO = 300
"""A table of one repeated row inflates some hundredfold, a bomb a thousandfold."""
RATIO_FROM_BYTES = 16 * 2**20

_CHUNK = 2**20
_XML = (".xml", ".rels")
_ENCODING = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)")
_UTF8 = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


def inspect_archive(archive: zipfile.ZipFile) -> dict[str, SheetFacts]:
    """Read every member to its end, checksum and all; the facts of each worksheet by its name.

    Raises `ZipBomb`, `MembersDuplicate`, `DocumentTypeRefused`, `XmlEncodingRefused`,
    `CellOutOfRange`, `FileTooLarge` and `FileDamaged`.
    """
    _check_directory(archive)
    facts: dict[str, SheetFacts] = {}
    left = MAX_INFLATED_BYTES
    for member in archive.infolist():
        name = member_name(member)
        sheet = facts.setdefault(name, SheetFacts()) if "/worksheets/" in name else None
        for chunk in _checked_chunks(archive, member, left):
            left -= len(chunk)
            if sheet is not None:
                sheet.look(chunk)
        if sheet is not None:
            sheet.check()
    return facts


def member_name(member: zipfile.ZipInfo) -> str:
    """The name under which the parser finds a member: it knows neither case nor backslashes."""
    return member.filename.replace("\\", "/").lstrip("/").lower()


def _check_directory(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileTooLarge
    seen = set()
    for member in members:
        name = member_name(member)
        if name in seen:
            raise MembersDuplicate(part=_shown(member))
        seen.add(name)
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
            raise FileDamaged(part=_shown(member))


def _checked_chunks(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int
) -> Iterator[bytes]:
    """The bytes of a member, as long as they stay within the caps and are XML of the plain kind."""
    check = _XmlCheck(member) if member_name(member).endswith(_XML) else None
    inflated = 0
    try:
        with archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                inflated += len(chunk)
                if inflated > left or is_bomb(inflated, member):
                    raise ZipBomb(part=_shown(member))
                if check:
                    check.look(chunk)
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise FileDamaged(part=_shown(member)) from None
    if check:
        check.end()


def is_bomb(inflated: int, member: zipfile.ZipInfo) -> bool:
    """Whether so many bytes are more than the compressed ones can honestly become."""
    return inflated > RATIO_FROM_BYTES and inflated > MAX_RATIO * max(member.compress_size, 1)


def _shown(member: zipfile.ZipInfo) -> str:
    return member.filename[:80]


class _XmlCheck:
    """UTF-8 throughout, and no document type: nothing to expand, nothing to misread."""

    def __init__(self, member: zipfile.ZipInfo) -> None:
        self._part = _shown(member)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._tail = b""

    def look(self, chunk: bytes) -> None:
        if not self._tail:
            declared = _ENCODING.match(chunk)
            if declared and declared[1].lower() not in _UTF8:
                raise XmlEncodingRefused(part=self._part)
        text = self._tail + chunk
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise DocumentTypeRefused(part=self._part)
        self._tail = text[-len("<!DOCTYPE") :]
        self._decode(chunk, final=False)

    def end(self) -> None:
        self._decode(b"", final=True)

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        try:
            decoded = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            raise XmlEncodingRefused(part=self._part) from None
        if "\x00" in decoded:
            # UTF-16 of Latin text is valid UTF-8 full of NULs; XML never holds one.
            raise XmlEncodingRefused(part=self._part)
