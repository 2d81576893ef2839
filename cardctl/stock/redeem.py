"""Redeem a card (兑换): whoever brings its number has it marked used, once.

A number that was guessed must not pay, so a try that fails is kept, and too many of one actor
within a while lock the actor out. A try that succeeds neither counts nor forgives; one during a
lock-out is refused unseen and does not prolong it. The tries of one actor come one after another,
so that many at once do not all pass the count before the first of them has failed. The actor is
the user at a host: the operator is whoever a variable says, and would not be kept out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from cardctl.audit.order_events import NewEvent, write_events
from cardctl.audit.record import Actor, Run
from cardctl.catalog.products import find_product_id
from cardctl.clock import format_instant
from cardctl.errors import CardctlError, StateForbids
from cardctl.identifiers import card_code, fingerprint_bucket, new_id
from cardctl.schema.cards import cards
from cardctl.schema.catalog import channels, products
from cardctl.schema.orders import orders
from cardctl.schema.stock import redeem_tries
from cardctl.stock.claim import ClaimLost, in_claim_order
from cardctl.stock.find_cards import NumberUnknown, fingerprints_of
from cardctl.storage.dialects import insert_new, lock_rows, select_many, update_many
from cardctl.storage.store import Store
from cardctl.vault.secret import Secret
from cardctl.vocabulary import CardStatus, OrderEventKind

TRIES_MOST = 5
"""So many failed tries of one actor within the window lock the actor out."""

WINDOW_MS = 15 * 60_000
_MINUTE_MS = 60_000
_ANCHOR_AT = 0
"""The time of the row by which an actor's tries wait for each other; it is no try."""


class CannotRedeem(StateForbids):
    """The card is not with a buyer."""

    code = "cannot-redeem"
    message = "card {card} is {status}: only a card that was issued can be redeemed"
    hint = "cardctl card show {card}"


class AlreadyRedeemed(StateForbids):
    """Somebody brought the number before."""

    code = "already-redeemed"
    message = "card {card} was redeemed already, at {redeemed_at}"
    hint = "cardctl card show {card}"


class SeveralProducts(StateForbids):
    """Cards of several products have the number."""

    code = "several-products"
    message = "cards of several products have that number: {products}"
    hint = "say which: --product SKU"


class LockedOut(StateForbids):
    """Too many tries failed."""

    code = "locked-out"
    message = "too many tries of {actor} failed: the next is possible in {minutes} minutes"
    hint = "cardctl audit list --verb card.redeem-failed"


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A card that is used now."""

    card: str
    product: str
    masked: str
    seat: int
    order: str
    redeemed_at: int


def redeem_card(
    store: Store,
    *,
    run: Run,
    actor: Actor,
    number: Secret,
    fingerprint_key: bytes,
    sku: str | None = None,
    dry_run: bool = False,
) -> Redeemed:
    """Mark the issued card with that number redeemed; of a shared card, one seat.

    A failed try is kept, also that of a dry run: else one could guess without end. Raises
    `NotFound` for an unknown product, `LockedOut`, `NumberUnknown`, `AlreadyRedeemed`,
    `CannotRedeem`, and `SeveralProducts` when products that keep their numbers apart share this
    one and none was named.
    """
    name = f"{actor.os_user}@{actor.host}"
    with run.transaction(store) as session:
        if sku is not None:
            find_product_id(session, sku=sku)
        prints = fingerprints_of(session, number=number, fingerprint_key=fingerprint_key)
        failed_at = _failed_before(session, name, run.at)
        if len(failed_at) >= TRIES_MOST:
            left_ms = failed_at[-TRIES_MOST] + WINDOW_MS - run.at
            raise LockedOut(actor=name, minutes=-(-left_ms // _MINUTE_MS))
        outcome = _try(session, run, store.zone, prints, sku, dry_run=dry_run)
        if isinstance(outcome, CardctlError):
            # Kept, so what is raised for it is raised after the commit.
            session.execute(insert(redeem_tries).values(id=new_id(), actor=name, at=run.at))
            tries = len(failed_at) + 1
            run.record(session, "card.redeem-failed", {"refused": outcome.code, "tries": tries})
    if isinstance(outcome, CardctlError):
        raise outcome
    return outcome


def _try(
    session: Session,
    run: Run,
    zone: ZoneInfo,
    prints: Sequence[bytes],
    sku: str | None,
    *,
    dry_run: bool,
) -> Redeemed | CardctlError:
    """One try, or why it failed; a dry run takes back what it did."""
    try:
        with session.begin_nested() as step:
            redeemed = _redeem(session, run, zone, prints, sku)
            if dry_run:
                step.rollback()
    except (StateForbids, NumberUnknown) as refused:
        return refused
    if not dry_run:
        facts = {"card": redeemed.card, "masked": redeemed.masked, "order": redeemed.order}
        run.record(session, "card.redeem", facts)
    return redeemed


def _failed_before(session: Session, actor: str, at: int) -> list[int]:
    """When an actor's tries within the window failed, the latest last; older ones are forgotten."""
    anchor = int.from_bytes(blake2b(actor.encode(), digest_size=8).digest()) >> 1
    insert_new(session, redeem_tries, {"id": anchor, "actor": actor, "at": _ANCHOR_AT})
    one = redeem_tries.c
    line = select(one.id).where(one.id == anchor)
    session.execute(lock_rows(session, line, table=redeem_tries, skip_locked=False))
    tries = (one.actor == actor) & (one.at > _ANCHOR_AT)
    session.execute(delete(redeem_tries).where(tries, one.at <= at - WINDOW_MS))
    return list(session.execute(select(one.at).where(tries).order_by(one.at)).scalars())


