"""A digest of what a bulk transaction did, for its one record in the audit log."""

from collections.abc import Iterable
from hashlib import sha256


def digest_of(rows: Iterable[tuple[int, ...]]) -> str:
    """64 hex digits of rows, such as (order bucket, id, card bucket, id), whatever their order."""
    digest = sha256()
    for row in sorted(rows):
        digest.update(":".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()
