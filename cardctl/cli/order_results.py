"""What the verbs of `order` show: their columns, and results as rows of them."""

from typing import TYPE_CHECKING, Any

from cardctl.cli.failures import describe
from cardctl.cli.next_commands import command_for_stopped
from cardctl.cli.output import Column
from cardctl.cli.rejects import REJECT, SHOWN_MOST
from cardctl.errors import ExitStatus
from cardctl.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardctl.cli.context import Context
    from cardctl.orders.cancel import Cancelled
    from cardctl.orders.intake import OrderImport
    from cardctl.orders.many import RefusedOrder
    from cardctl.orders.outcomes import IssueOutcome, IssueResult
    from cardctl.orders.queries import OrderDetails
    from cardctl.orders.reading import RejectedRow
    from cardctl.orders.refund_decision import Refunded
    from cardctl.orders.reserve import ReserveResult
    from cardctl.orders.reveal import RevealedCard

ORDER = (
    Column("order", "order"),
    Column("channel", "channel"),
    Column("number", "order number"),
    Column("status", "status"),
    Column("paid_fen", "paid"),
    Column("paid_at", "paid at"),
    Column("agent", "agent"),
    Column("qty", "quantity"),
)
PLACED = (
    Column("order", "order"),
    Column("status", "status"),
    Column("outcome", "outcome"),
    Column("reserved_until_at", "reserved until"),
)
LINE = (
    Column("line", "line"),
    Column("sku", "SKU"),
    Column("name", "name"),
    Column("qty", "quantity"),
    Column("issued_qty", "issued"),
    Column("paid_fen", "paid"),
    Column("refunded_fen", "paid back"),
    Column("bundle", "part of"),
)
DELIVERY = (
    Column("delivery", "delivery"),
    Column("line", "line"),
    Column("via", "via"),
    Column("status", "status"),
    Column("attempts", "attempts"),
    Column("last_error", "last error"),
    Column("delivered_at", "delivered at"),
    Column("reprint", "reprint"),
    Column("carrier", "carrier"),
    Column("reference", "reference"),
)
REFUND = (
    Column("refund_no", "refund number"),
    Column("kind", "kind"),
    Column("amount_fen", "paid back"),
    Column("restocked", "cards back in stock"),
    Column("reason", "reason"),
    Column("happened_at", "time"),
)
REPLACEMENT = (
    Column("card", "card"),
    Column("replacement", "replacement"),
    Column("cost_fen", "cost"),
    Column("reason", "reason"),
    Column("happened_at", "time"),
)
CARD = (
    Column("id", "card"),
    Column("line", "line"),
    Column("masked", "masked"),
    Column("status", "status"),
    Column("expires_on", "expires"),
)
REVEALED_CARD = (
    *CARD,
    Column("number", "card number"),
    Column("secret", "secret"),
    Column("fields", "fields"),
)
JOURNAL_LINE = (Column("account", "ledger account"), Column("amount_fen", "amount"))
JOURNAL = (
    Column("entry", "entry"),
    Column("posted_at", "posted"),
    Column("event", "event"),
    Column("lines", "lines", of=JOURNAL_LINE),
)
EVENT = (
    Column("kind", "event"),
    Column("happened_at", "time"),
    Column("run", "run"),
    Column("detail", "details"),
)
_FACTS = (
    *ORDER,
    Column("recorded_at", "recorded"),
    Column("account", "account"),
    Column("buyer", "buyer"),
    Column("phone", "phone"),
    Column("email", "e-mail"),
    Column("ip", "IP"),
    Column("device", "device"),
    Column("region", "region"),
    Column("note", "note"),
    Column("topup_account", "account to top up"),
    Column("reserved_until_at", "reserved until"),
    Column("refunded_fen", "paid back"),
    Column("lines", "lines", of=LINE),
)
_HISTORY = (
    Column("deliveries", "deliveries", of=DELIVERY),
    Column("refunds", "refunds", of=REFUND),
    Column("replacements", "replacements", of=REPLACEMENT),
    Column("journal", "journal", of=JOURNAL),
    Column("events", "events", of=EVENT),
)
SHOWN = (*_FACTS, Column("cards", "cards", of=CARD), *_HISTORY)
REVEALED = (*_FACTS, Column("cards", "cards", of=REVEALED_CARD), *_HISTORY)
ORDER_REJECT = (*REJECT, Column("hint", "next command"))
IMPORTED = (
    Column("file", "file"),
    Column("format", "format"),
    Column("channel", "channel"),
    Column("status", "status"),
    Column("orders", "orders"),
    Column("new", "new"),
    Column("unchanged", "unchanged"),
    Column("updated", "updated"),
    Column("conflicts", "conflicts"),
    Column("rejected", "rejected"),
    Column("not_taken", "closed, not taken"),
    Column("paid_missing", "without what was paid"),
    Column("rejects", "rejects", of=ORDER_REJECT),
)
ISSUED = (
    Column("order", "order"),
    Column("status", "status"),
    Column("cards", "cards"),
    Column("reason", "reason"),
    Column("hint", "next command"),
)
ISSUE = (
    Column("issued", "issued"),
    Column("cards", "cards"),
    Column("short", "short"),
    Column("held", "held"),
    Column("blocked", "blocked"),
    Column("frozen", "frozen"),
    Column("unchanged", "unchanged"),
    Column("orders", "orders", of=ISSUED),
)
RESERVATION = (
    Column("order", "order"),
    Column("status", "status"),
    Column("cards", "cards"),
    Column("reserved_until_at", "reserved until"),
    Column("reason", "reason"),
)
RESERVE = (
    Column("reserved", "reserved"),
    Column("extended", "extended"),
    Column("unchanged", "unchanged"),
    Column("short", "short"),
    Column("frozen", "frozen"),
    Column("cards", "cards"),
    Column("orders", "orders", of=RESERVATION),
)
CANCELLED = (
    Column("order", "order"),
    Column("status", "status"),
    Column("was", "status before"),
    Column("code", "code"),
    Column("message", "message"),
)
REFUNDED = (
    Column("order", "order"),
    Column("refund_no", "refund number"),
    Column("outcome", "outcome"),
    Column("amount_fen", "paid back"),
    Column("refunded_fen", "paid back in all"),
    Column("left_fen", "left"),
    Column("status", "status"),
    Column("was", "status before"),
    Column("restocked", "cards back in stock"),
    Column("code", "code"),
    Column("message", "message"),
)
EDITED = (
    Column("order", "order"),
    Column("outcome", "outcome"),
    Column("changed", "changed"),
    Column("status", "status"),
    Column("was", "status before"),
)
REPLACED = (
    Column("order", "order"),
    Column("card", "card"),
    Column("replacement", "replacement"),
    Column("masked", "masked"),
    Column("outcome", "outcome"),
    Column("cost_fen", "cost"),
    Column("status", "status"),
)


