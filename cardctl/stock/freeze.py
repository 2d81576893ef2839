"""Freeze stock (冻结): nothing of a product, or nothing at all, is issued until it is unfrozen.

Issuing looks here within its own transaction and keeps the freezes as they are until that ends. So
a freeze waits for what is being issued, and what begins to issue waits for the freeze: once `stock
freeze` has ended, nothing it names is issued any more. Importing, moving and writing off go on.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.catalog.products import find_product_id
from cardctl.schema.catalog import products
from cardctl.schema.stock import EVERYTHING, stock_freezes
from cardctl.storage.dialects import hold_table, insert_new
from cardctl.storage.failures import TransactionRaced
from cardctl.vocabulary import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A product, or everything (None), that is frozen or not; since when (epoch ms) and why."""

    product: str | None
    frozen: bool = True
    reason: str = ""
    frozen_at: int | None = None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is frozen: products by id, or everything."""

    product_ids: frozenset[int] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        """Whether anything is."""
        return self.everything or bool(self.product_ids)

    def holds(self, product_id: int) -> bool:
        """Whether nothing of a product may be issued."""
        return self.everything or product_id in self.product_ids


def freeze_stock(session: Session, *, run: Run, sku: str | None, reason: str) -> Freeze:
    """Freeze a product, or without one everything; what is frozen already is left as it is.

    Waits for what is being issued. Raises `NotFound`, and `TransactionRaced` when the freeze that
    stood was taken back meanwhile.
    """
    row = {
        "product_id": _product_id(session, sku),
        "reason": reason,
        "frozen_at": run.at,
        "run_id": run.id,
    }
    if insert_new(session, stock_freezes, row):
        run.record(session, "stock.freeze", {"product": sku, "reason": reason})
        return Freeze(product=sku, reason=reason, frozen_at=run.at, outcome=Outcome.NEW)
    stands = list_freezes(session).get(sku)
    if stands is None:
        # It was taken back between the two looks.
        raise TransactionRaced
    return Freeze(product=sku, **asdict(stands), outcome=Outcome.UNCHANGED)


def unfreeze_stock(session: Session, *, run: Run, sku: str | None) -> Freeze:
    """Take one freeze back: a product's own, or that of everything; what is not frozen stays so.

    A product may still be frozen with everything else: the result says so. Raises `NotFound`.
    """
    product_id = _product_id(session, sku)
    freeze = stock_freezes.c
    taken_back = session.execute(
        delete(stock_freezes).where(freeze.product_id == product_id).returning(freeze.frozen_at)
    ).first()
    outcome = Outcome.UPDATED if taken_back else Outcome.UNCHANGED
    if taken_back:
        run.record(session, "stock.unfreeze", {"product": sku})
    over_all = list_freezes(session).get(None)
    if over_all is not None:
        return Freeze(product=sku, **asdict(over_all), outcome=outcome)
    return Freeze(product=sku, frozen=False, outcome=outcome)


@dataclass(frozen=True, slots=True)
class StandingFreeze:
    """Why something is frozen, and since when (epoch ms)."""

    reason: str
    frozen_at: int


def list_freezes(session: Session) -> Mapping[str | None, StandingFreeze]:
    """The freezes that stand, by SKU; None is the freeze of everything."""
    freeze, product = stock_freezes.c, products.c
    rows = session.execute(
        select(product.sku, freeze.reason, freeze.frozen_at)
        .select_from(stock_freezes.outerjoin(products, product.id == freeze.product_id))
        .order_by(freeze.frozen_at, freeze.product_id)
    )
    return {sku: StandingFreeze(reason, frozen_at) for sku, reason, frozen_at in rows}


def read_frozen(session: Session, *, holding: bool) -> Frozen:
    """What may not be issued now; with `holding` it stays so until this transaction ends."""
    if holding:
        hold_table(session, stock_freezes)
    found = set(session.execute(select(stock_freezes.c.product_id)).scalars())
    return Frozen(frozenset(found - {EVERYTHING}), EVERYTHING in found)


def _product_id(session: Session, sku: str | None) -> int:
    return EVERYTHING if sku is None else find_product_id(session, sku=sku)
