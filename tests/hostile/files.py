"""Hostile tables, by name: what makes them, and what an import of keys may do with them.

Every secret in them begins with `SECRET`, so that one which is said aloud is heard.
"""

import json
import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from tests.workbooks import old, zips
from tests.workbooks.build import (
    HEAD,
    KEYS,
    encrypted,
    one_sheet,
    pack,
    parts,
    sheet,
    table,
    text_cell,
    xlsx,
)

SECRET = "S3CR3T-made-up"
PASSWORD = "made-up-file-password"


class Hostile(NamedTuple):
    """A file: its bytes, and whether an import of keys may take some of it."""

    make: Callable[[], bytes]
    takeable: bool = False


def key(place: int = 0) -> str:
    return f"{SECRET}-{place:04d}"


ROWS = [["兑换码", "备注"], *([key(place), "现货"] for place in range(20))]
BOOK = xlsx(ROWS)
OLD_BOOK = old.plain_xls(ROWS)
TEXT = "".join(f"{cells[0]},{cells[1]}\n" for cells in ROWS).encode()
PASTED = "".join(f"{key(place)}\n" for place in range(20)).encode()
JSONL = "".join(json.dumps({"code": key(place)}) + "\n" for place in range(20)).encode()


def noise(size: int, seed: int = 1) -> bytes:
    """The same random bytes each time."""
    return random.Random(seed).randbytes(size)


def flipped(content: bytes, seed: int) -> bytes:
    """The content with a handful of its bytes changed, the same each time."""
    drawn = random.Random(seed)
    changed = bytearray(content)
    for _ in range(5):
        changed[drawn.randrange(len(changed))] ^= drawn.randrange(1, 256)
    return bytes(changed)


def _workbook_with(member: str, content: str | bytes) -> bytes:
    return pack(parts({"S": sheet(table(ROWS))}) | {member: content})


def _shared_giant() -> bytes:
    """A hundred thousand cells that share one text of 32,000 characters."""
    strings = f"{HEAD}<sst><si><t>{'x' * 32_000}</t></si></sst>"
    cells = "".join(
        f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(2, 100_000)
    )
    return pack(parts({"S": sheet(KEYS + cells)}) | {"xl/sharedStrings.xml": strings})


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{place} "{f"&l{place - 1};" * 10}">' for place in range(1, 9))
    head = f'{HEAD}<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]>'
    return pack(parts({"S": sheet(KEYS + "<c r='A2'><v>&l8;</v></c>", head=head)}))


def _scattered() -> bytes:
    rows = KEYS + "".join(
        f'<row r="{row}">{text_cell(f"{column}{row}", "x")}</row>'
        for row, column in zip(
            range(2, 1_000_000, 40_000), "BCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False
        )
    )
    return one_sheet(rows + text_cell("AZZ1000000", "x"))


def _looped_fat() -> bytes:
    """An OLE container whose sectors follow each other in a circle."""
    changed = bytearray(OLD_BOOK)
    struct.pack_into("<I", changed, 512 + 4 * 3, 2)
    return bytes(changed)


def _growing_columns() -> bytes:
    return "".join(json.dumps({f"c{place}": "x"}) + "\n" for place in range(20_000)).encode()


BROKEN = {
    "nothing": b"",
    "blanks": b" \r\n\t\n",
    "zeros": bytes(100_000),
    "noise": noise(50_000),
    "a picture": b"\x89PNG\r\n\x1a\n" + noise(2000),
    "a pdf": b"%PDF-1.7\n" + noise(2000),
    "a rar": b"Rar!\x1a\x07\x00" + noise(2000),
    "a program": b"MZ\x90\x00\xff\xff" + noise(2000),
    "html called xls": b"<html><table><tr><td>" + key().encode(),
    "utf-16": f"兑换码\n{key()}".encode("utf-16"),
    "neither encoding": b"code\n" + key().encode() + b"\xff\xff\n",
    "an xlsx cut": BOOK[: len(BOOK) // 2],
    "an xlsx without its end": BOOK[:-22],
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "an xls cut": OLD_BOOK[:2000],
    "ole of nothing": old.ole({"Other": b"x"}),
    "ole of zeros": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000),
    "a letter in ole": old.ole({"WordDocument": noise(4096)}),
    "an xls of noise": old.ole({"Workbook": noise(8192)}),
    "an xls without a sheet": old.xls({}),
    "a csv with an open quote": b'code\n"' + key().encode() + b"\n",
    "a giant cell": b"code\n" + b"x" * (2**20 + 1) + b"\n",
    "a csv of commas": b"code\n" + b"," * 100_000 + b"x\n",
    "jsonl cut": b'{"code": "' + key().encode(),
    "jsonl of lists": b'{"code": ["' + key().encode() + b'"]}\n',
    "jsonl nested": b'{"code": ' + b"[" * 100_000 + b"\n",
    "talk only": "您好\n今天没有货\n".encode(),
    "a zip of talk": zips.packed({"readme.txt": "您好"}),
    "a zip cut": zips.packed({"a.csv": TEXT})[:-30],
    "a zip in a zip": zips.packed({"a.zip": zips.packed({"a.csv": TEXT})}),
    "a zip with AES": zips.sealed_with_aes(TEXT),
    "a zip without its password": zips.bundle({"a.csv": TEXT}, password=b"another"),
}

