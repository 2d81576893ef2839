"""What waiting orders still lack, what is kept for them, and whether they are stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from cardctl.orders.allocate import Need, WaitingOrder
from cardctl.orders.gates import Told, Verdict, judge
from cardctl.orders.waiting import IssuingCatalog, OrderRow
from cardctl.schema.catalog import MAIN_POOL_ID
from cardctl.schema.orders import order_lines, orders
from cardctl.stock.claim import PickedCard
from cardctl.stock.freeze import Frozen
from cardctl.stock.reserved import reserved_cards
from cardctl.storage.dialects import select_many
from cardctl.vocabulary import DeliveryVia, OrderStatus

OrderKey = tuple[int, int]

_LINE_COLUMNS = (
    *("bucket", "order_id", "position", "id", "product_id"),
    *("qty", "issued_qty", "paid_fen", "refunded_fen"),
    *("bundle_place", "bundle_id", "bundle_qty"),
)


@dataclass(slots=True)
class _Kept:
    """The cards that are reserved for an order: those it may get, by line, and the others."""

    fit: dict[int, list[PickedCard]] = field(default_factory=dict)
    unfit: list[PickedCard] = field(default_factory=list)


def with_needs(
    session: Session,
    *,
    catalog: IssuingCatalog,
    rows: Sequence[OrderRow],
    frozen: Frozen,
    locking: bool,
    judging: bool = True,
) -> list[WaitingOrder]:
    """The same orders with the lines that still lack cards and may get them.

    With `locking` the cards that are reserved for them are locked. Without `judging` none of them
    is stopped for where it is sold, or for what it lacks.
    """
    needs = _read_needs(session, catalog, rows)
    verdicts = _judge(session, catalog, rows, needs) if judging else {}
    kept = _read_kept(session, catalog, rows, locking=locking)
    nothing = _Kept()
    found = []
    for row in rows:
        key = row.bucket, row.id
        parcels = _parcels(needs.get(key, ()))
        served = parcels
        if frozen:
            served = [parcel for parcel in parcels if not _is_frozen(parcel, frozen)]
        cards = kept.get(key, nothing)
        found.append(
            WaitingOrder(
                bucket=row.bucket,
                id=row.id,
                name=catalog.name(row),
                status=row.status,
                account=catalog.account_codes.get(row.account_id or 0, ""),
                pools=catalog.pools.get(row.channel_id, (MAIN_POOL_ID,)),
                parcels=tuple(served),
                frozen=len(served) < len(parcels),
                verdict=verdicts.get(key),
                reserved_until=row.reserved_until,
                reserved=cards.fit,
                unfit=cards.unfit,
            )
        )
    return found


def _read_needs(
    session: Session, catalog: IssuingCatalog, rows: Sequence[OrderRow]
) -> dict[OrderKey, list[Need]]:
    """The lines that lack something, by order, in their order."""
    keys = [(row.bucket, row.id) for row in rows]
    lines = select_many(
        session, order_lines, columns=_LINE_COLUMNS, key=("bucket", "order_id"), rows=keys
    )
    needs: dict[OrderKey, list[Need]] = {}
    vias: Mapping[int, DeliveryVia] = catalog.vias
    lines.sort()
    for bucket, order_id, _, line_id, product_id, qty, issued, paid, refunded, *bundle in lines:
        if issued < qty:
            place, bundle_id, of = bundle
            via = vias.get(product_id)
            fen = paid - refunded
            need = Need(line_id, product_id, qty, issued, fen, place, bundle_id, of, via)
            needs.setdefault((bucket, order_id), []).append(need)
    return needs


def _parcels(needs: Sequence[Need]) -> list[tuple[Need, ...]]:
    """The lines of a bundle together, every other line by itself."""
    if not any(need.bundle_qty for need in needs):
        return [(need,) for need in needs]
    parcels: dict[object, list[Need]] = {}
    for need in needs:
        apart = need.bundle_place is None
        key = ("line", need.line_id) if apart else ("bundle", need.bundle_place)
        parcels.setdefault(key, []).append(need)
    return [tuple(parcel) for parcel in parcels.values()]


def _is_frozen(parcel: Sequence[Need], frozen: Frozen) -> bool:
    return any(frozen.holds(product_id) for need in parcel for product_id in need.sold_as)


def _judge(
    session: Session,
    catalog: IssuingCatalog,
    rows: Sequence[OrderRow],
    needs: Mapping[OrderKey, Sequence[Need]],
) -> dict[OrderKey, Verdict]:
    """The orders that are stopped; what they say is read only of those that a rule is about.

    One that has a part of its cards gets no more, but stays what it is: held or blocked it would
    count as one without cards, and could be cancelled.
    """
    topups = frozenset(one for one, via in catalog.vias.items() if via is DeliveryVia.TOPUP)
    ruled = topups | catalog.regions.keys()
    asked = {
        key: products
        for key, lacking in needs.items()
        if (products := [one for need in lacking for one in need.sold_as if one in ruled])
    }
    if not asked:
        return {}
    told = select_many(
        session,
        orders,
        columns=("bucket", "id", *Told._fields),
        key=("bucket", "id"),
        rows=sorted(asked),
    )
    judged = {
        (bucket, order_id): judge(
            Told(*said), asked[bucket, order_id], regions=catalog.regions, topups=topups
        )
        for bucket, order_id, *said in told
    }
    begun = {(row.bucket, row.id) for row in rows if row.status == OrderStatus.PARTLY_ISSUED}
    return {
        key: verdict._replace(status=OrderStatus.PARTLY_ISSUED) if key in begun else verdict
        for key, verdict in judged.items()
        if verdict is not None
    }


def _read_kept(
    session: Session, catalog: IssuingCatalog, rows: Sequence[OrderRow], *, locking: bool
) -> dict[OrderKey, _Kept]:
    """The cards reserved for these orders; nothing is read where none ever was."""
    keys = [(row.bucket, row.id) for row in rows if row.reserved_until is not None]
    if not keys:
        return {}
    kept: dict[OrderKey, _Kept] = {}
    for one in reserved_cards(session, keys, locking=locking):
        cards = kept.setdefault(one.order, _Kept())
        if one.card.expires_at < catalog.good_until[one.product_id]:
            cards.unfit.append(one.card)
        else:
            cards.fit.setdefault(one.line_id, []).append(one.card)
    return kept
