"""Open folders: a package whose every module is one member, found by being there.

A new statement format, order format or delivery channel is one new file; nobody keeps a list.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def members(folder: ModuleType, attribute: str) -> list[Any]:
    """What each module of a package calls `attribute`, by the names of the modules."""
    names = sorted(module.name for module in iter_modules(folder.__path__))
    return [getattr(import_module(f"{folder.__name__}.{name}"), attribute) for name in names]
