"""What is said to a buyer: templates by product and language, filled in by a sandbox.

A shop's own stand in `templates/` of cardctl's home and win over those of the package:

    SKU.zh.txt      the mail of orders of that product alone (a / in the SKU is written %2F)
    mail.zh.txt     every other mail
    notice.zh.txt   what a chat group is told; it never holds a secret

The first line of a mail is ``Subject: …``. A template gets words and numbers only (`wording`), and
the sandbox keeps it from reaching out of them. All are tried before anything is sent: one that is
broken refuses the whole run, not the first buyer's mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cardctl.errors import UsageRefused
from cardctl.settings import Language

FOLDER = "templates"
MAIL = "mail"
NOTICE = "notice"

_SUBJECT = "Subject:"
_SUBJECT_LONGEST = 200
_FILE_MAX_BYTES = 2**18
_TEXT_LONGEST = 2**20


class BadTemplate(UsageRefused):
    """A template that cannot be filled in."""

    code = "bad-template"
    message = "the template {file} is refused: {reason}"
    hint = "correct the file, or take it away: then the text of cardctl is sent"


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail; the subject is one line."""

    subject: str
    body: str


class Templates:
    """The templates of a home in one language, each read once."""

    def __init__(self, home: Path, language: Language) -> None:
        """Reads nothing yet."""
        self._folder = home / FOLDER
        self._language = language
        self._sources: dict[str, str | None] = {}
        # Plain text: there is nothing to escape for.
        self._environment = ImmutableSandboxedEnvironment(
            autoescape=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def check(self) -> None:
        """Fill in every template of the home with samples; raises `BadTemplate`."""
        ending = f".{self._language}.txt"
        found = sorted(self._folder.glob(f"*{ending}")) if self._folder.is_dir() else []
        for name in (path.name.removesuffix(ending) for path in found):
            for sample in _SAMPLES:
                if name == NOTICE:
                    self.notice(sample)
                else:
                    self._fill_mail(name, sample)

    def mail(self, described: Mapping[str, Any]) -> MailText:
        """The mail of an order: its product's own where it is of one product that has one."""
        skus = {product["sku"] for product in described["products"]}
        if len(skus) == 1:
            own = skus.pop().replace("/", "%2F")
            if self._own_source(own) is not None:
                return self._fill_mail(own, described)
        return self._fill_mail(MAIL, described)

    def notice(self, described: Mapping[str, Any]) -> str:
        """What a chat group is told of an order."""
        return self._fill(NOTICE, self._source(NOTICE), described).strip()

    def _fill_mail(self, name: str, described: Mapping[str, Any]) -> MailText:
        first, _, rest = self._source(name).partition("\n")
        if not first.startswith(_SUBJECT):
            raise BadTemplate(file=self._file(name), reason="its first line is not Subject: …")
        subject = self._fill(name, first.removeprefix(_SUBJECT), described)
        body = self._fill(name, rest, described, line=1)
        return MailText(" ".join(subject.split())[:_SUBJECT_LONGEST], body.strip() + "\n")

    def _fill(self, name: str, source: str, described: Mapping[str, Any], *, line: int = 0) -> str:
        """A filled-in text; `line` is how many lines of the file stand before `source`."""
        try:
            text = self._environment.from_string(source).render(described)
        except TemplateError as error:
            # The words for what is not there name what was looked for: of an order, a secret maybe.
            words = str(error.message) if described in _SAMPLES else type(error).__name__
            place = getattr(error, "lineno", None)
            told = f"line {place + line}: {words}" if place else words
            raise BadTemplate(file=self._file(name), reason=told) from None
        except Exception as error:  # noqa: BLE001 -- a template may divide by zero, or worse
            raise BadTemplate(file=self._file(name), reason=type(error).__name__) from None
        if len(text) > _TEXT_LONGEST:
            raise BadTemplate(file=self._file(name), reason="it makes too long a text")
        return text

    def _source(self, name: str) -> str:
        own = self._own_source(name)
        if own is not None:
            return own
        packaged = files("cardctl.deliveries") / "texts" / f"{name}.{self._language}.txt"
        return packaged.read_text("utf-8")

    def _own_source(self, name: str) -> str | None:
        """The shop's own template of that name; raises `BadTemplate` where it cannot be read."""
        if name not in self._sources:
            self._sources[name] = self._read(name)
        return self._sources[name]

    def _read(self, name: str) -> str | None:
        try:
            with (self._folder / self._file_name(name)).open("rb") as stream:
                octets = stream.read(_FILE_MAX_BYTES + 1)
            if len(octets) > _FILE_MAX_BYTES:
                raise BadTemplate(file=self._file(name), reason="it is too long")
            return octets.decode().removeprefix("\N{BYTE ORDER MARK}").replace("\r\n", "\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadTemplate(file=self._file(name), reason=str(error.strerror)) from None
        except UnicodeDecodeError:
            raise BadTemplate(file=self._file(name), reason="it is not UTF-8") from None

    def _file(self, name: str) -> str:
        return str(self._folder / self._file_name(name))

    def _file_name(self, name: str) -> str:
        return f"{name}.{self._language}.txt"


_CARD = {"number": "1", "secret": "x", "fields": {"x": "y"}, "expires_on": "x", "expires": "x"}
_PRODUCT = {"line": 1, "sku": "x", "name": "x", "qty": 1, "guide": "x", "in_text": True}
_ORDER = {"order": "x:1", "channel": "x", "number": "1", "buyer": "x", "reprint": 0}
_SAMPLES: tuple[dict[str, Any], ...] = (
    {
        **_ORDER,
        "products": [{**_PRODUCT, "cards": [_CARD]}],
        "shop": {"name": "x", "contact": "x"},
    },
    {
        **_ORDER,
        "buyer": "",
        "products": [{**_PRODUCT, "guide": "", "in_text": False, "cards": []}],
        "shop": {"name": "", "contact": ""},
    },
)
"""As `wording.described` makes them: with everything, and with as little as there may be."""
