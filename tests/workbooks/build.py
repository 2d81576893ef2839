"""Workbooks of every kind, the hostile ones too, made by code."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from msoffcrypto.format.ooxml import OOXMLFile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
KEYS = "<row r='1'><c r='A1' t='inlineStr'><is><t>兑换码</t></is></c></row>"


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def sheet(rows: str, *, before: str = "", after: str = "", head: str = HEAD) -> str:
    return (
        f'{head}<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows of a sheet of text cells."""
    return "".join(
        f'<row r="{number}">'
        + "".join(text_cell(f"{chr(65 + at)}{number}", text) for at, text in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def parts(sheets: Mapping[str, str], *, hidden: Sequence[str] = ()) -> dict[str, str]:
    """The members of a workbook: its sheets by their names."""
    names = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="rId{place}"'
        f"{' state=' + chr(34) + 'hidden' + chr(34) if name in hidden else ''}/>"
        for place, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{place}" Type="{RELATION}/worksheet"'
        f' Target="worksheets/sheet{place}.xml"/>'
        for place, _ in enumerate(sheets, 1)
    )
    members = {
        "[Content_Types].xml": f"{HEAD}<Types/>",
        "_rels/.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1"'
        f' Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{RELATION}"><sheets>{names}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}">{links}'
        "</Relationships>",
    }
    return members | {
        f"xl/worksheets/sheet{place}.xml": xml for place, xml in enumerate(sheets.values(), 1)
    }


def pack(members: Mapping[str, str | bytes], *, twice: str | None = None) -> bytes:
    """The zip of some members; `twice` adds one of them a second time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        if twice is not None:
            member = zipfile.ZipInfo(twice.upper())
            archive.writestr(member, members[twice])
    return stream.getvalue()


def xlsx(rows: Sequence[Sequence[str]], *, name: str = "Sheet1") -> bytes:
    """A plain workbook of one sheet of text."""
    return pack(parts({name: sheet(table(rows))}))


def one_sheet(rows: str, *, after: str = "") -> bytes:
    """A plain workbook of one sheet, from its XML."""
    return pack(parts({"Sheet1": sheet(rows, after=after)}))


def encrypted(workbook: bytes, password: str) -> bytes:
    """The workbook protected by a password (agile)."""
    sealed = io.BytesIO()
    OOXMLFile(io.BytesIO(_with_types(workbook))).encrypt(password, sealed)
    return sealed.getvalue()


def _with_types(workbook: bytes) -> bytes:
    """What the encrypting library wants: the namespace of the content types, and 4 KiB at least.

    Of a smaller package it writes a longer stream than it has signed.
    """
    stream = io.BytesIO()
    types = f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    filler = b"".join(blake2b(bytes([place])).digest() for place in range(100))
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, types if name == "[Content_Types].xml" else old.read(name))
        new.writestr("docProps/filler.bin", filler)
    return stream.getvalue()
