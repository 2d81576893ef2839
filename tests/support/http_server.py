"""A real HTTP server that answers as it is told: well, badly, slowly, for ever, or not at all."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[["Request", socket.socket], None]


@dataclass(frozen=True)
class Request:
    """What came in: the target, the headers by their names in small letters, the body."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpServer:
    """Answers each request as the next of `answers` says; the last one goes on for ever."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def url(self, target: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def says(status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None):
    """An answer with a status and a body."""
    octets = body.encode() if isinstance(body, str) else body

    def answer(_request: Request, connection: socket.socket) -> None:
        connection.sendall(_head(status, {"Content-Length": str(len(octets)), **(headers or {})}))
        connection.sendall(octets)

    return answer


def says_what(make: Callable[[Request], tuple[bytes, dict[str, str]]]):
    """A 200 whose body and headers depend on the request."""

    def answer(request: Request, connection: socket.socket) -> None:
        body, headers = make(request)
        says(200, body, headers)(request, connection)

    return answer


def says_less_than_nothing(_request: Request, connection: socket.socket) -> None:
    """A chunk of -5 octets."""
    connection.sendall(_head(200, {"Transfer-Encoding": "chunked"}) + b"-5\r\nhello")


def hangs(_request: Request, connection: socket.socket) -> None:
    """Says nothing until the other side goes away."""
    with suppress(OSError):
        while connection.recv(1):
            pass


def goes_away(_request: Request, _connection: socket.socket) -> None:
    """Takes the request, and closes without a word."""


def trickles_headers(_request: Request, connection: socket.socket) -> None:
    """An octet now and then, so that no time limit between two octets is met."""
    _trickle(connection, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)


def trickles_body(_request: Request, connection: socket.socket) -> None:
    """The same after the headers."""
    connection.sendall(_head(200, {"Content-Length": "10000"}))
    _trickle(connection, b"x" * 10_000)


def never_ends(_request: Request, connection: socket.socket) -> None:
    """More and more, as fast as it is taken."""
    with suppress(OSError):
        connection.sendall(_head(200, {}))
        while True:
            connection.sendall(b"x" * 65_536)


@contextmanager
def http_server(*answers: Answer, context: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """A server on a free port of this machine; with `context` it speaks TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(listener.getsockname()[1], list(answers))
        open_ones: list[socket.socket] = []
        thread = threading.Thread(
            target=_accept, args=(listener, server, context, open_ones), daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in open_ones:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(
    listener: socket.socket,
    server: HttpServer,
    context: ssl.SSLContext | None,
    open_ones: list[socket.socket],
) -> None:
    workers = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        open_ones.append(connection)
        worker = threading.Thread(target=_serve, args=(connection, server, context), daemon=True)
        worker.start()
        workers.append(worker)
    for worker in workers:
        worker.join(10)


def _serve(plain: socket.socket, server: HttpServer, context: ssl.SSLContext | None) -> None:
    with suppress(OSError), plain:
        connection = context.wrap_socket(plain, server_side=True) if context else plain
        with connection, connection.makefile("rb") as stream:
            while request := _read(stream):
                server.requests.append(request)
                answer = server.next_answer()
                answer(request, connection)
                if answer is goes_away:
                    return


def _read(stream: Any) -> Request | None:
    first = stream.readline().decode()
    if not first:
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(first.split(" ")[1], headers, body)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Words", *(f"{name}: {text}" for name, text in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _trickle(connection: socket.socket, octets: bytes) -> None:
    stop = threading.Event()
    with suppress(OSError):
        for octet in octets:
            connection.sendall(bytes([octet]))
            stop.wait(0.05)
