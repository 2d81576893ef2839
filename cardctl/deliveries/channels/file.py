"""A file: all orders in one workbook that only its password opens.

It grows encrypted, beside its place, and takes that place when it is whole and safely on disk:
nothing is written in clear, and nothing counts as delivered that a power cut could take back.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cardctl.deliveries.channel import (
    DELIVERED,
    Answer,
    DeliveryChannel,
    Outlet,
    give_up,
)
from cardctl.deliveries.message import Message, Sender
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.table import TABLE, Row, header_of, table_rows
from cardctl.deliveries.text import Word, message_texts
from cardctl.errors import InputRefused, UsageRefused
from cardctl.vault.chosen_password import check_chosen
from cardctl.vault.protected_package import ProtectedPackage, stretch
from cardctl.vocabulary import DeliveryLayout, DeliveryVia
from cardctl.workbooks.failures import OutputExists, OutputUnwritable
from cardctl.workbooks.write import CELL_MAX, GrowingWorkbook


class NotAWorkbook(UsageRefused):
    """The file is to be something else than a workbook."""

    code = "not-a-workbook"
    message = "a delivery is written to a workbook, and {file} is none by its ending"
    hint = "end the name in .xlsx"


class CardFileExists(OutputExists):
    """A file is there already. Its cards count as delivered, so that it may hold the only copy."""

    message = "{file} exists already, and cards are never written over it, with --yes neither"
    hint = "name another file, such as one with the date and time, or move that one away"


class CellTooLong(InputRefused):
    """A cell of a workbook cannot hold it whole, and nothing is ever cut off."""

    code = "cell-too-long"
    message = "a card of {order} is too long for a cell of a workbook"
    hint = "deliver it by another way: cardctl delivery send {order} --via terminal"


class _File:
    """The workbook, open and not in its place yet."""

    via = DeliveryVia.FILE
    staged = True
    deadline_ms = 0

    def __init__(self, outlet: Outlet, *, path: Path, fresh: Path, stream: BinaryIO) -> None:
        assert outlet.password is not None
        language = outlet.sender.language
        header = header_of(_HEADINGS[outlet.layout], language)
        self._outlet = outlet
        self._path = path
        self._fresh = fresh
        self._stream = stream
        self._package = ProtectedPackage(stream, stretch(outlet.password))
        self._workbook = GrowingWorkbook(self._package, header, sheet=Word.SHEET.said(language))

    def begin(self) -> None:
        """A run with nothing to deliver may name the file of the run before."""
        if self._path.exists():
            raise CardFileExists(file=str(self._path))

    def send(self, message: Message) -> Answer:
        rows = _ROWS[self._outlet.layout](message, self._outlet.sender)
        if any(len(cell or "") > CELL_MAX for row in rows for cell in row):
            return give_up(CellTooLong(order=message.order))
        with _named_failures(self._path):
            for row in rows:
                self._workbook.add(row)
        return DELIVERED

    def finish(self, result: SendResult) -> None:
        """Nothing is put in place where there is nothing to deliver."""
        if not result.delivered:
            return
        with _named_failures(self._path):
            self._workbook.finish()
            self._package.finish()
            self._stream.flush()
            os.fsync(self._stream.fileno())
            _put_in_place(self._fresh, self._path)

    def close(self) -> None:
        """Let go of what was not finished."""
        self._workbook.close()


def _chat_rows(message: Message, sender: Sender) -> list[Row]:
    """A row an order; one whose text a cell cannot hold has several."""
    texts = message_texts(message, sender, most=CELL_MAX)
    return [(message.order, message.buyer, text) for text in texts]


_CHAT = (Word.ORDER, Word.BUYER, Word.TEXT)
_HEADINGS = {DeliveryLayout.TABLE: TABLE, DeliveryLayout.CHAT: _CHAT}
_ROWS = {DeliveryLayout.TABLE: table_rows, DeliveryLayout.CHAT: _chat_rows}


@contextmanager
def _open(outlet: Outlet) -> Iterator[_File]:
    """Raises what is wrong with the file's name or the password before anything is leased."""
    path = outlet.path
    assert path is not None
    assert outlet.password is not None
    if path.suffix.lower() != ".xlsx":
        raise NotAWorkbook(file=str(path))
    check_chosen(outlet.password)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    with _named_failures(path):
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    stream = os.fdopen(descriptor, "w+b")
    try:
        file = _File(outlet, path=path, fresh=fresh, stream=stream)
        try:
            yield file
        finally:
            file.close()
    finally:
        # What is in its place is on the disk; of the rest a full disk takes nothing more.
        with suppress(OSError):
            stream.close()
        fresh.unlink(missing_ok=True)


def _put_in_place(fresh: Path, path: Path) -> None:
    """Give a file its name, for good: the folder is written to disk, too."""
    try:
        # Unlike a rename, a link never takes the place of another file.
        path.hardlink_to(fresh)
    except FileExistsError:
        raise CardFileExists(file=str(path)) from None
    except OSError:
        # Not every file system has links.
        if path.exists():
            raise CardFileExists(file=str(path)) from None
        fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _named_failures(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(file=str(path), reason=error.strerror) from None


CHANNEL = DeliveryChannel(DeliveryVia.FILE, _open)
