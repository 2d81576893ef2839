"""xls workbooks and the OLE containers of protected ones, made by code."""

import io
from collections.abc import Mapping, Sequence
from hashlib import md5, sha1
from struct import pack, unpack_from

import olefile
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msoffcrypto.method.ecma376_standard import ECMA376Standard
from msoffcrypto.method.rc4 import DocumentRC4
from msoffcrypto.method.rc4_cryptoapi import DocumentRC4CryptoAPI
from msoffcrypto.method.xor_obfuscation import DocumentXOR

GENERAL, DATE = 0, 1
"""The formats of cells, by their place in the workbook."""

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_CUTOFF = 4096
"""Shorter streams would go to another place: ours are made as long."""
_BOF, _EOF, _FILEPASS, _BOUNDSHEET = 0x0809, 0x000A, 0x002F, 0x0085
_SALT, _VERIFIER = bytes(range(16)), bytes(range(16, 32))


def ole(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of some streams."""
    contents = [content.ljust(_CUTOFF, b"\0") for content in streams.values()]
    counts = [-(-len(content) // _SECTOR) for content in contents]
    directory_sectors = -(-(len(streams) + 1) // 4)
    body = sum(counts) + directory_sectors
    fats = 1
    while fats * 128 < body + fats:
        fats += 1
    starts = [fats + directory_sectors + sum(counts[:place]) for place in range(len(counts))]
    fat = [_FAT] * fats + _chain(fats, directory_sectors)
    for start, count in zip(starts, counts, strict=True):
        fat += _chain(start, count)
    fat += [_FREE] * (fats * 128 - len(fat))
    head = pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, fats, fats, 0, _CUTOFF, _END, 0, _END, 0),
    ) + pack("<109I", *range(fats), *[_FREE] * (109 - fats))
    entries = [_entry("Root Entry", 5, child=1, start=_END, size=0)]
    for place, (name, content) in enumerate(zip(streams, contents, strict=True), 1):
        right = place + 1 if place < len(streams) else _FREE
        entries.append(_entry(name, 2, right=right, start=starts[place - 1], size=len(content)))
    directory = b"".join(entries).ljust(directory_sectors * _SECTOR, b"\0")
    padded = [content.ljust(-(-len(content) // _SECTOR) * _SECTOR, b"\0") for content in contents]
    return head + pack(f"<{len(fat)}I", *fat) + directory + b"".join(padded)


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), _END]


def _entry(name, kind, *, right=_FREE, child=_FREE, start, size):
    encoded = (name + "\0").encode("utf-16-le")
    return encoded.ljust(64, b"\0") + pack(
        "<HBBIII36xIII", len(encoded), kind, 1, _FREE, right, child, start, size, 0
    )


def record(number: int, payload: bytes = b"") -> bytes:
    return pack("<HH", number, len(payload)) + payload


def label(row: int, column: int, text: str) -> bytes:
    """A text cell; rows and columns from 0, as in the file."""
    encoded = text.encode("utf-16-le")
    return record(0x0204, pack("<HHHHB", row, column, GENERAL, len(encoded) // 2, 1) + encoded)


def shared(row: int, column: int, place: int) -> bytes:
    """A text cell whose text is in the table of strings."""
    return record(0x00FD, pack("<HHHI", row, column, GENERAL, place))


def number(row: int, column: int, value: float, *, style: int = GENERAL) -> bytes:
    return record(0x0203, pack("<HHHd", row, column, style, value))


def formula(row: int, column: int, value: float) -> bytes:
    one = b"\x1e\x01\x00"
    return record(0x0006, pack("<HHHdHIH", row, column, GENERAL, value, 0, 0, len(one)) + one)


def error(row: int, column: int) -> bytes:
    """#N/A."""
    return record(0x0205, pack("<HHHBB", row, column, GENERAL, 0x2A, 1))


def boolean(row: int, column: int) -> bytes:
    return record(0x0205, pack("<HHHBB", row, column, GENERAL, 1, 0))


def hidden_row(row: int) -> bytes:
    return record(0x0208, pack("<HHHHHHHH", row, 0, 1, 255, 0, 0, 0x0020, 0))


def merged(first_row: int, last_row: int, first_column: int, last_column: int) -> bytes:
    return record(0x00E5, pack("<HHHHH", 1, first_row, last_row, first_column, last_column))


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """The cells of a sheet of texts."""
    return b"".join(
        label(row, column, text)
        for row, cells in enumerate(rows)
        for column, text in enumerate(cells)
    )


def stream(
    sheets: Mapping[str, bytes], *, strings: Sequence[str] = (), filepass: bytes = b"", hidden=()
) -> bytes:
    """The stream of a workbook; sheets are the records of their cells."""
    head = record(_BOF, pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 6))
    if filepass:
        head += record(_FILEPASS, filepass)
    head += record(0x0042, pack("<H", 1200))
    head += b"".join(record(0x00E0, pack("<HHH14x", 0, form, 0)) for form in (0, 14))
    texts = b"".join(pack("<HB", len(text), 1) + text.encode("utf-16-le") for text in strings)
    tail = record(0x00FC, pack("<II", len(strings), len(strings)) + texts) if strings else b""
    tail += record(_EOF)
    names = [(name, name.encode("utf-16-le")) for name in sheets]
    at = len(head) + len(tail) + sum(12 + len(encoded) for _, encoded in names)
    bound, parts = b"", b""
    for name, encoded in names:
        state = 1 if name in hidden else 0
        bound += record(
            _BOUNDSHEET, pack("<IBBBB", at + len(parts), state, 0, len(encoded) // 2, 1) + encoded
        )
        opening = record(_BOF, pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 6))
        parts += opening + sheets[name] + record(_EOF)
    return head + bound + tail + parts


