"""The catalogue on disk: texts with their Chinese, as .po and .mo."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cardctl.locale.collect import Found, Text

FOLDER = Path(__file__).parent / "zh_CN" / "LC_MESSAGES"
PO = FOLDER / "cardctl.po"
MO = FOLDER / "cardctl.mo"

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
# A date of today would make every run write another file.
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_translations(path: Path = PO) -> dict[Text, str]:
    """The texts of a .po file with their Chinese; "" where there is none."""
    if not path.exists():
        return {}
    with path.open("rb") as stream:
        catalogue = read_po(stream, locale="zh_CN")
    return {
        Text(str(message.id), message.context): str(message.string or "")
        for message in catalogue
        if message.id
    }


def build(found: Found, translations: dict[Text, str]) -> Catalog:
    """A catalogue of the texts of the sources; translations of texts that are gone are dropped."""
    catalogue = Catalog(
        locale="zh_CN",
        domain="cardctl",
        project="cardctl",
        header_comment="# The texts of cardctl in Chinese; see cardctl/locale/__init__.py.",
        creation_date=_SOME_DAY,
        revision_date=_SOME_DAY,
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        version="",
        fuzzy=False,
    )
    for text, places in sorted(found.places.items(), key=lambda item: _order(item[0])):
        catalogue.add(
            text.english,
            translations.get(text, ""),
            # Without line numbers, which would change with every edit.
            locations=[(place, 0) for place in places],
            context=text.context,
        )
    return catalogue


def as_po(catalogue: Catalog) -> bytes:
    """The .po file."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, include_lineno=False)
    return stream.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """The .mo file, which gettext reads."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def faults(found: Found, translations: dict[Text, str]) -> list[str]:
    """What is wrong: texts without Chinese, with other placeholders, or put together from parts."""
    told = [
        f"{place}: a text put together from parts cannot be translated" for place in found.broken
    ]
    for text in sorted(found.places, key=_order):
        chinese = translations.get(text, "")
        if not chinese:
            told.append(f"no Chinese for {text.english!r} ({', '.join(found.places[text])})")
        elif _placeholders(chinese) - _placeholders(text.english):
            told.append(f"placeholders differ: {text.english!r} and {chinese!r}")
    return told


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def _order(text: Text) -> tuple[str, str]:
    return text.context or "", text.english