def revealed_order(order: "OrderDetails", cards: "Sequence[RevealedCard]") -> dict[str, Any]:
    """An order with its cards in clear; their reveal is audited and committed."""
    facts = {column.name: getattr(order, column.name) for column in REVEALED}
    return facts | {"cards": [_in_clear(card) for card in cards]}


def _in_clear(card: "RevealedCard") -> dict[str, Any]:
    return {
        "id": card.id,
        "line": card.line,
        "masked": card.masked,
        "status": card.status,
        "expires_on": card.expires_on,
        "number": card.number.reveal() if card.number else None,
        "secret": card.secret.reveal(),
        "fields": {name: secret.reveal() for name, secret in card.fields.items()},
    }


def cancelled_row(cancelled: "Cancelled") -> dict[str, object]:
    """A cancelled order as a row of `CANCELLED`."""
    return {column.name: getattr(cancelled, column.name, None) for column in CANCELLED}


def refund_row(refunded: "Refunded") -> dict[str, object]:
    """A refund as a row of `REFUNDED`."""
    return {column.name: getattr(refunded, column.name, None) for column in REFUNDED}


def warn_of_topups(context: "Context", refunded: "Refunded") -> None:
    """Say where a supplier may top up what was paid back: nothing takes the request back."""
    if refunded.topups_asked:
        context.warn(
            "order {order}: the supplier was asked to top it up already, and may still do so:"
            " ask the supplier to stop it",
            order=refunded.order,
        )


