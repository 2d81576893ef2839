"""Tables in xls workbooks. Runs in the child only."""

import io
from collections.abc import Iterator

from python_calamine import CalamineError, CalamineWorkbook

from cardctl.workbooks.failures import FileDamaged
from cardctl.workbooks.parsed import Parsed, Request
from cardctl.workbooks.protected import open_container, unprotected
from cardctl.workbooks.records import file_pass, scan_sheets
from cardctl.workbooks.sheets import lay_out


def parse_old_workbook(held: list[bytes], request: Request, *, name: str) -> Iterator[Parsed]:
    """The table in the one sheet that holds cells, in the one that is named, or each of them.

    `name` is that of the stream the workbook is in. `held` gives the bytes away. Raises what
    `unprotected`, `scan_sheets` and `lay_out` do.
    """
    data = held.pop()
    try:
        stream = open_container(data).openstream(name).read()
    except OSError:
        raise FileDamaged(part=name) from None
    encrypted = file_pass(stream) is not None
    if encrypted:
        data, stream = unprotected(data, name, stream, request.password)
    sheets = scan_sheets(stream)
    del stream
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except CalamineError:
        raise FileDamaged(part=name) from None
    names = [about.name for about in workbook.sheets_metadata]
    if len(names) != len(sheets):
        raise FileDamaged(part=name)
    del data
    facts = dict(zip(names, sheets, strict=True))
    return lay_out(workbook, facts, request, book_format="xls", encrypted=encrypted)
