"""Whom a mail server's no is about: the mail at hand, or the shop and with it every mail.

=========================  ===============================  =====================================
said to                    for now (4xx)                    for ever (5xx)
=========================  ===============================  =====================================
greeting, EHLO, STARTTLS,  the shop: no mail leaves, and    the same: a quota, a sender who is
MAIL FROM                  none loses one of its tries      not allowed, an address that is barred
AUTH                       the shop: it ends the run        the same (`smtp.connect`)
RCPT TO, the mail itself   the mail: later, a try less      the mail: it is given up
=========================  ===============================  =====================================

Whatever it is said to:

- 421, the server closes: the shop.
- 5.3.x, 5.4.x, 5.7.x of RFC 3463, its system, its network, its policy (a quota, a relay denied, a
  text held to be spam): for now, whatever is said; in the end the tries are used up.
- 5.2.3, 5.3.4, or 552 to a mail above the size that the server named: the mail, given up.

What is no answer (a line without end, a connection that breaks off) costs a try once the mail was
begun: nobody knows whether it arrived.
"""

import re
from enum import Enum, auto

_CLOSES, _TOO_BIG, _FOR_EVER = 421, 552, 500
_ENHANCED = re.compile(r"5\.(\d{1,3})\.\d{1,3}\b")
_TOO_BIG_ENHANCED = ("5.2.3", "5.3.4")
_OF_ITS_OWN = ("3", "4", "7")


class Refusal(Enum):
    """What follows from a no."""

    SHOP = auto()
    """It would be said to any mail: none is tried by it."""
    MAIL_FOR_NOW = auto()
    MAIL_FOR_EVER = auto()


def refusal_of(status: int, words: str, *, of_mail: bool, too_big: bool) -> Refusal:
    """What a no means; `of_mail`: it was said to RCPT TO or to the mail itself.

    `too_big` says that the mail is above the size that the server named.
    """
    found = _ENHANCED.match(words)
    if status == _CLOSES:
        return Refusal.SHOP
    if (found and found[0] in _TOO_BIG_ENHANCED) or (status == _TOO_BIG and too_big):
        return Refusal.MAIL_FOR_EVER
    if not of_mail:
        return Refusal.SHOP
    if status < _FOR_EVER or (found and found[1] in _OF_ITS_OWN):
        return Refusal.MAIL_FOR_NOW
    return Refusal.MAIL_FOR_EVER