def note_part_told_twice(context: "Context", refunded: "Refunded") -> None:
    """Say what a second refund of the same amount needs, where the first one was told again."""
    if refunded.outcome is Outcome.UNCHANGED:
        context.note(
            "order {order}: this refund was told before and is not paid twice; a second one of the"
            " same amount needs its own --refund-no",
            order=refunded.order,
        )


def refused_row(refused: "RefusedOrder", columns: "Sequence[Column]") -> dict[str, object]:
    """An order to which nothing was done, with the reason, as a row of many."""
    message, hint = describe(refused.problem)
    told = {
        "order": refused.order,
        "outcome": "refused",
        "code": refused.problem.code,
        "message": message,
        "hint": hint or None,
    }
    return {column.name: told.get(column.name) for column in columns}


def rejected_rows(rejects: "Sequence[RejectedRow]") -> list[dict[str, object]]:
    """Rows that were not taken, with what is wrong and what helps, in the language of the run."""
    return [_rejected(reject) for reject in rejects]


def _rejected(reject: "RejectedRow") -> dict[str, object]:
    message, hint = describe(reject.problem)
    return {
        "row": reject.row,
        "column": reject.column,
        "code": reject.problem.code,
        "message": message,
        "hint": hint or None,
    }


def import_row(result: "OrderImport", rejects: "Sequence[dict[str, object]]") -> dict[str, object]:
    """The result of an import with the first of its rejects."""
    return {
        "file": result.file,
        "format": result.format,
        "channel": result.channel,
        "status": result.status,
        "orders": result.orders,
        "new": result.outcomes[Outcome.NEW],
        "unchanged": result.outcomes[Outcome.UNCHANGED],
        "updated": result.outcomes[Outcome.UPDATED],
        "conflicts": result.outcomes[Outcome.CONFLICT],
        "rejected": result.rejected,
        "not_taken": result.outcomes[Outcome.NOT_TAKEN],
        "paid_missing": result.paid_missing,
        "rejects": list(rejects[:SHOWN_MOST]),
    }


def warn_of_import(context: "Context", result: "OrderImport") -> None:
    """Say on stderr what is doubtful in what was taken."""
    for warning in result.warnings:
        context.warn(warning.message, **warning.details)
    if result.paid_missing:
        context.warn(
            "{count} orders do not say what was paid; they were recorded with 0",
            count=result.paid_missing,
        )


def import_status(result: "OrderImport") -> ExitStatus:
    """What an import ends with."""
    if result.status == "refused":
        return ExitStatus.INPUT_REFUSED
    return ExitStatus.NEEDS_PERSON if result.needs_person else ExitStatus.DONE


def issue_row(result: "IssueResult") -> dict[str, Any]:
    """What issuing came to, with the command that helps an order which is stopped."""
    facts: dict[str, Any] = {
        column.name: getattr(result, column.name) for column in ISSUE if not column.of
    }
    return facts | {"orders": [_issued_row(one) for one in result.orders]}


def _issued_row(one: "IssueOutcome") -> dict[str, object]:
    hint = command_for_stopped(one.order, one.rule.partition(" ")[0])
    facts = {"order": one.order, "status": one.status, "cards": one.cards, "reason": one.reason}
    return facts | {"hint": hint}


def issue_status(result: "IssueResult", *, single: bool) -> ExitStatus:
    """What issuing ends with: of many some need a person.

    One that got nothing was stopped by a rule, or is a conflict.
    """
    stopped = result.held or result.blocked
    if not (stopped or result.short or result.frozen or result.refused):
        return ExitStatus.DONE
    if not single:
        return ExitStatus.NEEDS_PERSON
    return ExitStatus.RISK_STOPPED if stopped else ExitStatus.STATE_FORBIDS


def reserve_status(result: "ReserveResult", *, single: bool) -> ExitStatus:
    """What reserving ends with: one that is not kept is a conflict, of many some need a person."""
    if result.short or result.frozen or result.refused:
        return ExitStatus.STATE_FORBIDS if single else ExitStatus.NEEDS_PERSON
    return ExitStatus.DONE
