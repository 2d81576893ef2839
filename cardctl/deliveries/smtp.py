"""A connection to the shop's mail server: private, and never waited for without end."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from socket import socket
from typing import Any

from cardctl.catalog.webhooks import is_loopback
from cardctl.deliveries.patience import SILENCE_S, Patience
from cardctl.errors import ServiceUnavailable, UsageRefused
from cardctl.settings import MailTls, Settings
from cardctl.vault.secret import Secret

_PORTS = {MailTls.STARTTLS: 587, MailTls.TLS: 465, MailTls.NONE: 25}
_ANSWER_MOST = 65_536
"""Octets of one answer that are read."""
_HELLO = "[127.0.0.1]"
"""What we are called: asking for our own name can hang, and would tell it to the server."""


class MailNotSet(UsageRefused):
    """A setting that mail needs is missing."""

    code = "mail-not-set"
    message = "mail cannot be sent: the setting {key} is missing"
    hint = "cardctl config set {key} VALUE"


class BadMailSender(UsageRefused):
    """Who mail comes from is no address."""

    code = "bad-mail-sender"
    message = "mail cannot be sent: smtp_from is no single e-mail address"
    hint = "cardctl config set smtp_from 'Shop <cards@example.com>'"


class MailNotAscii(UsageRefused):
    """A setting holds what cannot be said to a mail server."""

    code = "mail-not-ascii"
    message = "mail cannot be sent: {key} holds other letters than a to z"
    hint = "change it; a domain in other letters has a second name that begins with xn--"


class MailInClear(UsageRefused):
    """The connection to the mail server would not be private."""

    code = "mail-in-clear"
    message = "{host} offers no TLS, and mail is sent in clear to this machine alone"
    hint = "cardctl config set smtp_tls starttls, or tls"


class MailUntrusted(ServiceUnavailable):
    """The mail server does not prove who it is."""

    code = "mail-untrusted"
    message = "the certificate of {host} is not trusted, or TLS with it failed"
    hint = "check smtp_host; SSL_CERT_FILE names the certificates of an authority of your own"


class MailLoginRefused(ServiceUnavailable):
    """The mail server does not take the user or the password."""

    code = "mail-login-refused"
    message = "{host} refused the login of {user}"
    hint = "check smtp_user and smtp_password_source: cardctl config show"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out, and from whom."""

    host: str
    port: int
    tls: MailTls
    user: str | None
    sender: Address

    @property
    def domain(self) -> str:
        """The part of the sender's address that message ids end with."""
        return self.sender.domain


def read_mail_server(settings: Settings) -> MailServer:
    """What the settings say.

    Raises `MailNotSet`, `BadMailSender`, `MailNotAscii` and `MailInClear`.
    """
    host, sender = settings.get("smtp_host"), settings.get("smtp_from")
    for key, value in (("smtp_host", host), ("smtp_from", sender)):
        if not value:
            raise MailNotSet(key=key)
    tls = MailTls(settings.get("smtp_tls") or MailTls.STARTTLS)
    assert host is not None
    if tls == MailTls.NONE and not is_loopback(host):
        raise MailInClear(host=host)
    found = MailServer(
        host=host,
        port=int(settings.get("smtp_port") or _PORTS[tls]),
        tls=tls,
        user=settings.get("smtp_user"),
        sender=_sender(sender or ""),
    )
    for key, value in (("smtp_user", found.user or ""), ("smtp_from", found.sender.addr_spec)):
        if not value.isascii():
            raise MailNotAscii(key=key)
    return found


def read_mail_login(server: MailServer, read: Callable[[], Secret | None]) -> Secret | None:
    """The password of the user, if there is one. Raises `MailNotAscii`, and what `read` does."""
    password = read() if server.user else None
    if password is not None and not password.reveal().isascii():
        raise MailNotAscii(key="smtp_password_source")
    return password


def _sender(text: str) -> Address:
    message = EmailMessage()
    message["From"] = text
    header: Any = message["From"]
    addresses = header.addresses
    if len(addresses) != 1 or header.defects or not addresses[0].domain:
        raise BadMailSender
    found: Address = addresses[0]
    return found


def connect(server: MailServer, password: Secret | None, *, patience: Patience) -> smtplib.SMTP:
    """A connection that is ready to send.

    Raises `MailInClear`, `MailUntrusted` and `MailLoginRefused`, which are the same for every
    mail, and what smtplib raises.
    """
    context = ssl.create_default_context()
    try:
        connection = _Connection(server, context, patience)
        try:
            _make_ready(connection, server, password, context)
        except BaseException:
            connection.close()
            raise
    except ssl.SSLError:
        if patience.is_over:
            raise
        raise MailUntrusted(host=server.host) from None
    return connection


def _make_ready(
    connection: smtplib.SMTP, server: MailServer, password: Secret | None, context: ssl.SSLContext
) -> None:
    if server.tls == MailTls.STARTTLS:
        try:
            connection.starttls(context=context)
        except smtplib.SMTPNotSupportedError:
            raise MailInClear(host=server.host) from None
    if server.user:
        try:
            connection.login(server.user, password.reveal() if password else "")
        except (smtplib.SMTPNotSupportedError, smtplib.SMTPAuthenticationError):
            raise MailLoginRefused(host=server.host, user=server.user) from None
        except ValueError:
            # What it wants signed does not read; the words of the error may quote the password.
            raise smtplib.SMTPException from None


class _Connection(smtplib.SMTP):
    """An SMTP connection that can be cut, whose answers are not read for ever."""

    def __init__(self, server: MailServer, context: ssl.SSLContext, patience: Patience) -> None:
        self._server = server
        self._context = context
        self._patience = patience
        super().__init__(server.host, server.port, local_hostname=_HELLO, timeout=SILENCE_S)

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket:
        connection = self._patience.connect(host, port)
        if self._server.tls == MailTls.TLS:
            return self._context.wrap_socket(connection, server_hostname=host)
        return connection

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is not None:
            if self.file is None:
                self.file = _Answers(self.sock.makefile("rb"))
            self.file.left = _ANSWER_MOST
        return super().getreply()


class _Answers:
    """The lines of a server, so many octets of them an answer."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.left = _ANSWER_MOST

    def readline(self, most: int) -> bytes:
        line: bytes = self._stream.readline(most)
        self.left -= len(line)
        if self.left < 0:
            raise OSError
        return line

    def close(self) -> None:
        self._stream.close()
