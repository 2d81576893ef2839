"""The terminal: the text of each order, to be read or pasted."""

from collections.abc import Iterator
from contextlib import contextmanager

from cardctl.deliveries.channel import (
    DELIVERED,
    Answer,
    DeliveryChannel,
    Outlet,
    ShownText,
)
from cardctl.deliveries.message import Message
from cardctl.deliveries.results import SendResult
from cardctl.deliveries.text import message_text
from cardctl.vocabulary import DeliveryVia


class _Terminal:
    """Collects texts and shows them all at the end, before any counts as delivered."""

    via = DeliveryVia.TERMINAL
    staged = True
    deadline_ms = 0

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._texts: list[ShownText] = []

    def begin(self) -> None:
        """Whether anybody reads is known in the end."""

    def send(self, message: Message) -> Answer:
        text = message_text(message, self._outlet.sender)
        self._texts.append(ShownText(message.order, message.buyer, text))
        return DELIVERED

    def finish(self, result: SendResult) -> None:
        self._outlet.show(result, self._texts)


@contextmanager
def _open(outlet: Outlet) -> Iterator[_Terminal]:
    yield _Terminal(outlet)


CHANNEL = DeliveryChannel(DeliveryVia.TERMINAL, _open)
