"""Find the header of a file of keys, and read it for each kind of product that the file holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from cardctl.batches.columns import (
    CARD_NUMBERS,
    FIELD_PREFIX,
    NUMBER,
    PASSWORDS,
    PRODUCT,
    PRODUCT_NAMES,
    SECRET,
    is_paired,
    required_of,
    synonyms_of,
)
from cardctl.errors import InputRefused, UsageRefused
from cardctl.vocabulary import CARD_KINDS, ProductKind
from cardctl.workbooks.cells import Row, text_of
from cardctl.workbooks.failures import HeaderMissing, MappedColumnMissing
from cardctl.workbooks.headers import HEADER_WITHIN, Header, find_header, fold


class UnknownMapField(UsageRefused):
    """--map names a field that no key of this kind has."""

    code = "unknown-map-field"
    message = "--map: a product of kind {kind} has no field {field}"
    hint = "one of: {known}"


class KindContradicted(InputRefused):
    """There are card numbers beside the codes, but the product has none."""

    code = "kind-contradicted"
    message = "the file has numbers ({column}), but a product of kind {kind} has none"
    hint = "add a product of kind card or account, or say --map secret=COLUMN"


class ProductNeeded(UsageRefused):
    """Neither the command nor the file says what the keys are of."""

    code = "product-needed"
    message = "{file} has no column 商品 that says what each key is of"
    hint = "give --product SKU, or add a column 商品 with a SKU in every row"


@dataclass(frozen=True, slots=True)
class Naming:
    """What a supplier calls its columns, by field, beside the names that everybody uses."""

    given: Mapping[str, str] = field(default_factory=dict)
    """As the command says: such a column must be there."""
    remembered: Mapping[str, str] = field(default_factory=dict)
    """As it was said before: taken where the file has such a column."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The kind of product that a file is read for; an account has further fields."""

    kind: ProductKind
    fields: tuple[str, ...] = ()
    naming_only: bool = False
    """Whether the part that names a key is enough: nothing else will be kept."""


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """Where a row says what, for one kind of product."""

    header: Header
    partners: dict[int, str]
    """Columns of the other half of a key, with their names: this kind has none of it."""
    remembered: dict[str, str]
    """The remembered columns that were found, by field."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The header row of a table, which reads differently for each kind of product."""

    row: Row
    naming: Naming
    product: int | None
    """The column that says what each key is of."""

    @property
    def product_column(self) -> str:
        """The name of that column."""
        return text_of(self.row.cells[self.product]).strip() if self.product is not None else ""

    def columns_for(self, asked: Asked) -> KeyColumns:
        """The columns of such a product's keys; raises what `find_header` does."""
        return _read([self.row], asked, self.naming)[1]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a header; `partners` are names of what must not stand beside the key."""

    synonyms: Mapping[str, Sequence[str]]
    required: Sequence[str]
    partners: frozenset[str] = frozenset()


def find_heading(
    rows: Iterator[Row], *, file: str, asked: Asked | None, naming: Naming
) -> tuple[Heading, Iterator[Row]]:
    """The header, and the rows after it; without `asked` it has a column of the product.

    Raises what `find_header` does, `KindContradicted` and `ProductNeeded`.
    """
    first = list(islice(rows, HEADER_WITHIN))
    if asked is None:
        at, column = _find_product_column(first, file, naming)
        return Heading(first[at], naming, column), chain(first[at + 1 :], rows)
    at, columns = _read(first, asked, naming)
    product = _product_in(first[at], naming)
    if product is None and columns.partners:
        raise KindContradicted(kind=str(asked.kind), column=next(iter(columns.partners.values())))
    return Heading(first[at], naming, product), chain(first[at + 1 :], rows)


def check_given(
    given: Mapping[str, str], *, kinds: Sequence[ProductKind], fields: Sequence[str]
) -> None:
    """Refuse a field that no key has which the file may hold; raises `UnknownMapField`."""
    known = {PRODUCT} | {name for kind in kinds for name in synonyms_of(kind, ())} | set(fields)
    for name in given:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise UnknownMapField(kind=", ".join(kinds), field=name, known=listed)


def _find_product_column(first: list[Row], file: str, naming: Naming) -> tuple[int, int]:
    """The first row that names the product and a key of whatever kind: its place, the column."""
    named = [
        (at, column)
        for at, row in enumerate(first)
        if (column := _product_in(row, naming)) is not None
    ]
    for at, column in named:
        for kind in CARD_KINDS:
            try:
                _read([first[at]], Asked(kind), naming)
            except (HeaderMissing, MappedColumnMissing):
                continue
            return at, column
    if named:
        # Says which columns there are, and that none of them is a key.
        _read([first[named[0][0]]], Asked(ProductKind.CODE), naming)
    if PRODUCT in naming.given:
        names = {PRODUCT: PRODUCT_NAMES, **synonyms_of(ProductKind.CARD, ())}
        find_header(iter(first), names, (), given={PRODUCT: naming.given[PRODUCT]})
    raise ProductNeeded(file=file)


def _product_in(row: Row, naming: Naming) -> int | None:
    """The column of the product, unless the command says that it is something else."""
    names = [fold(text_of(cell)) for cell in row.cells]
    others = {fold(column) for name, column in naming.given.items() if name != PRODUCT}
    if PRODUCT in naming.given:
        wanted: Sequence[str] = (naming.given[PRODUCT],)
    else:
        wanted = (*filter(None, [naming.remembered.get(PRODUCT)]), *PRODUCT_NAMES)
    for name in map(fold, wanted):
        if name in names and name not in others:
            return names.index(name)
    return None


def _read(first: list[Row], asked: Asked, naming: Naming) -> tuple[int, KeyColumns]:
    """Which row is the header, and its columns; the plainest reading of all rows comes first."""
    readings = _readings(asked, naming)
    for reading in readings:
        for at, row in enumerate(first):
            try:
                return at, _read_row(row, reading, naming)
            except (HeaderMissing, MappedColumnMissing):
                continue
    # None of them will do: what is told is of the row that comes nearest.
    given = _by_field(naming.given, readings[0].synonyms)
    header = find_header(iter(first), readings[0].synonyms, readings[0].required, given=given)
    raise AssertionError(header)


def _read_row(row: Row, reading: _Reading, naming: Naming) -> KeyColumns:
    names = [fold(text_of(cell)) for cell in row.cells]
    given = _by_field(naming.given, reading.synonyms)
    free = set(names) - set(map(fold, given.values()))
    remembered = {
        name: column
        for name, column in _by_field(naming.remembered, reading.synonyms).items()
        if name not in given and fold(column) in free
    }
    header = find_header(
        iter([row]), reading.synonyms, reading.required, given={**remembered, **given}
    )
    taken = set(header.columns.values())
    partners = {
        at: text_of(row.cells[at]).strip()
        for at, name in enumerate(names)
        if name in reading.partners and at not in taken
    }
    return KeyColumns(header, partners, remembered)


def _readings(asked: Asked, naming: Naming) -> list[_Reading]:
    """The ways in which a kind of product reads a header, the plainest first."""
    kind = asked.kind
    synonyms = synonyms_of(kind, asked.fields)
    if is_paired(kind):
        required = (NUMBER,) if asked.naming_only else required_of(kind)
        return [_Reading(synonyms, required)]
    if SECRET in naming.given:
        return [_Reading(synonyms, (SECRET,))]
    lone = {**synonyms, SECRET: CARD_NUMBERS}
    return [
        _Reading(synonyms, (SECRET,), frozenset(map(fold, (*CARD_NUMBERS, *PASSWORDS)))),
        # Some suppliers call a code 卡号; alone it is the code.
        _Reading(lone, (SECRET,), frozenset(map(fold, PASSWORDS))),
    ]


def _by_field(named: Mapping[str, str], synonyms: Mapping[str, object]) -> dict[str, str]:
    """What names the columns of fields that there are: the user says 密保 for field:密保."""
    found = {}
    for name, column in named.items():
        for known in (name, f"{FIELD_PREFIX}{name}"):
            if known in synonyms:
                found[known] = column
                break
    return found
