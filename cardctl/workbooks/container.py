"""The container of a protected workbook: a compound file around an encrypted package.

Only what Excel itself puts into one is written (MS-CFB, MS-OFFCRYPTO): the encrypted package, how
it is encrypted, and the fixed description of that kind of container. The package comes first, so
that it is written as it is made, however long it is; everything else follows.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

PACKAGE = "EncryptedPackage"
INFO = "EncryptionInfo"
PACKAGE_START = 512
"""Where the octets of the package begin in the file."""

_SECTOR = 512
_SMALL_SECTOR = 64
_SMALL_BELOW = 4_096
"""Shorter streams share one stream, in small sectors."""
_ENTRY = 128
_IN_HEADER = 109
"""How many sectors of the allocation table the header names itself."""
_PER_SECTOR = _SECTOR // 4
_END, _TABLE, _TABLE_LIST, _FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC, 0xFFFFFFFF
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_RED, _BLACK = 0, 1
_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")


def _text(text: str) -> bytes:
    """A text with its length before it, padded to four octets."""
    octets = text.encode("utf-16-le")
    return struct.pack("<I", len(octets)) + octets + bytes(-len(octets) % 4)


_VERSIONS = struct.pack("<HHHHHH", 1, 0, 1, 0, 1, 0)
_SPACE, _TRANSFORM = "StrongEncryptionDataSpace", "StrongEncryptionTransform"
_REFERENCE = struct.pack("<II", 1, 0) + _text(PACKAGE) + _text(_SPACE)
_TRANSFORM_ID = _text("{FF9A3F03-56EF-4613-BDD5-5A41C1D07246}")
_DESCRIPTION = (
    (("\6DataSpaces", "Version"), _text("Microsoft.Container.DataSpaces") + _VERSIONS),
    (
        ("\6DataSpaces", "DataSpaceMap"),
        struct.pack("<III", 8, 1, len(_REFERENCE) + 4) + _REFERENCE,
    ),
    (("\6DataSpaces", "DataSpaceInfo", _SPACE), struct.pack("<II", 8, 1) + _text(_TRANSFORM)),
    (
        ("\6DataSpaces", "TransformInfo", _TRANSFORM, "\6Primary"),
        struct.pack("<II", 8 + len(_TRANSFORM_ID), 1)
        + _TRANSFORM_ID
        + _text("Microsoft.Container.EncryptionTransform")
        + _VERSIONS
        + struct.pack("<IIII", 0, 0, 0, 4),
    ),
)


@dataclass(slots=True)
class _Entry:
    """An entry of the directory; `number` is its place in it."""

    name: str
    kind: int
    number: int
    start: int = 0
    size: int = 0
    colour: int = _BLACK
    left: int = _NONE
    right: int = _NONE
    child: int = _NONE
    children: list["_Entry"] = field(default_factory=list)


def finish_container(stream: BinaryIO, *, size: int, info: bytes) -> None:
    """Complete a file whose package, of `size` octets, stands at `PACKAGE_START`.

    `info` says how it is encrypted. The stream is read, written and sought in.
    """
    small: list[tuple[tuple[str, ...], bytes]] = [*_DESCRIPTION, ((INFO,), info)]
    package_sectors = _count(size, _SECTOR)
    if size < _SMALL_BELOW:
        stream.seek(PACKAGE_START)
        small.append(((PACKAGE,), stream.read(size)))
        package_sectors = 0
    root, entries = _directory(small)
    if package_sectors:
        _stream_entry(root, entries, (PACKAGE,), start=0, size=size)
    mini, mini_table = _small_streams(small, entries)
    _sort_children(entries)
    chains = _Chains(package_sectors)
    root.start, root.size = chains.add(mini), len(mini)
    mini_start = chains.add(_packed(mini_table))
    directory_start = chains.add(b"".join(_entry(one) for one in entries))
    stream.seek(PACKAGE_START + (size if package_sectors else 0))
    stream.truncate()
    stream.write(bytes(-size % _SECTOR if package_sectors else 0))
    stream.writelines(chains.parts)
    table_start, table_count, list_count = chains.write_table(stream)
    first_of_table = range(table_start, table_start + table_count)[:_IN_HEADER]
    stream.seek(0)
    stream.write(
        _MAGIC
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
        + struct.pack(
            "<IIIIIIIII",
            *(0, table_count, directory_start, 0, _SMALL_BELOW),
            *(mini_start, _count(len(mini_table) * 4, _SECTOR)),
            *(table_start + table_count if list_count else _END, list_count),
        )
        + _packed([*first_of_table, *[_FREE] * (_IN_HEADER - len(first_of_table))])
    )


class _Chains:
    """The sectors behind the package, and the allocation table of all of them."""

    def __init__(self, package_sectors: int) -> None:
        self.parts: list[bytes] = []
        self._table = array("I")
        self._link(package_sectors)

    def add(self, octets: bytes) -> int:
        """A stream of its own: where it starts."""
        start = len(self._table)
        self.parts.append(octets + bytes(-len(octets) % _SECTOR))
        self._link(_count(len(octets), _SECTOR))
        return start

    def write_table(self, stream: BinaryIO) -> tuple[int, int, int]:
        """The table and the list of its sectors: where it starts, and how long the two are."""
        start = len(self._table)
        count, listed = 0, 0
        # The table has entries for its own sectors, too.
        while count * _PER_SECTOR < start + count + listed:
            count += 1
            listed = _count(max(0, count - _IN_HEADER), _PER_SECTOR - 1)
        self._table.extend([_TABLE] * count + [_TABLE_LIST] * listed)
        self._table.extend([_FREE] * (count * _PER_SECTOR - len(self._table)))
        stream.write(_packed(self._table))
        for number in range(listed):
            first = _IN_HEADER + number * (_PER_SECTOR - 1)
            sectors = range(start, start + count)[first : first + _PER_SECTOR - 1]
            rest = [_FREE] * (_PER_SECTOR - 1 - len(sectors))
            following = _END if number == listed - 1 else start + count + number + 1
            stream.write(_packed([*sectors, *rest, following]))
        return start, count, listed

    def _link(self, sectors: int) -> None:
        start = len(self._table)
        if sectors:
            self._table.extend(range(start + 1, start + sectors))
            self._table.append(_END)


def _small_streams(
    small: Sequence[tuple[tuple[str, ...], bytes]], entries: Sequence[_Entry]
) -> tuple[bytes, list[int]]:
    """The short streams in one, and the table of their small sectors; their entries know it."""
    octets = b""
    table: list[int] = []
    for path, content in small:
        entry = next(one for one in entries if one.name == path[-1] and one.kind == _STREAM)
        entry.start, entry.size = len(table), len(content)
        octets += content + bytes(-len(content) % _SMALL_SECTOR)
        sectors = _count(len(content), _SMALL_SECTOR)
        table += [*range(entry.start + 1, entry.start + sectors), _END]
    table += [_FREE] * (-len(table) % _PER_SECTOR)
    return octets, table


def _directory(
    streams: Iterable[tuple[tuple[str, ...], bytes]],
) -> tuple[_Entry, list[_Entry]]:
    """The root and all entries of a directory with these streams."""
    root = _Entry("Root Entry", _ROOT, 0)
    entries = [root]
    for path, _ in streams:
        _stream_entry(root, entries, path, start=0, size=0)
    return root, entries


def _stream_entry(
    root: _Entry, entries: list[_Entry], path: Sequence[str], *, start: int, size: int
) -> None:
    parent = root
    for depth, name in enumerate(path, 1):
        known = next((one for one in parent.children if one.name == name), None)
        if known is None:
            kind = _STREAM if depth == len(path) else _STORAGE
            known = _Entry(name, kind, len(entries), start, size)
            entries.append(known)
            parent.children.append(known)
        parent = known


def _sort_children(entries: Iterable[_Entry]) -> None:
    """Make a search tree of the children of each storage: shorter names first, then by letter."""
    for entry in entries:
        children = sorted(entry.children, key=lambda one: (len(one.name), one.name.upper()))
        entry.child = _tree(children, len(children).bit_length())


def _tree(entries: Sequence[_Entry], levels: int) -> int:
    """The number of the root of a balanced tree; its lowest level, which may have gaps, is red."""
    if not entries:
        return _NONE
    middle = len(entries) // 2
    root = entries[middle]
    root.left = _tree(entries[:middle], levels - 1)
    root.right = _tree(entries[middle + 1 :], levels - 1)
    root.colour = _RED if levels == 1 else _BLACK
    return root.number


def _entry(one: _Entry) -> bytes:
    name = one.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        *(name, len(name) + 2, one.kind, one.colour, one.left, one.right, one.child),
        *(bytes(16), 0, 0, 0, one.start, one.size),
    )


def _packed(numbers: Iterable[int]) -> bytes:
    packed = array("I", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _count(size: int, unit: int) -> int:
    """How many units it takes."""
    return -(-size // unit)