def xls(sheets: Mapping[str, bytes], **options) -> bytes:
    return ole({"Workbook": stream(sheets, **options)})


def plain_xls(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet of texts."""
    return xls({"Sheet1": table(rows)})


def sealed_rc4(sheets: Mapping[str, bytes], password: str) -> bytes:
    """Protected as Excel 97 to 2000 did."""
    proof = DocumentRC4.decrypt(
        password, _SALT, io.BytesIO(_VERIFIER + md5(_VERIFIER, usedforsecurity=False).digest())
    )
    plain = stream(sheets, filepass=pack("<HHH", 1, 1, 1) + _SALT + proof.read())
    coded = DocumentRC4.decrypt(password, _SALT, io.BytesIO(plain), blocksize=1024).read()
    return _sealed(plain, lambda start, size: coded[start : start + size])


def sealed_cryptoapi(sheets: Mapping[str, bytes], password: str) -> bytes:
    """Protected as Excel 2002 and later do."""
    secret = io.BytesIO(_VERIFIER + sha1(_VERIFIER, usedforsecurity=False).digest())
    proof = DocumentRC4CryptoAPI.decrypt(password, _SALT, 128, secret).read()
    header = pack("<IIIIIIII", 4, 0, 0x6801, 0x8004, 128, 1, 0, 0) + "RC4\0".encode("utf-16-le")
    filepass = pack("<HHHII", 1, 4, 2, 4, len(header)) + header
    filepass += pack("<I", 16) + _SALT + proof[:16] + pack("<I", 20) + proof[16:]
    plain = stream(sheets, filepass=filepass)
    coded = DocumentRC4CryptoAPI.decrypt(password, _SALT, 128, io.BytesIO(plain), blocksize=1024)
    whole = coded.read()
    return _sealed(plain, lambda start, size: whole[start : start + size])


def sealed_xor(sheets: Mapping[str, bytes], password: str) -> bytes:
    """Obfuscated as Excel 5 and 95 did."""
    verifier = next(value for value in range(2**16) if DocumentXOR.verifypw(password, value))
    key = DocumentXOR.create_xor_key_method1(password)
    pads = DocumentXOR.create_xor_array_method1(password)
    plain = stream(sheets, filepass=pack("<HHH", 0, key, verifier))

    def coded(start, size, *, record_start, record_size):
        shift = record_start + record_size
        return bytes(
            DocumentXOR.rol(plain[at], 5, 8) ^ pads[(shift + at - record_start) % 16]
            for at in range(start, start + size)
        )

    return _sealed(plain, coded, whole_records=True)


def _sealed(plain, coded, *, whole_records=False):
    """The stream with all but the heads of its records and the plain ones coded."""
    changed = bytearray(plain)
    at = 0
    while at < len(plain):
        kind, size = unpack_from("<HH", plain, at)
        start = at + 4
        kept = {_BOF: size, _FILEPASS: size, _BOUNDSHEET: 4}.get(kind, 0)
        place = {"record_start": start, "record_size": size} if whole_records else {}
        changed[start + kept : start + size] = coded(start + kept, size - kept, **place)
        at = start + size
    return ole({"Workbook": bytes(changed)})


def sealed_standard(workbook: bytes, password: str) -> bytes:
    """An xlsx protected as Excel 2007 did: AES-128, ECB."""
    key = ECMA376Standard.makekey_from_password(
        password, 0x660E, 0x8004, 0x18, 128, len(_SALT), _SALT
    )

    def encrypt(content):
        cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 -- the format's
        return cipher.update(content.ljust(-(-len(content) // 16) * 16, b"\0"))

    header = pack("<IIIIIIII", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0)
    header += "AES\0".encode("utf-16-le")
    info = pack("<HHII", 4, 2, 0x24, len(header)) + header
    info += pack("<I", 16) + _SALT + encrypt(_VERIFIER)
    info += pack("<I", 20) + encrypt(sha1(_VERIFIER, usedforsecurity=False).digest())
    package = pack("<Q", len(workbook)) + encrypt(workbook)
    return ole({"EncryptionInfo": info, "EncryptedPackage": package})


def stream_in(container: bytes, name: str = "Workbook") -> bytes:
    """A stream of a compound file."""
    return olefile.OleFileIO(io.BytesIO(container)).openstream(name).read()
