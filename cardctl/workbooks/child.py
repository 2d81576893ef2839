"""The process that parses hostile bytes: `python -m cardctl.workbooks.child`.

stdin: one line of JSON with the password and the sheet, then the file. stdout: lines of JSON, see
`read.py`. It has a limit of memory and of CPU, writes no file, and inherits no secret.
"""

import json
import logging
import resource
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from cardctl.errors import CardctlError
from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.failures import FileEmpty, FileTooLarge, FormatUnknown
from cardctl.workbooks.parsed import Parsed

MEMORY_BYTES = 640 * 2**20
"""Of address space: a million rows of four columns take about 500 MiB of it."""
CPU_S = 120
BATCH_ROWS = 1000

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def main() -> None:
    """Read the request, answer with the table or with what is wrong with it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # msoffcrypto logs the password at DEBUG.
    logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL + 1)
    try:
        request = json.loads(sys.stdin.buffer.readline())
        parsed = _parse([sys.stdin.buffer.read()], request["password"], request["sheet"])
        _say_table(parsed)
    except CardctlError as error:
        _say({"error": error.code, "details": error.details})
    except MemoryError:
        _say({"error": FileTooLarge.code, "details": {}})
    except BrokenPipeError:
        # The parent has seen enough, or is gone.
        sys.stderr.close()


def _parse(held: list[bytes], password: str | None, sheet: str | None) -> Parsed:
    """Tell the format by the content; `held` gives the bytes away, so that they are held once.

    Each parser is imported only for its own format: a child starts for every file.
    """
    data = held.pop()
    encrypted = data.startswith(_OLE)
    if encrypted:
        from cardctl.workbooks.encrypted import decrypt  # noqa: PLC0415 -- as said above

        data = decrypt(data, password)
    if data.startswith(_ZIP):
        from cardctl.workbooks.workbook import parse_workbook  # noqa: PLC0415 -- as said above

        return parse_workbook([data], sheet, encrypted=encrypted)
    if not data.strip():
        raise FileEmpty
    if data.startswith((b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\x89PNG")):
        raise FormatUnknown(found="pdf, rar, 7z, gzip or png")
    from cardctl.workbooks.delimited import parse_text  # noqa: PLC0415 -- as said above

    return parse_text(data)


def _say_table(parsed: Parsed) -> None:
    rows = parsed.rows
    _say(
        {
            "format": parsed.format,
            "sheet": parsed.sheet,
            "hidden_rows": parsed.hidden_rows,
            "merged": parsed.merged,
            "encrypted": parsed.encrypted,
        }
    )
    count = 0
    while batch := list(islice(rows, BATCH_ROWS)):
        _say(_framed(batch))
        count += len(batch)
    if not count:
        raise FileEmpty
    _say({"end": count})


def _framed(batch: list[tuple[int, list[Cell]]]) -> dict[str, Any]:
    """A batch with the cells that are no text noted apart: most are, and JSON is quick then."""
    cells = [row for _, row in batch]
    return {
        "numbers": [number for number, _ in batch],
        "cells": cells,
        "not_text": list(_not_text(cells)),
    }


def _not_text(cells: list[list[Cell]]) -> Iterator[tuple[int, int, str, str]]:
    for place, row in enumerate(cells):
        for column, cell in enumerate(row):
            if type(cell) is NotText:
                yield place, column, cell.kind, cell.text
                row[column] = ""


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer, separators=(",", ":")).encode())
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
