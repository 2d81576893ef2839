"""Plan a distribution: its table checked whole, its needs shown, kept under its name.

A plan is its name and its content. Planned again with the same content it is unchanged; another
content under the same name is a conflict, for somebody may have got their cards by it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.channels import ChannelEntry, add_channel, show_channel
from cardctl.catalog.entries import check_code, check_name, insert_once
from cardctl.distribution.offer import Offer, read_offer
from cardctl.distribution.recipients import (
    Recipient,
    RecipientTable,
    Rules,
    order_number,
    read_recipients,
)
from cardctl.distribution.supply import Supply, read_supply
from cardctl.errors import BadValue, NotFound, StateForbids
from cardctl.identifiers import new_id, new_ids, order_bucket
from cardctl.money import sum_known
from cardctl.orders.reading import RejectedRow
from cardctl.schema.catalog import channels
from cardctl.schema.distribution import Plan, plan_recipients, plans
from cardctl.schema.orders import orders
from cardctl.storage.dialects import insert_many, select_many
from cardctl.storage.store import Store
from cardctl.vocabulary import DeliveryVia, Outcome, PlanStatus
from cardctl.workbooks.cells import TableWarning
from cardctl.workbooks.source import Source

OWN_CHANNEL = "DIST"
"""Where the orders of plans belong that name no channel; made when it is not there."""

_COLUMNS = (
    *("bucket", "id", "plan_id", "place", "recipient", "order_number", "product_id", "qty"),
    *("name", "email", "phone", "note"),
)

_TERMS = {"customer": "customer", "price_fen": "price", "via": "via", "region": "region"}
"""What the terms of a plan are called."""


class PlanConflict(StateForbids):
    """The name is taken by a plan with another content."""

    code = "conflict"
    message = "there is a plan {plan} already, which differs in: {differs}"
    hint = "cardctl distribute status {plan}; or give the new one another name"


class OrderTaken(StateForbids):
    """The channel has an order of that number, which no plan made."""

    code = "order-taken"
    message = "order {order} is there already"
    hint = "cardctl order show {order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a plan says beside its table; `price_fen` is what the customer pays for each piece."""

    name: str
    channel: str = OWN_CHANNEL
    customer: str | None = None
    price_fen: int = 0
    via: DeliveryVia | None = None
    region: str | None = None


