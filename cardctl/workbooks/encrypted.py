"""Open a workbook that is protected by a password. Runs in the child only."""

import io
from typing import Any

import msoffcrypto
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError

from cardctl.workbooks.failures import (
    EncryptionUnknown,
    FileDamaged,
    FormatUnknown,
    PasswordNeeded,
    WrongPassword,
)

_PART = "EncryptedPackage"


def decrypt(data: bytes, password: str | None) -> bytes:
    """The workbook inside, proven whole where its encryption allows (agile does).

    The older standard encryption carries no proof: there the checksums of the zip inside, which
    are read to the end, find a flipped bit. Raises `PasswordNeeded`, `WrongPassword`,
    `FileDamaged`, `EncryptionUnknown` and `FormatUnknown`.
    """
    container = _open(data)
    if not password:
        raise PasswordNeeded
    try:
        container.load_key(password=password, verify_password=True)
    except InvalidKeyError:
        raise WrongPassword from None
    except DecryptionError:
        raise EncryptionUnknown from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- a library reading what an attacker wrote fails in any way
        raise FileDamaged(part="EncryptionInfo") from None
    plain = io.BytesIO()
    try:
        container.decrypt(plain, verify_integrity=True)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- as above
        raise FileDamaged(part=_PART) from None
    return plain.getvalue()


def _open(data: bytes) -> Any:
    try:
        container = msoffcrypto.OfficeFile(io.BytesIO(data))
    except FileFormatError:
        # None of the streams that office files have: most often a file that was cut off.
        raise FileDamaged(part="OLE") from None
    except DecryptionError:
        raise EncryptionUnknown from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- as above
        raise FileDamaged(part="EncryptionInfo") from None
    if container.format != "ooxml":
        raise FormatUnknown(found=container.format)
    return container
