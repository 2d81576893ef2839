"""Why a message did not leave or arrive; words of the other side are cut, never obeyed."""

from cardctl.errors import InputRefused, ServiceUnavailable

_WORDS_LONGEST = 200


class Unreachable(ServiceUnavailable):
    """No connection, or one that broke off: nobody knows whether the message arrived."""

    code = "unreachable"
    message = "{host} cannot be reached, or broke off: {reason}"
    hint = "cardctl delivery list"


class TooSlow(ServiceUnavailable):
    """The time for one message was up: nobody knows whether it arrived."""

    code = "too-slow"
    message = "{host} did not answer within {seconds} s"
    hint = "cardctl delivery list"


class Rejected(ServiceUnavailable):
    """The other side answered that it did not take the message."""

    code = "rejected"
    message = "{host} did not take the message: {status} {words}"
    hint = "cardctl delivery list"


class SenderLost(ServiceUnavailable):
    """Its senders were killed, time and again: nobody knows whether the message arrived."""

    code = "lost"
    message = "the sender did not come back"
    hint = "cardctl delivery list"


class NoMailAddress(InputRefused):
    """An order without an address that mail can be sent to."""

    code = "no-mail-address"
    message = "order {order} has no e-mail address that mail can be sent to"
    hint = "cardctl order edit {order} --email ADDRESS --reason TEXT"


def foreign_words(text: str) -> str:
    """What the other side said, on one line: printable, and not more than is read."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:_WORDS_LONGEST]
