"""Tell what a file is by its content, never by its name. Runs in the child only."""

import io
import zipfile
from collections.abc import Iterator

from cardctl.workbooks.archive import member_name
from cardctl.workbooks.failures import (
    EncodingUnknown,
    FileDamaged,
    FileEmpty,
    FormatUnknown,
    NoKeys,
)
from cardctl.workbooks.parsed import Parsed, Request

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOOK, _OFFICE = "xl/workbook.xml", "[content_types].xml"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS = (b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


def tables_in(held: list[bytes], request: Request) -> Iterator[Parsed]:
    """The tables of a file; `held` gives the bytes away, so that they are held once.

    Each parser is imported only for its own format: a child starts for every file. Raises what is
    wrong with the file.
    """
    if held[0].startswith(_OLE):
        return _in_container(held, request)
    if held[0].startswith(_ZIP):
        return _in_archive(held, request)
    data = held.pop()
    if not data or data.isspace():
        raise FileEmpty
    if data.startswith(_OTHERS):
        raise FormatUnknown(found="pdf, rar, 7z, gzip, png, jpeg or gif")
    from cardctl.workbooks.delimited import parse_text  # noqa: PLC0415 -- as said above

    return iter([parse_text(data, request)])


def is_table(data: bytes, request: Request) -> bool:
    """Whether a file in a zip is meant to be a table; one that is damaged is."""
    if data.startswith(_ZIP):
        return _BOOK in _parts(data)
    try:
        if data.startswith(_OLE):
            from cardctl.workbooks.protected import stream_of_workbook  # noqa: PLC0415 -- as above

            return bool(stream_of_workbook(data))
        tables_in([data], request)
    except (EncodingUnknown, FileEmpty, FormatUnknown, NoKeys):
        return False
    return True


def _in_archive(held: list[bytes], request: Request) -> Iterator[Parsed]:
    """An xlsx, or a zip of files."""
    if request.want in ("keys", "files") and _parts(held[0]).isdisjoint({_BOOK, _OFFICE}):
        from cardctl.workbooks.bundle import parse_bundle  # noqa: PLC0415 -- as said above

        return parse_bundle(held, request)
    from cardctl.workbooks.workbook import parse_workbook  # noqa: PLC0415 -- as said above

    return parse_workbook(held, request, encrypted=False)


def _parts(data: bytes) -> set[str]:
    """The names in an archive as office programs take them; one too damaged to tell has `_BOOK`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member_name(member) for member in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return {_BOOK}


def _in_container(held: list[bytes], request: Request) -> Iterator[Parsed]:
    """An xls, or an xlsx that is protected by a password."""
    from cardctl.workbooks import protected  # noqa: PLC0415 -- as said above

    name = protected.stream_of_workbook(held[0])
    if name != protected.PACKAGE:
        from cardctl.workbooks.old_workbook import parse_old_workbook  # noqa: PLC0415 -- as above

        return parse_old_workbook(held, request, name=name)
    data = protected.decrypt_package(held.pop(), request.password)
    if not data.startswith(_ZIP):
        raise FileDamaged(part=name)
    from cardctl.workbooks.workbook import parse_workbook  # noqa: PLC0415 -- as said above

    return parse_workbook([data], request, encrypted=True)
