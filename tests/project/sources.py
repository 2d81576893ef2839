"""The files of the project, as the tests of this folder read them."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ELSEWHERE = {"__pycache__", "build", "dist", "node_modules"}


def python_files(*folders: str) -> list[Path]:
    """The Python sources below some folders of the project."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not _ELSEWHERE & set(path.parts)
    ]


def text_files() -> list[Path]:
    """Every file of the project that is text, but for what tools leave behind."""
    found = []
    for top in sorted(ROOT.iterdir()):
        if top.name == ".ci" or not top.name.startswith("."):
            paths = [top] if top.is_file() else sorted(top.rglob("*"))
            found += [path for path in paths if path.is_file() and _is_text(path)]
    return [path for path in found if not _ELSEWHERE & set(path.parts)]


def name_of(path: Path) -> str:
    """A path as the project names it."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a source."""
    return ast.parse(path.read_text("utf-8"))


def _is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]
