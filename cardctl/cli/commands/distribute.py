"""Distributions: many recipients from one table, planned, run, reported, taken back."""

from pathlib import Path
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.distribute_results import (
    PLAN,
    PLANNED,
    PROGRESS,
    RAN,
    plan_row,
    plan_status,
    planned_row,
    ran_row,
    run_status,
)
from cardctl.cli.options import yuan
from cardctl.cli.order_results import rejected_rows
from cardctl.cli.rejects import rejects_output, write_rejects
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import BuyerVia, DeliveryVia

noun = Noun("distribute")

PlanName = Annotated[str, typer.Argument(help="The name of the plan.", metavar="NAME")]


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

    Nothing is assigned before it is run. One wrong row refuses the table.
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
    examples=("cardctl distribute run spring",),
)
def run(context: Context, name: PlanName) -> None:
    """Give every recipient of a plan their cards.

    Stopped on the way, the same command goes on where it was.
    """
    from cardctl.distribution.run import run_plan

    with context.progress("Giving cards to recipients") as progress:
        result = run_plan(context.store, run=context.run, name=name, advance=progress.advance)
    context.show(ran_row(result), RAN, status=run_status(result))


@noun.verb("status", columns=PROGRESS, examples=("cardctl distribute status spring",))
def status(context: Context, name: PlanName) -> None:
    """Show how far a plan is."""
    from cardctl.distribution.progress import find_plan, read_progress

    with context.reading() as session:
        progress = read_progress(session, plan=find_plan(session, name=name))
    context.show(progress, PROGRESS)


@noun.verb("list", columns=PLAN, examples=("cardctl distribute list",))
def list_(context: Context) -> None:
    """List the plans, the oldest first."""
    from cardctl.distribution.progress import list_plans

    with context.reading() as session:
        found = list_plans(session)
    context.show([plan_row(one) for one in found], PLAN)
