"""Zips as suppliers pack them: names in GBK, members encrypted, and what systems leave in them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping


def _table() -> list[int]:
    table = []
    for place in range(256):
        value = place
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


class _Cipher:
    """ZipCrypto, which the library reads but does not write."""

    def __init__(self, password: bytes) -> None:
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self._turn(byte)

    def _turn(self, byte: int) -> None:
        first, second, third = self.keys
        first = (first >> 8) ^ _CRC[(first ^ byte) & 0xFF]
        second = ((second + (first & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        third = (third >> 8) ^ _CRC[(third ^ (second >> 24)) & 0xFF]
        self.keys = [first, second, third]

    def encrypt(self, plain: bytes) -> bytes:
        coded = bytearray()
        for byte in plain:
            key = self.keys[2] | 2
            coded.append(byte ^ ((key * (key ^ 1) >> 8) & 0xFF))
            self._turn(byte)
        return bytes(coded)


def bundle(
    members: Mapping[str, bytes | str], *, encoding: str = "utf-8", password: bytes = b""
) -> bytes:
    """A zip of files, each stored; names in GBK go without the flag that says UTF-8."""
    body, directory = b"", b""
    for name, given in members.items():
        content = given.encode() if isinstance(given, str) else given
        checksum = zlib.crc32(content)
        flags = (0x800 if encoding == "utf-8" else 0) | (1 if password else 0)
        raw = name.encode(encoding)
        stored = content
        if password:
            head = bytes(11) + bytes([checksum >> 24])
            stored = _Cipher(password).encrypt(head + content)
        facts = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 33, checksum, len(stored), len(content), len(raw), 0
        )
        directory += b"PK\1\2" + struct.pack("<H", 20) + facts
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        body += b"PK\3\4" + facts + raw + stored
    return (
        body
        + directory
        + struct.pack(
            "<4sHHHHIIH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0
        )
    )


def packed(members: Mapping[str, bytes | str]) -> bytes:
    """A zip of files, compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def sealed_with_aes(content: bytes) -> bytes:
    """A zip whose one member says that it is encrypted with AES."""
    plain = bundle({"keys.csv": content}, password=b"x")
    return plain.replace(struct.pack("<HHH", 20, 0x801, 0), struct.pack("<HHH", 51, 0x801, 99))
