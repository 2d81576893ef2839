"""When a delivery that failed is tried again: later and later, and not all at the same moment."""

from hashlib import blake2b

ATTEMPTS_MOST = 12
"""After so many tries, about eight hours, a delivery is dead until a person retries it."""

_FIRST_MS = 30_000
_LONGEST_MS = 7_200_000
_SPREAD = 1_000


def delay_ms(idempotency_key: str, *, attempts: int) -> int:
    """How long to wait after so many tries: doubled each time, from 30 s to 2 h, ± a quarter.

    The quarter is drawn from the key, so that a thousand deliveries which failed together do not
    come back together, and the same delivery waits the same time wherever it is computed.
    """
    whole = min(_FIRST_MS << (attempts - 1), _LONGEST_MS)
    drawn = blake2b(f"{idempotency_key}:{attempts}".encode(), digest_size=8).digest()
    return whole * 3 // 4 + whole * (int.from_bytes(drawn) % _SPREAD) // (2 * _SPREAD)
