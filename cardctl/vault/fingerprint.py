"""The keyed fingerprint by which a key is known again without being readable.

It is taken over the number, or over the code where there is no number, never over a password
alone. Its key never changes, so the canonical form must not change either.
"""

import unicodedata
from hashlib import blake2b

_DASHES = dict.fromkeys(map(ord, "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"))


def canonical(text: str, *, fold_case: bool, fold_hyphens: bool) -> str:
    """The form in which two spellings of one key are equal: applied twice it changes nothing.

    NFKC, zero-width and other format characters removed, trimmed; then without case and without
    dashes where the product says so. A text of dashes alone keeps them.
    """
    form = _fold(text, fold_case=fold_case, fold_hyphens=fold_hyphens)
    if text.isascii():
        return form
    # Folding may bring out a character that NFKC folds once more.
    while (again := _fold(form, fold_case=fold_case, fold_hyphens=fold_hyphens)) != form:
        form = again
    return form


def fingerprint(key: bytes, *, key_space: str, canonical: str) -> bytes:
    """16 bytes of keyed BLAKE2b over the key space and the canonical form."""
    space = key_space.encode()
    message = len(space).to_bytes(2) + space + canonical.encode("utf-8", "surrogatepass")
    return blake2b(message, digest_size=16, key=key).digest()


def _fold(text: str, *, fold_case: bool, fold_hyphens: bool) -> str:
    bare = text if text.isascii() else _plain(text)
    bare = bare.strip()
    if fold_case:
        bare = bare.casefold()
    return (_without_dashes(bare).strip() or bare) if fold_hyphens else bare


def _without_dashes(text: str) -> str:
    # Translating takes seven times as long, and nearly every key is ASCII.
    return text.replace("-", "") if text.isascii() else text.translate(_DASHES)


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in normal if unicodedata.category(letter) != "Cf")