CORPUS: dict[str, Hostile] = {
    **{name: Hostile(lambda content=content: content) for name, content in BROKEN.items()},
    **{
        f"{name}, bits flipped {seed}": Hostile(
            lambda content=content, seed=seed: flipped(content, seed), takeable=True
        )
        for name, content in {
            "an xlsx": BOOK,
            "an xls": OLD_BOOK,
            "a csv": TEXT,
            "a zip": zips.packed({"a.csv": TEXT, "b.xlsx": BOOK}),
        }.items()
        for seed in (1, 2)
    },
    "laughs": Hostile(_laughs),
    "a DTD in the strings": Hostile(
        lambda: _workbook_with("xl/sharedStrings.xml", HEAD + "<!DOCTYPE sst><sst/>")
    ),
    "utf-16 inside": Hostile(lambda: _workbook_with("xl/styles.xml", "<a/>".encode("utf-16-le"))),
    "a part twice": Hostile(
        lambda: pack(parts({"S": sheet(KEYS)}), twice="xl/worksheets/sheet1.xml")
    ),
    "several sheets": Hostile(lambda: pack(parts({"A": sheet(KEYS), "B": sheet(KEYS)}))),
    "the last corner": Hostile(lambda: one_sheet(KEYS + text_cell("XFD1048576", "x"))),
    "scattered cells": Hostile(_scattered),
    "a bomb of rows": Hostile(
        lambda: _workbook_with("xl/worksheets/sheet1.xml", b"<row></row>" * (3 * 2**20))
    ),
    "a bomb of strings": Hostile(lambda: _workbook_with("xl/sharedStrings.xml", bytes(64 * 2**20))),
    "one giant text in every cell": Hostile(_shared_giant),
    "a bomb in a zip": Hostile(lambda: zips.packed({"a.csv": bytes(64 * 2**20)})),
    "a thousand files": Hostile(
        lambda: zips.packed({f"{place}.csv": TEXT for place in range(1001)})
    ),
    "an xls far out": Hostile(
        lambda: old.xls({"S": old.table([["兑换码"]]) + old.label(65_535, 1023, "x")})
    ),
    "an xls in a circle": Hostile(_looped_fat, takeable=True),
    "an xlsx without its password": Hostile(lambda: encrypted(BOOK, "another")),
    "an xls without its password": Hostile(
        lambda: old.sealed_cryptoapi({"S": old.table(ROWS)}, "another")
    ),
    "columns without end": Hostile(_growing_columns),
    "one line of ten megabytes": Hostile(lambda: b"K" * 10_000_000),
    "a hundred thousand separators": Hostile(lambda: b"-" * 100_000 + b"x1" * 10),
    "paths for names": Hostile(
        lambda: zips.packed({"../../../escaped.csv": TEXT, "/tmp/escaped.csv": TEXT}),  # noqa: S108
        takeable=True,
    ),
    "formulas": Hostile(
        lambda: one_sheet(KEYS + '<row r="2"><c r="A2" t="str"><f>cmd|1</f><v>x</v></c></row>')
    ),
    "numbers for keys": Hostile(
        lambda: old.xls({"S": old.label(0, 0, "兑换码") + old.number(1, 0, 6225880212345678)})
    ),
    "control characters": Hostile(f"兑换码\n\x1b[31m{key()}\x07\n{key(1)}\x00\n".encode),
    "markup": Hostile(f"兑换码,[bold]\n[link=x]{key(90)}[/link],\n".encode, takeable=True),
}
