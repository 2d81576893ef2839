"""Text that masks itself wherever it could leak."""

import hmac
from typing import NoReturn

_MASKED = "****"


class Secret:
    """A piece of secret text; only `reveal` gives it away.

    It masks itself in repr, str, format and logs; it cannot be pickled, copied or turned into
    JSON.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap what must not be shown."""
        self._text = text

    def reveal(self) -> str:
        """The text itself: for sealing, deriving, or a reveal that was audited."""
        return self._text

    def __repr__(self) -> str:
        """Masked."""
        return f"Secret({_MASKED})"

    def __str__(self) -> str:
        """Masked."""
        return _MASKED

    def __format__(self, format_spec: str) -> str:
        """Masked."""
        return format(_MASKED, format_spec)

    def __eq__(self, other: object) -> bool:
        """Compared without telling by time where the two differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint without a key

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError
