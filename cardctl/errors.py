"""The one error tree: a kebab code, an exit status, a message and a hint.

::

    CardctlError                     1  a bug, when nothing below says better
    ├── UsageRefused                 2  wrong usage or configuration
    ├── InputRefused                 3  input refused
    ├── NotFound                     4  not found
    ├── StateForbids                 5  the state forbids it
    ├── VaultError                   7  no key, wrong key, malformed key, tampered
    └── ServiceUnavailable           9  database or service unreachable, busy, not migrated

`message` and `hint` are templates in English: they are the msgids of the catalogue, and the
terminal fills them from `details` after translation. An error carries data and prints nothing.
A leaf lives beside the code that raises it; only what several packages raise stands here.
"""

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """What a command ends with; the README lists them and a test pins them."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INPUT_REFUSED = 3
    NOT_FOUND = 4
    STATE_FORBIDS = 5
    RISK_STOPPED = 6
    VAULT = 7
    NEEDS_PERSON = 8
    UNAVAILABLE = 9
    JOB_RUNNING = 10
    INTERRUPTED = 130


class CardctlError(Exception):
    """Any failure a user can be told about.

    Details fill the templates and go to the JSON document; they never hold a secret.
    """

    code: ClassVar[str] = "bug"
    exit_status: ClassVar[ExitStatus] = ExitStatus.BUG
    message: ClassVar[str] = "something went wrong inside cardctl"
    hint: ClassVar[str] = ""

    def __init__(self, **details: object) -> None:
        """Keep what the templates and a program need to know."""
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        """The message in English, for logs and for tests."""
        return f"{self.code}: {self.message.format(**self.details)}"


class UsageRefused(CardctlError):
    """The command line or the configuration cannot be carried out."""

    code = "usage"
    exit_status = ExitStatus.USAGE
    message = "{problem}"


class InputRefused(CardctlError):
    """A file, a row or a value is not what it should be."""

    code = "input-refused"
    exit_status = ExitStatus.INPUT_REFUSED
    message = "{problem}"


class NotFound(CardctlError):
    """Something was named that is not there."""

    code = "not-found"
    exit_status = ExitStatus.NOT_FOUND
    message = "there is no {noun} {name}"
    hint = "cardctl {noun} list"


class StateForbids(CardctlError):
    """What was asked for contradicts what has already happened."""

    code = "conflict"
    exit_status = ExitStatus.STATE_FORBIDS
    message = "{problem}"


class VaultError(CardctlError):
    """No key, a wrong key, a malformed key, or something tampered with."""

    code = "vault"
    exit_status = ExitStatus.VAULT
    message = "{problem}"


class ServiceUnavailable(CardctlError):
    """The database or another service cannot be reached, is busy or is not migrated."""

    code = "unavailable"
    exit_status = ExitStatus.UNAVAILABLE
    message = "{problem}"


class AlreadyExists(StateForbids):
    """A code is taken by something that differs from what was asked for."""

    code = "already-exists"
    message = "{noun} {name} exists already and differs in: {differs}"
    hint = "cardctl {noun} edit {name}"


class BadValue(InputRefused):
    """A value that does not read as what it should be."""

    code = "bad-value"
    message = "{value!r} is not {expected}"
