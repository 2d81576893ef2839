"""Generate codes of our own: a batch like an import, of what nobody has seen yet."""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches import staging
from cardctl.batches.booking import check_products
from cardctl.batches.checks import CheckedRow
from cardctl.batches.draft import Draft, StagedRow, new_draft
from cardctl.batches.failures import ExpiryPast
from cardctl.batches.own_codes import CodePattern, read_pattern
from cardctl.catalog.suppliers import SupplierEntry, add_supplier, show_supplier
from cardctl.clock import day_of
from cardctl.errors import NotFound, UsageRefused
from cardctl.identifiers import new_code, new_ids
from cardctl.ledger.journal import post_batch
from cardctl.ledger.postings import Event
from cardctl.schema.cards import Batch, batches
from cardctl.schema.catalog import Product, pools, products, suppliers
from cardctl.storage.failures import StoreBusy, violated_constraint
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vocabulary import BatchStatus, CardStatus, ProductKind, SupplierTier

OWN_SUPPLIER = "SELF"
"""The merchant as the supplier of codes of his own; made when it is not there."""

_CHUNK_CODES = 5_000


class NotACode(UsageRefused):
    """Keys of another kind than codes come from somebody else."""

    code = "not-a-code"
    message = "{sku} is of kind {kind}: only the keys of a product of kind code can be generated"
    hint = "cardctl product show {sku}"


