"""Write what was staged: batches, data keys, cards, the journal and the audit log."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches import staging
from cardctl.batches.draft import Draft
from cardctl.batches.failures import ProductChanged
from cardctl.batches.intake import Intake
from cardctl.batches.results import ImportResult
from cardctl.batches.target import Target
from cardctl.catalog.supplier_columns import remember_columns
from cardctl.clock import day_of
from cardctl.identifiers import new_code
from cardctl.ledger.journal import post_batch
from cardctl.ledger.postings import Event
from cardctl.money import known_cost
from cardctl.schema.cards import Batch
from cardctl.schema.catalog import products
from cardctl.vocabulary import BatchStatus, CardStatus, ImportStatus
from cardctl.workbooks.source import Source

_RULES = ("kind", "fields", "seats", "key_space", "fold_case", "fold_hyphens", "pattern")
"""What of a product decides how its keys are read, sealed and fingerprinted."""


def book(
    session: Session,
    *,
    run: Run,
    zone: ZoneInfo,
    source: Source,
    target: Target,
    intake: Intake,
    totals: Mapping[int, staging.Totals],
) -> list[ImportResult]:
    """Make a batch of each draft that has cards, and cards of all that is staged.

    `totals` are what `staging.totals` says. Raises `ProductChanged`.
    """
    drafts = [draft for draft in intake.drafts.values() if draft.batch_id in totals]
    options = intake.options
    if options.given:
        # Before the batches, which hold their supplier: who waits for it holds nothing yet.
        remember_columns(session, run=run, supplier=target.supplier.code, columns=options.given)
    rows = [
        _batch(
            draft,
            totals[draft.batch_id],
            run=run,
            zone=zone,
            source=source,
            target=target,
            intake=intake,
        )
        for draft in drafts
    ]
    session.add_all(rows)
    session.flush()  # the data keys and the cards refer to them
    check_products(session, drafts)
    session.add_all([draft.data_key for draft in drafts if draft.data_key is not None])
    session.flush()  # the cards come after them, by another way
    status = CardStatus.ALREADY_SOLD if options.already_sold else CardStatus.AVAILABLE
    staging.insert_cards(session, pool_id=target.pool_id, status=status, at=run.at)
    booked = []
    for draft, batch in zip(drafts, rows, strict=True):
        post_batch(
            session,
            run=run,
            event=Event.IMPORT,
            batch_id=batch.id,
            supplier_code=target.supplier.code,
            product_id=draft.product.id,
            cost_fen=batch.cost_fen,
        )
        result = _result(batch, draft, target, intake)
        run.record(session, "batch.import", _facts(result))
        booked.append(result)
    return booked


def _batch(
    draft: Draft,
    totals: staging.Totals,
    *,
    run: Run,
    zone: ZoneInfo,
    source: Source,
    target: Target,
    intake: Intake,
) -> Batch:
    sold = intake.options.already_sold
    return Batch(
        id=draft.batch_id,
        code=new_code("B", f"{day_of(run.at, zone):%Y%m%d}"),
        product_id=draft.product.id,
        supplier_id=target.supplier.id,
        pool_id=target.pool_id,
        status=BatchStatus.IMPORTED.value,
        file_name=source.name,
        file_sha256=source.sha256,
        sheet=intake.sheet,
        already_sold=sold,
        row_count=draft.rows,
        imported_count=totals.cards,
        rejected_count=draft.rejected,
        duplicate_count=draft.duplicates,
        # What was sold before is no stock: nobody misses its cost.
        cost_missing_count=0 if sold else totals.cost_missing,
        cost_fen=totals.cost_fen,
        imported_at=run.at,
        run_id=run.id,
    )


def check_products(session: Session, drafts: list[Draft]) -> None:
    """Raise `ProductChanged` if a rule of keys changed since they were read.

    The batches hold their products from here on: an edit is before them, or waits.
    """
    query = select(products.c.id, *(products.c[name] for name in _RULES)).where(
        products.c.id.in_([draft.product.id for draft in drafts])
    )
    now = {row.id: row for row in session.execute(query)}
    for draft in drafts:
        row = now[draft.product.id]
        if any(getattr(row, name) != getattr(draft.product, name) for name in _RULES):
            raise ProductChanged(sku=draft.product.sku)


def _result(batch: Batch, draft: Draft, target: Target, intake: Intake) -> ImportResult:
    cost_fen = known_cost(batch.cost_fen, of=batch.imported_count, missing=batch.cost_missing_count)
    return ImportResult(
        batch=batch.code,
        status=ImportStatus.PARTIAL if draft.rejected else ImportStatus.IMPORTED,
        product=draft.product.sku,
        supplier=target.supplier.code,
        pool=target.pool,
        file=batch.file_name,
        sha256=batch.file_sha256,
        sheet=batch.sheet,
        rows=batch.row_count,
        imported=batch.imported_count,
        rejected=batch.rejected_count,
        duplicates=batch.duplicate_count,
        cost_missing=batch.cost_missing_count,
        cost_fen=None if batch.already_sold else cost_fen,
        already_sold=batch.already_sold,
        rejects=intake.rejects.kept(draft.product.sku),
    )


def _facts(result: ImportResult) -> dict[str, object]:
    """What the audit log keeps of an import."""
    names = ("batch", "product", "supplier", "pool", "file", "sha256", "sheet", "already_sold")
    counts = ("rows", "imported", "rejected", "duplicates", "cost_missing", "cost_fen")
    return {name: getattr(result, name) for name in (*names, *counts)}
