"""A real mail server (aiosmtpd) that takes mails, or does to them what it is told."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = "shop", "made-up-mail-password"

HANG = "hang"
DROP = "drop"
"""Takes the mail, and closes without a word."""


@dataclass
class MailServer:
    """Answers each mail as the next of `answers` says; the last one goes on for ever."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    octets: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    private: list[bool] = field(default_factory=list)
    """Whether each mail came sealed."""
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    refuses_sender: str = ""
    """What it says to MAIL FROM instead of yes."""
    senders: list[str] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.senders.append(address)
        envelope.mail_from, envelope.mail_options = address, options
        return self.refuses_sender or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.octets.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.private.append(server.transport.get_extra_info("ssl_object") is not None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == HANG:
            await asyncio.sleep(30)
        if answer == DROP:
            server.transport.close()
        return answer

    def authenticate(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        self.logins.append((data.login, data.password))
        known = data == type(data)(USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)


class _OnFreePort(Controller):
    """It asks itself whether it can be reached, and needs its port for that."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(
    *answers: str, context: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> Iterator[MailServer]:
    """A server on a free port of this machine; `context` lets it speak TLS, by STARTTLS or at once.

    After STARTTLS it wants a login.
    """
    server = MailServer(answers=list(answers) or ["250 OK"])
    if context is not None and implicit:
        options["ssl_context"] = context
    elif context is not None:
        options |= {"tls_context": context, "require_starttls": True}
        options |= {"authenticator": server.authenticate, "auth_required": True}
    controller = _OnFreePort(server, hostname="127.0.0.1", port=0, **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
