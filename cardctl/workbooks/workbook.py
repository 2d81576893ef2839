"""Tables in xlsx workbooks. Runs in the child only."""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from cardctl.workbooks.archive import inspect_archive, member_name
from cardctl.workbooks.extent import SheetFacts
from cardctl.workbooks.failures import FileDamaged, FormatUnknown
from cardctl.workbooks.parsed import Parsed, Request
from cardctl.workbooks.sheets import lay_out

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


def parse_workbook(held: list[bytes], request: Request, *, encrypted: bool) -> Iterator[Parsed]:
    """The table in the one sheet that holds cells, in the one that is named, or each of them.

    `held` gives the bytes away: they are dropped before the sheet is laid out. Raises what
    `inspect_archive` and `lay_out` do, and `FormatUnknown`.
    """
    stream = io.BytesIO(held.pop())
    try:
        with zipfile.ZipFile(stream) as archive:
            facts = _facts_by_sheet(archive)
    except (zipfile.BadZipFile, NotImplementedError):
        raise FileDamaged(part="zip") from None
    except (expat.ExpatError, KeyError, ValueError):
        raise FileDamaged(part=_WORKBOOK) from None
    stream.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
    except CalamineError:
        raise FileDamaged(part=_WORKBOOK) from None
    del stream
    return lay_out(workbook, facts, request, book_format="xlsx", encrypted=encrypted)


def _facts_by_sheet(archive: zipfile.ZipFile) -> dict[str, SheetFacts]:
    """The facts of each sheet by the name that people see."""
    by_part = inspect_archive(archive)
    names = {member_name(member): member for member in archive.infolist()}
    if _WORKBOOK not in names:
        found = "zip" if "[content_types].xml" not in names else "docx, pptx or ods"
        raise FormatUnknown(found=found)
    targets = {
        attributes["Id"]: attributes["Target"]
        for attributes in _elements(archive.read(names[_RELATIONS]), "Relationship")
    }
    facts = {}
    for attributes in _elements(archive.read(names[_WORKBOOK]), "sheet"):
        relation = next(value for name, value in attributes.items() if name.endswith(":id"))
        part = posixpath.normpath(posixpath.join("/xl", targets[relation])).lstrip("/").lower()
        facts[attributes["name"]] = by_part.get(part, SheetFacts())
    return facts


def _elements(xml: bytes, local_name: str) -> Iterator[dict[str, str]]:
    """The attributes of the elements of a name, whatever their prefix."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == local_name:
            found.append(attributes)

    parser.StartElementHandler = start
    parser.Parse(xml, True)  # noqa: FBT003 -- expat takes it by position
    return iter(found)
