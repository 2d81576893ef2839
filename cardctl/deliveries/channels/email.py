"""E-mail: the shop's words to the buyer, the cards as an encrypted workbook.

The password of the workbook goes another way: it is told to the buyer by the shop (`delivery
password`), or was agreed on with `--password-source`. Cards of products that allow it stand in the
text instead. A mail that is sent again, as nobody knows whether it arrived, has the same
Message-ID.
"""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO

from sqlmodel import Session

from cardctl import clock
from cardctl.deliveries.address import is_address
from cardctl.deliveries.channel import (
    DELIVERED,
    Answer,
    DeliveryChannel,
    Outlet,
    give_up,
    not_tried,
    try_again,
)
from cardctl.deliveries.failures import (
    NoMailAddress,
    Rejected,
    TooSlow,
    Unreachable,
    foreign_words,
)
from cardctl.deliveries.mail_refusals import Refusal, refusal_of
from cardctl.deliveries.message import Message
from cardctl.deliveries.outbox import HeldOrder, Lacks
from cardctl.deliveries.patience import Patience
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.signed import IDEMPOTENCY_KEY
from cardctl.deliveries.smtp import connect, read_mail_login, read_mail_server
from cardctl.deliveries.table import TABLE, header_of, table_rows
from cardctl.deliveries.templates import BadTemplate, Templates
from cardctl.deliveries.text import Word
from cardctl.deliveries.wording import described, has_hidden
from cardctl.errors import CardctlError
from cardctl.vault.chosen_password import check_chosen
from cardctl.vault.delivery_password import DRAWN_SPINS, delivery_password
from cardctl.vault.protected_package import (
    ProtectedPackage,
    StretchedPassword,
    stretch,
)
from cardctl.vocabulary import DeliveryVia, PassedOver
from cardctl.workbooks.write import GrowingWorkbook

DEADLINE_S = 60.0
"""For one mail, from the first look for the server to its last answer."""

_FAILURES_MOST = 5
_SIZE = re.compile(r"\d{1,18}")
_WORKBOOK = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


