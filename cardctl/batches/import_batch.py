"""Import a file of keys: one supplier, one product, one transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches import staging
from cardctl.batches.checks import RowChecker, Rules
from cardctl.batches.columns import (
    EXPIRES,
    FACE_VALUE,
    FIELD_PREFIX,
    NUMBER,
    SECRET,
    find_columns,
)
from cardctl.batches.failures import (
    CostTwice,
    ExpiryNeeded,
    ExpiryPast,
    FaceValueNeeded,
    MergedKeyCells,
    NoRows,
    ProductChanged,
)
from cardctl.batches.results import ImportOptions, ImportResult, Rejects
from cardctl.batches.row_errors import DuplicateInFile, DuplicateInStore, Reject
from cardctl.batches.target import Target, find_standing, find_target
from cardctl.clock import day_of
from cardctl.identifiers import fingerprint_bucket, new_code, new_id, new_ids
from cardctl.ledger.journal import post_batch
from cardctl.ledger.postings import Event
from cardctl.money import known_cost, share_out
from cardctl.schema.cards import Batch, DataKey
from cardctl.schema.catalog import Product, products
from cardctl.storage.failures import StoreBusy, violated_constraint
from cardctl.storage.store import Store
from cardctl.vault.fingerprint import canonical, fingerprint
from cardctl.vault.keyset import Vault
from cardctl.vault.mask import mask
from cardctl.vault.sealing import BatchKey, new_batch_key
from cardctl.vocabulary import BatchStatus, ImportStatus, ProductKind
from cardctl.workbooks.cells import Row
from cardctl.workbooks.headers import Header
from cardctl.workbooks.read import Table, open_table
from cardctl.workbooks.source import Source

_CHUNK_ROWS = 2000
_RULES = ("kind", "fields", "seats", "key_space", "fold_case", "fold_hyphens", "pattern")
"""What of a product decides how its keys are read, sealed and fingerprinted."""


def import_batch(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    source: Source,
    sku: str,
    supplier: str,
    options: ImportOptions,
    advance: Callable[[int], None],
    on_reject: Callable[[Reject], None],
) -> ImportResult:
    """Make cards of the rows of a file, or say row by row why not.

    `advance` hears of rows read, `on_reject` of every error. The same file for the same product
    and supplier is `unchanged` while its batch stands. Raises `NotFound`, the errors of
    `failures`, and what reading the file raises.
    """
    if options.cost_fen is not None and options.cost_rate_bp is not None:
        raise CostTwice
    if options.expires_at is not None and options.expires_at < run.at:
        raise ExpiryPast
    with store.reading() as session:
        target = find_target(session, sku=sku, supplier=supplier, pool=options.pool)
        standing = find_standing(session, target, source)
    if standing:
        return standing
    with (
        open_table(source, password=options.password, sheet=options.sheet) as table,
        store.one_connection() as bound,
    ):
        work = _Import(run, vault, source, target, options, Rejects(on_reject))
        result = work.carry_out(bound, table, advance)
    in_clear = source.path is not None and not table.encrypted
    return replace(result, warnings=table.warnings, left_in_clear=in_clear)


class _FileRefused(Exception):
    """Rolls the transaction back: a refused file is a result that leaves nothing behind."""


class _SameFileStands(Exception):
    """Rolls the transaction back: another process has imported the file meanwhile."""


@dataclass(slots=True)
class _Import:
    """One import under way: everything is staged first, then written or refused."""

    run: Run
    vault: Vault
    source: Source
    target: Target
    options: ImportOptions
    rejects: Rejects
    rows: int = 0

    def carry_out(self, bound: Store, table: Table, advance: Callable[[int], None]) -> ImportResult:
        """Both phases, on the one connection that sees the staged cards."""
        header, rows = find_columns(
            table.rows,
            kind=ProductKind(self.target.product.kind),
            fields=_field_names(self.target.product),
            given=self.options.given,
        )
        self._check_header(header, table)
        checker = RowChecker(header, self._rules(bound, table), mask=mask)
        batch_key, data_key = new_batch_key(self.vault, batch_id=new_id())
        key_column = header.names.get(NUMBER) or header.names[SECRET]
        with bound.staging() as session:
            staging.create(session)
            while chunk := list(islice(rows, _CHUNK_ROWS)):
                staging.add(session, self._sealed(chunk, checker, batch_key))
                self.rows += len(chunk)
                advance(len(chunk))
            if not self.rows:
                raise NoRows(file=self.source.name)
            staging.finish(session)
            self._reject_in_file(session, key_column)
            if self._refuses():
                self._reject_in_store(session, key_column)
                return self._result(ImportStatus.REFUSED)
        return self._written(bound, data_key, key_column)

    def _check_header(self, header: Header, table: Table) -> None:
        columns, options = header.columns, self.options
        if EXPIRES not in columns and options.expires_at is None:
            raise ExpiryNeeded
        unknown = FACE_VALUE not in columns and self.target.product.face_value_fen is None
        if options.cost_rate_bp is not None and unknown:
            raise FaceValueNeeded(sku=self.target.product.sku)
        for field, column in columns.items():
            if field not in (NUMBER, SECRET) and not field.startswith(FIELD_PREFIX):
                continue
            for merged in table.merged:
                inside = merged.first_column <= column <= merged.last_column
                if inside and merged.last_row > header.row_number:
                    raise MergedKeyCells(
                        column=header.names[field],
                        first_row=merged.first_row,
                        last_row=merged.last_row,
                    )

    def _rules(self, store: Store, table: Table) -> Rules:
        options, target = self.options, self.target
        rate = options.cost_rate_bp
        return Rules(
            at=self.run.at,
            zone=store.zone,
            pattern=target.product.pattern,
            expires_at=options.expires_at,
            cost_fen=options.cost_fen,
            cost_rate_bp=target.supplier.cost_rate_bp if rate is None else rate,
            face_value_fen=target.product.face_value_fen,
            width_is_exact=table.format in {"csv", "tsv"},
        )

    def _sealed(
        self, chunk: list[Row], checker: RowChecker, batch_key: BatchKey
    ) -> Iterator[tuple[object, ...]]:
        """The cards of some rows, sealed, in the order of `staging.COLUMNS`."""
        product, seal, key = self.target.product, batch_key.seal, self.vault.fingerprint_key
        fold_case, fold_hyphens = product.fold_case, product.fold_hyphens
        product_id, key_space, seats = product.id, product.key_space, product.seats
        card_ids = iter(new_ids(len(chunk) * seats))
        for row in chunk:
            checked = checker.check(row)
            if isinstance(checked, list):
                self.rejects.add_row(checked)
                continue
            number, secret, fields, serial, note, cost_fen, expires_at = checked
            name = secret if number is None else number
            folded = canonical(name, fold_case=fold_case, fold_hyphens=fold_hyphens)
            digest = fingerprint(key, key_space=key_space, canonical=folded)
            bucket, masked = fingerprint_bucket(digest), mask(name)
            for seat, cost in enumerate(_cost_of_seats(cost_fen, seats), 1):
                card = next(card_ids)
                place = {"bucket": bucket, "card_id": card, "product_id": product_id}
                yield (
                    bucket,
                    card,
                    digest,
                    seat,
                    None if number is None else seal("number", plaintext=number.encode(), **place),
                    seal("secret", plaintext=secret.encode(), **place),
                    None if fields is None else seal("fields", plaintext=fields.encode(), **place),
                    masked,
                    serial,
                    note,
                    cost,
                    expires_at,
                    row.number,
                )

    def _reject_in_file(self, session: Session, column: str) -> None:
        before = self.rejects.duplicates
        for row, masked, first_row in staging.duplicates_in_file(session):
            problem = DuplicateInFile(masked=masked, first_row=first_row)
            self.rejects.add_duplicate(Reject(row, column, problem))
        if self.rejects.duplicates > before:
            staging.drop_duplicates_in_file(session)

    def _reject_in_store(self, session: Session, column: str) -> None:
        before = self.rejects.duplicates
        for row, masked, batch in staging.duplicates_in_store(session):
            problem = DuplicateInStore(masked=masked, batch=batch)
            self.rejects.add_duplicate(Reject(row, column, problem))
        if self.rejects.duplicates > before:
            staging.drop_duplicates_in_store(session)

    def _refuses(self) -> bool:
        return self.rejects.rows > 0 and not self.options.skip_bad_rows

    def _written(self, bound: Store, data_key: DataKey, column: str) -> ImportResult:
        """The transaction; what another process did meanwhile is met by the constraints."""
        try:
            with self.run.transaction(bound, dry_run=self.options.dry_run) as session:
                return self._write(session, data_key, column, bound)
        except _FileRefused:
            return self._result(ImportStatus.REFUSED)
        except _SameFileStands:
            pass
        except IntegrityError as error:
            violated = violated_constraint(error)
            if "fingerprint" in violated:
                # Another import brought one of these keys since we looked.
                raise StoreBusy from error
            if "file" not in violated:
                raise
        with bound.reading() as session:
            standing = find_standing(session, self.target, self.source)
        if standing is None:
            # The batch that was in the way has been undone since.
            raise StoreBusy
        return standing

    def _write(
        self, session: Session, data_key: DataKey, column: str, store: Store
    ) -> ImportResult:
        target, run = self.target, self.run
        if find_standing(session, target, self.source):
            raise _SameFileStands
        self._reject_in_store(session, column)
        totals = staging.totals(session)
        if self._refuses() or not totals.cards:
            raise _FileRefused
        batch = Batch(
            id=data_key.batch_id,
            code=new_code("B", f"{day_of(run.at, store.zone):%Y%m%d}"),
            product_id=target.product.id,
            supplier_id=target.supplier.id,
            pool_id=target.pool_id,
            status=BatchStatus.IMPORTED.value,
            file_name=self.source.name,
            file_sha256=self.source.sha256,
            row_count=self.rows,
            imported_count=totals.cards,
            rejected_count=self.rejects.rows,
            duplicate_count=self.rejects.duplicates,
            cost_missing_count=totals.cost_missing,
            cost_fen=totals.cost_fen,
            imported_at=run.at,
            run_id=run.id,
        )
        session.add(batch)
        session.flush()  # the data key and the cards refer to it
        self._check_product(session)
        session.add(data_key)
        session.flush()  # the cards come after it, by another way
        staging.insert_cards(
            session,
            batch_id=batch.id,
            product_id=target.product.id,
            pool_id=target.pool_id,
            at=run.at,
        )
        post_batch(
            session,
            run=run,
            event=Event.IMPORT,
            batch_id=batch.id,
            supplier_code=target.supplier.code,
            product_id=target.product.id,
            cost_fen=totals.cost_fen,
        )
        result = self._result(
            ImportStatus.PARTIAL if self.rejects.rows else ImportStatus.IMPORTED,
            batch=batch.code,
            totals=totals,
        )
        run.record(session, "batch.import", _facts(result))
        return result

    def _check_product(self, session: Session) -> None:
        """The batch row holds the product from here on: an edit is before it, or waits."""
        now = session.execute(
            select(*(products.c[name] for name in _RULES)).where(
                products.c.id == self.target.product.id
            )
        ).one()
        if any(getattr(now, name) != getattr(self.target.product, name) for name in _RULES):
            raise ProductChanged(sku=self.target.product.sku)

    def _result(
        self,
        status: ImportStatus,
        *,
        batch: str | None = None,
        totals: staging.Totals = staging.NOTHING,
    ) -> ImportResult:
        return ImportResult(
            batch=batch,
            status=status,
            product=self.target.product.sku,
            supplier=self.target.supplier.code,
            pool=self.target.pool,
            file=self.source.name,
            sha256=self.source.sha256,
            rows=self.rows,
            imported=totals.cards,
            rejected=self.rejects.rows,
            duplicates=self.rejects.duplicates,
            cost_missing=totals.cost_missing,
            cost_fen=known_cost(totals.cost_fen, of=totals.cards, missing=totals.cost_missing),
            rejects=self.rejects.kept,
        )


def _facts(result: ImportResult) -> dict[str, object]:
    """What the audit log keeps of an import."""
    names = ("batch", "product", "supplier", "pool", "file", "sha256")
    counts = ("rows", "imported", "rejected", "duplicates", "cost_missing", "cost_fen")
    return {name: getattr(result, name) for name in (*names, *counts)}


def _field_names(product: Product) -> tuple[str, ...]:
    return tuple(product.fields.split(",")) if product.fields else ()


def _cost_of_seats(cost_fen: int | None, seats: int) -> list[int | None]:
    """A key's cost, shared out among its seats to the fen."""
    if cost_fen is None:
        return [None] * seats
    return [*share_out(cost_fen, [1] * seats)] if seats > 1 else [cost_fen]
