"""Files as suppliers send them, made by code, and how each is to be answered."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from tests.workbooks import build, old

PASSWORD = "sesame 芝麻"
CODES = [["兑换码"], ["0012"], ["6225880212345678901"]]
CARDS = [["卡号", "密码"], ["0001", "pw1"], ["0002", "=cmd|' /c calc'!A0"]]
VIP = "--product VIP --expires never"
CARD = "--product CARDP --expires never"
OPENED = "--password-source env:PW"
SPLIT = "--expires never"


def xlsx(rows):
    return build.xlsx([[escaped(cell) for cell in row] for row in rows])


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def sheets(**tables):
    return build.pack(
        build.parts({name: build.sheet(build.table(rows)) for name, rows in tables.items()})
    )


def cells(row_xml, *, after=""):
    """A workbook of one column 兑换码 whose second row is given as XML."""
    return build.one_sheet(build.table([["兑换码"]]) + row_xml, after=after)


def text(rows, *, delimiter=",", encoding="utf-8"):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue().encode(encoding)


def jsonl(rows):
    header, *others = rows
    lines = (json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in others)
    return "\n".join(lines).encode()


def xls(rows):
    return old.plain_xls(rows)


def sealed_xls(rows):
    return old.sealed_rc4({"Sheet1": old.table(rows)}, PASSWORD)


def sealed_xlsx(rows):
    return build.encrypted(xlsx(rows), PASSWORD)


def pasted(rows, *, form="{}----{}"):
    return "\n".join(form.format(*row) for row in rows[1:]).encode()


class GbkName(zipfile.ZipInfo):
    """A member whose name is written as Chinese Windows writes it: without saying how."""

    def _encodeFilenameFlags(self):  # noqa: N802 -- the library's name
        return self.filename.encode("gbk"), 0


def zipped(gbk=False, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            file = name.replace("_", ".")
            archive.writestr(GbkName(file) if gbk else file, content)
    return stream.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, how it is imported, and the answer.

    `cards` are imported and `refused` rows are not: (row, code), or (member, row, code) in a zip.
    `error` is the code of an error that refuses the file as a whole.
    """

    name: str
    file: bytes
    how: str
    cards: int = 0
    refused: tuple[tuple[Any, ...], ...] = ()
    error: str = ""

    @property
    def answer(self):
        """What the command says: an error, or the status, the cards and the rejects."""
        if self.error:
            return self.error
        status = "imported" if not self.refused else "partial" if self.cards else "refused"
        return status, self.cards, list(self.refused)
