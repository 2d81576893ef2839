"""Note what was shipped: the carrier and the waybill of the lines that hold no cards (发货单)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Run
from cardctl.deliveries.outbox import OrderKey, hold_orders
from cardctl.deliveries.queries import known_orders
from cardctl.deliveries.settle import complete_orders
from cardctl.deliveries.shipping_table import NoteRow
from cardctl.errors import CardctlError, NotFound, StateForbids
from cardctl.identifiers import card_code, new_ids
from cardctl.schema.catalog import products
from cardctl.schema.deliveries import deliveries
from cardctl.schema.orders import order_lines
from cardctl.storage.dialects import select_many, update_many
from cardctl.storage.store import Store
from cardctl.vocabulary import DeliveryStatus, DeliveryVia, OrderEventKind

_CHUNK = 2_000


class NothingToShip(StateForbids):
    """No line of the order waits to be shipped."""

    code = "nothing-to-ship"
    message = "nothing of {order} waits to be shipped"
    hint = "cardctl order show {order}"


class ShippedBefore(StateForbids):
    """It has left with another waybill, which only a correction rewrites."""

    code = "shipped-before"
    message = "{order} was shipped before, by {carrier} {tracking}"
    hint = "if mistyped: cardctl delivery ship {order} --tracking {new} --correct --reason TEXT"


@dataclass(frozen=True, slots=True)
class ShippingNote:
    """What was shipped of an order: without a SKU all that waits to be."""

    order: str
    key: OrderKey
    carrier: str
    tracking: str
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Shipped:
    """What came of a note: how many lines it shipped, 0 when it was noted before."""

    order: str
    lines: int
    problem: CardctlError | None = None


@dataclass(frozen=True, slots=True)
class RefusedNote:
    """A row of a table of notes that was not taken."""

    row: int
    problem: CardctlError


@dataclass(slots=True)
class ShipResult:
    """What came of shipping notes: lines that left, notes known before, rows not taken."""

    shipped: int = 0
    unchanged: int = 0
    rejected: list[RefusedNote] = field(default_factory=list)


class Parcel(NamedTuple):
    """A line that is shipped; `reference` is the number of its waybill."""

    bucket: int
    id: int
    order_id: int
    sku: str
    status: str
    carrier: str | None
    reference: str | None


def ship(session: Session, *, run: Run, notes: Sequence[ShippingNote]) -> list[Shipped]:
    """Note what was shipped; a note that says what is known already changes nothing.

    What cannot be taken is told as the `problem` of its note, the others are kept.
    """
    held = hold_orders(session, [note.key for note in notes])
    parcels = parcels_of(session, sorted(held))
    results: list[Shipped] = []
    leaving: list[tuple[Parcel, ShippingNote]] = []
    for note in notes:
        of_note = [one for one in parcels.get(note.key, []) if note.sku in (None, one.sku)]
        waiting = [one for one in of_note if one.status == DeliveryStatus.WAITING]
        problem = None if waiting else _problem(note, of_note)
        results.append(Shipped(note.order, len(waiting), problem))
        leaving += [(one, note) for one in waiting]
        # A second note about the same lines finds them shipped by the first one.
        shipped = [
            one._replace(
                status=DeliveryStatus.DELIVERED, carrier=note.carrier, reference=note.tracking
            )
            for one in waiting
        ]
        rest = [one for one in parcels.get(note.key, []) if one not in waiting]
        parcels[note.key] = rest + shipped
    _write(session, run, leaving)
    states = {note.key: held[note.key].status for _, note in leaving}
    complete_orders(session, held=states, at=run.at)
    return results


def ship_rows(
    store: Store, *, run: Run, rows: Sequence[NoteRow], dry_run: bool = False
) -> ShipResult:
    """Take the rows of a table of notes, some thousand in a transaction."""
    result = ShipResult()
    for first in range(0, len(rows), _CHUNK):
        with run.transaction(store, dry_run=dry_run, final=False) as session:
            _ship_part(session, run, rows[first : first + _CHUNK], result)
    run.finish(store)
    return result


def _ship_part(session: Session, run: Run, rows: Sequence[NoteRow], result: ShipResult) -> None:
    known = known_orders(session, names=[row.order for row in rows if row.order is not None])
    notes: list[tuple[int, ShippingNote]] = []
    for row in rows:
        if row.order is None:
            assert row.problem is not None
            result.rejected.append(RefusedNote(row.number, row.problem))
        elif row.order not in known:
            missing = NotFound(noun="order", name=str(row.order))
            result.rejected.append(RefusedNote(row.number, missing))
        else:
            place = known[row.order]
            note = ShippingNote(str(row.order), place, row.carrier, row.tracking, row.sku)
            notes.append((row.number, note))
    outcomes = ship(session, run=run, notes=[note for _, note in notes])
    for (number, _), one in zip(notes, outcomes, strict=True):
        if one.problem is not None:
            result.rejected.append(RefusedNote(number, one.problem))
        result.shipped += one.lines
        result.unchanged += not (one.lines or one.problem)


def parcels_of(session: Session, keys: Sequence[OrderKey]) -> dict[OrderKey, list[Parcel]]:
    """The lines of some orders that are shipped, whether they were or not."""
    rows = select_many(
        session,
        deliveries,
        columns=(
            *("bucket", "id", "order_id", "order_line_id"),
            *("via", "status", "carrier", "reference"),
        ),
        key=("bucket", "order_id"),
        rows=keys,
    )
    rows = [row for row in rows if row[4] == DeliveryVia.SHIPMENT]
    skus = _skus(session, [(row[0], row[3]) for row in rows])
    found: dict[OrderKey, list[Parcel]] = {}
    for bucket, delivery_id, order_id, line_id, _, *facts in sorted(rows, key=lambda row: row[1]):
        parcel = Parcel(bucket, delivery_id, order_id, skus[bucket, line_id], *facts)
        found.setdefault((bucket, order_id), []).append(parcel)
    return found


def _skus(session: Session, lines: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    rows = select_many(
        session,
        order_lines,
        columns=("bucket", "id", "product_id"),
        key=("bucket", "id"),
        rows=lines,
    )
    known: dict[int, Any] = dict(
        select_many(
            session,
            products,
            columns=("id", "sku"),
            key=("id",),
            rows=[(product_id,) for product_id in {row[2] for row in rows}],
        )
    )
    return {(bucket, line_id): known[product_id] for bucket, line_id, product_id in rows}


def _problem(note: ShippingNote, parcels: Sequence[Parcel]) -> CardctlError | None:
    """Why a note finds nothing that waits; None when it says what is known."""
    gone = [one for one in parcels if one.status == DeliveryStatus.DELIVERED]
    if not gone:
        return NothingToShip(order=note.order)
    if any((one.carrier, one.reference) == (note.carrier, note.tracking) for one in gone):
        return None
    last = gone[-1]
    return ShippedBefore(
        order=note.order, carrier=last.carrier, tracking=last.reference, new=note.tracking
    )


def _write(session: Session, run: Run, leaving: Sequence[tuple[Parcel, ShippingNote]]) -> None:
    if not leaving:
        return
    update_many(
        session,
        deliveries,
        key=("bucket", "id"),
        changed=("carrier", "reference"),
        rows=[(note.carrier, note.tracking, one.bucket, one.id) for one, note in leaving],
        constants={"status": DeliveryStatus.DELIVERED.value, "delivered_at": run.at},
    )
    events = (
        NewEvent(one.bucket, event_id, one.order_id, OrderEventKind.DELIVERED, _detail(one, note))
        for (one, note), event_id in zip(leaving, new_ids(len(leaving)), strict=True)
    )
    write_events(session, run=run, events=events)
    run.record(session, "delivery.ship", {"lines": len(leaving)})


def _detail(one: Parcel, note: ShippingNote) -> dict[str, object]:
    return {
        "via": DeliveryVia.SHIPMENT.value,
        "delivery": card_code(one.bucket, one.id),
        "carrier": note.carrier,
        "tracking": note.tracking,
    }
