"""How long one message may take, whatever the other side does.

The time limits of sockets count from octet to octet: who sends one a second never meets them. So
a watch cuts the connection when the time for the whole message is up.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

CONNECT_S = 10.0
"""For one address of a host."""
SILENCE_S = 15.0
"""Between two octets."""


class Patience:
    """Makes connections, one at a time, and cuts the last one when a message takes too long."""

    def __init__(self, seconds: float) -> None:
        """Nothing is watched yet."""
        self.seconds = seconds
        self._end = 0.0
        self._watched: socket.socket | None = None
        self._guard = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether the time of the message at hand is up."""
        return monotonic() >= self._end

    @contextmanager
    def limit(self) -> Iterator[None]:
        """The time of one message: what is still waiting at its end gets an error."""
        self._end = monotonic() + self.seconds
        watch = threading.Timer(self.seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the first address of a host that answers; raises OSError."""
        failure: OSError | None = None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            # A name that no name can be, such as one with an empty part.
            raise OSError from None
        for family, kind, protocol, _, address in found:
            left = self._end - monotonic()
            if left <= 0:
                break
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(min(left, CONNECT_S))
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
                continue
            connection.settimeout(SILENCE_S)
            self._watch(connection)
            return connection
        raise OSError from failure

    def waited_s(self, error: Exception) -> float | None:
        """How long the other side said nothing, if that is what an error is about."""
        if self.is_over:
            return self.seconds
        silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        return SILENCE_S if silent else None

    def close(self) -> None:
        """Watch nothing any more."""
        with self._guard:
            if self._watched is not None:
                self._watched.close()
                self._watched = None

    def _watch(self, connection: socket.socket) -> None:
        self.close()
        with self._guard:
            # Another handle of the same connection: TLS takes the first one for its own.
            self._watched = connection.dup()

    def _cut(self) -> None:
        with self._guard:
            if self._watched is not None:
                try:
                    self._watched.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The other side was quicker.
                    return
