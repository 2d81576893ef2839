"""Distributions: many recipients from one table, planned, run, reported, taken back."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.delivering import COUNTS, sent_row, status_of
from cardctl.cli.distribute_report import REPORTED, Opening, write_cards, write_report
from cardctl.cli.distribute_results import (
    CANCELLED,
    PLAN,
    PLANNED,
    PROGRESS,
    RAN,
    plan_row,
    plan_status,
    planned_row,
    progress_row,
    ran_row,
    run_status,
)
from cardctl.cli.distribute_sending import opened_channel, plan_channel, show_with_texts
from cardctl.cli.options import CardFile, OptionalReason, PasswordSource, Reason, yuan
from cardctl.cli.order_results import rejected_rows
from cardctl.cli.output import Output
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.errors import ExitStatus, UsageRefused
from cardctl.vocabulary import BuyerVia, DeliveryVia, PlanStatus

noun = Noun("distribute")

PlanName = Annotated[str, typer.Argument(help="The name of the plan.", metavar="NAME")]


class NoWay(UsageRefused):
    """The plan only assigns cards, and nobody says how one goes out."""

    code = "no-way"
    message = "plan {plan} says no way by which cards go out"
    hint = "say it with --via"


class NotRevealed(UsageRefused):
    """A report without cards is not encrypted, though a password for it is named."""

    code = "not-revealed"
    message = "only a report with its cards in clear is encrypted, and this one is masked"
    hint = "add --reveal, or leave --password-source out"


@noun.verb(
    "plan",
    writes=True,
    columns=PLANNED,
    examples=(
        "cardctl distribute plan staff.xlsx --name spring --customer 'Some Company' --price 30",
        "cardctl distribute plan - --name spring --channel TB --via email < staff.csv",
    ),
)
def plan(
    context: Context,
    file: Annotated[
        str, typer.Argument(help="A table of recipients; - reads stdin.", metavar="FILE")
    ],
    name: Annotated[str, typer.Option(help="The name of the plan; its orders begin with it.")],
    channel: Annotated[
        str | None,
        typer.Option(help="The channel of its orders; without one DIST.", metavar="CODE"),
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Who pays.", metavar="TEXT")] = None,
    price: Annotated[int | None, yuan("What the customer pays for each piece; else 0.")] = None,
    via: Annotated[
        BuyerVia | None, typer.Option(help="How the cards are delivered; else only assigned.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Where the recipients are; some products need it.", metavar="CODE"),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write all problems to this file.", metavar="PATH")
    ] = None,
) -> None:
    """Check a table of recipients and keep it as a plan.

    The table has recipient and sku; also qty, email, phone, name and note. One wrong row refuses
    it. Nobody gets a card before the plan is run.
    """
    from cardctl.distribution.plan import OWN_CHANNEL, Terms, plan_distribution
    from cardctl.workbooks.source import Source

    terms = Terms(
        name=name,
        channel=channel or OWN_CHANNEL,
        customer=customer,
        price_fen=price or 0,
        via=None if via is None else DeliveryVia(via.value),
        region=region,
    )
    rejects_file = rejects_output(context, rejects)
    with context.progress("Checking recipients") as progress:
        planned = plan_distribution(
            context.store,
            run=context.run,
            source=Source.of(file),
            terms=terms,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    told = rejected_rows(planned.problems)
    write_rejects(context, rejects_file, told)
    for warning in planned.warnings:
        context.warn(warning.message, **warning.details)
    context.show(planned_row(planned, told), PLANNED, status=plan_status(planned))


@noun.verb(
    "run",
    writes=True,
    columns=RAN,
    examples=(
        "cardctl distribute run spring",
        "cardctl distribute run spring --out cards.xlsx --password-source env:PW",
        "cardctl distribute run spring --retry-failed",
    ),
)
def run(
    context: Context,
    name: PlanName,
    out: CardFile = None,
    password_source: PasswordSource = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Send what was given up of the plan, too."),
    ] = False,
) -> None:
    """Give every recipient of a plan their cards, and send them.

    Stopped on the way, the same command goes on where it was. Who was given a card for another one
    gets that, too.
    """
    from cardctl.distribution.progress import find_plan, read_progress
    from cardctl.distribution.run import run_plan

    with context.reading() as session:
        found = find_plan(session, name=name)
        # One that is done may have been opened again by a card that was replaced.
        is_done = read_progress(session, plan=found).status == PlanStatus.DONE
    texts: list[dict[str, object]] = []
    with (
        context.progress("Giving cards to recipients", found.recipients) as progress,
        plan_channel(
            context, found, is_done=is_done, out=out, password_source=password_source, texts=texts
        ) as channel,
    ):
        result = run_plan(
            context.store,
            run=context.run,
            name=name,
            vault=context.vault,
            channel=channel,
            retry_failed=retry_failed,
            dry_run=context.dry_run,
            advance=progress.advance,
        )
    if result.stopped:
        context.warn("the other side seems to be down; what is for it stays in the outbox")
    if result.leased:
        context.warn(
            "{count} are being sent by another command, or were by one that was killed:"
            " run it again in a few minutes",
            count=result.leased,
        )
    show_with_texts(context, ran_row(result), RAN, texts, status=run_status(result))


@noun.verb("status", columns=PROGRESS, examples=("cardctl distribute status spring",))
def status(context: Context, name: PlanName) -> None:
    """Show how far a plan is."""
    from cardctl.distribution.progress import find_plan, read_progress

    with context.reading() as session:
        progress = read_progress(session, plan=find_plan(session, name=name))
    context.show(progress_row(progress), PROGRESS)


@noun.verb("list", columns=PLAN, examples=("cardctl distribute list",))
def list_(context: Context) -> None:
    """List the plans, the oldest first."""
    from cardctl.distribution.progress import list_plans

    with context.reading() as session:
        found = list_plans(session)
    context.show([plan_row(one) for one in found], PLAN)


@noun.verb(
    "report",
    columns=REPORTED,
    examples=(
        "cardctl distribute report spring --out spring.xlsx",
        "cardctl distribute report spring --out cards.xlsx --reveal --reason 'for the customer'",
    ),
)
def report(
    context: Context,
    name: PlanName,
    out: Annotated[
        Path,
        typer.Option("--out", help="The file to write: .xlsx, .csv or .json.", metavar="FILE"),
    ],
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal", help="With the cards in clear, in an encrypted .xlsx; needs --reason."
        ),
    ] = False,
    reason: OptionalReason = None,
    password_source: PasswordSource = None,
) -> None:
    """Write a row a recipient: what became of them."""
    from cardctl.distribution.progress import find_plan

    if password_source is not None and not reveal:
        raise NotRevealed
    Output(path=out).check((), may_replace=context.yes)
    with context.reading() as session:
        found = find_plan(session, name=name)
    if reveal:
        opening = Opening(reason or "", password_source)
        written = write_cards(context, found, out, opening)
    else:
        written = write_report(context, found, out)
    told = {"plan": name, "file": str(out), "revealed": reveal}
    context.show(told | asdict(written), REPORTED)


@noun.verb(
    "resend",
    writes=True,
    columns=COUNTS,
    examples=("cardctl distribute resend spring E1024 --reason 'the mail was lost'",),
)
def resend(
    context: Context,
    name: PlanName,
    recipient: Annotated[str, typer.Argument(help="Who gets it again.", metavar="RECIPIENT")],
    reason: Reason,
    via: Annotated[
        BuyerVia | None, typer.Option(help="Another way than the plan's, or one if it has none.")
    ] = None,
    out: CardFile = None,
    password_source: PasswordSource = None,
) -> None:
    """Send one recipient's cards again."""
    from cardctl.distribution.progress import find_plan
    from cardctl.distribution.resend import resend as resend_cards

    with context.reading() as session:
        found = find_plan(session, name=name)
    way = via.value if via is not None else found.via
    if way is None:
        raise NoWay(plan=name)
    texts: list[dict[str, object]] = []
    with opened_channel(
        context, DeliveryVia(way), out=out, password_source=password_source, texts=texts
    ) as channel:
        result = resend_cards(
            context.store,
            run=context.run,
            vault=context.vault,
            channel=channel,
            plan=found,
            recipient=recipient,
            reason=reason,
            dry_run=context.dry_run,
        )
    status = status_of(result, single=True)
    show_with_texts(context, sent_row(result), COUNTS, texts, status=status)