@dataclass(slots=True)
class Planned:
    """A plan as it was checked; money in fen."""

    plan: str
    outcome: Outcome | None
    """None: it was refused."""
    status: str
    channel: str
    customer: str | None
    via: str | None
    recipients: int = 0
    lines: int = 0
    """One a recipient."""
    cards: int = 0
    price_fen: int = 0
    """What the customer pays for each piece."""
    total_fen: int = 0
    """What the customer pays for the whole."""
    stock: list[Supply] = field(default_factory=list)
    """What the plan takes, by product; empty once it was run."""
    problems: list[RejectedRow] = field(default_factory=list)
    warnings: tuple[TableWarning, ...] = ()

    @property
    def cost_fen(self) -> int | None:
        """The known cost of the cards it takes; None also while some of them are not there."""
        return None if self.short else sum_known([one.cost_fen for one in self.stock])

    @property
    def cost_missing(self) -> int:
        """How many of them have a cost that is not known, or are not there."""
        return sum(one.cost_missing for one in self.stock)

    @property
    def short(self) -> int:
        """How many cards are missing."""
        return sum(one.short for one in self.stock)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan that is right, and may be new."""

    terms: Terms
    file_name: str
    digest: str
    cards: int
    composition: str
    recipients: Sequence[Recipient]


class _Refused(Exception):
    """Ends the transaction of a plan that cannot be kept."""

    def __init__(self, problems: list[RejectedRow]) -> None:
        super().__init__()
        self.problems = problems


def plan_distribution(
    store: Store,
    *,
    run: Run,
    source: Source,
    terms: Terms,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Planned:
    """Check a table of recipients and keep it as a plan; `advance` hears of rows.

    Raises `BadValue`, `NotFound` for the channel, `PlanConflict`, and what is wrong with the file
    as a whole; what is wrong with its rows is in the result, and nothing is kept then.
    """
    terms = _checked(terms)
    with store.reading() as session:
        _find_channel(session, terms)
        offer = read_offer(session, region=terms.region)
    rules = Rules(
        plan=terms.name,
        product_ids=offer.product_ids,
        refused=offer.refused,
        needs_email=terms.via is DeliveryVia.EMAIL,
    )
    table = read_recipients(source, rules=rules, zone=store.zone, advance=advance)
    problems = table.problems
    if not problems:
        try:
            with run.transaction(store, dry_run=dry_run) as session:
                return _keep(session, run, source, terms, offer, table)
        except _Refused as refused:
            problems = refused.problems
    planned = _result(terms, table, None, "refused")
    planned.problems = problems
    return planned


def _checked(terms: Terms) -> Terms:
    """The terms, trimmed. Raises `BadValue`."""
    name = check_code(terms.name)
    if "/" in name:
        # A slash ends the name within the numbers of its orders.
        raise BadValue(value=name, expected="the name of a plan: no slash, which orders have")
    return Terms(
        name=name,
        channel=terms.channel,
        customer=None if terms.customer is None else check_name(terms.customer),
        price_fen=terms.price_fen,
        via=terms.via,
        region=None if terms.region is None else check_code(terms.region).upper(),
    )


def _find_channel(session: Session, terms: Terms) -> None:
    if terms.channel != OWN_CHANNEL:
        show_channel(session, code=terms.channel)


def _channel_id(session: Session, run: Run, code: str) -> int:
    """The id of the channel; our own is added the first time."""
    query = select(channels.c.id).where(channels.c.code == code)
    found = session.execute(query).scalar_one_or_none()
    if found is None and code != OWN_CHANNEL:
        raise NotFound(noun="channel", name=code)
    if found is None:
        add_channel(session, run=run, channel=ChannelEntry(code=code, name=code))
        found = session.execute(query).scalar_one()
    return int(found)


def _keep(
    session: Session, run: Run, source: Source, terms: Terms, offer: Offer, table: RecipientTable
) -> Planned:
    """Keep the plan unless it is there. Raises `PlanConflict` and `_Refused`."""
    wanted = _wanted(offer, table.recipients)
    cards = sum(wanted.values())
    digest = _digest(terms, table.recipients)
    stored = _stored(session, terms.name)
    outcome = Outcome.UNCHANGED
    if stored is None:
        composition = offer.composition({one.product_id for one in table.recipients})
        draft = _Draft(terms, source.name, digest, cards, composition, table.recipients)
        outcome = Outcome.NEW if _insert(session, run, draft) else outcome
        # Another command may have planned it between our look and our insert.
        stored = _stored(session, terms.name)
    assert stored is not None
    if stored.content_sha256 != digest:
        raise PlanConflict(plan=terms.name, differs=_differs(stored, terms, table.recipients))
    planned = _result(terms, table, outcome, stored.status)
    planned.cards = cards
    if stored.status == PlanStatus.PLANNED:
        planned.stock = read_supply(session, at=run.at, channel_id=stored.channel_id, wanted=wanted)
    return planned


def _stored(session: Session, name: str) -> Any:
    plan = plans.c
    columns = (plan.content_sha256, plan.status, plan.channel_id, channels.c.code.label("channel"))
    terms = (plan.customer, plan.price_fen, plan.via, plan.region)
    query = select(*columns, *terms).join(channels, channels.c.id == plan.channel_id)
    return session.execute(query.where(plan.name == name)).first()


def _differs(stored: Any, terms: Terms, recipients: Iterable[Recipient]) -> str:
    """What of a plan is not as the stored one has it: the names of its terms, and its table."""
    kept = {name: getattr(stored, name) for name in ("channel", *_TERMS)}
    differs = [
        _TERMS.get(name, name) for name, value in kept.items() if getattr(terms, name) != value
    ]
    if _digest(replace(terms, **kept), recipients) != stored.content_sha256:
        differs.append("recipients")
    return ", ".join(differs)


def _insert(session: Session, run: Run, draft: _Draft) -> bool:
    """Insert the plan and its recipients; False when another command took the name."""
    terms, recipients = draft.terms, draft.recipients
    channel_id = _channel_id(session, run, terms.channel)
    keys = [_order_key(terms, one) for one in recipients]
    _refuse_taken_orders(session, channel_id, terms, dict(zip(keys, recipients, strict=True)))
    plan_id = new_id()
    plan = Plan(
        id=plan_id,
        name=terms.name,
        content_sha256=draft.digest,
        file_name=draft.file_name,
        channel_id=channel_id,
        customer=terms.customer,
        price_fen=terms.price_fen,
        via=terms.via,
        region=terms.region,
        status=PlanStatus.PLANNED.value,
        recipient_count=len(recipients),
        card_count=draft.cards,
        composition=draft.composition,
        planned_at=run.at,
        run_id=run.id,
    )
    if not insert_once(session, plan):
        return False
    rows = [
        (bucket, row_id, plan_id, place, one.recipient, number, *one[2:])
        for place, (row_id, (bucket, number), one) in enumerate(
            zip(new_ids(len(recipients)), keys, recipients, strict=True), start=1
        )
    ]
    # By bucket, as they will lie.
    insert_many(session, plan_recipients, _COLUMNS, sorted(rows, key=itemgetter(0)))
    told = {
        "recipients": len(recipients),
        "cards": draft.cards,
        "content_sha256": draft.digest,
    }
    run.record(session, "distribute.plan", _said(terms) | told)
    return True


def _order_key(terms: Terms, one: Recipient) -> tuple[int, str]:
    """Bucket and number of a recipient's order."""
    number = order_number(terms.name, one.recipient)
    return order_bucket(terms.channel, number), number


