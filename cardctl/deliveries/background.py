"""Send what comes into the outbox beside the work that puts it there, which waits for nobody.

What is in the outbox is committed: a sender that is stopped or killed loses nothing, the next one
goes on. It looks by itself from time to time, so that what failed is tried again when it is due.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cardctl.audit.record import Run
from cardctl.deliveries.channel import Outlet, open_channel
from cardctl.deliveries.queries import find_channel
from cardctl.deliveries.send import send_due
from cardctl.errors import CardctlError
from cardctl.vocabulary import DeliveryVia

LOOKS_EVERY_S = 30
STOPS_WITHIN_S = 60
"""The longest that the message at hand is waited for; its lease ends by itself."""


class _Stopped(Exception):
    """Ends the sending between two messages."""


class BackgroundSender:
    """A thread that sends what is due by one way, of the orders of one channel.

    `begin` makes the run of each go. `tell` is told why a go ended before its time, in the thread.
    The first bug is raised at the end of the block.
    """

    def __init__(
        self,
        outlet: Outlet,
        *,
        via: DeliveryVia,
        channel: str,
        begin: Callable[[], Run],
        tell: Callable[[CardctlError], None],
    ) -> None:
        """Nothing is sent yet. Raises `NotFound` for the channel."""
        with outlet.store.reading() as session:
            self._channel_id = find_channel(session, channel)
        self._outlet = outlet
        self._via = via
        self._begin = begin
        self._tell = tell
        self._told = ""
        self._bug: Exception | None = None
        self._wanted, self._stopped = threading.Event(), threading.Event()
        # Not waited for when the program is ended by force: a lease ends by itself.
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)

    def __enter__(self) -> Self:
        """Begin to send; raises what the way there lacks before anything is done."""
        with open_channel(self._via, self._outlet):
            self._wanted.set()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop after the message at hand."""
        self._stopped.set()
        self._wanted.set()
        self._thread.join(STOPS_WITHIN_S)
        if error is None and self._bug is not None:
            raise self._bug

    def wake(self) -> None:
        """Something may be in the outbox."""
        self._wanted.set()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait(LOOKS_EVERY_S)
            self._wanted.clear()
            try:
                self._send()
            except _Stopped:
                return
            except CardctlError as error:
                self._tell_once(error)
            except Exception as bug:  # noqa: BLE001 -- a bug of one message stops no other
                self._bug = self._bug or bug
                self._tell_once(CardctlError())

    def _send(self) -> None:
        self._go_on(0)
        with open_channel(self._via, self._outlet) as channel:
            send_due(
                self._outlet.store,
                run=self._begin(),
                vault=self._outlet.vault,
                channel=channel,
                of_channel=self._channel_id,
                advance=self._go_on,
            )
        self._told = ""

    def _go_on(self, _sent: int) -> None:
        if self._stopped.is_set():
            raise _Stopped

    def _tell_once(self, error: CardctlError) -> None:
        """The same trouble every half minute is told once."""
        if error.code != self._told:
            self._told = error.code
            self._tell(error)
