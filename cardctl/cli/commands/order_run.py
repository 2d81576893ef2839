"""Record orders, give them their cards and deliver them in one go."""

from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cardctl.cli import failures
from cardctl.cli.context import Context
from cardctl.cli.delivering import (
    COUNTS,
    MESSAGE,
    FileMissing,
    insist,
    make_outlet,
    password_for,
    sent_row,
    show_texts,
    status_of,
)
from cardctl.cli.options import CardFile, Layout, OptionalReason, PasswordSource
from cardctl.cli.order_files import (
    ItemReport,
    OfChannel,
    OrderFormatName,
    OrdersFile,
    RejectsFile,
    Strict,
)
from cardctl.cli.order_results import (
    IMPORTED,
    ISSUE,
    ORDER_REJECT,
    import_row,
    import_status,
    issue_row,
    issue_status,
    rejected_rows,
    warn_of_import,
)
from cardctl.cli.order_stream import serve
from cardctl.cli.output import Column, Format
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.errors import CardctlError, ExitStatus, UsageRefused
from cardctl.vocabulary import DeliveryLayout, DeliveryVia, SentVia

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cardctl.deliveries.channel import ShownText
    from cardctl.deliveries.results import SendResult
    from cardctl.orders.given import Reveal
    from cardctl.orders.run import OrderFile, OrderRun
    from cardctl.vault.secret import Secret

noun = Noun("order")

RUN = (
    Column("status", "status"),
    Column("import", "recorded", of=IMPORTED),
    Column("issue", "issued", of=ISSUE),
    Column("delivery", "delivered", of=COUNTS),
    Column("messages", "messages", of=MESSAGE),
)
_STATUS = {ExitStatus.INPUT_REFUSED: "refused", ExitStatus.NEEDS_PERSON: "partial"}
_STDIN = "-"


class StreamOptions(UsageRefused):
    """An option was given that a stream does not have, or that only a stream has."""

    code = "stream-options"
    message = "{option} does not go with {other}"
    hint = "cardctl order run - --channel CODE --stream"


@dataclass(frozen=True, slots=True)
class _Way:
    """How the cards go to their buyers."""

    via: SentVia
    out: Path | None
    layout: DeliveryLayout
    password: "Secret | None"


@noun.verb(
    "run",
    writes=True,
    columns=RUN,
    examples=(
        "cardctl order run orders.csv --channel TB",
        "cardctl order run orders.csv --channel TB --via terminal",
        "cardctl order run ExportOrderList.csv --items ExportItems.csv --channel TB --via email",
        "cardctl order run - --channel TB --stream < orders.jsonl",
    ),
)
def run(
    context: Context,
    file: OrdersFile,
    channel: OfChannel,
    via: Annotated[SentVia | None, typer.Option(help="Deliver, too, by this way.")] = None,
    out: CardFile = None,
    layout: Layout = DeliveryLayout.TABLE,
    password_source: PasswordSource = None,
    items: ItemReport = None,
    order_format: OrderFormatName = "auto",
    strict: Strict = False,
    rejects: RejectsFile = None,
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Answer each JSON line of stdin with a line, until its end."),
    ] = False,
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal", help="With --stream: the cards in clear; needs a full key and --reason."
        ),
    ] = False,
    reason: OptionalReason = None,
) -> None:
    """Record, issue and deliver orders in one go.

    Run again, it changes nothing that was done and goes on where it stopped.
    """
    if stream:
        given = {"--out": out, "--items": items, "--rejects": rejects, "--strict": strict}
        _refuse_beside_stream(context, file, via, given)
    elif reveal:
        raise StreamOptions(option="--reveal", other="FILE")
    way = _way(context, via, out, layout, password_source)
    if stream:
        _serve(context, channel, way, _reveal(context, reason) if reveal else None)
        return
    rejects_file = rejects_output(context, rejects, ORDER_REJECT)
    orders = _orders(file, channel, items, order_format, strict=strict)
    with nullcontext() if context.dry_run else context.run.steps(context.store):
        done = _record_and_issue(context, orders)
        write_rejects(context, rejects_file, rejected_rows(done.imported.rejects), ORDER_REJECT)
        warn_of_import(context, done.imported)
        _deliver(context, done, way)


def _orders(
    file: str, channel: str, items: str | None, order_format: str, *, strict: bool
) -> "OrderFile":
    from cardctl.orders.run import OrderFile
    from cardctl.workbooks.source import Source

    return OrderFile(
        channel=channel,
        source=Source.of(file),
        items=Source.of(items) if items is not None else None,
        order_format=order_format,
        strict=strict,
    )


def _record_and_issue(context: Context, orders: "OrderFile") -> "OrderRun":
    from cardctl.orders.run import run_orders

    with context.progress("Recording and issuing") as progress:
        return run_orders(
            context.store,
            run=context.run,
            file=orders,
            dry_run=context.dry_run,
            advance=progress.advance,
        )


