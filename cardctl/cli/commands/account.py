"""Money accounts: where money arrives."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cardctl.cli.context import Context
from cardctl.cli.edits import changes_of
from cardctl.cli.options import rate
from cardctl.cli.output import Column
from cardctl.cli.verbs import Noun
from cardctl.vocabulary import AccountKind

noun = Noun("account")

ACCOUNT = (
    Column("code", "code"),
    Column("name", "name"),
    Column("kind", "kind"),
    Column("fee_rate_bp", "fee rate"),
    Column("settle_days", "settle days"),
    Column("statement_formats", "statement formats"),
    Column("created_at", "created"),
)
CHANGED = (Column("status", "status"), *ACCOUNT)


class Clearable(StrEnum):
    """What --clear empties."""

    FEE_RATE = "fee-rate"
    SETTLE_DAYS = "settle-days"
    STATEMENT = "statement"


_EMPTY: dict[StrEnum, tuple[str, object]] = {
    Clearable.FEE_RATE: ("fee_rate_bp", 0),
    Clearable.SETTLE_DAYS: ("settle_days", None),
    Clearable.STATEMENT: ("statement_formats", ()),
}

Code = Annotated[str, typer.Argument(help="Short name of the account.", metavar="CODE")]
FeeRate = Annotated[int | None, rate("What is kept of every payment.")]
SettleDays = Annotated[
    int | None, typer.Option(help="Days from payment to settlement.", min=0, max=365)
]
Statement = Annotated[
    list[str] | None,
    typer.Option(
        "--statement", help="A format its statements come in; may be repeated.", metavar="FORMAT"
    ),
]


@noun.verb(
    "add",
    writes=True,
    columns=CHANGED,
    examples=("cardctl account add WX --name 微信商户 --kind wechat --fee-rate 0.6%",),
)
def add(
    context: Context,
    account: Code,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    kind: Annotated[AccountKind, typer.Option(help="Who keeps it.")],
    fee_rate: FeeRate = None,
    settle_days: SettleDays = None,
    statement: Statement = None,
) -> None:
    """Add an account; adding the same again changes nothing."""
    from cardctl.catalog.accounts import AccountEntry, add_account

    entry = AccountEntry(
        code=account,
        name=name,
        kind=kind,
        fee_rate_bp=fee_rate or 0,
        settle_days=settle_days,
        statement_formats=tuple(statement or ()),
    )
    with context.change() as (session, run):
        added = add_account(session, run=run, account=entry)
    context.show({"status": added.outcome, **asdict(added.entry)}, CHANGED)


@noun.verb("list", examples=("cardctl account list",))
def list_(context: Context) -> None:
    """List the accounts."""
    from cardctl.catalog.accounts import list_accounts

    with context.reading() as session:
        found = list_accounts(session)
    context.show(found, ACCOUNT)


@noun.verb("show", examples=("cardctl account show WX",))
def show(context: Context, account: Code) -> None:
    """Show an account."""
    from cardctl.catalog.accounts import show_account

    with context.reading() as session:
        found = show_account(session, code=account)
    context.show(found, ACCOUNT)


@noun.verb(
    "edit",
    writes=True,
    columns=CHANGED,
    examples=("cardctl account edit WX --fee-rate 0.38% --settle-days 1",),
)
def edit(
    context: Context,
    account: Code,
    name: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    kind: Annotated[AccountKind | None, typer.Option(help="Who keeps it.")] = None,
    fee_rate: FeeRate = None,
    settle_days: SettleDays = None,
    statement: Statement = None,
    clear: Annotated[
        list[Clearable] | None, typer.Option(help="Empty a field; may be repeated.")
    ] = None,
) -> None:
    """Change an account.

    Statement formats that are given replace all there were.
    """
    from cardctl.catalog.accounts import edit_account

    given = {
        "name": name,
        "kind": kind,
        "fee_rate_bp": fee_rate,
        "settle_days": settle_days,
        "statement_formats": statement,
    }
    changes = changes_of("cardctl account edit", given, clear=clear, empty=_EMPTY)
    with context.change() as (session, run):
        edited = edit_account(session, run=run, code=account, changes=changes)
    context.show({"status": edited.outcome, **asdict(edited.entry)}, CHANGED)
