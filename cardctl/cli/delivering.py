"""What the terminal gives to a delivery channel, and what came of delivering as a result."""

import errno
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cardctl.cli.context import Context
from cardctl.cli.next_commands import command_for_sent
from cardctl.cli.output import Column
from cardctl.cli.passwords import read_password, read_secret
from cardctl.cli.terminal import escape
from cardctl.errors import ExitStatus, UsageRefused
from cardctl.settings import Language
from cardctl.vocabulary import DeliveryLayout, SentVia

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cardctl.deliveries.channel import Outlet, ShownText
    from cardctl.deliveries.message import Sender
    from cardctl.deliveries.results import SendResult
    from cardctl.vault.secret import Secret

SENT = (
    Column("delivery", "delivery"),
    Column("order", "order"),
    Column("via", "via"),
    Column("status", "status"),
    Column("attempts", "attempts"),
    Column("error", "error"),
    Column("hint", "next command"),
)
MESSAGE = (Column("order", "order"), Column("buyer", "buyer"), Column("text", "text"))
COUNTS = (
    Column("delivered", "delivered"),
    Column("waiting", "waiting for an answer"),
    Column("failed", "to be tried again"),
    Column("dead", "given up"),
    Column("unchanged", "delivered before"),
    Column("skipped", "skipped"),
    Column("pending", "would be sent"),
    Column("stopped", "stopped"),
    Column("deliveries", "deliveries", of=SENT),
)
SENT_ALL = (*COUNTS, Column("messages", "messages", of=MESSAGE))
"""With the texts that went by way of the terminal."""


class FileMissing(UsageRefused):
    """A delivery into a file does not say which."""

    code = "out-missing"
    message = "a delivery by way of a file needs its name"
    hint = "add --out NAME.xlsx"


def sender_of(context: Context) -> "Sender":
    """The shop as its buyers see it: in the store's language, by the settings of its contact."""
    from cardctl.deliveries.message import Sender

    settings = context.settings
    return Sender(
        language=Language(context.store.language),
        zone=context.zone,
        name=settings.values["shop_name"].value,
        contact=settings.values["shop_contact"].value,
    )


def make_outlet(
    context: Context,
    *,
    path: Path | None = None,
    password: "Secret | None" = None,
    layout: DeliveryLayout = DeliveryLayout.TABLE,
    show: "Callable[[SendResult, Sequence[ShownText]], None] | None" = None,
) -> "Outlet":
    """What any channel may need of this run; `show` is for the terminal."""
    from cardctl.deliveries.channel import Outlet

    return Outlet(
        store=context.store,
        vault=context.vault,
        settings=context.settings,
        sender=sender_of(context),
        path=path,
        password=password,
        mail_password=lambda: _mail_password(context),
        layout=layout,
        show=show or (lambda _result, _texts: None),
    )


def file_password(context: Context, spec: str | None) -> "Secret":
    """The password of a file to be written: from its SPEC, else typed twice."""
    from cardctl.vault.secret import Secret

    return read_password(context, spec) or Secret(context.ask_new_secret("Password for the file"))


def password_for(context: Context, via: SentVia, spec: str | None) -> "Secret | None":
    """The password of a file, or the one that buyers were told before their mail.

    None for mail without one: then each order's workbook has its own.
    """
    return file_password(context, spec) if via == SentVia.FILE else read_password(context, spec)


def _mail_password(context: Context) -> "Secret | None":
    """The password of the mail server; raises `BadPasswordSource` and `PasswordUnreadable`."""
    spec = context.settings.get("smtp_password_source")
    return read_secret(spec, option="smtp_password_source") if spec else None


def show_sent(
    context: Context,
    result: "SendResult",
    texts: "Sequence[ShownText]" = (),
    *,
    single: bool = False,
) -> None:
    """Show what came of delivering; what is delivered by way of the terminal is shown as it is.

    Raises `OutputUnwritable` where nobody reads such texts: they are not delivered then.
    """
    status = status_of(result, single=single)
    if texts and not context.output.is_json:
        show_texts(context, texts)
        if result.delivered == len(texts) == len(result.deliveries):
            context.note("{count} orders delivered", count=result.delivered)
            context.status = status
            return
    messages = [one._asdict() for one in texts]
    columns = COUNTS if texts and not context.output.is_json else SENT_ALL
    is_read = context.show(sent_row(result) | {"messages": messages}, columns, status=status)
    if context.output.is_json and texts:
        insist(is_read=is_read)


def show_texts(context: Context, texts: "Sequence[ShownText]") -> None:
    """Show what is delivered by way of the terminal; raises `OutputUnwritable` if nobody reads."""
    for shown in texts:
        insist(is_read=context.write(escape(shown.text) + "\n\n"))


def insist(*, is_read: bool) -> None:
    """Let nothing count as delivered that nobody read: raises `OutputUnwritable`."""
    from cardctl.workbooks.failures import OutputUnwritable

    if not is_read:
        raise OutputUnwritable(file="stdout", reason=os.strerror(errno.EPIPE))


def sent_row(result: "SendResult") -> dict[str, object]:
    """What came of delivering, with the command that helps an order which cannot go that way."""
    facts: dict[str, object] = {
        column.name: getattr(result, column.name) for column in COUNTS if not column.of
    }
    told = [
        asdict(one) | {"hint": command_for_sent(one.order, one.via, one.status)}
        for one in result.deliveries
    ]
    return facts | {"deliveries": told}


def status_of(result: "SendResult", *, single: bool = False) -> ExitStatus:
    """What delivering ends with: one order that was not delivered is told by itself."""
    if result.failed or result.dead or result.stopped:
        return ExitStatus.UNAVAILABLE if single else ExitStatus.NEEDS_PERSON
    if result.skipped:
        return ExitStatus.STATE_FORBIDS if single else ExitStatus.NEEDS_PERSON
    return ExitStatus.DONE
