"""Codes of our own: random characters that cannot be misread, the last of them a check.

The alphabet leaves out what is taken for something else: 0 and O; 1, I and L; 2 and Z; 5 and S; 8
and B; U and V. What remains are 23 characters, a prime number, so that the pure system of ISO/IEC
7064 applies with modulus 23: the weighted sum of the characters and the check is 1 (mod 23). The
radix 5 is a primitive root of 23, so every single wrong character is found, and every swap of two
different characters up to 21 places apart. What a pattern says literally is no part of the sum.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cardctl.errors import BadValue, UsageRefused

ALPHABET = "34679ACDEFGHJKMNPQRTWXY"

PLACE = "X"
"""Where a pattern has it, a character is drawn; at the last of these places stands the check."""

LENGTH_MAX = 64
GUESSED_ONCE_IN = 10**9
"""At most so likely is it that a code that was guessed is one of those there are."""

_MODULUS = len(ALPHABET)
_RADIX = 5
_PLACES_LEAST = 2
"""A character and its check."""


class PatternGuessable(UsageRefused):
    """The codes of a pattern would be too close together."""

    code = "pattern-guessable"
    message = (
        "of {count} codes of the pattern {pattern} one could be guessed:"
        " it has {found} characters X, and needs {needed}"
    )
    hint = "a longer pattern, such as XXXX-XXXX-XXXX-XXXX"


@dataclass(frozen=True, slots=True)
class CodePattern:
    """A pattern such as ``XXXX-XXXX-XXXX``."""

    text: str
    places: int
    """How many characters are put in, the check among them."""
    space: int
    """How many different codes it has."""
    template: str
    """The text with ``%s`` at its places."""

    def draw(self) -> str:
        """A code, each as likely as any other."""
        number, values = secrets.randbelow(self.space), []
        for _ in range(self.places - 1):
            number, value = divmod(number, _MODULUS)
            values.append(value)
        values.append(check_value(values))
        return self.template % tuple([ALPHABET[value] for value in values])


def read_pattern(text: str, *, codes: int) -> CodePattern:
    """The pattern of a text, for so many codes in all.

    Raises `BadValue` for what is no pattern, and `PatternGuessable` when its codes would be found
    by guessing.
    """
    printable = text.isascii() and text.isprintable() and " " not in text
    places = text.count(PLACE)
    if not printable or len(text) > LENGTH_MAX or places < _PLACES_LEAST:
        raise BadValue(
            value=text[:80],
            expected="a pattern of up to 64 letters, digits and marks, such as XXXX-XXXX-XXXX",
        )
    needed = _places_needed(codes)
    if places < needed:
        raise PatternGuessable(count=codes, pattern=text, found=places, needed=needed)
    template = text.replace("%", "%%").replace(PLACE, "%s")
    return CodePattern(text, places, int(_MODULUS ** (places - 1)), template)


def check_value(values: Sequence[int]) -> int:
    """The value of the check character after some characters' values."""
    total = 0
    for value in values:
        total = (total + value) * _RADIX % _MODULUS
    return (1 - total) % _MODULUS


def agrees(letters: str) -> bool:
    """Whether the last of some characters of the alphabet is the check of the others."""
    values = [ALPHABET.index(letter) for letter in letters]
    return check_value(values[:-1]) == values[-1]


def _places_needed(codes: int) -> int:
    places, space = 1, 1
    while space < codes * GUESSED_ONCE_IN:
        places, space = places + 1, space * _MODULUS
    return places
