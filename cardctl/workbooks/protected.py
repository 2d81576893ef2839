"""Open workbooks that are protected by a password. Runs in the child only.

An xlsx that is protected is a package inside an OLE container; an xls always is in one, and keeps
the heads of its records in clear. The library's own way for xls writes the workbook in clear to a
temporary file, so only its ciphers are used here.
"""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import msoffcrypto
import olefile
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError
from msoffcrypto.method.rc4 import DocumentRC4
from msoffcrypto.method.rc4_cryptoapi import DocumentRC4CryptoAPI
from msoffcrypto.method.xor_obfuscation import DocumentXOR

from cardctl.workbooks.failures import (
    EncryptionUnknown,
    FileDamaged,
    FormatUnknown,
    PasswordNeeded,
    WrongPassword,
)
from cardctl.workbooks.records import file_pass, plain_size, records

PACKAGE = "EncryptedPackage"
_INFO = "EncryptionInfo"
_OLD_WORKBOOKS = ("Workbook", "Book")
_OTHERS = {"WordDocument": "doc", "PowerPoint Document": "ppt"}
_UNASKED = "VelvetSweatshop"
"""What Excel tries by itself: protected against changes is encrypted with this password."""
_RC4_BLOCK_BYTES = 1024
_HEAD_BYTES = 4
_XOR_PERIOD = 16
_ROTATED = bytes((byte >> 5 | byte << 3) & 0xFF for byte in range(256))


def open_container(data: bytes, *, writable: bool = False) -> Any:
    """The OLE container in some bytes; raises `FileDamaged`."""
    return _guarded(lambda: olefile.OleFileIO(io.BytesIO(data), write_mode=writable), part="OLE")


def stream_of_workbook(data: bytes) -> str:
    """Where in a container the workbook is: `PACKAGE`, or the stream of an xls.

    Raises `FormatUnknown`, and `FileDamaged` for a container without any: one that was cut off.
    """
    container = open_container(data)
    if container.exists(_INFO):
        return PACKAGE
    for name in _OLD_WORKBOOKS:
        if container.exists(name):
            return name
    for name, found in _OTHERS.items():
        if container.exists(name):
            raise FormatUnknown(found=found)
    raise FileDamaged(part="OLE")


def decrypt_package(data: bytes, password: str | None) -> bytes:
    """The xlsx inside, proven whole where its encryption allows (agile does).

    The older standard encryption carries no proof: there the checksums of the zip inside, which
    are read to the end, find a flipped bit. Raises `PasswordNeeded`, `WrongPassword`,
    `FileDamaged` and `EncryptionUnknown`.
    """
    container = _library(data)
    _load_key(container, password, verify_password=True)
    plain = io.BytesIO()
    _guarded(lambda: container.decrypt(plain, verify_integrity=True), part=PACKAGE)
    return plain.getvalue()


def unprotected(data: bytes, name: str, stream: bytes, password: str | None) -> tuple[bytes, bytes]:
    """An xls without its protection: the container, and the stream of that name in it.

    No such encryption carries a proof: a flipped bit in a cell changes that cell. Raises what
    `decrypt_package` does.
    """
    if name != _OLD_WORKBOOKS[0]:
        raise EncryptionUnknown
    protection = _library(data)
    _load_key(protection, password)
    plain = bytearray(_guarded(lambda: _decrypted(protection, stream), part=name))
    for kind, start, size in records(stream):
        kept = start + plain_size(kind, size)
        plain[start - _HEAD_BYTES : kept] = stream[start - _HEAD_BYTES : kept]
    at = file_pass(stream)
    assert at is not None
    # Nothing reads a record of this kind, so that nothing takes the workbook for protected still.
    plain[at - _HEAD_BYTES : at - _HEAD_BYTES + 2] = bytes(2)
    container = open_container(data, writable=True)
    _guarded(lambda: container.write_stream(name, bytes(plain)), part=name)
    return container.fp.getvalue(), bytes(plain)


def _decrypted(protection: Any, stream: bytes) -> bytes:
    """The stream decrypted from its first byte to its last, what was in clear too."""
    if protection.type == "xor":
        return _unmasked(protection.key, stream)
    coded = io.BytesIO(stream)
    if protection.type == "rc4":
        plain = DocumentRC4.decrypt(
            protection.key, protection.salt, coded, blocksize=_RC4_BLOCK_BYTES
        )
    else:
        plain = DocumentRC4CryptoAPI.decrypt(
            protection.key,
            protection.salt,
            protection.keySize,
            coded,
            blocksize=_RC4_BLOCK_BYTES,
        )
    whole: bytes = plain.getvalue()
    return whole


def _unmasked(password: str, stream: bytes) -> bytes:
    """XOR with an array of 16 bytes, which begins anew for each record, then a rotation."""
    pads = bytes(DocumentXOR.create_xor_array_method1(password)) * 2
    plain = bytearray(stream)
    for _, start, size in records(stream):
        first = (start + size) % _XOR_PERIOD
        mask = (pads[first : first + _XOR_PERIOD] * (size // _XOR_PERIOD + 1))[:size]
        mixed = int.from_bytes(stream[start : start + size]) ^ int.from_bytes(mask)
        plain[start : start + size] = mixed.to_bytes(size).translate(_ROTATED)
    return bytes(plain)


def _library(data: bytes) -> Any:
    known = (FileFormatError, DecryptionError)
    try:
        return _guarded(lambda: msoffcrypto.OfficeFile(io.BytesIO(data)), part=_INFO, known=known)
    except FileFormatError:
        raise FileDamaged(part="OLE") from None
    except DecryptionError:
        raise EncryptionUnknown from None


def _load_key(container: Any, password: str | None, **options: Any) -> None:
    """Find the password that opens it: the one given, else the one that Excel tries unasked."""
    known = (InvalidKeyError, DecryptionError)
    for tried in filter(None, (password, _UNASKED)):
        load = partial(container.load_key, password=tried, **options)
        try:
            _guarded(load, part=_INFO, known=known)
        except InvalidKeyError:
            continue
        except DecryptionError:
            raise EncryptionUnknown from None
        return
    raise WrongPassword if password else PasswordNeeded


def _guarded(work: Callable[[], Any], *, part: str, known: tuple[type[Exception], ...] = ()) -> Any:
    """What a library does that reads what an attacker wrote: it may fail in any way."""
    try:
        return work()
    except MemoryError:
        raise
    except known:
        raise
    except Exception:  # noqa: BLE001 -- as said above
        raise FileDamaged(part=part) from None
