"""What an import is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cardctl.batches.row_errors import Reject
from cardctl.vault.secret import Secret
from cardctl.vocabulary import ImportStatus
from cardctl.workbooks.cells import TableWarning

KEPT_REJECTS = 100
"""How many rejects a result names; all of them go to the callback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is to be read; money in fen, rates in basis points, times in epoch ms.

    `given` maps fields to columns. `expires_at` and the costs are for rows that say none.
    """

    pool: str = "main"
    password: Secret | None = None
    sheet: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    cost_fen: int | None = None
    cost_rate_bp: int | None = None
    expires_at: int | None = None
    skip_bad_rows: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What came of a file: `rows` and `rejected` count rows, `imported` cards (a row has seats).

    `duplicates` are those among the rejected; `cost_missing` counts cards whose cost is not known,
    `cost_fen` sums the costs of the others; None when there are none.
    """

    batch: str | None
    status: ImportStatus
    product: str
    supplier: str
    pool: str
    file: str
    sha256: str
    rows: int = 0
    imported: int = 0
    rejected: int = 0
    duplicates: int = 0
    cost_missing: int = 0
    cost_fen: int | None = 0
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[TableWarning, ...] = ()
    left_in_clear: bool = False
    """Whether the file still lies where it was, readable by whoever finds it."""


class Rejects:
    """Counts what is refused, keeps the first of it and hands all of it on."""

    def __init__(self, on_reject: Callable[[Reject], None]) -> None:
        """`on_reject` gets every error of every row."""
        self._on_reject = on_reject
        self._kept: list[Reject] = []
        self.rows = 0
        self.duplicates = 0

    @property
    def kept(self) -> tuple[Reject, ...]:
        """The first errors, in the order of their rows."""
        return tuple(sorted(self._kept, key=lambda error: error.row))

    def add_row(self, errors: list[Reject]) -> None:
        """Refuse one row, for all that is wrong with it."""
        self.rows += 1
        for error in errors:
            self._on_reject(error)
        self._kept += errors[: KEPT_REJECTS - len(self._kept)]

    def add_duplicate(self, error: Reject) -> None:
        """Refuse a row whose key is there already."""
        self.duplicates += 1
        self.add_row([error])
