"""Ids are made in the program: 63 bits, sorted by time, unique without asking the database.

An id is seconds since 2020 (31 bits), the lane of the process (16 random bits), and a sequence
(16 bits). A process that uses up its sequence borrows the next second, so that it never hands out
an id twice; two processes meet only in the same lane, and there a primary key refuses.
Batches and runs carry a short readable code as well; cards are named by bucket and id together.
"""

import os
import secrets
import threading
import time
import unicodedata
from hashlib import blake2b
from typing import NamedTuple

from cardctl.errors import BadValue

BUCKETS = 1024
"""Never changes, nor does a row's bucket."""

_EPOCH_2020 = 1_577_836_800
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, so that a code can be read out on the telephone."""
_CARD_DIGITS = 15


class _Sequence:
    """Hands out ids; one a process, remade after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lane = secrets.randbits(16)
        self._last = 0

    def take(self, count: int) -> range:
        with self._lock:
            now = (int(time.time()) - _EPOCH_2020) << 16
            first = max(now, self._last + 1)
            self._last = first + count - 1
        return range(first, first + count)

    def widen(self, tick: int) -> int:
        return (tick >> 16) << 32 | self._lane << 16 | tick & 0xFFFF


_sequence = _Sequence()


def _restart() -> None:
    global _sequence  # noqa: PLW0603 -- a forked child must not share its parent's lane
    _sequence = _Sequence()


os.register_at_fork(after_in_child=_restart)


def new_id() -> int:
    """One new id."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[int]:
    """So many new ids, ascending."""
    return [_sequence.widen(tick) for tick in _sequence.take(count)]


def new_code(letter: str, day: str) -> str:
    """A readable code for a batch or a run: ``B-20261122-7KQ2MX``."""
    tail = "".join(secrets.choice(CROCKFORD) for _ in range(6))
    return f"{letter}-{day}-{tail}"


def order_bucket(channel_code: str, external_number: str) -> int:
    """The bucket of an order and of all that hangs on it: public, by its natural key."""
    name = f"{channel_code}\x1f{external_number}".encode()
    return int.from_bytes(blake2b(name, digest_size=2).digest()) % BUCKETS


class OrderName(NamedTuple):
    """How an order is named outside: ``CHANNEL:NUMBER``."""

    channel: str
    number: str

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.channel}:{self.number}"


def parse_order_name(text: str) -> OrderName:
    """The parts of an order's name; the number may hold colons itself. Raises `BadValue`."""
    channel, colon, number = unicodedata.normalize("NFC", text).strip().partition(":")
    if not (channel and colon and number and number.isprintable() and channel.isprintable()):
        raise BadValue(value=text[:80], expected="the name of an order: CHANNEL:NUMBER")
    return OrderName(channel, number)


def fingerprint_bucket(fingerprint: bytes) -> int:
    """The bucket of a card: the first 10 bits of its fingerprint."""
    return int.from_bytes(fingerprint[:2]) >> 6


def card_code(bucket: int, card_id: int) -> str:
    """How a card is named outside: 15 letters and digits holding bucket and id."""
    number = bucket << 63 | card_id
    digits = []
    for _ in range(_CARD_DIGITS):
        number, digit = divmod(number, 32)
        digits.append(CROCKFORD[digit])
    return "".join(reversed(digits))


def parse_card_code(code: str) -> tuple[int, int]:
    """Bucket and id of a card's name; raises `BadValue`."""
    bare = code.strip().upper()
    if len(bare) != _CARD_DIGITS or not set(bare) <= set(CROCKFORD):
        raise BadValue(value=code, expected="the name of a card: 15 letters and digits")
    number = 0
    for letter in bare:
        number = number * 32 + CROCKFORD.index(letter)
    bucket, card_id = number >> 63, number & (2**63 - 1)
    if bucket >= BUCKETS:
        raise BadValue(value=code, expected="the name of a card: 15 letters and digits")
    return bucket, card_id
