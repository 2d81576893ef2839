"""What an import is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cardctl.batches.row_errors import Reject
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ImportStatus
from cardctl.workbooks.cells import TableWarning

LISTED_MOST = 100
"""How many rejects and skipped lines a result names; all rejects go to the callback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is to be read; money in fen, rates in basis points, times in epoch ms.

    `product` is the SKU of all keys; None: a column of the file says it. `given` maps fields to
    columns, `line` is the template of a line of text. `expires_at` and the costs are for rows
    that say none. With `already_sold` only fingerprints and masks are kept.
    """

    product: str | None = None
    pool: str = "main"
    password: Secret | None = None
    sheet: str | None = None
    line: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    cost_fen: int | None = None
    cost_rate_bp: int | None = None
    expires_at: int | None = None
    already_sold: bool = False
    skip_bad_rows: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of pasted text that holds no key, and the member of a zip that it stands in."""

    row: int
    member: str
    masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What came of a file, or of what it holds of one product.

    `rows` and `rejected` count rows, `imported` cards (a row has seats). `duplicates` are those
    among the rejected; `cost_missing` counts cards whose cost is not known, `cost_fen` sums the
    costs of the others; None when there are none. Where a column of the file says the product,
    `batches` has a result of each, among them those that stood before; `batch` and `product` are
    None where there are several.
    """

    batch: str | None
    status: ImportStatus
    product: str | None
    supplier: str
    pool: str
    file: str
    sha256: str
    sheet: str = ""
    rows: int = 0
    imported: int = 0
    rejected: int = 0
    duplicates: int = 0
    cost_missing: int = 0
    cost_fen: int | None = 0
    already_sold: bool = False
    rejects: tuple[Reject, ...] = ()
    skipped_lines: int = 0
    """Lines of pasted text that hold no key; the first of them are `skipped`."""
    skipped: tuple[Skipped, ...] = ()
    batches: tuple["ImportResult", ...] = ()
    warnings: tuple[TableWarning, ...] = ()
    remembered: Mapping[str, str] = field(default_factory=dict)
    """The columns that were taken because an import before said so, by field."""
    whole: bool = False
    """Whether all of the file is known to be in the store: every row, sheet and file in it."""
    left_in_clear: bool = False
    """Whether the file still lies where it was, readable by whoever finds it."""


class Rejects:
    """Counts what is refused, keeps the first of it and hands all of it on."""

    def __init__(self, on_reject: Callable[[Reject], None] | None) -> None:
        """`on_reject` gets every error of every row; without it only the first are known."""
        self._on_reject = on_reject
        self._kept: list[Reject] = []
        self.rows = 0
        self.duplicates = 0

    def kept(self, product: str | None = None) -> tuple[Reject, ...]:
        """The first errors, in the order of their rows; of one product, if one is named."""
        found = [error for error in self._kept if product in (None, error.product)]
        return tuple(sorted(found, key=Reject.place))

    @property
    def wanted_most(self) -> int | None:
        """How many more errors somebody wants to know; None: all."""
        return LISTED_MOST - len(self._kept) if self._on_reject is None else None

    def add_row(self, errors: list[Reject]) -> None:
        """Refuse one row, for all that is wrong with it."""
        self.rows += 1
        self.keep(errors)

    def keep(self, errors: list[Reject]) -> None:
        """Know errors of rows that are counted already."""
        if self._on_reject is not None:
            for error in errors:
                self._on_reject(error)
        self._kept += errors[: LISTED_MOST - len(self._kept)]

    def count_duplicates(self, count: int) -> None:
        """Refuse rows whose key is there already."""
        self.rows += count
        self.duplicates += count
