"""Which language is spoken, and the texts in it.

Every text a person reads is written in English at its place and looked up here when it is shown.
The language is chosen once a run: `--lang`, `CARDCTL_LANG`, the configuration (where `init` puts
the store's language), then the locale.
"""

import gettext
from collections.abc import Mapping
from pathlib import Path

from cardctl.settings import Language

CATALOGUES = Path(__file__).parent.parent / "locale"

_FOLDERS = {Language.ZH: "zh_CN"}


class _Speech:
    """The language of this run and its catalogue."""

    def __init__(self) -> None:
        self.language = Language.EN
        self.catalogue = gettext.NullTranslations()

    def speak(self, language: Language) -> None:
        folder = _FOLDERS.get(language)
        self.language = language
        self.catalogue = (
            gettext.translation("cardctl", CATALOGUES, [folder], fallback=True)
            if folder
            else gettext.NullTranslations()
        )


_speech = _Speech()


def speak(language: Language) -> None:
    """Say everything in this language from now on."""
    _speech.speak(language)


def spoken() -> Language:
    """The language of this run."""
    return _speech.language


def locale_language(environment: Mapping[str, str]) -> Language:
    """The language of the locale: Chinese where it says so, else English."""
    named = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    first = next((value for value in named if value), "")
    return Language.ZH if first.lower().startswith("zh") else Language.EN


def _(text: str) -> str:
    """A text in the language of this run; what the catalogue does not hold stays English."""
    return _speech.catalogue.gettext(text) if text else ""


def word(value: str) -> str:
    """A word of the trade, such as a status, in the language of this run.

    Words have a context of their own in the catalogue: "code" is a kind of product (兑换码) here
    and the short name of a thing (编码) elsewhere.
    """
    return _speech.catalogue.pgettext("word", value)
