"""The process that parses hostile bytes: `python -m cardctl.workbooks.child`.

stdin: one line of JSON with the size of the file and the request, then the file. stdout: lines of
JSON, see `read.py`. It has a limit of memory and of CPU, writes no file, and inherits no secret.
"""

import json
import logging
import resource
import sys
from collections.abc import Iterator
from typing import Any

from cardctl.errors import CardctlError
from cardctl.workbooks.cells import Cell, NotText
from cardctl.workbooks.contents import tables_in
from cardctl.workbooks.failures import FileEmpty, FileTooLarge
from cardctl.workbooks.parsed import Parsed, Request

MEMORY_BYTES = 512 * 2**20
"""Of address space; a workbook of a million rows and three columns takes 483 MiB of it."""
CPU_S = 120
BATCH_ROWS = 1000
BATCH_CHARACTERS = 2**20
"""Either ends a batch, so that neither process holds many long rows at once."""


def main() -> None:
    """Read the request, answer with the tables or with what is wrong with the file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # msoffcrypto logs the password at DEBUG.
    logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL + 1)
    try:
        request = json.loads(sys.stdin.buffer.readline())
        # At once into as much memory as it takes: gathered piece by piece it is held twice.
        held = [sys.stdin.buffer.read(request.pop("size"))]
        _say_tables(tables_in(held, Request(**request)))
    except CardctlError as error:
        _say({"error": error.code, "details": error.details})
    except MemoryError:
        _say({"error": FileTooLarge.code, "details": {}})
    except BrokenPipeError:
        # The parent has seen enough, or is gone.
        sys.stderr.close()


def _say_tables(tables: Iterator[Parsed]) -> None:
    for parsed in tables:
        _say_table(parsed)
    _say({"done": True})


def _say_table(parsed: Parsed) -> None:
    """What it is, its rows, its end; a table that is all of a file has rows."""
    _say(
        {
            "format": parsed.format,
            "sheet": parsed.sheet,
            "alone": parsed.alone,
            "member": parsed.member,
            "hidden_rows": parsed.hidden_rows,
            "merged": parsed.merged,
            "encrypted": parsed.encrypted,
            "unread_members": parsed.unread_members,
        }
    )
    count = 0
    for batch in _batches(parsed.rows):
        _say(_framed(batch))
        count += len(batch)
    if not count and parsed.alone and not parsed.member:
        raise FileEmpty
    _say({"end": count, "skipped": parsed.skipped.lines, "skipped_count": parsed.skipped.count})


def _batches(
    rows: Iterator[tuple[int, list[Cell]]],
) -> Iterator[list[tuple[int, list[Cell]]]]:
    batch, characters = [], 0
    for row in rows:
        batch.append(row)
        characters += sum(map(len, row[1]))
        if len(batch) == BATCH_ROWS or characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


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
