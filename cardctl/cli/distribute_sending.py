"""By which way the cards of a plan leave, opened with what the command says."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cardctl.cli.context import Context
from cardctl.cli.delivering import FileMissing, insist, make_outlet, password_for, show_texts
from cardctl.errors import ExitStatus, UsageRefused
from cardctl.vocabulary import DeliveryVia, SentVia

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cardctl.cli.output import Column
    from cardctl.deliveries.channel import Channel, ShownText
    from cardctl.deliveries.results import SendResult
    from cardctl.distribution.progress import PlanRow


class FileNotWritten(UsageRefused):
    """A file is named, and the cards go another way."""

    code = "file-not-written"
    message = "--out is for cards that go by way of a file, and these go by {via}"
    hint = "leave --out out"


@contextmanager
def plan_channel(
    context: Context,
    plan: "PlanRow",
    *,
    is_done: bool,
    out: Path | None,
    password_source: str | None,
    texts: list[dict[str, object]],
) -> "Iterator[Channel | None]":
    """The plan's way out; None when its cards are only assigned, all have left, or none will."""
    if plan.via is None or is_done or context.dry_run:
        yield None
        return
    via = DeliveryVia(plan.via)
    with opened_channel(
        context, via, out=out, password_source=password_source, texts=texts
    ) as opened:
        yield opened


@contextmanager
def opened_channel(
    context: Context,
    via: DeliveryVia,
    *,
    out: Path | None,
    password_source: str | None,
    texts: list[dict[str, object]],
) -> "Iterator[Channel]":
    """The way out, open; raises what is missing for it before anything is done.

    What goes by way of the terminal is shown, or with JSON kept in `texts` for the document.
    """
    from cardctl.deliveries.channel import open_channel

    if via is DeliveryVia.FILE and out is None:
        raise FileMissing
    if via is not DeliveryVia.FILE and out is not None:
        raise FileNotWritten(via=via.value)
    context.vault.full_keyset()

    def show(_result: "SendResult", shown: "Sequence[ShownText]") -> None:
        if context.output.is_json:
            texts.extend(one._asdict() for one in shown)
        else:
            show_texts(context, shown)

    password = password_for(context, SentVia(via.value), password_source)
    outlet = make_outlet(context, path=out, password=password, show=show)
    with open_channel(via, outlet) as opened:
        yield opened


def show_with_texts(
    context: Context,
    row: dict[str, object],
    columns: "Sequence[Column]",
    texts: "Sequence[dict[str, object]]",
    *,
    status: ExitStatus,
) -> None:
    """Show what came of sending, with the texts that JSON keeps for its document.

    Raises `OutputUnwritable` where nobody reads them: they are recorded as delivered by then.
    """
    extra = {"messages": texts} if texts else None
    is_read = context.show(row, columns, status=status, extra=extra)
    if texts:
        insist(is_read=is_read)