def _refuse_taken_orders(
    session: Session, channel_id: int, terms: Terms, by_key: Mapping[tuple[int, str], Recipient]
) -> None:
    """Raise `_Refused` when the channel has orders of these numbers: they are somebody else's."""
    taken = select_many(
        session,
        orders,
        columns=("bucket", "number"),
        key=("bucket", "channel_id", "number"),
        rows=[(bucket, channel_id, number) for bucket, number in by_key],
    )
    if taken:
        found = sorted((by_key[bucket, number].row, number) for bucket, number in taken)
        raise _Refused(
            [
                RejectedRow(row, "", OrderTaken(order=f"{terms.channel}:{number}"))
                for row, number in found
            ]
        )


def _wanted(offer: Offer, recipients: Iterable[Recipient]) -> dict[int, int]:
    """How many cards of each product, by id."""
    pieces: Counter[int] = Counter()
    for one in recipients:
        pieces[one.product_id] += one.qty
    wanted: Counter[int] = Counter()
    for product_id, qty in pieces.items():
        for part, each in offer.parts[product_id].items():
            wanted[part] += qty * each
    return dict(wanted)


def _digest(terms: Terms, recipients: Iterable[Recipient]) -> str:
    """What the plan is, whatever the order of its rows: a spreadsheet program sorts them."""
    digest = sha256(json.dumps(_said(terms), sort_keys=True).encode())
    for one in sorted(recipients, key=attrgetter("recipient")):
        digest.update(b"\n" + json.dumps(one[1:]).encode())
    return digest.hexdigest()


def _said(terms: Terms) -> dict[str, object]:
    """The terms as the audit log has them."""
    return {"plan": terms.name} | {
        name: value for name, value in asdict(terms).items() if name != "name"
    }


def _result(terms: Terms, table: RecipientTable, outcome: Outcome | None, status: str) -> Planned:
    pieces = sum(one.qty for one in table.recipients)
    return Planned(
        plan=terms.name,
        outcome=outcome,
        status=status,
        channel=terms.channel,
        customer=terms.customer,
        via=terms.via,
        recipients=len(table.recipients),
        lines=len(table.recipients),
        price_fen=terms.price_fen,
        total_fen=pieces * terms.price_fen,
        warnings=table.warnings,
    )