class PatternContradicts(UsageRefused):
    """What is generated would not be taken by an import of the same product."""

    code = "pattern-contradicts"
    message = "codes like {pattern} do not all match {rule}, the pattern of product {sku}"
    hint = "cardctl product show {sku}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOrder:
    """Which codes to make: how many, how they look, their cost in fen, until when they are good.

    `expires_at` is epoch ms.
    """

    sku: str
    count: int
    pattern: str
    pool: str
    cost_fen: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The batch that was made; a code of a product with seats makes a card a seat."""

    batch: str
    product: str
    supplier: str
    pool: str
    pattern: str
    codes: int
    cards: int
    cost_fen: int
    expires_on: int


def generate_codes(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    order: CodeOrder,
    dry_run: bool,
    advance: Callable[[int], None],
) -> Generated:
    """Make codes in one transaction, sealed, seen by nobody; `advance` hears of codes made.

    Each run makes as many again. Raises `NotFound`, `BadValue`, `PatternGuessable`,
    `PatternContradicts`, `NotACode` and `ExpiryPast`.
    """
    if order.expires_at < run.at:
        raise ExpiryPast
    with store.reading() as session:
        product, pool_id, before = _find(session, order)
    pattern = read_pattern(order.pattern, codes=before + order.count)
    draft = new_draft(vault, product, already_sold=False)
    draft.rows = order.count
    try:
        with store.one_connection() as bound:
            with bound.staging() as session:
                _stage(session, draft, _Drawing(order, product, pattern), advance)
            with run.transaction(bound, dry_run=dry_run) as session:
                return _write(session, run, store, order, draft, pool_id)
    except IntegrityError as error:
        if "fingerprint" in violated_constraint(error):
            # Another command brought one of these codes since we looked.
            raise StoreBusy from error
        raise


def _find(session: Session, order: CodeOrder) -> tuple[Product, int, int]:
    """The product, the id of the pool, and how many keys of the product there have been."""
    row = session.execute(select(products).where(products.c.sku == order.sku)).mappings().first()
    if row is None:
        raise NotFound(noun="product", name=order.sku)
    product = Product(**row)
    if product.kind != ProductKind.CODE:
        raise NotACode(sku=order.sku, kind=product.kind)
    pool_id = session.execute(
        select(pools.c.id).where(pools.c.code == order.pool)
    ).scalar_one_or_none()
    if pool_id is None:
        raise NotFound(noun="pool", name=order.pool)
    brought = select(func.coalesce(func.sum(batches.c.row_count), 0)).where(
        batches.c.product_id == product.id
    )
    return product, pool_id, int(session.execute(brought).scalar_one())


@dataclass(slots=True)
class _Drawing:
    """Draws codes, counted as they would be rows of a file."""

    order: CodeOrder
    product: Product
    pattern: CodePattern
    drawn: int = 0

    def rows(self, draft: Draft, count: int) -> Iterator[StagedRow]:
        """So many new codes, sealed."""
        order, product = self.order, self.product
        rule = re.compile(product.pattern) if product.pattern else None
        card_ids = iter(new_ids(count * product.seats))
        for _ in range(count):
            code = self.pattern.draw()
            if rule and not rule.fullmatch(code):
                raise PatternContradicts(
                    pattern=self.pattern.text, rule=product.pattern, sku=product.sku
                )
            self.drawn += 1
            row = CheckedRow(
                number=None,
                secret=code,
                fields=None,
                serial=None,
                note=None,
                cost_fen=order.cost_fen,
                expires_at=order.expires_at,
            )
            yield from draft.cards(row, self.drawn, card_ids)


def _stage(
    session: Session, draft: Draft, drawing: _Drawing, advance: Callable[[int], None]
) -> None:
    """Stage as many codes as were ordered; what is there already is drawn anew."""
    staging.create(session)
    missing = drawing.order.count
    while missing:
        first_round = drawing.drawn == 0
        for first in range(0, missing, _CHUNK_CODES):
            part = min(_CHUNK_CODES, missing - first)
            staging.add(session, drawing.rows(draft, part))
            advance(part)
        if first_round:
            staging.finish(session)
        staging.drop_duplicates_in_file(session)
        staging.mark_duplicates_in_store(session)
        staged = staging.totals(session).get(draft.batch_id, staging.NOTHING)
        missing = drawing.order.count - staged.cards // draft.product.seats


def _write(
    session: Session, run: Run, store: Store, order: CodeOrder, draft: Draft, pool_id: int
) -> Generated:
    """The batch, its data key, its cards, the journal and the audit log."""
    supplier_id = _own_supplier(session, run)
    totals = staging.totals(session)[draft.batch_id]
    code = new_code("B", f"{day_of(run.at, store.zone):%Y%m%d}")
    batch = Batch(
        id=draft.batch_id,
        code=code,
        product_id=draft.product.id,
        supplier_id=supplier_id,
        pool_id=pool_id,
        status=BatchStatus.IMPORTED.value,
        file_name=order.pattern,
        # There is no file; the batch is told from the others by its name.
        file_sha256=sha256(code.encode()).hexdigest(),
        row_count=order.count,
        imported_count=totals.cards,
        rejected_count=0,
        duplicate_count=0,
        cost_missing_count=0,
        cost_fen=totals.cost_fen,
        imported_at=run.at,
        run_id=run.id,
    )
    session.add(batch)
    session.flush()  # the data key and the cards refer to it
    check_products(session, [draft])
    session.add(draft.data_key)
    session.flush()  # the cards come after it, by another way
    staging.insert_cards(session, pool_id=pool_id, status=CardStatus.AVAILABLE, at=run.at)
    post_batch(
        session,
        run=run,
        event=Event.IMPORT,
        batch_id=batch.id,
        supplier_code=OWN_SUPPLIER,
        product_id=draft.product.id,
        cost_fen=totals.cost_fen,
    )
    generated = Generated(
        batch=code,
        product=order.sku,
        supplier=OWN_SUPPLIER,
        pool=order.pool,
        pattern=order.pattern,
        codes=order.count,
        cards=totals.cards,
        cost_fen=totals.cost_fen,
        expires_on=order.expires_at,
    )
    run.record(session, "stock.generate", asdict(generated))
    return generated


def _own_supplier(session: Session, run: Run) -> int:
    """The id of the merchant as a supplier, who is added the first time."""
    try:
        show_supplier(session, code=OWN_SUPPLIER)
    except NotFound:
        entry = SupplierEntry(code=OWN_SUPPLIER, name=OWN_SUPPLIER, tier=SupplierTier.BRAND)
        add_supplier(session, run=run, supplier=entry)
    query = select(suppliers.c.id).where(suppliers.c.code == OWN_SUPPLIER)
    return int(session.execute(query).scalar_one())
