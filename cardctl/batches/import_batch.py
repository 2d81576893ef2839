"""Import a file of keys: one supplier, one transaction, a batch a product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from cardctl.audit.record import Run
from cardctl.batches import staging
from cardctl.batches.booking import book
from cardctl.batches.failures import (
    CostTwice,
    ExpiryPast,
    NoRows,
    RememberedPasswordWrong,
    SoldHasNeither,
)
from cardctl.batches.heading import Naming
from cardctl.batches.intake import Intake
from cardctl.batches.results import ImportOptions, ImportResult, Rejects
from cardctl.batches.row_errors import (
    DuplicateInFile,
    DuplicateInMember,
    DuplicateInStore,
    Reject,
    SoldBefore,
)
from cardctl.batches.target import (
    Standing,
    Target,
    check_alike,
    find_names,
    find_standing,
    find_target,
)
from cardctl.catalog.supplier_columns import remembered_columns
from cardctl.catalog.supplier_passwords import find_password
from cardctl.money import known_cost
from cardctl.schema.cards import batches
from cardctl.storage.failures import StoreBusy, violated_constraint
from cardctl.storage.store import Store
from cardctl.vault.keyset import Vault
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ImportStatus
from cardctl.workbooks.failures import WrongPassword
from cardctl.workbooks.read import open_tables
from cardctl.workbooks.source import Source


def import_batch(
    store: Store,
    *,
    run: Run,
    vault: Vault,
    source: Source,
    supplier: str,
    options: ImportOptions,
    advance: Callable[[int], None],
    on_reject: Callable[[Reject], None] | None,
) -> ImportResult:
    """Make cards of the rows of a file, or say row by row why not.

    `advance` hears of rows read, `on_reject` of every error: without it only the first are known.
    The same file is `unchanged` for each product whose batch stands. Raises `NotFound`, the
    errors of `failures`, `heading` and `target`, and what reading the file raises.
    """
    _check_options(options, run.at)
    with store.reading() as session:
        target = find_target(session, supplier=supplier, pool=options.pool)
        names = find_names(session, target.supplier, sku=options.product)
        standing = find_standing(session, target, source)
        if names.only and (found := _standing_whole(standing, names.only.id, options)):
            return found
        remembered = remembered_columns(session, supplier_id=target.supplier.id)
        password = options.password or find_password(
            session, vault=vault, supplier_id=target.supplier.id, supplier=supplier
        )
    intake = Intake(
        file=source.name,
        vault=vault,
        at=run.at,
        zone=store.zone,
        supplier=target.supplier,
        names=names,
        naming=Naming(options.given, remembered),
        options=options,
        standing=standing,
        rejects=Rejects(on_reject),
    )
    try:
        return _Import(run, source, target, intake).carry_out(store, password, advance)
    except WrongPassword:
        if options.password is None:
            raise RememberedPasswordWrong(supplier=supplier, file=source.name) from None
        raise


class _FileRefused(Exception):
    """Rolls the transaction back: a refused file is a result that leaves nothing behind."""


class _SameFileStands(Exception):
    """Rolls the transaction back: another process has imported the file meanwhile."""


@dataclass(slots=True)
class _Import:
    """One import under way: everything is staged by now, and is written or refused."""

    run: Run
    source: Source
    target: Target
    intake: Intake

    def carry_out(
        self, store: Store, password: Secret | None, advance: Callable[[int], None]
    ) -> ImportResult:
        """Both phases, on the one connection that sees the staged cards."""
        intake = self.intake
        with store.one_connection() as bound:
            with bound.staging() as session:
                staging.create(session)
                with open_tables(
                    self.source,
                    password=password,
                    sheet=intake.options.sheet,
                    line=intake.options.line,
                    columns=intake.known_columns(),
                ) as tables:
                    for table in tables:
                        intake.take(session, table, advance)
                if not intake.rows:
                    raise NoRows(file=self.source.name)
                staging.finish(session)
                self._reject_in_file(session)
                if self._refuses():
                    self._reject_in_store(session)
                    return self._result(ImportStatus.REFUSED)
            return self._written(bound)

    def _written(self, bound: Store) -> ImportResult:
        """The transaction; what another process did meanwhile is met by the constraints."""
        if not self.intake.drafts:
            met = self.intake.met
            return self._result(ImportStatus.UNCHANGED if met else ImportStatus.REFUSED)
        try:
            with self.run.transaction(bound, dry_run=self.intake.options.dry_run) as session:
                return self._write(session, bound)
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
            return self._result_of_other(find_standing(session, self.target, self.source))

    def _write(self, session: Session, bound: Store) -> ImportResult:
        intake = self.intake
        standing = find_standing(session, self.target, self.source)
        if any((intake.sheet, product_id) in standing for product_id in intake.drafts):
            raise _SameFileStands
        self._reject_in_store(session)
        totals = staging.totals(session)
        if self._refuses() or not (totals or intake.met):
            raise _FileRefused
        if not totals:
            return self._result(ImportStatus.UNCHANGED)
        booked = book(
            session,
            run=self.run,
            zone=bound.zone,
            source=self.source,
            target=self.target,
            intake=intake,
            totals=totals,
        )
        status = ImportStatus.PARTIAL if intake.rejects.rows else ImportStatus.IMPORTED
        return self._result(status, booked)

    def _refuses(self) -> bool:
        rejects, options = self.intake.rejects, self.intake.options
        return rejects.rows > 0 and not options.skip_bad_rows

    def _reject_in_file(self, session: Session) -> None:
        intake, before = self.intake, self.intake.rejects.duplicates
        for batch_id, place, masked, first in staging.duplicates_in_file(session):
            part, row = staging.part_and_row(first)
            problem = DuplicateInFile(masked=masked, first_row=row)
            if part != staging.part_and_row(place)[0]:
                member = intake.members[part]
                problem = DuplicateInMember(masked=masked, first_row=row, member=member)
            intake.count_duplicates(batch_id, 1)
            intake.keep_duplicate(batch_id, place, problem)
        if intake.rejects.duplicates > before:
            staging.drop_duplicates_in_file(session)

    def _reject_in_store(self, session: Session) -> None:
        intake, names = self.intake, _BatchNames(session)
        for batch_id, count in staging.mark_duplicates_in_store(session).items():
            intake.count_duplicates(batch_id, count)
        most = intake.rejects.wanted_most
        for batch_id, place, masked, met in staging.duplicates_in_store(session, most=most):
            code, sold = names.of(met)
            problem = (SoldBefore if sold else DuplicateInStore)(masked=masked, batch=code)
            intake.keep_duplicate(batch_id, place, problem)

    def _result_of_other(self, standing: Standing) -> ImportResult:
        """What another process made of the file while this one was reading it."""
        intake = self.intake
        for product_id in intake.drafts:
            found = standing.get((intake.sheet, product_id))
            if found is None:
                # The batch that was in the way has been undone since.
                raise StoreBusy
            intake.met[product_id] = check_alike(found, already_sold=intake.options.already_sold)
        return self._result(ImportStatus.UNCHANGED)

    def _result(self, status: ImportStatus, booked: Sequence[ImportResult] = ()) -> ImportResult:
        """What came of the file as a whole, with what came of each product that it holds."""
        intake, rejects = self.intake, self.intake.rejects
        known = [] if status == ImportStatus.REFUSED else [*booked, *intake.met.values()]
        known.sort(key=lambda result: result.product or "")
        imported = sum(result.imported for result in booked)
        missing = sum(result.cost_missing for result in booked)
        fen = sum(result.cost_fen or 0 for result in booked)
        sold = intake.options.already_sold
        return ImportResult(
            batch=known[0].batch if len(known) == 1 else None,
            status=status,
            product=self._product(),
            supplier=self.target.supplier.code,
            pool=self.target.pool,
            file=self.source.name,
            sha256=self.source.sha256,
            sheet=intake.sheet,
            rows=intake.rows,
            imported=imported,
            rejected=rejects.rows,
            duplicates=rejects.duplicates,
            cost_missing=missing,
            cost_fen=None if sold else known_cost(fen, of=imported, missing=missing),
            already_sold=sold,
            rejects=rejects.kept(),
            skipped_lines=intake.skipped_lines,
            skipped=tuple(intake.skipped),
            batches=() if intake.names.only else tuple(known),
            warnings=tuple(intake.warnings),
            remembered=intake.remembered,
            whole=intake.is_whole(),
            left_in_clear=intake.in_clear and self.source.path is not None,
        )

    def _product(self) -> str | None:
        """The SKU of all rows; None where they are of several products, or of none."""
        intake = self.intake
        found = {draft.product.sku for draft in intake.drafts.values()}
        found |= {result.product or "" for result in intake.met.values()}
        only = {intake.names.only.sku} if intake.names.only else found
        return next(iter(only)) if len(only) == 1 else None


class _BatchNames:
    """The codes of batches that a file's keys were met in, and whether those were sold before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, tuple[str, bool]] = {}

    def of(self, batch_id: int) -> tuple[str, bool]:
        """The code of a batch, and whether its keys were sold before they came."""
        if batch_id not in self._known:
            query = select(batches.c.code, batches.c.already_sold).where(batches.c.id == batch_id)
            self._known[batch_id] = tuple(self._session.execute(query).one())
        return self._known[batch_id]


def _standing_whole(
    standing: Standing, product_id: int, options: ImportOptions
) -> ImportResult | None:
    """The batch that the whole file has made, where that is known without opening the file."""
    for sheet in ("", options.sheet or ""):
        if found := standing.get((sheet, product_id)):
            return check_alike(found, already_sold=options.already_sold)
    return None


def _check_options(options: ImportOptions, at: int) -> None:
    costs = (options.cost_fen, options.cost_rate_bp)
    if options.already_sold and not {*costs, options.expires_at} <= {None}:
        raise SoldHasNeither
    if None not in costs:
        raise CostTwice
    if options.expires_at is not None and options.expires_at < at:
        raise ExpiryPast
