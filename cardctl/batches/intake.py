"""The rows of a file on their way in: sorted by product, checked, sealed and staged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from zoneinfo import ZoneInfo

from sqlmodel import Session

from cardctl.batches import staging
from cardctl.batches.by_product import ProductNames
from cardctl.batches.checks import RowChecker, Rules
from cardctl.batches.columns import EXPIRES, FACE_VALUE, FIELD_PREFIX, NUMBER, PRODUCT, SECRET
from cardctl.batches.draft import Draft, StagedRow, new_draft
from cardctl.batches.failures import ExpiryNeeded, FaceValueNeeded, MergedKeyCells
from cardctl.batches.heading import (
    Asked,
    KindContradicted,
    Naming,
    check_given,
    find_heading,
)
from cardctl.batches.results import LISTED_MOST, ImportOptions, ImportResult, Rejects, Skipped
from cardctl.batches.row_errors import AmbiguousLine, Reject
from cardctl.batches.target import check_alike
from cardctl.errors import InputRefused
from cardctl.identifiers import new_ids
from cardctl.schema.catalog import Product, Supplier
from cardctl.vault.keyset import Vault
from cardctl.vault.mask import mask
from cardctl.vocabulary import CARD_KINDS, ProductKind
from cardctl.workbooks.cells import MemberUnread, NotText, Row, TableWarning
from cardctl.workbooks.failures import HeaderAmbiguous, HeaderMissing, MappedColumnMissing
from cardctl.workbooks.headers import Header, fold
from cardctl.workbooks.read import Table

_CHUNK_ROWS = 2000
_NO_TABLE_OF_KEYS = (
    HeaderMissing,
    HeaderAmbiguous,
    MappedColumnMissing,
    KindContradicted,
    MergedKeyCells,
)
"""What is wrong with one file of a zip, or with one product of a file, and not with the others."""


@dataclass(slots=True)
class Intake:
    """What an import has read so far; `standing` are batches that this very file made before.

    They are known by sheet and product.
    """

    file: str
    vault: Vault
    at: int
    zone: ZoneInfo
    supplier: Supplier
    names: ProductNames
    naming: Naming
    options: ImportOptions
    standing: Mapping[tuple[str, int], ImportResult]
    rejects: Rejects
    drafts: dict[int, Draft] = field(default_factory=dict)
    met: dict[int, ImportResult] = field(default_factory=dict)
    """The standing batches whose products the file was found to hold."""
    members: list[str] = field(default_factory=list)
    sheet: str = ""
    """The sheet that is read, where the file has several."""
    rows: int = 0
    remembered: dict[str, str] = field(default_factory=dict)
    skipped_lines: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[TableWarning] = field(default_factory=list)
    in_clear: bool = False
    """Whether any of it came without a password."""
    _by_id: dict[int, Draft] = field(default_factory=dict)

    def known_columns(self) -> tuple[str, ...]:
        """Headers that tell a table from pasted text, beside those that everybody uses.

        Raises `UnknownMapField`.
        """
        given, remembered, only = self.naming.given, self.naming.remembered, self.names.only
        possible = [only] if only else [*self.names.skus.values()]
        fields = {name for product in possible for name in product.fields.split(",") if name}
        kinds = [ProductKind(only.kind)] if only else CARD_KINDS
        check_given(given, kinds=kinds, fields=sorted(fields))
        return (*given.values(), *remembered.values(), *sorted(fields))

    def take(self, session: Session, table: Table, advance: Callable[[int], None]) -> None:
        """Stage the cards of a table; a file of a zip that is no table of keys is a reject."""
        part = len(self.members)
        self.members.append(table.member)
        if not (table.alone or table.member):
            self.sheet = table.sheet or ""
        self.in_clear = self.in_clear or not table.encrypted
        try:
            rows = _TableRows(self, table, part)
        except _NO_TABLE_OF_KEYS as problem:
            if not table.member:
                raise
            self.rejects.add_row([Reject(1, "", problem, table.member, part)])
            self.rows += 1
            return
        finally:
            self.warnings += table.warnings
        while chunk := list(islice(rows.after, _CHUNK_ROWS)):
            staging.add(session, rows.staged(chunk))
            self.rows += len(chunk)
            advance(len(chunk))
        self.skipped_lines += table.skipped.count
        room = LISTED_MOST - len(self.skipped)
        self.skipped += (
            Skipped(line.number, table.member, line.masked) for line in table.skipped.lines[:room]
        )

    def is_whole(self) -> bool:
        """Whether nothing of the file was left out, now or when its standing batches were made."""
        unread = any(isinstance(warning, MemberUnread) for warning in self.warnings)
        left_out = self.rejects.rows or self.sheet or unread
        return not left_out and all(standing.whole for standing in self.met.values())

    def draft_of(self, product: Product) -> Draft | None:
        """The batch to be of a product; None when its batch stands."""
        draft = self.drafts.get(product.id)
        if draft is None:
            if standing := self.standing.get((self.sheet, product.id)):
                sold = self.options.already_sold
                self.met[product.id] = check_alike(standing, already_sold=sold)
                return None
            draft = new_draft(self.vault, product, already_sold=self.options.already_sold)
            self.drafts[product.id] = self._by_id[draft.batch_id] = draft
        return draft

    def refuse(self, draft: Draft | None, errors: list[Reject]) -> None:
        """Leave a row out, for all that is wrong with it."""
        if draft is not None:
            draft.rejected += 1
            errors = [replace(error, product=draft.product.sku) for error in errors]
        self.rejects.add_row(errors)

    def count_duplicates(self, batch_id: int, count: int) -> None:
        """Leave out rows that were staged for a batch: their keys are there already."""
        draft = self._by_id[batch_id]
        draft.rejected += count
        draft.duplicates += count
        self.rejects.count_duplicates(count)

    def keep_duplicate(self, batch_id: int, place: int, problem: InputRefused) -> None:
        """Know why one of them was left out."""
        draft = self._by_id[batch_id]
        part, row = staging.part_and_row(place)
        column, sku = draft.key_columns[part], draft.product.sku
        self.rejects.keep([Reject(row, column, problem, self.members[part], part, sku)])


@dataclass(slots=True)
class _Place:
    """What a row is for: the batch to be of its product, and what checks it in this table."""

    draft: Draft
    seats: int
    checker: RowChecker | None
    problem: InputRefused | None = None
    """Why the table holds no keys of that product; then there is no checker."""


class _TableRows:
    """The rows of one table, each of which finds its place."""

    def __init__(self, intake: Intake, table: Table, part: int) -> None:
        """Find the header; raises what is wrong with it."""
        self._intake = intake
        self._table = table
        self._part = part
        self._places: dict[int, _Place | None] = {}
        only, options = intake.names.only, intake.options
        self._heading, self.after = find_heading(
            table.rows,
            file=intake.file,
            asked=_asked(only, options) if only else None,
            naming=intake.naming,
        )
        remembered = intake.naming.remembered.get(PRODUCT)
        if remembered is not None and fold(remembered) == fold(self._heading.product_column):
            intake.remembered.setdefault(PRODUCT, remembered)
        place = self._place_of(only) if only else None
        if place is not None and place.problem is not None:
            # The command says that all of it is of this product.
            raise place.problem
        apart = self._heading.product is not None or table.format == "text"
        self._only_place = None if apart else place
        """Where every row belongs, if no row says anything of that."""

    def staged(self, chunk: list[Row]) -> Iterator[StagedRow]:
        """The cards of some rows, in the order of `staging.COLUMNS`; what is wrong is refused."""
        placed = [(row, place) for row in chunk if (place := self._place(row)) is not None]
        card_ids = iter(new_ids(sum(place.seats for _, place in placed)))
        first = staging.place_of(self._part, 0)
        for row, place in placed:
            assert place.checker is not None
            checked = place.checker.check(row)
            if isinstance(checked, list):
                self._refuse(place.draft, checked)
            else:
                yield from place.draft.cards(checked, first + row.number, card_ids)

    def _place(self, row: Row) -> _Place | None:
        """Where a row belongs; None for one that is refused, or whose batch stands."""
        if self._only_place is not None:
            self._only_place.draft.rows += 1
            return self._only_place
        names = self._intake.names
        try:
            product = self._product_of(row)
        except InputRefused as problem:
            draft = self._intake.draft_of(names.only) if names.only else None
            self._refuse(draft, [Reject(row.number, self._heading.product_column, problem)])
            return None
        place = self._place_of(product)
        if place is None:
            return None
        if place.problem is not None:
            self._refuse(place.draft, [Reject(row.number, "", place.problem)])
            return None
        place.draft.rows += 1
        return place

    def _product_of(self, row: Row) -> Product:
        """What a row is of; raises what is wrong with its name, or with the line as a whole."""
        first, names, column = row.cells[0], self._intake.names, self._heading.product
        if isinstance(first, NotText) and first.kind == "ambiguous":
            raise AmbiguousLine
        if column is not None:
            return names.product_of(row.cells[column] if column < len(row.cells) else "")
        assert names.only is not None
        return names.only

    def _place_of(self, product: Product) -> _Place | None:
        if product.id not in self._places:
            draft = self._intake.draft_of(product)
            self._places[product.id] = self._new_place(draft) if draft else None
        return self._places[product.id]

    def _new_place(self, draft: Draft) -> _Place:
        product, intake = draft.product, self._intake
        try:
            columns = self._heading.columns_for(_asked(product, intake.options))
            self._check_merged(columns.header)
        except _NO_TABLE_OF_KEYS as problem:
            return _Place(draft, product.seats, None, problem)
        intake.remembered |= columns.remembered
        names = columns.header.names
        draft.key_columns[self._part] = names.get(NUMBER) or names[SECRET]
        checker = RowChecker(
            columns.header,
            self._rules(product, columns.header),
            mask=mask,
            partners=columns.partners,
            kind=product.kind,
        )
        return _Place(draft, product.seats, checker)

    def _check_merged(self, header: Header) -> None:
        """Of merged cells only the first has a value: no key, and no product, may be among them."""
        columns = {
            column: header.names[name]
            for name, column in header.columns.items()
            if name in (NUMBER, SECRET) or name.startswith(FIELD_PREFIX)
        }
        if self._heading.product is not None and self._intake.names.only is None:
            columns[self._heading.product] = self._heading.product_column
        for column, name in columns.items():
            for merged in self._table.merged:
                inside = merged.first_column <= column <= merged.last_column
                if inside and merged.last_row > header.row_number:
                    first, last = merged.first_row, merged.last_row
                    raise MergedKeyCells(column=name, first_row=first, last_row=last)

    def _rules(self, product: Product, header: Header) -> Rules:
        """What the rows of a product are checked against; raises what the command forgot to say."""
        intake, options = self._intake, self._intake.options
        sold = options.already_sold
        if EXPIRES not in header.columns and options.expires_at is None and not sold:
            raise ExpiryNeeded
        unknown = FACE_VALUE not in header.columns and product.face_value_fen is None
        if options.cost_rate_bp is not None and unknown:
            raise FaceValueNeeded(sku=product.sku)
        rate = options.cost_rate_bp
        return Rules(
            at=intake.at,
            zone=intake.zone,
            pattern=product.pattern,
            expires_at=options.expires_at,
            cost_fen=options.cost_fen,
            cost_rate_bp=intake.supplier.cost_rate_bp if rate is None else rate,
            face_value_fen=product.face_value_fen,
            width_is_exact=self._table.format in {"csv", "tsv"},
            naming_only=sold,
        )

    def _refuse(self, draft: Draft | None, errors: list[Reject]) -> None:
        member, part = self._table.member, self._part
        errors = [replace(error, member=member, part=part) for error in errors]
        self._intake.refuse(draft, errors)


def _asked(product: Product, options: ImportOptions) -> Asked:
    fields = tuple(product.fields.split(",")) if product.fields else ()
    return Asked(ProductKind(product.kind), fields, naming_only=options.already_sold)