class _Email:
    """Sends one mail an order, over one connection as long as it lasts."""

    via = DeliveryVia.EMAIL
    staged = False

    def __init__(self, outlet: Outlet) -> None:
        if outlet.password is not None:
            check_chosen(outlet.password)
        self._outlet = outlet
        self._agreed = stretch(outlet.password) if outlet.password else None
        self._server = read_mail_server(outlet.settings)
        self._login = read_mail_login(self._server, outlet.mail_password)
        self._templates = Templates(outlet.settings.home, outlet.sender.language)
        self._templates.check()
        self._patience = Patience(DEADLINE_S)
        self._connection: smtplib.SMTP | None = None
        self._failures = 0
        # A name server may be silent for some time before that is counted.
        self.deadline_ms = int(DEADLINE_S * 2_000)

    def begin(self) -> None:
        """The other side answers each message by itself."""

    def send(self, message: Message) -> Answer:
        if not is_address(message.email):
            return give_up(NoMailAddress(order=message.order))
        if self._failures >= _FAILURES_MOST:
            return not_tried(self._unreachable("it has failed too often just now"))
        try:
            mail = self._compose(message)
        except BadTemplate as error:
            # Its samples were filled in well; this order's words were not.
            return give_up(error)
        with self._patience.limit():
            in_text = any(card.secret_in_text for card in message.cards)
            return self._send(str(message.email), mail.as_bytes(policy=SMTP), in_text=in_text)

    def finish(self, result: SendResult) -> None:
        """Nothing was staged."""

    def close(self) -> None:
        if self._connection is not None:
            with suppress(smtplib.SMTPException, OSError), self._patience.limit():
                self._connection.quit()
        self._drop()
        self._patience.close()

    def _send(self, address: str, octets: bytes, *, in_text: bool) -> Answer:
        """Raises what is the same for every mail: a login refused, a server not trusted."""
        try:
            if self._connection is None or self._connection.sock is None:
                self._drop()
                self._connection = connect(self._server, self._login, patience=self._patience)
        except (smtplib.SMTPException, OSError) as error:
            return not_tried(self._failed(error))
        try:
            self._connection.sendmail(self._server.sender.addr_spec, [address], octets)
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(*next(iter(error.recipients.values())), octets)
        except smtplib.SMTPDataError as error:
            # Who has seen a text with secrets may repeat one, such as a link: it would be kept.
            return self._refused(error.smtp_code, error.smtp_error, octets, is_told=not in_text)
        except smtplib.SMTPSenderRefused as error:
            return self._refused(error.smtp_code, error.smtp_error, octets, of_mail=False)
        except (smtplib.SMTPException, OSError) as error:
            return try_again(self._failed(error))
        self._failures = 0
        return DELIVERED

    def _refused(
        self,
        status: int,
        said: bytes | str,
        octets: bytes,
        *,
        of_mail: bool = True,
        is_told: bool = True,
    ) -> Answer:
        """The server said no; `mail_refusals` has the rule of what follows."""
        words = _words(said)
        error = self._rejected(status, words if is_told else "")
        refusal = refusal_of(status, words, of_mail=of_mail, too_big=self._is_too_big(octets))
        if refusal is Refusal.SHOP:
            # Some servers take so many mails over a connection, and go on over another one.
            self._drop()
            self._failures += 1
            return not_tried(error)
        self._failures = 0
        return try_again(error) if refusal is Refusal.MAIL_FOR_NOW else give_up(error)

    def _failed(self, error: Exception) -> CardctlError:
        """What went wrong with the connection, which is dropped."""
        self._drop()
        self._failures += 1
        if (waited := self._patience.waited_s(error)) is not None:
            return TooSlow(host=self._server.host, seconds=round(waited))
        if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
            return self._rejected(error.smtp_code, _words(error.smtp_error))
        return self._unreachable("there is no connection")

    def _rejected(self, status: int, words: str) -> Rejected:
        return Rejected(host=self._server.host, status=status, words=foreign_words(words))

    def _is_too_big(self, octets: bytes) -> bool:
        """Whether a mail is above the size that the server named, if it named one."""
        named = self._connection.esmtp_features.get("size", "") if self._connection else ""
        return bool(_SIZE.fullmatch(named)) and 0 < int(named) < len(octets)

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(host=self._server.host, reason=reason)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _compose(self, message: Message) -> EmailMessage:
        text = self._templates.mail(described(message, self._outlet.sender, secrets="in-text"))
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._server.sender
        mail["To"] = message.email
        mail["Subject"] = text.subject
        mail["Date"] = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
        mail["Message-ID"] = f"<{message.idempotency_key}@{self._server.domain}>"
        mail[IDEMPOTENCY_KEY] = message.idempotency_key
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text.body)
        if has_hidden(message):
            main, sub = _WORKBOOK
            name = re.sub(r"[^A-Za-z0-9._-]", "_", message.number)[:60]
            mail.add_attachment(
                self._workbook(message), maintype=main, subtype=sub, filename=f"{name}.xlsx"
            )
        return mail

    def _workbook(self, message: Message) -> bytes:
        """The cards that may not stand in the text, encrypted; they are in memory only."""
        hidden = tuple(card for card in message.cards if not card.secret_in_text)
        sender, stream = self._outlet.sender, BytesIO()
        header = header_of(TABLE, sender.language)
        package = ProtectedPackage(stream, self._password_of(message))
        workbook = GrowingWorkbook(package, header, sheet=Word.SHEET.said(sender.language))
        for row in table_rows(replace(message, cards=hidden), sender):
            workbook.add(row)
        workbook.finish()
        package.finish()
        return stream.getvalue()

    def _password_of(self, message: Message) -> StretchedPassword:
        if self._agreed is not None:
            return self._agreed
        own = delivery_password(self._outlet.vault, order=message.order)
        return stretch(own, spins=DRAWN_SPINS)


def _words(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


@contextmanager
def _open(outlet: Outlet) -> Iterator[_Email]:
    channel = _Email(outlet)
    try:
        yield channel
    finally:
        channel.close()


def _needs(_session: Session) -> Lacks:
    """An order needs an address."""

    def lacks(order: HeldOrder) -> PassedOver | None:
        return None if is_address(order.email) else PassedOver.NO_ADDRESS

    return lacks


CHANNEL = DeliveryChannel(DeliveryVia.EMAIL, _open, _needs)
