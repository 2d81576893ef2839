"""Post a message to an address: TLS verified, nothing followed, nothing waited for without end."""

import logging
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from socket import socket
from urllib.parse import SplitResult, urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError

from cardctl.deliveries.failures import TooSlow, Unreachable
from cardctl.deliveries.patience import CONNECT_S, SILENCE_S, Patience
from cardctl.vault.secret import Secret

DEADLINE_S = 30.0
"""For one message, from the first look for the host to the last octet of the answer."""

_ANSWER_MOST = 65_536
"""Octets of an answer that are read."""
_FAILURES_MOST = 5
_TLS_PORT, _PLAIN_PORT = 443, 80
# The last two for what urllib3 passes on as it is: a chunk of less than no octets, a header.
_BROKEN = (HTTPError, OSError, HTTPException, ValueError)
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "cardctl"}

# Its messages name the whole address, which is the key of a bot.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered; `body` is None where it was too long or broke off."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def is_taken(self) -> bool:
        """Whether the status says so; a redirection does not."""
        return self.status // 100 == 2  # noqa: PLR2004 -- 2xx


class Poster:
    """Posts messages one after another; a host that does not answer is left alone after a while."""

    def __init__(self) -> None:
        """No connection is made yet."""
        self._patience = Patience(DEADLINE_S)
        self._place: tuple[str, str, int] | None = None
        self._pool: HTTPConnectionPool | None = None
        self._failures: Counter[str] = Counter()

    @property
    def deadline_ms(self) -> int:
        """The longest that `post` takes, twice over for a name server that is silent."""
        return int(self._patience.seconds * 2_000)

    def post(self, url: Secret, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post JSON and read the answer; raises `Unreachable` and `TooSlow`.

        After five failures in a row a host is not asked again: a hundred thousand messages would
        wait for it one after another.
        """
        parts = urlsplit(url.reveal())
        host = parts.hostname or ""
        if self._failures[host] >= _FAILURES_MOST:
            raise Unreachable(host=host, reason="it has failed too often just now")
        try:
            with self._patience.limit():
                reply = self._exchange(host, parts, body, headers)
        except (Unreachable, TooSlow):
            self._failures[host] += 1
            raise
        del self._failures[host]
        return reply

    def close(self) -> None:
        """Close the connection that is kept open."""
        if self._pool is not None:
            self._pool.close()
        self._patience.close()

    def _exchange(
        self, host: str, parts: SplitResult, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            response = self._pool_of(host, parts).urlopen(
                "POST",
                target,
                body=body,
                headers={**_HEADERS, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except _BROKEN as error:
            # Its words name the whole address.
            raise self._failure(host, error) from None
        if self._patience.is_over:
            # Cut within the headers, they look as if they had ended there.
            response.close()
            raise TooSlow(host=host, seconds=round(self._patience.seconds))
        return Reply(host, response.status, dict(response.headers), self._read(response))

    def _read(self, response: BaseHTTPResponse) -> bytes | None:
        try:
            body = response.read(_ANSWER_MOST + 1, decode_content=False)
        except _BROKEN:
            body = None
        if body is None or len(body) > _ANSWER_MOST or self._patience.is_over:
            response.close()
            return None
        response.release_conn()
        return body

    def _failure(self, host: str, error: Exception) -> Unreachable | TooSlow:
        if (waited := self._patience.waited_s(error)) is not None:
            return TooSlow(host=host, seconds=round(waited))
        if isinstance(error, SSLError):
            return Unreachable(host=host, reason="its certificate is not trusted, or TLS failed")
        return Unreachable(host=host, reason="there is no connection")

    def _pool_of(self, host: str, parts: SplitResult) -> HTTPConnectionPool:
        """The place that is written to, and the only one: one connection is watched at a time."""
        is_tls = parts.scheme == "https"
        place = (parts.scheme, host, parts.port or (_TLS_PORT if is_tls else _PLAIN_PORT))
        if self._pool is None or self._place != place:
            self.close()
            self._place, self._pool = place, _new_pool(self._patience, *place[1:], is_tls=is_tls)
        return self._pool


def _new_pool(patience: Patience, host: str, port: int, *, is_tls: bool) -> HTTPConnectionPool:
    """A pool of urllib3's whose connections are cut when a message takes too long."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket:
            return patience.connect(self.host, port)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket:
            return patience.connect(self.host, port)

    timeout = Timeout(connect=CONNECT_S, read=SILENCE_S)
    if not is_tls:
        plain = HTTPConnectionPool(host, port, timeout=timeout)
        plain.ConnectionCls = Plain
        return plain
    context = ssl.create_default_context()
    secure = HTTPSConnectionPool(host, port, timeout=timeout, ssl_context=context)
    secure.ConnectionCls = Tls
    return secure
