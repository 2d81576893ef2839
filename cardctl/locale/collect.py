"""Read every text that a person may see out of the sources.

A text is found by its place, not by running anything: the message and hint of an error class, the
docstring of a verb, the help of an option, the heading of a column, the summary of a noun, and what
is said through `_`, `note`, `warn`, `confirm` and their like. The values of an enumeration and
literal words in a result are words of the trade; they have the context "word" in the catalogue.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORD = "word"
"""The context of words of the trade."""

_SPOKEN = frozenset(
    {
        "_",
        "ask",
        "ask_new_secret",
        "ask_secret",
        "confirm",
        "confirm_by_typing",
        "note",
        "progress",
        "warn",
    }
)
"""Functions whose literal arguments are texts."""

_SECOND = frozenset({"Column", "NounRow", "group"})
"""Functions whose second argument is a text: the first is a name for programs."""

_OPTION_KINDS = frozenset({"yuan", "rate", "days", "minutes"})
"""Functions of cli/options.py whose first argument is the help of an option."""

_ERROR_DETAILS = frozenset({"expected", "noun", "problem", "question", "reason"})
"""Details of errors that are texts; `cli/failures.py` translates the same."""

_WORD_FIELDS = frozenset({"event", "kind", "origin", "scope", "state", "status", "tier", "was"})
"""Fields of results whose literal values in cli/ are words; `cli/stored_words.py` has the same."""

_NOT_SHOWN = frozenset({"Language", "SourceKind"})
"""Enumerations that are typed and never shown as words; so are all that cli/ has."""

_NOUNS = "CatalogueNoun"
"""The enumeration whose values are texts: as a word, an account is a kind of product."""

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_COMMAND = re.compile(r"(?:cardctl|\{command\})(?: [-\w{}:…]+)+")
"""What looks like a line to type, which is the same in every language."""


@dataclass(frozen=True, slots=True, order=True)
class Text:
    """An English text, and its context where it has one."""

    english: str
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The texts of the sources with the files they stand in, and what cannot be translated."""

    places: dict[Text, list[str]]
    broken: list[str]
    """Places where a text is put together from parts, which no catalogue can hold."""


def collect(root: Path) -> Found:
    """Every text in the Python files below a folder."""
    places: dict[Text, list[str]] = {}
    broken = []
    nouns = {path.stem for path in root.glob("cli/commands/*.py")} | {"{noun}", "--help"}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for text in _texts(node, in_cli=name.startswith("cardctl/cli/")):
                if isinstance(text, ast.JoinedStr):
                    broken.append(f"{name}:{text.lineno}")
                elif _says_something(text, nouns) and name not in places.setdefault(text, []):
                    places[text].append(name)
    return Found(places, broken)


def _says_something(text: Text, nouns: set[str]) -> bool:
    """Whether there is a word in it to translate: not so in a command, or in a bare placeholder."""
    bare = _PLACEHOLDER.sub("", text.english)
    is_command = _COMMAND.fullmatch(text.english) and text.english.split()[1] in nouns
    return any(map(str.isalpha, bare)) and not is_command


def _texts(node: ast.AST, *, in_cli: bool) -> Iterator[Text | ast.JoinedStr]:
    match node:
        case ast.ClassDef():
            yield from _class_texts(node, in_cli=in_cli)
        case ast.FunctionDef() if in_cli and any(map(_is_verb, node.decorator_list)):
            for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                yield Text(" ".join(paragraph.split()))
        case ast.Call():
            yield from _call_texts(node, in_cli=in_cli)
        case ast.Dict() if in_cli:
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in _WORD_FIELDS:
                    yield from _words(value)


def _class_texts(node: ast.ClassDef, *, in_cli: bool) -> Iterator[Text | ast.JoinedStr]:
    """Message and hint of an error, values of an enumeration."""
    is_enumeration = any(_name(base) == "StrEnum" for base in node.bases)
    is_words = is_enumeration and not in_cli and node.name not in _NOT_SHOWN
    for statement in node.body:
        name, value = _assignment(statement)
        if node.name == _NOUNS:
            yield from _literal(value)
        elif is_words:
            yield from _words(value)
        elif not is_enumeration and name in ("message", "hint"):
            yield from _literal(value)


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name and value of ``name = value``; nothing for any other statement."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name, statement.value
    return "", None


def _call_texts(node: ast.Call, *, in_cli: bool) -> Iterator[Text | ast.JoinedStr]:
    called = _name(node.func)
    if called in _SPOKEN and (in_cli or called == "_"):
        for argument in node.args:
            yield from _literal(argument)
    elif called in _SECOND and len(node.args) > 1:
        yield from _literal(node.args[1])
    elif called in _OPTION_KINDS and in_cli and node.args:
        yield from _literal(node.args[0])
    elif called == "word" and node.args:
        yield from _words(node.args[0])
    for keyword in node.keywords:
        if (keyword.arg == "help" and in_cli) or (
            keyword.arg in _ERROR_DETAILS and called[:1].isupper()
        ):
            yield from _literal(keyword.value)
        elif keyword.arg in _WORD_FIELDS and in_cli:
            yield from _words(keyword.value)


def _literal(value: ast.expr | None) -> Iterator[Text | ast.JoinedStr]:
    """The text of a literal, of both branches of a choice; a text in parts as it stands."""
    match value:
        case ast.Constant(value=str(text)):
            yield Text(text)
        case ast.IfExp():
            yield from _literal(value.body)
            yield from _literal(value.orelse)
        case ast.JoinedStr():
            yield value


def _words(value: ast.expr | None) -> Iterator[Text]:
    for text in _literal(value):
        if isinstance(text, Text):
            yield Text(text.english, WORD)


def _is_verb(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _name(decorator.func) == "verb"


def _name(node: ast.expr) -> str:
    """The last part of a name: ``noun.verb`` is called ``verb``."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
