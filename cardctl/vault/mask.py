"""The mask of a key, made at import and stored, so that lists need no key."""

_SHOWN_MOST = 4


def mask(text: str) -> str:
    """Four asterisks and the last characters: at most a quarter of them, at most four.

    The asterisks say nothing of the length.
    """
    shown = min(_SHOWN_MOST, len(text) // 4)
    return "****" + text[len(text) - shown :]
