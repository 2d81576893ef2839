"""Questions to a person, asked on stderr; never asked where nobody can answer."""

import sys

from cardctl.cli.language import _
from cardctl.cli.terminal import escape, is_interactive, write
from cardctl.errors import UsageRefused


class NobodyToAsk(UsageRefused):
    """A question came up without a terminal, or with --no-input."""

    code = "nobody-to-ask"
    message = "this asks before it acts, and nobody is there to answer: {question}"
    hint = "add --yes when you are sure"


class NoSecretGiven(UsageRefused):
    """A secret is needed and cannot be asked for."""

    code = "no-secret"
    message = "{question}: nobody is there to type it"
    hint = "name a source for it, such as env:NAME or fd:N"


class NotConfirmed(UsageRefused):
    """A person said no, or typed something else."""

    code = "not-confirmed"
    message = "not confirmed; nothing was changed"


class SecretEmpty(UsageRefused):
    """Nothing was typed where a new secret is needed."""

    code = "secret-empty"
    message = "nothing was typed"


class TypedDifferently(UsageRefused):
    """A new secret was not typed the same twice."""

    code = "typed-differently"
    message = "the two are not the same; nothing was changed"


def confirm(question: str, *, may_ask: bool) -> None:
    """Go on only after a yes; raises `NotConfirmed` or `NobodyToAsk`."""
    if not may_ask:
        raise NobodyToAsk(question=question)
    if _answer(f"{question} [y/N] ").lower() not in ("y", "yes", "是"):
        raise NotConfirmed


def confirm_by_typing(question: str, name: str, *, may_ask: bool) -> None:
    """Go on only after the name was typed: for what cannot be undone."""
    if not may_ask:
        raise NobodyToAsk(question=question)
    asked = _("{question} Type {name} to go on: ").format(question=question, name=name)
    if _answer(asked) != name:
        raise NotConfirmed


def ask_secret(question: str, *, may_ask: bool) -> str:
    """A secret typed without being shown; raises `NoSecretGiven`."""
    if not may_ask:
        raise NoSecretGiven(question=question)
    from getpass import getpass

    try:
        return getpass(f"{question}: ", stream=sys.stderr)
    except EOFError:
        raise NoSecretGiven(question=question) from None


def ask_new_secret(question: str, *, may_ask: bool) -> str:
    """A new secret, typed twice; raises `NoSecretGiven`, `SecretEmpty` and `TypedDifferently`."""
    first = ask_secret(question, may_ask=may_ask)
    if not first:
        raise SecretEmpty
    if ask_secret(_("Once more"), may_ask=may_ask) != first:
        raise TypedDifferently
    return first


def may_ask(*, no_input: bool) -> bool:
    """Whether a question makes sense: a terminal, and not forbidden."""
    return not no_input and is_interactive()


def _answer(prompt: str) -> str:
    write(sys.stderr, escape(prompt))
    line = sys.stdin.readline()
    return line.strip()
