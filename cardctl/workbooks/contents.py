"""Tell what a file is by its content, never by its name. Runs in the child only."""

from collections.abc import Iterator

from cardctl.workbooks.failures import FileDamaged, FileEmpty, FormatUnknown
from cardctl.workbooks.parsed import Parsed, Request

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS = (b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\x89PNG")


def tables_in(held: list[bytes], request: Request) -> Iterator[Parsed]:
    """The tables of a file; `held` gives the bytes away, so that they are held once.

    Each parser is imported only for its own format: a child starts for every file. Raises what is
    wrong with the file.
    """
    data = held.pop()
    if data.startswith(_OLE):
        return _in_container([data], request)
    if data.startswith(_ZIP):
        from cardctl.workbooks.workbook import parse_workbook  # noqa: PLC0415 -- as said above

        return parse_workbook([data], request, encrypted=False)
    if not data.strip():
        raise FileEmpty
    if data.startswith(_OTHERS):
        raise FormatUnknown(found="pdf, rar, 7z, gzip or png")
    from cardctl.workbooks.delimited import parse_text  # noqa: PLC0415 -- as said above

    return iter([parse_text(data, request)])


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