@noun.verb(
    "cancel",
    destroys=True,
    columns=CANCELLED,
    examples=(
        "cardctl distribute cancel spring E1024 --reason 'left the company' --yes",
        "cardctl distribute cancel spring --reason 'the wrong list' --yes",
    ),
)
def cancel(
    context: Context,
    name: PlanName,
    reason: Reason,
    recipient: Annotated[
        str | None, typer.Argument(help="Only this one; else the whole plan.", metavar="RECIPIENT")
    ] = None,
) -> None:
    """Take a plan back, or what one recipient is to get.

    Cards that nobody has seen and no delivery has tried to send are sold again; who may have
    theirs keeps them.
    """
    from cardctl.distribution.cancel import cancel_plan, cancel_recipient, find_recipient
    from cardctl.distribution.progress import find_plan

    with context.reading() as session:
        found = find_plan(session, name=name)
        if recipient is not None:
            find_recipient(session, plan=found, recipient=recipient)
    if recipient is not None:
        context.confirm("Take back what {recipient} is to get?", recipient=recipient)
        with context.change() as (session, run):
            result = cancel_recipient(
                session, run=run, name=name, recipient=recipient, reason=reason
            )
    else:
        context.confirm("Take plan {plan} back for all of its recipients?", plan=name)
        with context.progress("Taking back") as progress:
            result = cancel_plan(
                context.store,
                run=context.run,
                name=name,
                reason=reason,
                dry_run=context.dry_run,
                advance=progress.advance,
            )
    status = ExitStatus.NEEDS_PERSON if result.left else ExitStatus.DONE
    context.show(result, CANCELLED, status=status)
