"""What a delivery channel is; each is one file in `channels/`, by its name, with a `CHANNEL`.

A channel sends one message after another. One that is `staged` only collects in `send` what its
`finish` then puts where it belongs, all of it or nothing: a file, the terminal.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from sqlmodel import Session

from cardctl.deliveries import channels
from cardctl.deliveries.lease import Waiting
from cardctl.deliveries.message import Message, Sender
from cardctl.deliveries.outbox import Lacks
from cardctl.deliveries.results import SendResult
from cardctl.errors import CardctlError
from cardctl.settings import Settings
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vocabulary import DeliveryLayout, DeliveryStatus, DeliveryVia

Receivers = Mapping[tuple[int, int], int]
"""Who gets a delivery (bucket, id), as a number: one who is down keeps no other from theirs."""

ONE = 0
"""The receiver where there is but one, as the mail server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try; `error` says why it failed, never with a secret in its details."""

    status: DeliveryStatus
    """DELIVERED; WAITING (taken, the answer comes later); PENDING (try again); DEAD (never)."""
    error: CardctlError | None = None
    reference: str | None = None
    """The other side's own number of it."""
    refused_at: int | None = None
    """When the other side signed its refusal (epoch ms), where it did."""
    is_try: bool = True
    """Whether anything of the message reached the other side; else no try is counted."""


DELIVERED = Answer(DeliveryStatus.DELIVERED)


def try_again(error: CardctlError) -> Answer:
    """It failed, or nobody knows whether it arrived: the same message later, under its key."""
    return Answer(DeliveryStatus.PENDING, error)


def not_tried(error: CardctlError) -> Answer:
    """The other side takes nothing from anybody now: the message has lost none of its tries."""
    return Answer(DeliveryStatus.PENDING, error, is_try=False)


def give_up(error: CardctlError) -> Answer:
    """It would fail in the same way each time: a person has to look at it."""
    return Answer(DeliveryStatus.DEAD, error)


class ShownText(NamedTuple):
    """An order's cards as text, for the terminal."""

    order: str
    buyer: str | None
    text: str


class Channel(Protocol):
    """An open channel."""

    via: DeliveryVia
    staged: bool
    """Whether nothing has left before `finish`."""
    deadline_ms: int
    """The longest that `send` takes: it gives up before, and says `try_again`."""

    def begin(self) -> None:
        """Raise what keeps anything from leaving: there is something to send, and it is not leased.

        It may be asked several times in one run.
        """
        ...

    def send(self, message: Message) -> Answer:
        """Send one message, or stage it (the answer of a staged one counts after `finish`).

        What goes wrong with this message is an answer. What is wrong for all of them is raised:
        it ends the run, and nothing of the message at hand has left.
        """
        ...

    def finish(self, result: SendResult) -> None:
        """Put what was staged where it belongs, safely; raises when nothing of it is there.

        `result` tells what came of the whole run if it succeeds.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """What a channel is opened with; each takes what it needs."""

    store: Store
    vault: Vault
    settings: Settings
    sender: Sender
    path: Path | None = None
    password: Secret | None = None
    mail_password: Callable[[], Secret | None] = lambda: None
    """Reads the password of the mail server, when mail is sent."""
    layout: DeliveryLayout = DeliveryLayout.TABLE
    show: Callable[[SendResult, Sequence[ShownText]], None] = lambda _result, _texts: None
    """Shows a result to whoever sits at the terminal, and returns when it is out."""


@dataclass(frozen=True, slots=True)
class DeliveryChannel:
    """A member of `channels/`; opening raises what is missing before anything is leased."""

    via: DeliveryVia
    open: Callable[[Outlet], AbstractContextManager[Channel]]
    needs: Callable[[Session], Lacks] = lambda _session: lambda _order: None
    """Reads what tells of an order whether it lacks something to go this way."""
    receivers: Callable[[Session, Sequence[Waiting]], Receivers] = lambda _session, _found: {}
    """Reads who gets each of some deliveries; whoever is not named is `ONE` for all of them."""


def open_channel(via: DeliveryVia, outlet: Outlet) -> AbstractContextManager[Channel]:
    """The channel of that name, open until the end of the block; no other one is even read."""
    return _member(via).open(outlet)


def read_needs(session: Session, via: DeliveryVia) -> Lacks:
    """What tells of an order whether it lacks something to go that way."""
    return _member(via).needs(session)


def read_receivers(session: Session, via: DeliveryVia, found: Sequence[Waiting]) -> Receivers:
    """Who gets each of some deliveries that go that way."""
    return _member(via).receivers(session, found)


def _member(via: DeliveryVia) -> DeliveryChannel:
    found: DeliveryChannel = import_module(f"{channels.__name__}.{via.value}").CHANNEL
    return found