def _redeem(
    session: Session, run: Run, zone: ZoneInfo, prints: Sequence[bytes], sku: str | None
) -> Redeemed:
    _lock_orders(session, prints)
    found = [row for one in prints for row in _lock(session, one) if sku in (None, row.sku)]
    if not found:
        raise NumberUnknown
    if len({row.sku for row in found}) > 1:
        raise SeveralProducts(products=", ".join(sorted({row.sku for row in found})))
    issued = [row for row in found if row.status == CardStatus.ISSUED and row.expires_at >= run.at]
    if not issued:
        raise _refusal(found, zone)
    card = min(issued, key=lambda row: row.seat)
    name = card_code(card.bucket, card.id)
    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=(),
        rows=[(card.bucket, card.id)],
        guard=f"card.status = '{CardStatus.ISSUED}'",
        constants={"status": CardStatus.REDEEMED.value, "status_at": run.at},
    )
    if changed != 1:
        raise ClaimLost(missing=1)
    redeemed = NewEvent(
        card.order_bucket, new_id(), card.order_id, OrderEventKind.REDEEMED, {"card": name}
    )
    write_events(session, run=run, events=[redeemed])
    order = _order_name(session, card.order_bucket, card.order_id)
    return Redeemed(name, card.sku, card.masked, card.seat, order, run.at)


def _lock_orders(session: Session, prints: Sequence[bytes]) -> None:
    """Lock the orders that hold seats of a key: orders come before cards, for everybody."""
    card = cards.c
    keys = sorted(
        {
            (row.order_bucket, row.order_id)
            for one in prints
            for row in session.execute(
                select(card.order_bucket, card.order_id).where(
                    card.bucket == fingerprint_bucket(one),
                    card.fingerprint == one,
                    card.order_id.is_not(None),
                )
            )
        }
    )
    place = ("bucket", "id")
    select_many(session, orders, columns=("id",), key=place, rows=keys, lock_order=place)


def _lock(session: Session, fingerprint: bytes) -> Sequence[Any]:
    """The seats of a key, in the order in which claims lock them."""
    card = cards.c
    query = (
        select(cards, products.c.sku)
        .join(products, products.c.id == card.product_id)
        .where(card.bucket == fingerprint_bucket(fingerprint), card.fingerprint == fingerprint)
    )
    locked = lock_rows(session, in_claim_order(query), table=cards, skip_locked=False)
    return session.execute(locked).all()


def _refusal(found: Sequence[Any], zone: ZoneInfo) -> StateForbids:
    """Why none of a key's seats can be redeemed: the first redeemed one says it best."""
    for row in found:
        if row.status == CardStatus.REDEEMED:
            redeemed_at = format_instant(row.status_at, zone)
            return AlreadyRedeemed(card=card_code(row.bucket, row.id), redeemed_at=redeemed_at)
    row = found[0]
    status = CardStatus.EXPIRED.value if row.status == CardStatus.ISSUED else row.status
    return CannotRedeem(card=card_code(row.bucket, row.id), status=status)


def _order_name(session: Session, bucket: int, order_id: int) -> str:
    order = orders.c
    query = (
        select(channels.c.code, order.number)
        .join(channels, channels.c.id == order.channel_id)
        .where(order.bucket == bucket, order.id == order_id)
    )
    row = session.execute(query).one()
    return f"{row.code}:{row.number}"
