"""Set what an order lacks, or what is wrong with it, as long as that still decides something."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from sqlalchemy import update
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.catalog.entries import check_text
from cardctl.deliveries.address import check_address
from cardctl.deliveries.topups import is_account_asked_for
from cardctl.errors import StateForbids
from cardctl.identifiers import new_id
from cardctl.orders.gates import Stop
from cardctl.orders.held import HeldOrder, hold_order
from cardctl.orders.stops import STOPPED, stop_reasons
from cardctl.schema.orders import orders
from cardctl.vocabulary import (
    ISSUABLE,
    OrderEventKind,
    OrderStatus,
    Outcome,
)

_CLOSED = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
_BEFORE_ISSUE = (*ISSUABLE, *STOPPED, OrderStatus.UNPAID)

_ANSWERS: dict[str, str] = {
    Stop.REGION_UNKNOWN: "region",
    Stop.REGION_NOT_SOLD: "region",
    Stop.NO_TOPUP_ACCOUNT: "topup_account",
}
"""Why an order was stopped, and the field that says what was missing."""


class CannotEdit(StateForbids):
    """The order is over."""

    code = "cannot-edit"
    message = "order {order} is {status}: nothing of it can be changed"
    hint = "cardctl order show {order}"


class RegionTooLate(StateForbids):
    """Whether the order may be sold in its region is decided."""

    code = "too-late"
    message = "order {order} is {status}: its region has decided what it could"
    hint = "cardctl order show {order}"


class TopupTooLate(StateForbids):
    """The supplier knows the account."""

    code = "too-late"
    message = "order {order}: a supplier was asked already to top up the account that it has"
    hint = "cardctl delivery list"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanges:
    """What is to hold of an order; None leaves it as it is."""

    region: str | None = None
    phone: str | None = None
    email: str | None = None
    topup_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An order and which of its fields changed; `was` is the status before."""

    order: str
    outcome: Outcome
    changed: tuple[str, ...]
    status: str
    was: str


def edit_order(
    session: Session, *, run: Run, channel: str, number: str, changes: OrderChanges, reason: str
) -> Edited:
    """Change fields of an order; what holds already is unchanged.

    An order that was stopped for lack of what is told now is paid again, and issuing judges it
    anew. The region decides until the order is issued, the account to top up until the supplier is
    asked. Raises `NotFound`, `BadValue`, `CannotEdit`, `RegionTooLate`, `TopupTooLate`.
    """
    reason = check_text(reason)
    given = _given(changes)
    order = hold_order(session, channel=channel, number=number)
    name = f"{channel}:{number}"
    if order.status in _CLOSED:
        raise CannotEdit(order=name, status=order.status)
    new = {field: text for field, text in given.items() if getattr(order, field) != text}
    if "region" in new and order.status not in _BEFORE_ISSUE:
        raise RegionTooLate(order=name, status=order.status)
    if "topup_account" in new and is_account_asked_for(session, order=order.key):
        raise TopupTooLate(order=name)
    status = order.status
    # Also what is known is an answer: the product may be sold there by now.
    if order.status in STOPPED and _answers(session, order, given):
        status = OrderStatus.PAID.value
    changed = tuple(sorted(new))
    is_news = bool(new) or status != order.status
    if is_news:
        _write(session, order, {**new, "status": status})
        facts = {"fields": changed, "was": order.status, "status": status, "reason": reason}
        event = NewEvent(order.bucket, new_id(), order.id, OrderEventKind.EDITED, facts)
        write_events(session, run=run, events=[event])
        run.record(session, "order.edit", {"order": name, **facts})
    outcome = Outcome.UPDATED if is_news else Outcome.UNCHANGED
    return Edited(order=name, outcome=outcome, changed=changed, status=status, was=order.status)


def _given(changes: OrderChanges) -> dict[str, str | None]:
    """What was given, trimmed; an empty text takes away what is there. Raises `BadValue`."""
    given = {one.name: getattr(changes, one.name) for one in fields(changes)}
    new = {name: check_text(text) or None for name, text in given.items() if text is not None}
    if (address := new.get("email")) is not None:
        check_address(address)
    return new


def _answers(session: Session, order: HeldOrder, given: Mapping[str, object]) -> bool:
    """Whether what stopped the order is among what is told now."""
    return _ANSWERS.get(stop_reasons(session, orders=[order.key]).get(order.key, "")) in given


def _write(session: Session, order: HeldOrder, values: Mapping[str, object]) -> None:
    session.execute(
        update(orders)
        .where(orders.c.bucket == order.bucket, orders.c.id == order.id)
        .values(**values)
    )
