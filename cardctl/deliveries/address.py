"""What counts as an e-mail address here, wherever one is told or sent to."""

import re

from cardctl.errors import BadValue

_ADDRESS = re.compile(r"[\x21-\x7e]{1,64}@[\x21-\x7e]{1,190}")
_NOT_IN_ADDRESS = frozenset('<>()[]\\,;:"')


def is_address(text: str | None) -> bool:
    """Whether it is one plain address: nothing in it begins another header or recipient."""
    if text is None or not _ADDRESS.fullmatch(text) or text.count("@") != 1:
        return False
    domain = text.partition("@")[2]
    return not (_NOT_IN_ADDRESS & set(text)) and ".." not in text and "." in domain.strip(".")


def check_address(text: str) -> str:
    """The address. Raises `BadValue`."""
    if not is_address(text):
        raise BadValue(value=text[:40], expected="an e-mail address")
    return text
