"""What the shell offers: nouns, verbs, options, choices, and codes out of the store.

A shell's script (`cardctl completion bash`) runs the program with `_CARDCTL_COMPLETE` set and the
words of the line up to the cursor as arguments. Each answer is a line: the value and, for shells
that show it, its help after a TAB.
"""

import os
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from cardctl.cli.context import Invocation
from cardctl.cli.language import _
from cardctl.cli.options import ROOT_OPTIONS
from cardctl.cli.parsing import offers_for
from cardctl.settings import current_folder, load_settings

VARIABLE = "_CARDCTL_COMPLETE"

CODES = frozenset({"sku", "product", "supplier", "account", "channel", "pool", "batch"})
"""Parameters that name something in the store."""


class Shell(StrEnum):
    """The shells that have a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SCRIPTS = {
    Shell.BASH: """_cardctl_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $( _CARDCTL_COMPLETE=bash cardctl "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null ) )
}
complete -o default -F _cardctl_completion cardctl
""",
    Shell.ZSH: """#compdef cardctl
_cardctl_completion() {
    local -a offers
    local value help
    while IFS=$'\\t' read -r value help; do
        offers+=("${value//:/\\\\:}${help:+:$help}")
    done < <( _CARDCTL_COMPLETE=zsh cardctl "${(@)words[2,$CURRENT]}" 2>/dev/null )
    if (( $#offers )); then _describe cardctl offers; else _files; fi
}
compdef _cardctl_completion cardctl
""",
    Shell.FISH: """function _cardctl_completion
    set -l words (commandline -opc) (commandline -ct)
    _CARDCTL_COMPLETE=fish cardctl $words[2..] 2>/dev/null
end
complete -c cardctl -a "(_cardctl_completion)"
""",
}
"""The script of each shell, to be sourced by its start-up file."""

_MOST = 200


def answer(root: Any, words: Sequence[str], shell: str) -> str:
    """The lines to offer for the last of these words."""
    *before, incomplete = words or [""]
    found = offers_for(root, list(before), incomplete, obj=Invocation())
    if shell == Shell.BASH:
        return "".join(f"{value}\n" for value, _help in found)
    return "".join(f"{value}\t{_(text).splitlines()[0] if text else ''}\n" for value, text in found)


def stored_codes(kind: str, ctx: Any, incomplete: str) -> list[str]:
    """Codes of a kind in the store that begin so; nothing at all when anything is in the way."""
    try:
        return _read_codes(kind, incomplete, _flags_of(ctx))
    except Exception:  # noqa: BLE001 -- a TAB must not print an error into somebody's line
        return []


def _read_codes(kind: str, incomplete: str, flags: dict[str, Any]) -> list[str]:
    from sqlalchemy import select

    from cardctl.schema import cards, catalog
    from cardctl.storage.store import open_store

    column = {
        "sku": catalog.products.c.sku,
        "product": catalog.products.c.sku,
        "supplier": catalog.suppliers.c.code,
        "account": catalog.accounts.c.code,
        "channel": catalog.channels.c.code,
        "pool": catalog.pools.c.code,
        "batch": cards.batches.c.code,
    }[kind]
    settings = load_settings(flags, os.environ, current_folder())
    query = select(column).where(column.startswith(incomplete, autoescape=True))
    with open_store(settings.store).reading() as session:
        return list(session.execute(query.order_by(column).limit(_MOST)).scalars())


def _flags_of(ctx: Any) -> dict[str, Any]:
    """The options of the program on a line that is still being typed."""
    flags: dict[str, Any] = {}
    while ctx is not None:
        found = {name: ctx.params.get(name) for name in ROOT_OPTIONS}
        flags = {name: value for name, value in found.items() if value} | flags
        ctx = ctx.parent
    return {name: flags.get(name) for name in ("store", "profile")}