def _refuse_beside_stream(
    context: Context, file: str, via: SentVia | None, given: dict[str, Any]
) -> None:
    """A stream reads stdin and answers in JSON lines; nothing else has a meaning for it."""
    if file != _STDIN:
        raise StreamOptions(option="FILE", other="--stream")
    if context.output.format not in (None, Format.JSON, Format.JSONL):
        raise StreamOptions(option="--format", other="--stream")
    if via not in (None, SentVia.EMAIL, SentVia.WEBHOOK):
        raise StreamOptions(option=f"--via {via}", other="--stream")
    for option, value in (given | {"--fields": context.output.fields}).items():
        if value:
            raise StreamOptions(option=option, other="--stream")


def _reveal(context: Context, reason: str | None) -> "Reveal":
    """Who opens cards and why, checked before the first line."""
    from cardctl.orders.given import Reveal
    from cardctl.orders.reveal import ReasonMissing

    if not (reason or "").strip():
        raise ReasonMissing
    context.vault.full_keyset()
    return Reveal(context.vault, reason or "")


def _serve(context: Context, channel: str, way: _Way | None, reveal: "Reveal | None") -> None:
    """Answer lines; what goes to the buyers is sent meanwhile."""
    from cardctl.orders.stream import OrderStream, StreamWish

    sent = None if context.dry_run else way
    via = DeliveryVia(sent.via) if sent else None
    wish = StreamWish(reveal=reveal, via=via, dry_run=context.dry_run)
    orders = OrderStream(context.store, channel=channel, begin=context.begin_run, wish=wish)
    with closing(orders), _sender(context, channel, sent) as wake:
        serve(context, orders, reveal=reveal is not None, answered=wake)


@contextmanager
def _sender(context: Context, channel: str, way: _Way | None) -> "Iterator[Callable[[], None]]":
    """What wakes the sender, which sends until the end of the block."""
    from cardctl.deliveries.background import BackgroundSender

    if way is None:
        yield lambda: None
        return

    def tell(error: CardctlError) -> None:
        failures.say_error(error, as_json=context.output.is_json)

    via, outlet = DeliveryVia(way.via), make_outlet(context, password=way.password)
    with BackgroundSender(
        outlet, via=via, channel=channel, begin=context.begin_run, tell=tell
    ) as sender:
        yield sender.wake


def _way(
    context: Context,
    via: SentVia | None,
    out: Path | None,
    layout: DeliveryLayout,
    password_source: str | None,
) -> _Way | None:
    """How to deliver, checked before anything is done; None: not at all."""
    if via is None:
        return None
    if via == SentVia.FILE and out is None:
        raise FileMissing
    context.vault.full_keyset()
    password = password_for(context, via, password_source)
    return _Way(via, out, layout, password)


def _deliver(context: Context, done: "OrderRun", way: _Way | None) -> None:
    """Deliver what was issued, and show what came of it all."""
    from cardctl.deliveries.channel import open_channel
    from cardctl.deliveries.deliver import Wish, deliver
    from cardctl.deliveries.queries import find_orders
    from cardctl.deliveries.results import SendResult

    if way is None or context.dry_run:
        _show(context, done, SendResult(pending=len(done.deliverable)) if way else None)
        return
    shown = _Shown(context, done)
    outlet = make_outlet(
        context, path=way.out, password=way.password, layout=way.layout, show=shown.show_texts
    )
    with context.reading() as session:
        named = find_orders(session, names=done.deliverable)
    if not named:
        _show(context, done, SendResult())
        return
    with (
        context.progress("Delivering") as progress,
        open_channel(DeliveryVia(way.via), outlet) as opened,
    ):
        result = deliver(
            context.store,
            run=context.run,
            vault=context.vault,
            channel=opened,
            wish=Wish(named=named),
            advance=progress.advance,
        )
    if not shown.is_told:
        _show(context, done, result)


@dataclass(slots=True)
class _Shown:
    """What is delivered by way of the terminal is shown before it is recorded as delivered."""

    context: Context
    done: "OrderRun"
    is_told: bool = False

    def show_texts(self, result: "SendResult", texts: "Sequence[ShownText]") -> None:
        """In JSON the messages are a part of the one document."""
        if self.context.output.is_json:
            insist(is_read=_show(self.context, self.done, result, texts))
            self.is_told = True
        else:
            show_texts(self.context, texts)


def _show(
    context: Context,
    done: "OrderRun",
    delivered: "SendResult | None",
    texts: "Sequence[ShownText]" = (),
) -> bool:
    """Show the whole; whether somebody may have read it."""
    ends = [import_status(done.imported), issue_status(done.issued, single=False)]
    moved = done.imported.status == "imported" or done.issued.issued > 0
    if delivered is not None:
        ends.append(status_of(delivered))
        moved = moved or delivered.delivered + delivered.waiting + delivered.pending > 0
    end = ExitStatus.INPUT_REFUSED if ExitStatus.INPUT_REFUSED in ends else max(ends)
    row = {
        "status": _STATUS.get(end) or ("done" if moved else "unchanged"),
        "import": import_row(done.imported, rejected_rows(done.imported.rejects)),
        "issue": issue_row(done.issued),
        "delivery": None if delivered is None else sent_row(delivered),
        "messages": [one._asdict() for one in texts],
    }
    return context.show(row, RUN, status=end)
