"""Write the report on a plan to a file, row by row: however many they are, few are in memory."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cardctl.cli.delivering import file_password
from cardctl.cli.language import _
from cardctl.cli.output import Column, Shown, json_object, texts

if TYPE_CHECKING:
    from cardctl.cli.context import Context
    from cardctl.distribution.progress import PlanRow
    from cardctl.distribution.report import ReportRow
    from cardctl.orders.given import GivenCard
    from cardctl.vault.secret import Secret

ROW = (
    Column("recipient", "recipient"),
    Column("name", "name"),
    Column("email", "e-mail"),
    Column("phone", "phone"),
    Column("sku", "SKU"),
    Column("qty", "quantity"),
    Column("order", "order"),
    Column("state", "state"),
    Column("masked", "masked"),
    Column("assigned_at", "assigned at"),
    Column("delivered_at", "delivered at"),
    Column("failure", "failure"),
    Column("note", "note"),
)
REPORTED = (
    Column("plan", "plan"),
    Column("file", "file"),
    Column("recipients", "recipients"),
    Column("cards", "cards"),
    Column("revealed", "in clear"),
)

CARDS_A_ROW = 50
"""Who has more cards has further rows: a sheet has 16,384 columns."""

_AT_ONCE = 500


@dataclass(slots=True)
class Written:
    """How much a report says; counted while it is written."""

    recipients: int = 0
    cards: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """Why cards are shown in clear, and where the password of their file comes from."""

    reason: str
    password_source: str | None


def write_report(context: "Context", plan: "PlanRow", path: Path) -> Written:
    """Write a masked report: .xlsx, .csv or .json by the ending of its name.

    Raises `OutputUnwritable`.
    """
    from cardctl.distribution.report import report_rows
    from cardctl.workbooks.write import replaced, write_csv, write_workbook

    written, zone = Written(), context.zone
    with context.progress("Writing the report", plan.recipients) as progress, replaced(path) as new:
        found = report_rows(context.store, plan=plan, advance=progress.advance)
        rows = _counted(found, written)
        if path.suffix.lower() == ".json":
            _write_json(new, rows, zone)
        else:
            write = write_csv if path.suffix.lower() == ".csv" else write_workbook
            write(new, _headings(), (cells for _row, cells in _with_cells(rows, zone)))
    return written


def write_cards(context: "Context", plan: "PlanRow", path: Path, opening: Opening) -> Written:
    """Write a report with cards in clear to a workbook that only its password opens.

    A row holds as many cards as who has most of them, up to `CARDS_A_ROW`. Raises `ReasonMissing`,
    `NotAWorkbook`, `PasswordTooShort`, `PasswordTooLong`, `CellTooLong` and `OutputUnwritable`.
    """
    from cardctl.deliveries.channels.file import NotAWorkbook
    from cardctl.distribution.report import most_cards, report_rows
    from cardctl.orders.given import Reveal
    from cardctl.orders.reveal import ReasonMissing
    from cardctl.vault.chosen_password import check_chosen

    if not opening.reason.strip():
        raise ReasonMissing
    if path.suffix.lower() != ".xlsx":
        raise NotAWorkbook(file=str(path))
    context.vault.full_keyset()
    password = file_password(context, opening.password_source)
    check_chosen(password)
    with context.reading() as session:
        most = most_cards(session, plan=plan)
    with context.progress("Writing the report", plan.recipients) as progress:
        rows = report_rows(
            context.store,
            plan=plan,
            run=context.run,
            reveal=Reveal(context.vault, opening.reason),
            advance=progress.advance,
        )
        return _write_workbook(
            path, rows, password, zone=context.zone, width=max(1, min(most, CARDS_A_ROW))
        )


def _write_workbook(
    path: Path, rows: "Iterable[ReportRow]", password: "Secret", *, zone: ZoneInfo, width: int
) -> Written:
    from cardctl.vault.protected_package import ProtectedPackage, stretch
    from cardctl.workbooks.write import GrowingWorkbook, new_file, replaced

    written = Written()
    with replaced(path) as fresh, new_file(fresh) as stream:
        package = ProtectedPackage(stream, stretch(password))
        workbook = GrowingWorkbook(package, _headings_with_cards(width), sheet=_("recipients"))
        try:
            for row, cells in _with_cells(_counted(rows, written), zone):
                for line in _lines_with_cards(row, cells, width):
                    workbook.add(line)
            workbook.finish()
        finally:
            workbook.close()
        package.finish()
    return written


def _counted(rows: "Iterable[ReportRow]", written: Written) -> "Iterator[ReportRow]":
    for row in rows:
        written.recipients += 1
        written.cards += len(row.masked)
        yield row


def _headings() -> list[str]:
    return [_(column.heading) for column in ROW]


def _with_cells(
    rows: "Iterable[ReportRow]", zone: ZoneInfo
) -> "Iterator[tuple[ReportRow, list[str]]]":
    """The rows, each with its cells as people read them; some hundred at a time."""
    remaining = iter(rows)
    while part := list(islice(remaining, _AT_ONCE)):
        shown = Shown(columns=ROW, rows=part, single=False, extra={}, zone=zone)
        yield from zip(part, texts(shown)[1:], strict=True)


def _write_json(path: Path, rows: "Iterable[ReportRow]", zone: ZoneInfo) -> None:
    """An array of objects, one a line."""
    from cardctl.workbooks.write import new_file

    with new_file(path) as stream:
        before = "[\n"
        for row in rows:
            document = json.dumps(json_object(row, ROW, zone), ensure_ascii=False)
            stream.write(f"{before}{document}".encode())
            before = ",\n"
        stream.write(b"[]\n" if before == "[\n" else b"\n]\n")


def _headings_with_cards(width: int) -> list[str]:
    parts = _("card number"), _("secret"), _("fields")
    numbers = [""] if width == 1 else [f" {number}" for number in range(1, width + 1)]
    return _headings() + [f"{part}{number}" for number in numbers for part in parts]


def _lines_with_cards(
    row: "ReportRow", cells: Sequence[str], width: int
) -> Iterator[Sequence[str]]:
    """The row of a recipient, and further ones for those cards that it does not hold."""
    from cardctl.deliveries.channels.file import CellTooLong
    from cardctl.workbooks.write import CELL_MAX

    opened = [card for card in row.cards if card.secret is not None]
    for first in range(0, max(1, len(opened)), width):
        line = list(cells)
        for card in opened[first : first + width]:
            line += _in_clear(card)
        if any(len(cell) > CELL_MAX for cell in line):
            raise CellTooLong(order=row.order)
        yield line


def _in_clear(card: "GivenCard") -> list[str]:
    assert card.secret is not None
    fields = "\n".join(f"{name}: {secret.reveal()}" for name, secret in card.fields.items())
    number = card.number.reveal() if card.number else ""
    return [number, card.secret.reveal(), fields]
